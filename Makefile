# One command each: make run, make test. GPU=cuda|metal|vulkan builds llama.cpp for that; PYTHON=python3.12 picks one.
PYTHON ?= python3
GPU ?=
VENV := .venv
BIN := $(VENV)/bin

.PHONY: run test check setup setup-dev snapshots clean
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

snapshots: setup-dev
	$(BIN)/python -m pytest tests/tui -k snapshot --snapshot-update

clean:
	rm -rf $(VENV) build dist
