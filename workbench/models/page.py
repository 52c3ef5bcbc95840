"""All that a model's file says of itself, for its page: metadata, weights by type, the chat template. Untrusted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

from workbench.errors import EngineError
from workbench.inference.engine import Message
from workbench.models import template_check
from workbench.models.gguf import Header, read_whole
from workbench.models.template_check import Warned

TEMPLATE = "tokenizer.chat_template"
SAMPLE = (
    Message("system", "You are helpful."),
    Message("user", "Hello!"),
    Message("assistant", "Hi there."),
    Message("user", "How are you?"),
)


@dataclass(frozen=True)
class Weights:
    """The tensors of one type: how many, their parameters, their bytes."""

    type: str
    tensors: int
    parameters: int
    bytes: int


@dataclass(frozen=True)
class Template:
    """The chat template; `family` is "" when unknown."""

    text: str
    sha256: str
    family: str
    warnings: Sequence[Warned]


@dataclass(frozen=True)
class Page:
    """A model's page. `metadata` keeps the file's order; long arrays are the number of their items."""

    metadata: Mapping[str, Any]
    weights: Sequence[Weights]
    template: Template | None
    others: Sequence[str]  # the names of further templates that the file has


def page(path: Path) -> Page:
    """The page of the file at `path`. Raises EngineError."""
    header = read_whole(path)
    text = header.kv.get(TEMPLATE)
    others = [key.removeprefix(f"{TEMPLATE}.") for key in header.kv if key.startswith(f"{TEMPLATE}.")]
    metadata = {key: value for key, value in header.kv.items() if not key.startswith(TEMPLATE)}
    return Page(metadata, weights(header), _template(text) if isinstance(text, str) else None, others)


def _template(text: str) -> Template:
    check = template_check
    return Template(text, check.digest(text), check.family(text), check.warnings(text))


def weights(header: Header) -> list[Weights]:
    """The tensors by type, the largest share first."""
    kinds: dict[str, list[int]] = {}
    for tensor in header.tensors:
        sums = kinds.setdefault(tensor.type, [0, 0, 0])
        sums[0] += 1
        sums[1] += prod(tensor.shape)
        sums[2] += tensor.bytes
    return sorted((Weights(kind, *sums) for kind, sums in kinds.items()), key=lambda each: -each.bytes)


def rendered(template: str) -> str:
    """The sample messages by the template, in its own process under a time limit. Raises EngineError.

    The beginning and end of a text stand as ⟨bos⟩ and ⟨eos⟩: their spelling is in the vocabulary, which is not read.
    """
    from workbench.inference.local.templates import Renderer

    renderer = Renderer(template, "⟨bos⟩", "⟨eos⟩")
    try:
        return renderer.render(SAMPLE)
    except EngineError:
        raise
    except (OSError, ValueError) as error:
        raise EngineError(f"the template does not render ({str(error)[:100]})") from error
    finally:
        renderer.close()
