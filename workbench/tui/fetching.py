"""Models being fetched while work goes on: they outlive the screen that began them, and the app, paused."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
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
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)  # one run at a time

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
        await self._keep(pending.drop, fetch.what)
        await asyncio.to_thread(fetch.work.discard)

    def stop(self) -> None:
        """Pause all, for the end."""
        for fetch in self.running:
            self.pause(fetch)

    @staticmethod
    def _made(what: Pending) -> Fetch:
        return Fetch(what, Download(what.repo, what.commit, what.file), Progress(0, what.file.size))

    async def _keep(self, change: Callable[[Pending], None], what: Pending) -> None:
        try:
            await asyncio.to_thread(change, what)
        except WorkbenchError as error:
            self._app.tell(str(error), severity="warning")

    async def _run(self, fetch: Fetch) -> None:
        def told(progress: Progress) -> None:
            fetch.progress = progress  # read by whoever paints; never painted from the thread

        async with fetch.turn:  # the run before has ended
            if not fetch.running:
                return
            fetch.work = Download(fetch.what.repo, fetch.what.commit, fetch.what.file)
            await self._keep(pending.add, fetch.what)
            try:
                fetch.path = await _threaded(lambda: fetch.work.run(told))
            except CancelledError:
                return
            except WorkbenchError as error:
                fetch.error = str(error)
                self._app.tell(str(error), severity="error")
                return
            await self._keep(pending.drop, fetch.what)
            self._app.tell(f"{fetch.name} is here: m takes it into a lane")


async def _threaded(work: Callable[[], Path]) -> Path:
    """`work` in a thread that is not waited for at the end: a server that does not answer holds nobody up."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[Path] = loop.create_future()

    def settle(path: Path | None, error: Exception | None) -> None:
        if done.done():
            return
        if error is not None:
            done.set_exception(error)
        elif path is not None:
            done.set_result(path)

    def body() -> None:
        path: Path | None = None
        error: Exception | None = None
        try:
            path = work()
        except Exception as raised:  # noqa: BLE001  (the boundary of the thread: handed to who waits for it)
            error = raised
        with suppress(RuntimeError):  # the app is gone
            loop.call_soon_threadsafe(settle, path, error)

    threading.Thread(target=body, name="download", daemon=True).start()
    return await done
