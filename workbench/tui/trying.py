"""An association on its screen: the template's file, what was changed of it, and all that was measured so far."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from workbench.errors import NotFoundError, PromptError, StorageError, WorkbenchError
from workbench.insight.association import Association, Measured, Word, distances
from workbench.insight.sheet import Sheet
from workbench.library.prompt import parse
from workbench.library.writing import Saved, Working, Writer

if TYPE_CHECKING:
    from workbench.session import Session

FIRST = "association/star"  # where one starts


@dataclass
class Trying:
    """`measured` has, by model path and prompt, whatever was measured: words taken away come back for nothing."""

    working: Working
    sheet: Sheet
    model: str = ""
    path: str = ""
    measured: dict[str, dict[str, Measured]] = field(default_factory=dict)
    before: list[Sheet] = field(default_factory=list)  # for undo

    @property
    def known(self) -> Association:
        """All that was measured with the model of now."""
        return Association(tuple(self.measured.get(self.path, {}).values()), ())

    def learn(self, found: Association) -> None:
        """Keep what was measured, beside words that are not asked for now."""
        kept = self.measured.setdefault(self.path, {})
        for context in found.contexts:
            old = kept.get(context.prompt)
            fresh = {word.word for word in context.words}
            words = [*context.words, *(word for word in (old.words if old else ()) if word.word not in fresh)]
            kept[context.prompt] = replace(context, words=tuple(words))

    def standing(self, prompts: Mapping[str, str]) -> Association:
        """What is known already: the contexts that were measured, with the words that all of them have."""
        kept = self.measured.get(self.path, {})
        known = {name: kept[prompt] for name, prompt in prompts.items() if prompt in kept}
        had = {name: {word.word: word for word in context.words} for name, context in known.items()}
        words = [word for word in self.sheet.words if all(word in each for each in had.values())]
        done = [
            replace(context, name=name, words=tuple(had[name][word] for word in words))
            for name, context in known.items()
        ]
        return Association(tuple(done), distances(done))

    def word(self, prompt: str, word: str) -> Word | None:
        """A word after a prompt, when it was measured."""
        context = self.measured.get(self.path, {}).get(prompt)
        return next((each for each in context.words if each.word == word), None) if context else None

    def change(self, sheet: Sheet) -> None:
        """Another sheet; `undo` has the one before."""
        self.before.append(self.sheet)
        self.sheet = sheet


def opened(session: Session, reference: str) -> Trying:
    """A template of the library, as its file has it. Raises WorkbenchError."""
    library, colon, id = reference.rpartition(":")
    working = Writer(session.libraries, session.versions).open(id, library if colon else "")
    if not working.base:
        raise NotFoundError(f"{id} has no file", hint="t picks another template")
    prompt = parse(working.base, id=working.id, library=working.library.name, path=working.path)
    if prompt.kind != "association":
        raise PromptError(f"{id} is a {prompt.kind} prompt", hint="t picks an association template")
    return Trying(working, Sheet.of(prompt))


def resumed(session: Session, trying: Trying | None, reference: str) -> Trying | None:
    """`trying`, when it is what is asked for (or nothing is), and its file is as it was, or something is not saved."""
    if trying is None or reference not in ("", f"{trying.working.library.name}:{trying.working.id}"):
        return None
    same = Writer(session.libraries, session.versions).seen(trying.working) == trying.working.base
    return trying if same or trying.sheet.changed else None


def save(session: Session, trying: Trying) -> Saved:
    """The changes into the template's file: only those lines. Raises WorkbenchError, Conflict among them."""
    working, sheet = trying.working, trying.sheet
    if working.drafted:
        raise StorageError(f"{working.id} has an unsaved edit in the library", hint="save or revert it there first")
    before = working.text
    working.text = sheet.written(before)
    try:
        saved = Writer(session.libraries, session.versions).save(working)
    except WorkbenchError:
        working.text = before
        raise
    prompt = parse(working.base, id=working.id, library=working.library.name, path=working.path)
    trying.sheet = replace(Sheet.of(prompt), base=sheet.base)
    trying.before.clear()
    return saved


def save_new(session: Session, trying: Trying, id: str) -> Trying:
    """A template of its own, under that id. Raises WorkbenchError."""
    from workbench.library.manage import Manager, check_id

    id = check_id(id)
    text = trying.sheet.composed(trying.working.text, id.rsplit("/", 1)[-1].replace("-", " ").capitalize())
    Manager(session.libraries, session.versions).create("association", id, text=text)
    made = opened(session, id)
    return replace(
        made,
        sheet=replace(made.sheet, base=trying.sheet.base),
        model=trying.model,
        path=trying.path,
        measured=trying.measured,
    )


def prompts_of(sheet: Sheet) -> tuple[Mapping[str, str], str]:
    """The contexts' prompts, or none and why not."""
    try:
        return sheet.prompts, ""
    except PromptError as error:
        return {}, str(error)
