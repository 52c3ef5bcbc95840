"""What the OpenAI API and its dialects call things: sampler settings out, streamed events in."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import msgspec

from workbench.errors import SamplingError
from workbench.inference.engine import Generate, TokenLogprob
from workbench.inference.sampling import SPECS, Sampling, changed

OPENAI = {
    name: name for name in ("temperature", "top_p", "max_tokens", "seed", "frequency_penalty", "presence_penalty")
}
# vLLM and SGLang; their penalty looks at the whole text, so a shorter window is none of theirs
VLLM = {**OPENAI, "top_k": "top_k", "min_p": "min_p", "repeat_penalty": "repetition_penalty"}
# what many others take (LM Studio, Ollama's, aggregators): sent only when a person changed it, they say if it is wrong
OFTEN = {"top_k": "top_k", "min_p": "min_p", "repeat_penalty": "repeat_penalty", "typical_p": "typical_p"}
LEAST = -9999.0  # the log-probability of what is impossible: JSON has no infinity, servers write null or this
_NEUTRAL = ("seed", "max_tokens", "stop", "logit_bias", "temperature", "repeat_last_n")


# settings that mean nothing while another one is off; not sent then (servers check their ranges all the same)
_NEEDS = {
    **dict.fromkeys(
        ("dry_base", "dry_allowed_length", "dry_penalty_last_n", "dry_sequence_breakers"), "dry_multiplier"
    ),
    **dict.fromkeys(("mirostat_tau", "mirostat_eta"), "mirostat"),
    "dynatemp_exponent": "dynatemp_range",
    "xtc_threshold": "xtc_probability",
    "adaptive_decay": "adaptive_target",
}


def llama_fields(sampling: Sampling, context: int) -> dict[str, Any]:
    """All settings: llama-server has llama.cpp's own names. -1 for the whole `context` is written out."""
    made: dict[str, Any] = {}
    for name, spec in SPECS.items():
        value = getattr(sampling, name)
        on = name not in _NEEDS or getattr(sampling, _NEEDS[name]) != SPECS[_NEEDS[name]].neutral
        if spec.kind in ("int", "float") and on:
            made[name] = context if name.endswith("last_n") and value < 0 else value
    if sampling.dry_multiplier:
        made["dry_sequence_breakers"] = list(sampling.dry_sequence_breakers)
    if sampling.logit_bias:
        made["logit_bias"] = [[token, bias] for token, bias in sampling.logit_bias.items()]
    if sampling.grammar:
        made["grammar"] = sampling.grammar
    return _with_stop(made, sampling)


def vllm_fields(sampling: Sampling, where: str) -> dict[str, Any]:
    """Every setting that vLLM knows, so that what the history says is what ran. SamplingError for another one."""
    _refuse(sampling, {*VLLM, *_NEUTRAL}, where)
    made = {name: getattr(sampling, own) for own, name in VLLM.items()}
    made["top_k"] = sampling.top_k or -1
    if sampling.logit_bias:
        made["logit_bias"] = {str(token): bias for token, bias in sampling.logit_bias.items()}
    return _with_stop(made, sampling)


def openai_fields(sampling: Sampling, where: str) -> dict[str, Any]:
    """The API's own settings, and of those that many servers have the changed ones. SamplingError for another one."""
    _refuse(sampling, {*OPENAI, *OFTEN, *_NEUTRAL}, where)
    made = {name: getattr(sampling, own) for own, name in OPENAI.items()}
    made |= {OFTEN[name]: value for name, value in changed(sampling).items() if name in OFTEN}
    if sampling.logit_bias:
        made["logit_bias"] = {str(token): bias for token, bias in sampling.logit_bias.items()}
    return _with_stop(made, sampling)


def _with_stop(made: dict[str, Any], sampling: Sampling) -> dict[str, Any]:
    return {**made, "stop": list(sampling.stop)} if sampling.stop else made


def _refuse(sampling: Sampling, known: set[str], where: str) -> None:
    """A setting that would be dropped in silence is an error; one that is off all the same is none."""
    for name, value in changed(sampling).items():
        if name not in known and value != SPECS[name].neutral:
            raise SamplingError(f"{name} is not offered", where=where, hint="take it out of the sampling")


def body(request: Generate, model: str, fields: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Where a trial is posted to, and its body."""
    made: dict[str, Any] = {"model": model, **fields, "stream": True}
    made["stream_options"] = {"include_usage": True}
    if request.prompt is not None:
        made["prompt"] = request.prompt
        if request.logprobs:
            made["logprobs"] = request.logprobs
        return "/completions", made
    made["messages"] = [{"role": each.role, "content": each.content} for each in request.messages]
    if request.logprobs:
        made |= {"logprobs": True, "top_logprobs": request.logprobs}
    return "/chat/completions", made


class Chunk(msgspec.Struct, frozen=True, kw_only=True):
    """What an event says: text, reasoning apart from it, and the counts that servers give at different times."""

    text: str = ""
    thought: str = ""
    logprobs: tuple[TokenLogprob, ...] = ()
    finish: str = ""
    prompt_tokens: int | None = None
    cached_tokens: int | None = None
    completion_tokens: int | None = None


def chunk(event: Mapping[str, Any]) -> Chunk:
    """The event, read leniently: what is missing or of a wrong type is left out."""
    choice = _first(event.get("choices"))
    delta = _mapping(choice.get("delta"))
    usage = _mapping(event.get("usage"))
    progress = _mapping(event.get("prompt_progress"))  # llama-server, before the first token
    details = _mapping(usage.get("prompt_tokens_details"))
    whole = progress.get("total", usage.get("prompt_tokens"))
    cached = progress.get("cache", details.get("cached_tokens"))
    text = delta.get("content") if delta.get("content") is not None else choice.get("text")
    return Chunk(
        text=_text(text),
        thought=_text(delta.get("reasoning_content") or delta.get("reasoning")),
        logprobs=logprobs(_mapping(choice.get("logprobs"))),
        finish=_text(choice.get("finish_reason")),
        prompt_tokens=_count(whole),
        cached_tokens=_count(cached),
        completion_tokens=_count(usage.get("completion_tokens")),
    )


def logprobs(given: Mapping[str, Any]) -> tuple[TokenLogprob, ...]:
    """Tokens with their log-probabilities: the chat API's form, or the older one of /completions."""
    if isinstance(content := given.get("content"), list):
        return tuple(token_of(each) for each in content if isinstance(each, dict))
    tokens, values = given.get("tokens"), given.get("token_logprobs")
    if not isinstance(tokens, list) or not isinstance(values, list):
        return ()
    tops = given.get("top_logprobs")
    tops = tops if isinstance(tops, list) else []
    found = []
    for at, (text, value) in enumerate(zip(tokens, values, strict=False)):
        top = _mapping(tops[at]) if at < len(tops) else {}
        ranked = sorted(((-1, str(word), _logp(p)) for word, p in top.items()), key=lambda each: -each[2])
        found.append(TokenLogprob(-1, _text(text), _logp(value), tuple(ranked)))
    return tuple(found)


def token_of(each: Mapping[str, Any]) -> TokenLogprob:
    """A token of the chat API's form; its id is -1 where the server gives none (only llama-server does)."""
    tops = each.get("top_logprobs")
    top = [(_id(t), _text(t.get("token")), _logp(t.get("logprob"))) for t in tops or () if isinstance(t, dict)]
    ranked = tuple(sorted(top, key=lambda item: -item[2]))
    return TokenLogprob(_id(each), _text(each.get("token")), _logp(each.get("logprob")), ranked)


def _id(each: Mapping[str, Any]) -> int:
    value = each.get("id")
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 53 else -1


def _logp(value: object) -> float:
    """Never above 0; what is no number is LEAST."""
    if isinstance(value, int | float) and not isinstance(value, bool) and not math.isnan(value):
        return float(max(LEAST, min(0, value)))
    return LEAST


def _first(value: object) -> Mapping[str, Any]:
    return _mapping(value[0]) if isinstance(value, list) and value else {}


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 53 else None
