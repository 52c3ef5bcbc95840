"""What a server says of its models, and which server it is."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from workbench import safe
from workbench.errors import EngineError
from workbench.inference.remote.address import host
from workbench.inference.remote.dialect import Plain
from workbench.inference.remote.failures import ServerError
from workbench.inference.remote.link import Link
from workbench.inference.remote.llama_server import LlamaServer
from workbench.inference.remote.vllm import Vllm


@dataclass(frozen=True)
class Listed:
    """A model of GET /v1/models, with what some servers add; 0 and "" where they do not. Lengths in tokens."""

    id: str
    context_length: int = 0
    trained_context: int = 0
    parameters: int = 0
    vocabulary: int = 0
    quantization: str = ""


@dataclass(frozen=True)
class Found:
    """What the engine needs to know."""

    dialect: Plain
    listed: Listed
    context_length: int


def listing(answer: object) -> list[Listed] | None:
    """The models in the answer, None when it is none."""
    rows = answer.get("data") if isinstance(answer, dict) else answer
    if not isinstance(rows, list):
        return None
    return [_listed(row) for row in rows if isinstance(row, dict) and isinstance(row.get("id"), str) and row["id"]]


def _listed(row: Mapping[str, Any]) -> Listed:
    meta = row.get("meta")
    meta = meta if isinstance(meta, dict) else {}  # llama-server
    context = meta.get("n_ctx") or row.get("max_model_len") or row.get("context_length")  # vLLM, SGLang; aggregators
    ftype = meta.get("ftype")
    return Listed(
        id=row["id"],
        context_length=_number(context) or _number(meta.get("n_ctx_train")),
        trained_context=_number(meta.get("n_ctx_train")),
        parameters=_number(meta.get("n_params")),
        vocabulary=_number(meta.get("n_vocab")),
        quantization=ftype[:20] if isinstance(ftype, str) else "",
    )


def _number(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 1 << 53 else 0


async def probe(link: Link, model: str) -> Found:
    """Ask for the model and for the dialect. Raises ServerError, EngineError for a model that is not there."""
    try:
        known = listing(await link.ask("/models"))
    except ServerError as error:
        if error.status not in (404, 405, 501):
            raise
        known = None  # a server that lists nothing can still generate
    listed = next((each for each in known or () if each.id == model), None)
    if listed is None and known is not None:
        near = difflib.get_close_matches(model, [each.id for each in known], 1, 0.3)
        hint = f"did you mean {safe.line(near[0])}?" if near else "`workbench models list` shows what is there"
        raise EngineError(f"the server has no model {safe.line(model)}", where=host(link.server), hint=hint)
    listed = listed or Listed(model)
    props = await _maybe(link, f"/props?model={quote(model, safe='')}")
    settings = props.get("default_generation_settings")
    if isinstance(settings, dict):
        context = _number(settings.get("n_ctx")) or listed.context_length
        return Found(LlamaServer(link, model, context), listed, context)
    tokens = await _maybe(link, "/tokenize", {"model": model, "prompt": "a", "add_special_tokens": False})
    if isinstance(tokens.get("tokens"), list) and "count" in tokens:
        return Found(Vllm(link, model), listed, listed.context_length or _number(tokens.get("max_model_len")))
    return Found(Plain(link, model), listed, listed.context_length)


async def _maybe(link: Link, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    """What is there, {} when the server has no such thing, or forbids it."""
    try:
        answer = await link.ask(path, body, api=False)
    except ServerError as error:
        if not error.status:
            raise
        return {}
    return answer if isinstance(answer, dict) else {}
