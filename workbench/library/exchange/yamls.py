"""Foreign YAML, read without running anything: the safe loader, and no more nodes than a prompt file needs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from workbench.errors import PromptError

if TYPE_CHECKING:
    from workbench.library.exchange.parts import Source

LARGEST = 2_000_000  # characters: the pure Python parser is slow
NODES = 200_000  # after aliases are expanded
DEPTH = 60
_ODD = re.compile("[\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f\\u2028\\u2029\\ufeff]")  # some of them are line ends in YAML
_FRONT = re.compile(r"\A---[ \t]*\n(?P<front>.*?)^---[ \t]*(?:\n|\Z)", re.DOTALL | re.MULTILINE)
# YAML 1.2's plain values: by 1.1's, which PyYAML has, 12:30 is 750 and "no" is false. 007 stays text.
_PLAIN = (
    ("null", re.compile(r"(?:~|null|Null|NULL|)$"), ["~", "n", "N", ""]),
    ("bool", re.compile(r"(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF")),
    ("int", re.compile(r"(?:[-+]?(?:0|[1-9][0-9]*)|0x[0-9a-fA-F]+|0o[0-7]+)$"), list("-+0123456789")),
    (
        "float",
        re.compile(
            r"[-+]?(?:(?:[0-9]+\.[0-9]*|\.[0-9]+|[0-9]+(?=[eE]))(?:[eE][-+]?[0-9]+)?|\.(?:inf|Inf|INF))$"
            r"|\.(?:nan|NaN|NAN)$"
        ),
        list("-+0123456789."),
    ),
    ("merge", re.compile(r"<<$"), ["<"]),
)


class _TooLargeError(Exception):
    """More nodes than NODES, or deeper than DEPTH."""


def load(text: str, source: Source, *, first: int = 0) -> Any:
    """The document's data: dicts, lists, texts, numbers, true/false, None. Raises PromptError with the line.

    `first` is how many lines of the file stand before `text`.
    """
    import yaml

    where = str(source.path)
    if len(text) > LARGEST:
        raise PromptError("its YAML is too large", where=where, hint=f"at most {LARGEST:,} characters")
    try:
        loader = _loader()(text)
        try:
            node = loader.get_single_node()
            _count(node)  # before anything is built: merges and aliases are still small
            return None if node is None else loader.construct_document(node)
        finally:
            loader.dispose()
    except _TooLargeError:
        hint = f"at most {NODES:,} values, {DEPTH} deep"
        raise PromptError("its values or aliases make it too large", where=where, hint=hint) from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        said = str(getattr(error, "problem", None) or error).splitlines()[0][:200]
        raise PromptError(f"broken YAML: {said}", where=f"{where}:{mark.line + 1 + first}" if mark else where) from None
    except (RecursionError, ValueError, OverflowError) as error:
        raise PromptError(f"broken YAML: {str(error)[:100]}", where=where) from None


def _loader() -> Any:
    """YAML's safe loader with 1.2's plain values; dates stay the text they were written as."""
    import yaml

    class Loader(yaml.SafeLoader):
        yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012  # PyYAML's own name
        made = depth = 0

        def compose_node(self, parent: Any, index: Any) -> Any:
            self.made, self.depth = self.made + 1, self.depth + 1
            if self.made > NODES or self.depth > DEPTH:
                raise _TooLargeError
            node = super().compose_node(parent, index)
            self.depth -= 1
            return node

    def number(loader: Any, node: Any) -> int:
        said = loader.construct_scalar(node)
        return int(said, {"0x": 16, "0o": 8}.get(said[:2], 10))

    for tag, pattern, starts in _PLAIN:
        Loader.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", pattern, starts)
    Loader.add_constructor("tag:yaml.org,2002:int", number)
    return Loader


def _count(root: Any) -> None:
    """Raises _TooLargeError when it has over NODES nodes or DEPTH levels as it would be written without aliases."""
    sizes: dict[int, int] = {}
    open_: set[int] = set()

    def size(node: Any, depth: int) -> int:
        if not isinstance(node.value, list):
            return 1
        if id(node) in open_ or depth > DEPTH:  # an alias inside what it names has no end
            raise _TooLargeError
        if id(node) not in sizes:
            open_.add(id(node))
            inside = (part for each in node.value for part in (each if isinstance(each, tuple) else (each,)))
            sizes[id(node)] = 1 + sum(size(part, depth + 1) for part in inside)
            open_.discard(id(node))
        if sizes[id(node)] > NODES:
            raise _TooLargeError
        return sizes[id(node)]

    if root is not None:
        size(root, 0)


def front(source: Source) -> tuple[dict[str, Any], str]:
    """The front matter between two lines of ---, and the body. Raises PromptError."""
    match = _FRONT.match(source.text)
    if match is None:
        return {}, source.text
    data = load(match["front"], source, first=1)
    if data is None:
        data = {}
    if not isinstance(data, dict):
        raise source.error("the front matter must be keys and values", "---")
    return data, source.text[match.end() :]


def dump(data: Any) -> str:
    """YAML as people write it: order kept, texts of several lines as blocks."""
    import yaml

    class Dumper(yaml.SafeDumper):
        def ignore_aliases(self, data: Any) -> bool:
            return True

    def text(dumper: Any, value: str) -> Any:
        style = None
        if _ODD.search(value):
            style = '"'
        elif "\n" in value and not re.search(r"[ \t]\n|^[ \t\n]", value):
            style = "|"
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)

    Dumper.add_representer(str, text)
    for tag, pattern, starts in _PLAIN:  # beside 1.1's: what either would read as a number is put in quotes
        Dumper.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", pattern, starts)
    made: str = yaml.dump(data, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=110)
    return made
