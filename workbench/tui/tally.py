"""The token counts of the compare screen: asks the lanes' engines, shows the bars, and knows what does not fit."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.errors import EngineError
from workbench.experiments.conversation import Lane
from workbench.inference.engine import Counted
from workbench.inference.fitting import fit
from workbench.inference.remote.address import is_remote
from workbench.inference.window import Window
from workbench.tui.counting import Counter, Want
from workbench.tui.widgets.context_bar import Load

if TYPE_CHECKING:
    from workbench.inference.engine import Engine
    from workbench.tui.screens.compare import CompareScreen

Pending = tuple[Counted, int, Window | None]  # what the next run feeds, the context, what is forgotten
PATIENCE = 2.0  # seconds that a run waits for counts under way, so that what does not fit is said before it runs


class Tally:
    """Counts in the background. Each lane is counted with its own model, once that is loaded."""

    def __init__(self, screen: CompareScreen) -> None:
        self._screen = screen
        self._counter: Counter[int, Pending] = Counter()
        self._counted: dict[int, Counted] = {}
        self._warming: set[str] = set()
        self._warned: set[str] = set()

    def warm(self) -> None:
        """Load the lanes' models in the background, so that counts and the first run are quick."""
        for lane in self._screen.comparison.lanes:
            if lane.path and not lane.problem and lane.path not in self._warming:
                self._warming.add(lane.path)
                self._screen.run_worker(self._load(lane.path), group="warm", exit_on_error=True)
        self.recount()

    async def _load(self, path: str) -> None:
        """Load it if memory holds it beside the others (a run makes them take turns, counting does not)."""
        session = self._screen.session
        assert session is not None
        try:
            if await session.pool.fits(Path(path)):
                await session.pool.restart(Path(path))
                self._warn(path)
        except EngineError as error:
            for lane in self._screen.comparison.lanes:
                if lane.path == path and (view := self._screen.board.view(lane.uid)):
                    view.foot.show([(str(error), "bad")])
        self._warming.discard(path)
        self.recount()

    def _warn(self, path: str) -> None:
        """Say once what a server does not offer."""
        engine = self._screen.session.pool.engines().get(Path(path)) if self._screen.session else None
        if engine and engine.info and engine.info.warning and is_remote(path) and path not in self._warned:
            self._warned.add(path)
            self._screen.workbench.tell(f"{engine.info.name}: {engine.info.warning}")

    def _engine(self, lane: Lane) -> Engine | None:
        session = self._screen.session
        if session is None or not lane.path:
            return None
        engine = session.pool.engines().get(Path(lane.path))
        return engine if engine is not None and engine.state == "ready" else None

    @property
    def quiet(self) -> bool:
        """Whether no count is wanted or under way: what is shown is what the next run feeds."""
        return self._counter.quiet

    # ---- counting

    def recount(self, lanes: Iterable[Lane] | None = None) -> None:
        """Count what the next run feeds; cheap, for the texts are put together when their turn comes."""
        for lane in self._screen.comparison.lanes if lanes is None else lanes:
            if self._engine(lane) is None:
                self._take(lane.uid, None)
                continue
            uid = lane.uid
            want = Want(count=partial(self._count, lane), told=partial(self._take, uid))
            self._counter.want(lane.path, uid, want)

    async def _count(self, lane: Lane) -> Pending:
        engine = self._engine(lane)
        if engine is None:
            raise EngineError("not loaded")
        return await _pending(engine, lane, self._screen.comparison.draft)

    def _take(self, uid: int, got: Pending | None) -> None:
        lane, view = self._screen.comparison.lane(uid), self._screen.board.view(uid)
        if lane is None or view is None:
            return
        if got is None:
            self._counted.pop(uid, None)
            view.bar.show(Load())
        else:
            counted, context, window = got
            self._counted[uid] = counted
            if not lane.busy:
                view.bar.show(load_of(lane, counted, context, window))
        self.tell()

    def tell(self) -> None:
        """The message's own count in its frame, and control tokens in it."""
        screen = self._screen
        draft = bool(screen.comparison.draft.strip())
        counts = {
            lane.path: (screen.comparison.label(lane), self._counted[lane.uid].message_tokens[-1])
            for lane in reversed(screen.comparison.lanes)
            if draft and lane.uid in self._counted and self._counted[lane.uid].message_tokens
        }
        ordered = [counts[path] for path in sorted(counts, key=lambda path: counts[path][0])]
        if len({count for _, count in ordered}) > 1:
            text = " · ".join(f"{count:,} tok ({label})" for label, count in ordered)
        else:
            text = f"{ordered[0][1]:,} tok" if ordered else "… tok" if draft else ""
        screen.box.count(text)
        special = sorted({name for counted in self._counted.values() for name in counted.special})
        if special and draft:
            screen.box.say([(f"contains {' '.join(special)}: the model reads it as a control token", "warn")])
        else:
            screen.box.say([])

    # ---- before a run

    async def refused(self, lanes: Sequence[Lane], draft: str) -> dict[int, str]:
        """Why lanes cannot run what is pending, by uid: more tokens than their context holds."""
        found: dict[int, str] = {}
        for lane in lanes:
            engine = self._engine(lane)
            if engine is None or engine.info is None or lane.busy:
                continue
            try:
                async with asyncio.timeout(PATIENCE):
                    load = load_of(lane, *await _pending(engine, lane, draft))
            except (EngineError, TimeoutError):
                continue  # the run itself will say what is wrong
            if not load.fits:
                forget = ", or let it forget (Esc K)" if lane.over_full == "refuse" else ""
                found[lane.uid] = f"{load.says()} — shorten the message, start a new conversation (^n){forget}"
        return found


async def _pending(engine: Engine, lane: Lane, draft: str) -> Pending:
    """Counted as the run will be fed; a summary is reckoned with, not made. Raises EngineError."""
    if engine.info is None:
        raise EngineError("not loaded")
    context, messages = engine.info.context_length, lane.pending(draft)
    if not messages:
        return Counted(0, ()), context, None
    said = messages[len(lane.lead) :]
    room = lane.sampling.max_tokens
    fitted = await fit(engine, lane.lead, said, lane.over_full, room, known=lane.summary, generate=False)
    return await engine.count((*lane.lead, *fitted.messages)), context, fitted.window


def load_of(lane: Lane, counted: Counted, context: int, window: Window | None = None) -> Load:
    """The context bar's numbers."""
    lead = len(lane.lead)
    return Load(
        prompt=window.prompt_tokens if window and not window.problem else counted.prompt_tokens,
        history=sum(counted.message_tokens[lead:-1]),
        room=lane.sampling.max_tokens,
        context=context,
        known=True,
        forgotten=window.tokens if window and window.lost else 0,
    )
