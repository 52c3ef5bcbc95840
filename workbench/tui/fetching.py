"""Models being fetched while work goes on: they outlive the screen that began them, and stop with the app."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.errors import WorkbenchError
from workbench.models.download import CancelledError, Download, Progress

if TYPE_CHECKING:
    from workbench.models.hub import RepoFile, RepoPage
    from workbench.tui.app import WorkbenchApp


@dataclass
class Fetch:
    """One download: what it is called, how far it is; `error` when it ended badly, `path` when it is there."""

    name: str
    work: Download
    progress: Progress
    path: Path | None = None
    error: str = ""

    @property
    def running(self) -> bool:
        """Whether it goes on."""
        return self.path is None and not self.error

    @property
    def says(self) -> str:
        """`tiny-Q4_K_M.gguf  41 %  12.3 MB/s  0:12 left`."""
        if self.error:
            return f"{self.name}  {self.error}"
        now = self.progress
        part = now.done / now.total if now.total else 1.0
        left = f"  {now.left // 60:.0f}:{now.left % 60:02.0f} left" if now.left is not None else ""
        return f"{self.name}  {part:.0%}  {now.speed / 1e6:.1f} MB/s{left}"


class Fetches:
    """All of this run, newest last."""

    def __init__(self, app: WorkbenchApp) -> None:
        self._app = app
        self.all: list[Fetch] = []

    @property
    def running(self) -> list[Fetch]:
        """Those that go on."""
        return [fetch for fetch in self.all if fetch.running]

    def begin(self, page: RepoPage, file: RepoFile) -> None:
        """Fetch a file in the background; the end is told."""
        name = file.name.rsplit("/", 1)[-1]
        fetch = Fetch(name, Download(page.repo.id, page.commit, file), Progress(0, file.size))
        self.all.append(fetch)
        self._app.run_worker(self._run(fetch), group="fetch")

    async def _run(self, fetch: Fetch) -> None:
        def told(progress: Progress) -> None:
            fetch.progress = progress  # read by whoever paints; never painted from the thread

        try:
            fetch.path = await asyncio.to_thread(fetch.work.run, told)
            self._app.tell(f"{fetch.name} is here: m takes it into a lane")
        except CancelledError:
            fetch.error = "stopped: fetch it again, it goes on from there"
        except WorkbenchError as error:
            fetch.error = str(error)
            self._app.tell(str(error), severity="error")

    def stop(self) -> None:
        """Stop all; what was fetched is kept."""
        for fetch in self.running:
            fetch.work.stop()
