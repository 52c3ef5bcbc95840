"""Whether a chat template is a known one: by its hash, and by what it makes of the sample conversation.

The formats are written from their models' own documentation (llama.cpp, src/llama-chat.cpp, has them all): a template
that renders the sample as a format does, save for white space and the marks of beginning and end, is of that format.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import partial

from workbench.inference.engine import Message

Turns = Sequence[Message]
# SHA-256 of templates as they stand in models' files.
HASHES = {"872be49dbb638044ad01b60388f48d469ff2980e5f0dccdc22ec907db54d0788": "SmolLM2 Instruct"}


def _chatml(turns: Turns) -> str:
    return "".join(f"<|im_start|>{t.role}\n{t.content}<|im_end|>\n" for t in turns) + "<|im_start|>assistant\n"


def _llama3(turns: Turns) -> str:
    head = "<|start_header_id|>{}<|end_header_id|>\n\n"
    return "".join(f"{head.format(t.role)}{t.content}<|eot_id|>" for t in turns) + head.format("assistant")


def _gemma(turns: Turns) -> str:
    system, rest = _apart(turns)
    made = ""
    for at, turn in enumerate(rest):
        said = f"{system}\n\n{turn.content}" if at == 0 and system else turn.content
        made += f"<start_of_turn>{'model' if turn.role == 'assistant' else turn.role}\n{said}<end_of_turn>\n"
    return made + "<start_of_turn>model\n"


def _zephyr(turns: Turns) -> str:
    return "".join(f"<|{t.role}|>\n{t.content}\n" for t in turns) + "<|assistant|>\n"


def _phi(turns: Turns) -> str:
    return "".join(f"<|{t.role}|>\n{t.content}<|end|>\n" for t in turns) + "<|assistant|>\n"


def _mistral(turns: Turns, *, last: bool = False) -> str:
    """The system text stands before the first thing that the user says; before the last one until v7."""
    system, rest = _apart(turns)
    place = len(rest) - 1 if last else 0
    made = ""
    for at, turn in enumerate(rest):
        if turn.role == "assistant":
            made += f" {turn.content}"
        else:
            made += f"[INST] {f'{system} ' if at == place else ''}{turn.content} [/INST]"
    return made


def _llama2(turns: Turns) -> str:
    system, rest = _apart(turns)
    first = Message("user", f"<<SYS>> {system} <</SYS>> {rest[0].content}") if system else rest[0]
    return _mistral([first, *rest[1:]])


def _vicuna(turns: Turns) -> str:
    names = {"user": "USER: ", "assistant": "ASSISTANT: ", "system": ""}
    return " ".join(f"{names[t.role]}{t.content}" for t in turns) + " ASSISTANT:"


FORMATS: dict[str, Callable[[Turns], str]] = {
    "ChatML": _chatml,
    "Llama 3": _llama3,
    "Gemma": _gemma,
    "Phi 3": _phi,
    "Zephyr": _zephyr,
    "Mistral": _mistral,
    "Mistral (system text last)": partial(_mistral, last=True),
    "Llama 2": _llama2,
    "Vicuna": _vicuna,
}


def renders_like(rendered: str, turns: Turns) -> str:
    """The format whose rendering of `turns` this is, "" when it is none of ours."""
    plain = _plain(rendered)
    return next((name for name, write in FORMATS.items() if _plain(write(turns)) == plain), "")


def verdict(sha256: str, rendered: str, turns: Turns) -> str:
    """What is known of a template, in a line."""
    if sha256 in HASHES:
        return f"it is {HASHES[sha256]}'s own, to the letter"
    like = renders_like(rendered, turns)
    return f"it writes as {like} does" if like else "it writes as no format that is known here"


def _apart(turns: Turns) -> tuple[str, Turns]:
    """The system text ("" for none), and the turns after it."""
    return (turns[0].content, turns[1:]) if turns and turns[0].role == "system" else ("", turns)


def _plain(text: str) -> str:
    return re.sub(r"\s+", "", re.sub(r"⟨[be]os⟩|</?s>|<bos>|<eos>|<\|begin_of_text\|>", "", text))
