"""From what a person names (a prompt id or a text, a model, settings) to a Variant that can run."""

from __future__ import annotations

from collections.abc import Mapping

from workbench.errors import NotFoundError
from workbench.experiments.experiment import Instructions, Variant
from workbench.inference.engine import Message
from workbench.inference.sampling import Sampling, make
from workbench.library.library import Libraries
from workbench.library.profiles import Profile, combine
from workbench.library.prompt import Prompt
from workbench.library.template import lead
from workbench.models.catalog import Model


def looks_like_id(text: str) -> bool:
    """Whether a person who wrote `text` meant a prompt's id: one word with a slash in it, no blank."""
    return "/" in text and len(text) < 200 and not any(character.isspace() for character in text)


def find_prompt(libraries: Libraries, text: str) -> Prompt | None:
    """The prompt that `text` names, None when it is a text of its own.

    Raises NotFoundError when it looks like an id and there is none, PromptError when its file is bad.
    """
    try:
        return libraries.get(text)
    except NotFoundError:
        if looks_like_id(text):
            raise
        return None


def used(profile: Profile | None) -> Instructions | None:
    """The profile as a variant names it."""
    return Instructions(profile.name, profile.version, profile.source) if profile else None


def from_prompt(
    label: str,
    prompt: Prompt,
    model: Model,
    *,
    values: Mapping[str, str] | None = None,
    settings: Mapping[str, object] | None = None,
    profile: Profile | None = None,
) -> Variant:
    """A variant of a library prompt; its own [sampling] first, then `settings`; `profile` joins its system text."""
    return Variant(
        label=label,
        prompt=prompt.id,
        version=prompt.version,
        source=prompt.source,
        lead=combine(lead(prompt, values or {}), profile),
        profile=used(profile),
        model=model.name,
        path=str(model.path),
        sampling=make(settings, make(prompt.sampling)),
    )


def from_text(
    label: str,
    text: str,
    model: Model,
    *,
    settings: Mapping[str, object] | None = None,
    profile: Profile | None = None,
) -> Variant:
    """A variant of a system text typed in place; an empty one sends no system message, or that of `profile` alone."""
    messages = (Message("system", text),) if text else ()
    sampling: Sampling = make(settings)
    return Variant(
        label=label,
        prompt="",
        version="",
        lead=combine(messages, profile),
        profile=used(profile),
        model=model.name,
        path=str(model.path),
        sampling=sampling,
    )
