"""Models being fetched while work goes on: they outlive the screen that began them, and the app, paused."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.errors import WorkbenchError
from workbench.models import pending
from workbench.models.download import CancelledError, Download, Progress
from workbench.models.pending import Pending

if TYPE_CHECKING:
    from workbench.models.hub import RepoFile, RepoPage
    from workbench.tui.app import WorkbenchApp


@dataclass
class Fetch:
    """One download: what it is, how far it is; `error` when it ended badly, `path` when it is there."""

    what: Pending
    work: Download
    progress: Progress
    path: Path | None = None
    error: str = ""
    paused: bool = False

    @property
    def name(self) -> str:
        """The file's, without its folder."""
        return self.what.file.name.rsplit("/", 1)[-1]

    @property
    def running(self) -> bool:
        """Whether it goes on."""
        return self.path is None and not self.error and not self.paused

    @property
    def part(self) -> float:
        """How much is there, 0…1."""
        return self.progress.done / self.progress.total if self.progress.total else 1.0

    @property
    def state(self) -> str:
        """`41 %  12.3 MB/s  0:12 left`, or how it stands."""
        if self.path is not None:
            return "is here"
        if self.error:
            return self.error
        if self.paused:
            return f"paused at {self.part:.0%}"
        now = self.progress
        left = f"  {now.left // 60:.0f}:{now.left % 60:02.0f} left" if now.left is not None else ""
        return f"{self.part:.0%}  {now.speed / 1e6:.1f} MB/s{left}"

    @property
    def says(self) -> str:
        """`tiny-Q4_K_M.gguf  41 %  12.3 MB/s  0:12 left`."""
        return f"{self.name}  {self.state}"


class Fetches:
    """All of this run, newest last, after those that an earlier one left."""

    def __init__(self, app: WorkbenchApp) -> None:
        self._app = app
        self.all: list[Fetch] = []
        self._opened = False

    async def open(self) -> None:
        """Take up, paused, what an earlier run left; once."""
        if self._opened:
            return
        self._opened = True
        for what in await asyncio.to_thread(pending.load):
            fetch = self._made(what)
            there = await asyncio.to_thread(fetch.work.there)
            fetch.progress, fetch.paused = Progress(there, what.file.size), True
            self.all.append(fetch)

    @property
    def running(self) -> list[Fetch]:
        """Those that go on."""
        return [fetch for fetch in self.all if fetch.running]

    @property
    def left(self) -> list[Fetch]:
        """Those that are not done: running, paused or failed."""
        return [fetch for fetch in self.all if fetch.path is None]

    def begin(self, page: RepoPage, file: RepoFile) -> None:
        """Fetch a file in the background; the end is told. One that was paused goes on."""
        what = Pending(page.repo.id, page.commit, file)
        fetch = next((each for each in self.left if each.what == what), None)
        if fetch is None:
            fetch = self._made(what)
            self.all.append(fetch)
            self._keep()
            self._app.run_worker(self._run(fetch), group="fetch")
        else:
            self.resume(fetch)

    def pause(self, fetch: Fetch) -> None:
        """Stop it; what is there is kept."""
        if fetch.running:
            fetch.paused = True
            fetch.work.stop()

    def resume(self, fetch: Fetch) -> None:
        """Go on where it stopped."""
        if fetch.path is None and not fetch.running:
            fetch.paused, fetch.error = False, ""
            self._app.run_worker(self._run(fetch), group="fetch")

    async def cancel(self, fetch: Fetch) -> None:
        """Give it up: what is there is deleted."""
        self.pause(fetch)
        self.all.remove(fetch)
        self._keep()
        await asyncio.to_thread(fetch.work.discard)

    def stop(self) -> None:
        """Pause all, for the end."""
        for fetch in self.running:
            self.pause(fetch)

    @staticmethod
    def _made(what: Pending) -> Fetch:
        return Fetch(what, Download(what.repo, what.commit, what.file), Progress(0, what.file.size))

    def _keep(self) -> None:
        try:
            pending.save([fetch.what for fetch in self.left])
        except WorkbenchError as error:
            self._app.tell(str(error), severity="warning")

    async def _run(self, fetch: Fetch) -> None:
        def told(progress: Progress) -> None:
            fetch.progress = progress  # read by whoever paints; never painted from the thread

        try:
            fetch.path = await asyncio.to_thread(fetch.work.run, told)
            self._keep()
            self._app.tell(f"{fetch.name} is here: m takes it into a lane")
        except CancelledError:
            fetch.paused = True
        except WorkbenchError as error:
            fetch.error = str(error)
            self._app.tell(str(error), severity="error")
