"""Foreign YAML, read without running anything: the safe loader, and no more nodes than a prompt file needs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from workbench.library.exchange.parts import Source

NODES = 200_000  # after aliases are expanded
DEPTH = 60
_ODD = re.compile("[\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f\\u2028\\u2029\\ufeff]")  # some of them are line ends in YAML
_FRONT = re.compile(r"\A---[ \t]*\n(?P<front>.*?)(?:^|\n)---[ \t]*(?:\n|\Z)", re.DOTALL | re.MULTILINE)


def load(text: str, source: Source) -> Any:
    """The document's data: dicts, lists, texts, numbers, true/false, None. Raises PromptError with the line."""
    import yaml

    try:
        data = yaml.load(text, Loader=_loader())
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        said = str(getattr(error, "problem", None) or error).splitlines()[0][:200]
        where = f"{source.path}:{mark.line + 1}" if mark else str(source.path)
        raise _error(source, f"broken YAML: {said}", where) from None
    except (RecursionError, ValueError, OverflowError) as error:
        raise _error(source, f"broken YAML: {str(error)[:100]}", str(source.path)) from None
    if not _small(data):
        raise _error(source, "its aliases make it too large", str(source.path))
    return data


def _loader() -> Any:
    """YAML's safe loader; dates stay the text they were written as."""
    import yaml

    class Loader(yaml.SafeLoader):
        pass

    Loader.yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in found if tag != "tag:yaml.org,2002:timestamp"]
        for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    return Loader


def _small(data: Any) -> bool:
    """Whether it has at most NODES nodes and DEPTH levels, walked as it would be written without aliases."""
    left = [NODES]

    def walk(node: Any, depth: int) -> bool:
        left[0] -= 1
        if left[0] < 0 or depth > DEPTH:
            return False
        if isinstance(node, dict):
            return all(walk(key, depth + 1) and walk(value, depth + 1) for key, value in node.items())
        if isinstance(node, (list, tuple, set)):
            return all(walk(each, depth + 1) for each in node)
        return True

    return walk(data, 0)


def _error(source: Source, what: str, where: str) -> Exception:
    from workbench.errors import PromptError

    return PromptError(what, where=where)


def front(source: Source) -> tuple[dict[str, Any], str]:
    """The front matter between two lines of ---, and the body. Raises PromptError."""
    match = _FRONT.match(source.text)
    if match is None:
        return {}, source.text
    data = load(match["front"], source)
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
    made: str = yaml.dump(data, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=110)
    return made
