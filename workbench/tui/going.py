"""Experiments that run inside the app: they go on whatever screen one is at, and are told to other processes too."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import aclosing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from workbench.errors import WorkbenchError

if TYPE_CHECKING:
    from textual.worker import Worker

    from workbench.experiments.running.following import Told
    from workbench.experiments.running.run import ExperimentRun
    from workbench.experiments.running.starting import Start
    from workbench.session import Session
    from workbench.tui.app import WorkbenchApp

TOLD = 1.0  # seconds between writes of the progress file
LINES = 6  # last lines of what was said that are kept


class Going:
    """One run. `summary` is there at its end, `error` where it could not begin or broke off."""

    def __init__(self, app: WorkbenchApp, session: Session, path: Path) -> None:
        self._app, self._session = app, session
        self.path = path
        self.run: ExperimentRun | None = None
        self.summary: dict[str, Any] | None = None
        self.error = ""
        self.over = False
        self.doing = "reading the file"
        self.said: deque[str] = deque(maxlen=LINES)
        self.ended = asyncio.Event()
        self._broken = False
        self._worker: Worker[None] | None = None

    @property
    def id(self) -> str:
        """The run's id, "" before it is known."""
        return self.run.start.run if self.run is not None else ""

    @property
    def counts(self) -> dict[str, Any]:
        """How far it is, as other processes are told."""
        run = self.run
        if run is None:
            return {}
        return {"run": run.start.run, **run.progress.counts(), "left": run.progress.left, "paused": run.paused}

    def standing(self) -> dict[str, Any]:
        """The variants and pairs as they stand (brief.py)."""
        from workbench.experiments.running.brief import brief

        return brief(self.run) if self.run is not None else {}

    def stop(self) -> None:
        """Break it off: what is done is kept, and it can go on."""
        self._broken = True
        if self._worker is not None:
            self._worker.cancel()

    def begin(self) -> None:
        """Run it beside whatever goes on."""
        self._worker = self._app.run_worker(self._work(), group="experiment", exit_on_error=False)

    async def _work(self) -> None:
        from workbench.experiments.running.following import Told

        told = None
        try:
            start = await asyncio.to_thread(self._start)
            told = Told(self._session.store, start.run, inside=True)
            await self._events(start, told)
        except WorkbenchError as error:
            self.error = str(error)
        finally:
            self.over = True
            self.ended.set()
            if told is not None:
                stopped = self.summary["stopped"] if self.summary else "interrupted"
                ended = {"summary": self.summary} if self.summary else {}
                told.write({**self.counts, "stopped": stopped, **ended})
            if not self._broken:
                self._tell_end()

    def _start(self) -> Start:
        from workbench.experiments.files import open_experiment
        from workbench.experiments.running.starting import start

        return start(open_experiment(self.path), self._session.rooms)

    async def _events(self, start: Start, told: Told) -> None:
        from workbench.experiments.experiment import ModelLoading, TrialFinished
        from workbench.experiments.running import events, words
        from workbench.experiments.running.run import ExperimentRun

        self.run = ExperimentRun(start, self._session.rooms)
        loop = asyncio.get_running_loop()
        due = 0.0
        async with aclosing(self.run.events()) as stream:
            async for event in stream:
                if said := words.narrated(event):
                    self.said.append(said)
                match event:
                    case ModelLoading():
                        self.doing = f"loading {event.model} {event.fraction:.0%}"
                    case events.RunBegan() | events.TrialTaken() | TrialFinished():
                        self.doing = ""
                    case events.RunEnded():
                        self.summary = dict(event.summary)
                if loop.time() >= due:
                    due = loop.time() + TOLD
                    told.write(self.counts)

    def _tell_end(self) -> None:
        """A notice, unless one sees it: one may be anywhere."""
        if "experiments" in getattr(self._app.screen, "places", ()):
            return
        if self.error:
            self._app.tell(f"{self.path.stem}: {self.error}", severity="error")
        elif self.summary is not None:
            verdicts = [str(pair["text"]) for pair in self.summary["pairs"]]
            self._app.tell(f"{self.path.stem} ended: {verdicts[0] if verdicts else self.summary['stopped']}")


class Experiments:
    """Those of this app, by file."""

    def __init__(self, app: object) -> None:
        self._app = cast("WorkbenchApp", app)
        self._all: dict[Path, Going] = {}

    def of(self, path: Path) -> Going | None:
        """The file's run of this app, the last one."""
        return self._all.get(path.resolve())

    def begin(self, session: Session, path: Path) -> Going:
        """Run the file, unless it runs."""
        known = self.of(path)
        if known is not None and not known.over:
            return known
        made = self._all[path.resolve()] = Going(self._app, session, path)
        made.begin()
        return made

    async def stop(self) -> None:
        """Break all of them off, and wait until that is in the history."""
        running = self.running
        for going in running:
            going.stop()
        with suppress(TimeoutError):  # one that hangs is broken off at the next start, as after a kill
            await asyncio.wait_for(asyncio.gather(*(going.ended.wait() for going in running)), 5)

    @property
    def running(self) -> list[Going]:
        """Those that go on."""
        return [going for going in self._all.values() if not going.over]
