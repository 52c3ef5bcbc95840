"""Placeholders of other programs and ours: simple substitution converts, everything else is refused by name."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from workbench.errors import PromptError
from workbench.library.reader import clipped
from workbench.library.template import pieces

Piece = tuple[str, bool]  # literal text, or the name of a slot (True)
_NAME = re.compile(r"[^\W\d]\w*")


class RefusedError(PromptError):
    """A prompt that is not converted. `needle` is what stands in its text, to find the line."""

    def __init__(self, what: str, needle: str = "", hint: str = "") -> None:
        super().__init__(what, hint=hint)
        self.needle = needle


def ours(found: Sequence[Piece]) -> str:
    """Pieces as our plain template. Raises RefusedError where a literal would change the slot behind it."""
    made = ""
    for text, is_slot in found:
        if not is_slot:
            made += text.replace("{{", "\\{{")
            continue
        if made.endswith(("{", "\\")):
            raise RefusedError(
                f"{clipped(made[-1])} right before {{{{{text}}}}}", "", 'put a blank between, or use template = "jinja"'
            )
        made += f"{{{{{text}}}}}"
    return made


def convert(text: str, write: Callable[[Sequence[Piece]], str]) -> str:
    """Our plain template in another syntax."""
    return write(pieces(text))


# ---- jinja, nunjucks: promptfoo, Prompty

_JINJA = re.compile(
    r"\{%-?\s*raw\s*-?%\}(?P<raw>.*?)\{%-?\s*endraw\s*-?%\}|\{%(?P<block>.*?)%\}|\{#(?P<comment>.*?)#\}"
    r"|\{\{(?P<expression>.*?)\}\}",
    re.DOTALL,
)
_CONSTANT = re.compile(r"""\s*(?:'([^'\\]*)'|"([^"\\]*)")\s*""")


def from_jinja(text: str) -> list[Piece]:
    """`{{ name }}`, `{{ 'text' }}`, `{% raw %}`; raises RefusedError for blocks, filters and expressions."""
    made: list[Piece] = []
    at = 0
    for match in _JINJA.finditer(text):
        made.append((text[at : match.start()], False))
        at = match.end()
        if match["raw"] is not None:
            made.append((match["raw"], False))
        elif match["block"] is not None:
            word = (match["block"].strip("-+ \t\n").split() or ["%"])[0]
            raise RefusedError(f"the block {{% {clipped(word).strip(chr(34))} %}} is more than substitution", match[0])
        elif match["expression"] is not None:
            made.append(_expression(match["expression"], match[0]))
    return _joined([*made, (text[at:], False)])


def _expression(inside: str, whole: str) -> Piece:
    if constant := _CONSTANT.fullmatch(inside):
        return (constant[1] if constant[1] is not None else constant[2], False)
    if _NAME.fullmatch(inside.strip()):
        return (inside.strip(), True)
    what = "the filter" if "|" in inside else "the expression"
    raise RefusedError(f"{what} {clipped(whole).strip(chr(34))} is more than substitution", whole)


def to_jinja(found: Sequence[Piece]) -> str:
    """Slots as `{{ name }}`; braces that jinja would read as its own as `{{ '{{' }}`."""
    made = ""
    for index, (text, is_slot) in enumerate(found):
        if is_slot:
            made += f"{{{{ {text} }}}}"
            continue
        text = re.sub(r"\{(?=[{%#])", "{{ '{' }}", text)
        if text.endswith("{") and index + 1 < len(found):
            text = text[:-1] + "{{ '{' }}"
        made += text
    return made


# ---- Handlebars: dotprompt

_OPEN = re.compile(r"(?P<slashes>\\*)\{\{")
_INSIDE = re.compile(r"\{(?P<raw>.*?)\}\}\}|(?P<inside>.*?)\}\}", re.DOTALL)


def from_handlebars(text: str) -> list[Piece]:
    r"""`{{name}}`, `{{{name}}}`, `\{{` for braces; raises RefusedError for blocks, partials and helpers."""
    made: list[Piece] = []
    at = 0
    while opened := _OPEN.search(text, at):
        slashes = len(opened["slashes"])
        made.append((text[at : opened.start()], False))
        closed = _INSIDE.match(text, opened.end()) if slashes != 1 else None
        made.append(("\\" * (slashes - 1), False))
        if closed is None:
            made.append(("{{", False))
            at = opened.end()
            continue
        inside = (closed["raw"] or closed["inside"] or "").strip("~ \t\n")
        if not inside.startswith("!"):
            made.append(_mustache(inside, text[opened.start() + slashes : closed.end()]))
        at = closed.end()
    return _joined([*made, (text[at:], False)])


def _mustache(inside: str, whole: str) -> Piece:
    if _NAME.fullmatch(inside) and inside not in ("else", "this", "history"):
        return (inside, True)
    said = clipped(whole.lstrip("\\")).strip(chr(34))
    kinds = {"#": "block", "/": "block", "^": "block", ">": "partial", "@": "variable", "&": "expression"}
    kind = kinds.get(inside[:1], "helper" if " " in inside or inside in ("else", "history") else "expression")
    raise RefusedError(f"the {kind} {said} is more than substitution", whole)


def to_handlebars(found: Sequence[Piece]) -> str:
    r"""Slots as `{{name}}`, braces as `\{{`. Raises RefusedError where Handlebars has no way to write it."""
    made = ""
    for text, is_slot in found:
        if is_slot:
            if made.endswith("{"):
                raise RefusedError(f"a {{ right before {{{{{text}}}}}", "", "put a blank between")
            slashes = len(made) - len(made.rstrip("\\"))
            made += ("\\" if slashes else "") + f"{{{{{text}}}}}"
            continue
        if "\\{{" in text:
            raise RefusedError(
                "a backslash right before braces", "\\{{", "Handlebars cannot write it; choose another format"
            )
        made += text.replace("{{", "\\{{")
    return made


# ---- $name: llm

_DOLLAR = re.compile(r"\$(?:(?P<escaped>\$)|(?P<name>[_a-zA-Z][_a-zA-Z0-9]*)|\{(?P<braced>[_a-zA-Z][_a-zA-Z0-9]*)\})")


def from_dollar(text: str) -> list[Piece]:
    """`$name`, `${name}`, `$$`; another $ is text."""
    made: list[Piece] = []
    at = 0
    for match in _DOLLAR.finditer(text):
        made.append((text[at : match.start()], False))
        at = match.end()
        made.append(("$", False) if match["escaped"] else (match["name"] or match["braced"], True))
    return _joined([*made, (text[at:], False)])


def to_dollar(found: Sequence[Piece]) -> str:
    """Slots as `${name}`, `$` as `$$`. Raises RefusedError for a name that is not ASCII."""
    made = ""
    for text, is_slot in found:
        if is_slot and not text.isascii():
            raise RefusedError(f"the variable {clipped(text)} is not ASCII, as llm's must be", "", "rename it")
        made += f"${{{text}}}" if is_slot else text.replace("$", "$$")
    return made


# ---- {{name}} and no escape: fabric

_DOUBLE = re.compile(r"\{\{([^{}]+)\}\}")


def from_double(text: str) -> list[Piece]:
    """`{{name}}`; raises RefusedError for plugins."""
    made: list[Piece] = []
    at = 0
    for match in _DOUBLE.finditer(text):
        made.append((text[at : match.start()], False))
        at = match.end()
        name = match[1].strip()
        if not _NAME.fullmatch(name):
            kind = "plugin" if name.startswith("plugin:") else "expression"
            raise RefusedError(f"the {kind} {clipped(match[0]).strip(chr(34))} is more than substitution", match[0])
        made.append((name, True))
    return _joined([*made, (text[at:], False)])


def to_double(found: Sequence[Piece]) -> str:
    """Slots as `{{name}}`. Raises RefusedError where text would read as one."""
    made = "".join(f"{{{{{text}}}}}" if is_slot else text for text, is_slot in found)
    try:
        same = from_double(made) == _joined(found)
    except RefusedError:
        same = False
    if not same:
        raise RefusedError(
            "braces that fabric would take for a variable", "{{", "choose another format, such as prompty"
        )
    return made


# ---- ours, in texts that have no syntax of their own: messages, Markdown


def from_verbatim(text: str) -> list[Piece]:
    r"""Our own syntax; braces that are no slot are text."""
    return pieces(text)


def to_verbatim(found: Sequence[Piece]) -> str:
    """Our own syntax."""
    return ours(found)


def _joined(found: Sequence[Piece]) -> list[Piece]:
    """Neighbouring literals as one, empty ones left out."""
    made: list[Piece] = []
    for text, is_slot in found:
        if not text:
            continue
        if made and not is_slot and not made[-1][1]:
            made[-1] = (made[-1][0] + text, False)
        else:
            made.append((text, is_slot))
    return made
