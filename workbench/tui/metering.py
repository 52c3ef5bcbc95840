"""What the gauges show: the machine's readings beside the engines' figures, put together once a second."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from workbench.hardware.fullness import WHAT_TO_DO, Fullness
from workbench.hardware.sampling import Ring

if TYPE_CHECKING:
    from workbench.hardware.sampling import Watch
    from workbench.hardware.snapshot import Snapshot
    from workbench.inference.engine import Usage
    from workbench.session import Session
    from workbench.tui.app import WorkbenchApp

_FIRST = 0.15  # seconds after which the first reading is there, mostly


@dataclass(frozen=True)
class Figures:
    """Tokens a second over all lanes, and how full each loaded model's engine is, by the model's name."""

    speed: float
    usages: dict[str, Usage] = field(default_factory=dict)


class Meter:
    """Ticks in the middle of each of the watch's slots, when its reading is there; never waits for one.

    Each tick publishes the app's `metered` signal. What is nearly full is told once.
    """

    def __init__(self, app: WorkbenchApp, session: Session) -> None:
        self._app = app
        self._session = session
        self._fullness = Fullness()
        self._figures: Ring[Figures] = Ring()
        self._tokens = 0
        self._slot: int | None = None  # of the last tick
        self.watch: Watch = session.watch

    def start(self) -> None:
        """Begin to read and to tick."""
        self.watch.start()
        self._app.set_timer(_FIRST, self._publish)
        self._app.set_timer(self.watch.until_middle(), self._begin)

    def _begin(self) -> None:
        self.tick()
        self._app.set_interval(1.0, self.tick)

    # ---- what there is to show

    @property
    def slot(self) -> int:
        """The slot that the minute ends with."""
        return self.watch.slot() if self._slot is None else self._slot

    @property
    def latest(self) -> Snapshot | None:
        """The newest reading of the machine, however old."""
        return self.watch.latest

    @property
    def speed(self) -> float:
        """Tokens a second over all lanes."""
        last = self._figures.last
        return last.speed if last else 0.0

    @property
    def readings(self) -> list[Snapshot | None]:
        """The last minute's, oldest first."""
        return self.watch.minute(self.slot)

    @property
    def figures(self) -> list[Figures | None]:
        """The last minute's, oldest first."""
        return self._figures.minute(self.slot)

    @property
    def trouble(self) -> str:
        """Why the latest reading is an old one, "" when it is not."""
        if silent := self.watch.silent:
            return f"GPU driver does not answer ({silent:.0f} s)"
        return f"cannot read the machine: {self.watch.problem}" if self.watch.problem else ""

    # ---- once a second

    def tick(self) -> None:
        """Note the engines' figures, say what became nearly full, let the screens show it all."""
        slot = self.watch.slot()
        if slot == self._slot:
            return
        engines = self._session.pool.engines()
        # only a worker of ours has a process id: another machine's memory is none of this one's
        self.watch.ours = {
            pid: engine.info.vram if engine.info else 0
            for engine in engines.values()
            if (pid := getattr(engine, "pid", None)) is not None
        }
        runner = vars(self._session).get("runner")  # not made for this: making it opens the history
        tokens = runner.tokens if runner is not None else 0
        passed = slot - self._slot if self._slot is not None else 1
        usages = {path.stem: usage for path, engine in engines.items() if (usage := engine.usage) is not None}
        self._figures.put(slot, Figures((tokens - self._tokens) / passed, usages))
        self._tokens, self._slot = tokens, slot
        if self.latest is not None and (news := self._fullness.news(self.latest)):
            self._app.tell("\n".join(news) + f" — {WHAT_TO_DO}", severity="warning")
        self._publish()

    def _publish(self) -> None:
        self._app.metered.publish(self)
