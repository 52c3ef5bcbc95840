"""What stands behind the compare screen: the comparison, its file, and where prompts and models come from."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from workbench import paths
from workbench.errors import NotFoundError, StorageError, WorkbenchError
from workbench.experiments import draft
from workbench.experiments.conversation import Comparison, Lane
from workbench.experiments.experiment import Instructions
from workbench.inference.engine import Message
from workbench.inference.remote.address import is_remote, server_of
from workbench.inference.sampling import make

if TYPE_CHECKING:
    from workbench.library.prompt import Prompt
    from workbench.models.catalog import Model
    from workbench.session import Session

FILE = "compare.json"
LARGEST = 50_000_000  # bytes of a file that is still read back


class Desk:
    """Holds the comparison. `open` it on a session before prompts and models are wanted."""

    def __init__(self, file: Path | None = None) -> None:
        self.file = file or paths.data_dir() / FILE
        self.comparison = self._restored() or _first()
        self._saved = b""
        self._saving: asyncio.Lock | None = None

    def _restored(self) -> Comparison | None:
        try:
            if self.file.stat().st_size > LARGEST:
                return None
            return draft.load(self.file.read_bytes())
        except OSError:
            return None

    async def save(self) -> None:
        """Write the comparison if it changed. Raises StorageError when that cannot be done."""
        self._saving = self._saving or asyncio.Lock()
        async with self._saving:
            data = draft.dump(self.comparison)
            if data != self._saved:
                await asyncio.to_thread(_write, self.file, data)
                self._saved = data

    def save_now(self) -> None:
        """The same at once, for the end."""
        data = draft.dump(self.comparison)
        if data != self._saved:
            _write(self.file, data)
            self._saved = data

    async def resolve(self, session: Session, lanes: Iterable[Lane] | None = None) -> None:
        """Read the lanes' prompts again (a file may have changed) and see that their models are there.

        What is wrong goes into the lane's `problem`.
        """
        wanted = list(self.comparison.lanes if lanes is None else lanes)
        await asyncio.to_thread(_resolve, session, wanted)

    async def set_prompt(self, session: Session, lane: Lane, id: str, values: dict[str, str]) -> None:
        """Give the lane a prompt (ID, ID@VERSION, ID@LABEL, "" for none).

        Raises PromptError or NotFoundError, the lane then unchanged.
        """
        if id:
            prompt, lead = await asyncio.to_thread(_lead, session, id, values)
            lead, lane.profile = await asyncio.to_thread(_instructed, lead, lane.profile)
            settings = make(prompt.sampling, lane.sampling)
            lane.prompt, lane.version, lane.lead, lane.sampling = prompt.id, prompt.version, lead, settings
            lane.source, lane.pin = prompt.source, _pin(id, prompt)
        else:
            lane.lead, lane.profile = await asyncio.to_thread(_instructed, (), lane.profile)
            lane.prompt, lane.pin, lane.version, lane.source = "", "", "", b""
        lane.values, lane.problem = values, ""
        if not lane.path:
            await self.resolve(session, [lane])

    async def set_profile(self, session: Session, lanes: Iterable[Lane], name: str) -> None:
        """Give the lanes custom instructions ("" for none); what is wrong goes into their `problem`."""
        chosen = list(lanes)
        for lane in chosen:
            lane.profile = Instructions(name) if name else None
        await self.resolve(session, chosen)

    @staticmethod
    async def bare_lead(session: Session, lane: Lane) -> tuple[Message, ...]:
        """The lane's lead without custom instructions. Raises PromptError or NotFoundError."""
        if not lane.prompt:
            return ()
        return (await asyncio.to_thread(_lead, session, lane.reference, lane.values))[1]

    @staticmethod
    def set_model(lane: Lane, model: Model) -> None:
        """Give the lane another model."""
        lane.model, lane.path, lane.problem = model.name, str(model.path), ""


def _first() -> Comparison:
    """What a new person finds: two prompts, one message."""
    made = Comparison(Lane(uid=uid, prompt=prompt) for uid, prompt in enumerate(draft.SYSTEMS, 1))
    made.draft = draft.MESSAGE
    return made


def _lead(session: Session, id: str, values: dict[str, str]) -> tuple[Prompt, tuple[Message, ...]]:
    from workbench.library.template import lead

    prompt = session.libraries.get(id)
    return prompt, lead(prompt, values)


def _instructed(
    lead: tuple[Message, ...], profile: Instructions | None
) -> tuple[tuple[Message, ...], Instructions | None]:
    """The lead with the custom instructions in it, read anew."""
    if profile is None:
        return lead, None
    from workbench.library.profiles import combine, find

    found = find(profile.name)
    return combine(lead, found), Instructions(found.name, found.version, found.source)


def _pin(reference: str, prompt: Prompt) -> str:
    """The version or label that a reference names, "" when it names the prompt as it is."""
    name, _, pin = reference.rpartition("@")
    return pin if name and reference != prompt.id else ""


def _resolve(session: Session, lanes: list[Lane]) -> None:
    for lane in lanes:
        try:
            if not lane.path:
                _give_starter(lane)
            elif is_remote(lane.path):
                server_of(lane.path, session.settings.servers)
            elif not Path(lane.path).is_file():
                raise NotFoundError(f"the model {lane.model} is gone", where=lane.path, hint="m picks another")
            lead: tuple[Message, ...] = ()
            if lane.prompt:
                prompt, lead = _lead(session, lane.reference, lane.values)
                lane.version, lane.source = prompt.version, prompt.source
            lane.lead, lane.profile = _instructed(lead, lane.profile)
            lane.problem = ""
        except WorkbenchError as error:
            lane.problem = str(error)


def _give_starter(lane: Lane) -> None:
    from workbench.models.catalog import starter

    model = starter()
    if model is None:
        raise NotFoundError("no model on this machine", hint="make setup installs the starter")
    lane.model, lane.path = model.name, str(model.path)


def _write(file: Path, data: bytes) -> None:
    """Beside it, then in its place, so that a full disk or a kill leaves the old one."""
    paths.ensure(file.parent)
    try:
        handle, name = tempfile.mkstemp(dir=file.parent, prefix=".compare-")
    except OSError as error:
        raise StorageError(f"what you typed cannot be kept ({error.strerror})", where=str(file.parent)) from error
    try:
        with os.fdopen(handle, "wb") as out:
            out.write(data)
            out.flush()
            os.fsync(out.fileno())
        os.replace(name, file)
    except OSError as error:
        Path(name).unlink(missing_ok=True)
        hint = "free some space; it is still on screen"
        raise StorageError(f"what you typed cannot be kept ({error.strerror})", where=str(file), hint=hint) from error
