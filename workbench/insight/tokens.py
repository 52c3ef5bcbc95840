"""A text as a model's tokenizer cuts it: its pieces to be seen, and whose they are in a rendered prompt."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from workbench import safe
from workbench.inference.engine import Engine, Message, Token

TEMPLATE = -1  # owner of what the chat template writes
BOTH = -2  # of a token that the template and a message share
_SEEN = str.maketrans({" ": "·", "\n": "↵", "\t": "→"})
_MARK = re.compile("\ue000([0-9]+)\ue001")  # stands for a message while the template is looked at
_BROKEN = re.compile("[\udc80-\udcff]")


@dataclass(frozen=True)
class Span:
    """Characters of a rendered prompt that are a message's own; `message` is its place in the conversation."""

    start: int
    end: int
    message: int


@dataclass(frozen=True)
class Rendered:
    """A conversation as the model reads it: `tokens` joined are `text`, `owners` say whose each is.

    `owners` are places in `messages`, TEMPLATE or BOTH. `fed` is how many tokens a trial feeds: one more where the
    model puts a token in front of every text. `exact` is False where the template changes a message: owners are then
    guessed.
    """

    messages: tuple[Message, ...]
    text: str
    tokens: tuple[Token, ...]
    owners: tuple[int, ...]
    fed: int
    exact: bool

    @property
    def intruders(self) -> tuple[int, ...]:
        """Control tokens that are no template's: they were in a message, and the model reads them as its own marks."""
        return tuple(at for at, token in enumerate(self.tokens) if token.kind == "control" and self.owners[at] >= 0)


async def rendered(engine: Engine, messages: Sequence[Message]) -> Rendered:
    """The rendered prompt of these messages, cut and told apart. Raises EngineError."""
    said = tuple(messages)
    text = await engine.render(said)
    spans, exact = await places(engine, said, text)
    tokens = await engine.tokenize(text, special=True)
    fed = (await engine.count(said)).prompt_tokens
    return Rendered(said, text, tokens, owners(tokens, spans), fed, exact)


async def places(engine: Engine, messages: Sequence[Message], text: str) -> tuple[list[Span], bool]:
    """Where each message stands in their rendered `text`, and whether that is certain (else it is searched for).

    The template is rendered with a mark in the place of each.
    """
    marked = [
        Message(message.role, f"\ue000{place}\ue001" if message.content.strip() else message.content)
        for place, message in enumerate(messages)
    ]
    pattern = await engine.render(marked)
    found = matched(pattern, [message.content for message in messages], text)
    return (found, True) if found is not None else (searched([message.content for message in messages], text), False)


def matched(pattern: str, contents: Sequence[str], text: str) -> list[Span] | None:
    """The spans in `text` of the contents whose marks are in `pattern`; None where the rest is not the same.

    Templates may take the white space off a content's ends.
    """
    parts = _MARK.split(pattern)
    if not text.startswith(parts[0]):
        return None
    at, spans = len(parts[0]), []
    for mark, after in zip(parts[1::2], parts[2::2], strict=True):
        place = int(mark)
        if place >= len(contents):
            return None
        content = contents[place]
        for shape in (content, content.strip(), content.lstrip(), content.rstrip()):
            if text.startswith(shape, at) and text.startswith(after, at + len(shape)):
                break
        else:
            return None
        spans.append(Span(at, at + len(shape), place))
        at += len(shape) + len(after)
    return spans if at == len(text) else None


def searched(contents: Sequence[str], text: str) -> list[Span]:
    """The first place of each content after the one before; those that are not there are left out."""
    at, spans = 0, []
    for place, content in enumerate(contents):
        wanted = content.strip()
        found = text.find(wanted, at) if wanted else -1
        if found >= 0:
            at = found + len(wanted)
            spans.append(Span(found, at, place))
    return spans


def owners(tokens: Sequence[Token], spans: Sequence[Span]) -> tuple[int, ...]:
    """Whose each token is. A token that ends inside a character belongs where the character does."""
    found: list[int] = []
    at, next_span, waiting = 0, 0, 0
    for token in tokens:
        if not token.text:
            waiting += 1
            continue
        end = at + len(token.text)
        while next_span < len(spans) and spans[next_span].end <= at:
            next_span += 1
        owner = TEMPLATE
        if next_span < len(spans) and spans[next_span].start < end:
            span = spans[next_span]
            owner = span.message if span.start <= at and end <= span.end else BOTH
        found += [owner] * (waiting + 1)
        at, waiting = end, 0
    return (*found, *[TEMPLATE] * waiting)


async def brought(engine: Engine, values: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """The control tokens in each variable's value, by the variable's name; names without any are left out."""
    found = {}
    for name, value in values.items():
        control = [token.text for token in await engine.tokenize(value, special=True) if token.kind == "control"]
        if control:
            found[name] = tuple(dict.fromkeys(control))
    return found


# ---- to be seen


def visible(token: Token) -> str:
    """A token on one line: blanks, line ends and tabs as signs, bytes of a broken character as <0xEC>, no control code.

    The token that completes a character shows its bytes and the character.
    """
    if not token.raw:
        return _signs(token.text) or "∅"
    data = token.raw.decode("utf-8", "surrogateescape")
    if not _BROKEN.search(data):
        return _signs(token.text or data)
    head = re.match(f"{_BROKEN.pattern}*", data)
    lead = head[0] if head else ""
    whole = len(data) - len(_BROKEN.findall(data))
    completed = token.text[: max(0, len(token.text) - whole)]
    return f"{_bytes(lead)}{_signs(completed)}{_bytes(data[len(lead) :])}"


def _bytes(text: str) -> str:
    """Broken bytes by their numbers, the rest as it is seen."""
    return "".join(f"<0x{ord(c) - 0xDC00:02X}>" if _BROKEN.match(c) else _signs(c) for c in text)


def _signs(text: str) -> str:
    if text.isascii() and text.isprintable():
        return text.replace(" ", "·")
    if all(unicodedata.category(char) in ("Mn", "Me", "Cf") for char in text):  # nothing of its own to be seen
        return "".join(f"<U+{ord(char):04X}>" for char in text)
    shown = safe.line(text.translate(_SEEN))
    return f"◌{shown}" if unicodedata.category(text[:1] or "a") in ("Mn", "Me") else shown


def detail(token: Token) -> str:
    """A token's id, type and bytes, in one line; and what of its text it does not hold (a byte without a token)."""
    data = token.data
    shown = " ".join(f"{byte:02X}" for byte in data[:24]) + (" …" if len(data) > 24 else "")
    count = "1 byte" if len(data) == 1 else f"{len(data)} bytes"
    says = f"id {token.id} · {token.kind} · {count} {shown}".rstrip()
    if token.raw and (lost := lacking(token)):
        says += f" · the tokenizer leaves out {' '.join(f'{byte:02X}' for byte in lost[:8])}"
    return says


def lacking(token: Token) -> bytes:
    """Bytes of the token's text that it does not hold, and no token before it: the model never sees them.

    What it completes of a character begun before is not lacking.
    """
    text, raw = token.text.encode("utf-8", "replace"), token.raw
    if raw[:1] == b" " != text[:1]:
        raw = raw[1:]  # put in front by the tokenizer
    begun = 0
    while raw and raw[0] & 0xC0 == 0x80 and begun < len(text) and text[begun] != raw[0]:
        begun += 1
    rest, lost = iter(raw), bytearray()
    wanted = next(rest, None)
    for byte in text[begun:]:
        if byte == wanted:
            wanted = next(rest, None)
        else:
            lost.append(byte)
    return bytes(lost)
