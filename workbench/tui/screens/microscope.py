"""The sampler microscope on a lane's answer: its tokens, candidates by sampler, other settings tried."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual import work
from textual.binding import BindingType

from workbench.errors import WorkbenchError
from workbench.inference.engine import Message, Step
from workbench.inference.sampling import Sampling, changed
from workbench.insight.microscope import NAMES, as_drawn, changes, nudged, p_of, remover, text_of
from workbench.tui import actions
from workbench.tui.screens.beside import BesideScreen, bindings
from workbench.tui.widgets.card_list import Row
from workbench.tui.widgets.heat import HeatPane, Shaded

if TYPE_CHECKING:
    from workbench.session import Session

TOP = 20  # candidates of a token
_SHORT = {"temperature": "temp", "repeat_penalty": "penal", "logit_bias": "bias", "top_n_sigma": "sigma"}
_NAME, _COLUMN = 12, 7  # columns of a candidate's text, of a stage


class MicroscopeScreen(BesideScreen["Sampling | None"]):
    """Gives the settings that were tried when they are to be kept, else None."""

    narrow: ClassVar[int] = 100
    places: ClassVar[tuple[str, ...]] = ("microscope", "list", "answer", "app")
    BINDINGS: ClassVar[list[BindingType]] = bindings("microscope")

    def __init__(
        self,
        session: Session,
        label: str,
        path: str,
        messages: Sequence[Message],
        answer: str,
        sampling: Sampling,
        *,
        coupled: bool,
    ) -> None:
        super().__init__(session)
        self.pane = self._heat = HeatPane()
        self._label, self._path, self._answer = label, Path(path), answer
        self._messages, self._coupled = tuple(messages), coupled
        self._first, self.sampling = sampling, sampling
        self._setting = 0
        self._before: tuple[Step, ...] = ()
        self._now: tuple[Step, ...] = ()
        self._changed: dict[int, str] = {}
        self._state = "reading the answer"

    def on_mount(self) -> None:
        self._heat.view = "mono"
        self._look()

    @work(exclusive=True)
    async def _look(self) -> None:
        """Look at the answer with the settings as they are now; another change of them ends it."""
        self._state = self._state or "looking"
        self._show()
        try:
            async with self.session.pool.use(self._path) as engine:
                prompt = await engine.render(self._messages)

                async def traced(sampling: Sampling) -> tuple[Step, ...]:
                    return await engine.stages(prompt, self._answer, sampling, coupled=self._coupled, top=TOP)

                if not self._before:
                    self._before = await traced(self._first)
                same = self.sampling == self._first
                self._now = self._before if same else await traced(self.sampling)
                self._changed = {change.step: change.now for change in changes(self._before, self._now)}
            self._state = ""
        except WorkbenchError as error:  # the screen stays, other settings may do
            self._state = str(error)
            self.workbench.tell(str(error), severity="error")
        self._show()

    # ---- painting

    @property
    def setting(self) -> str:
        """The setting that the arrows change."""
        return NAMES[self._setting]

    def _show(self) -> None:
        if not self.is_attached:
            return
        self.cards.show(len(self._now), max(0, self.cards.here))
        value = getattr(self.sampling, self.setting)
        about = [f"{self.setting} {value:g}"]
        if self._state:
            about.append(self._state)
        elif self.sampling == self._first:
            about.append(f"draws {as_drawn(self._now)} of {len(self._now)} as they stand")
        else:
            about.append(f"{len(self._changed)} of {len(self._now)} would change")
        self.head.show([(f"sampler of {self._label}", "name")], [(" · ".join(about), "strong")], firm=True)
        keys = [f"{actions.key_name(a.keys[0])} {a.footer}" for a in actions.at("microscope") if a.footer]
        keys.append("esc leave")
        tried = " ".join(f"{name}={value}" for name, value in changed(self.sampling, self._first).items())
        told = [(f"tried: {tried}", "")] if tried else []
        self.foot.show([(" · ".join(keys), "")], told, brief=[(" · ".join(keys[:4]), "")])
        self._paint()

    def row(self, index: int) -> Row:
        """A token of the answer: what it had before and after the chain, and what would be drawn instead."""
        step = self._now[index]
        text = _visible(step.text)
        other = self._changed.get(index)
        left = [("≠ " if other is not None else "  ", "mark"), (text, "mark" if other is not None else "")]
        if other is not None:
            left += [(" → ", "dim"), (_visible(other), "mark")]
        return left, [(f"{p_of(step, step.id, 0):.0%}→{p_of(step, step.id):.0%}", "dim")]

    def turned(self) -> None:
        """Another token."""
        self._paint()

    def _paint(self) -> None:
        made, here = Shaded(), self.cards.here
        if not 0 <= here < len(self._now):
            made.add(self._state)
        else:
            self._add_table(made, self._now[here])
        self._heat.put(made)

    def _add_table(self, made: Shaded, step: Step) -> None:
        """Candidates × stages: renormalised percentages, ✗ where a sampler removed it, blank from there on."""
        drawn, stands = text_of(step, step.choice), step.text
        made.add(f"‘{_visible(stands)}’ {_percent(p_of(step, step.id, 0))} → {_percent(p_of(step, step.id))}")
        made.add(f", drawn: ‘{_visible(drawn)}’ {_percent(p_of(step, step.choice))}\n" if drawn != stands else "\n")
        room = max(2, (self.pane.size.width - _NAME - 4) // _COLUMN)
        first, *rest = step.stages
        stages = [first, *rest[-(room - 1) :]]
        names = "".join(f"{_SHORT.get(stage.name, stage.name)[:6]:>{_COLUMN}}" for stage in stages)
        made.add(f"  {'':{_NAME}}{names}\n", "head")
        made.add(f"  {'left':{_NAME}}" + "".join(f"{_count(stage.left):>{_COLUMN}}" for stage in stages) + "\n", "dim")
        for place, (id, text) in enumerate(step.candidates):
            mark = ("●" if id == step.id else " ") + ("→" if id == step.choice else " ")
            gone = remover(step, place)
            style = "head" if id == step.choice else "dim" if gone else ""
            cells, removed = "", False
            for stage in stages:
                p = stage.p[place]
                cells += f"{('' if removed else '✗') if p is None else _percent(p):>{_COLUMN}}"
                removed = removed or p is None
            made.add(f"{mark}{_cut(_visible(text), _NAME)}{cells}\n", style)
        made.add("\n● in the answer   → drawn now   ✗ removed here\n", "dim")

    # ---- keys

    def action_setting(self, by: int) -> None:
        """Another setting for the arrows."""
        self._setting = (self._setting + by) % len(NAMES)
        self._show()

    def action_turn(self, by: int) -> None:
        """The setting a step up or down."""
        self.sampling = nudged(self.sampling, self.setting, by)
        self._look()

    def action_reset(self) -> None:
        """The settings as the answer was made."""
        self.sampling = self._first
        self._look()

    @work(group="form")
    async def action_form(self) -> None:
        """All settings, in the form."""
        from workbench.tui.screens.sampling_form import SamplingForm

        chosen = await self.app.push_screen_wait(SamplingForm(self.sampling, self._label))
        if chosen is not None:
            self.sampling = chosen.settings
            self._look()

    def action_keep(self) -> None:
        """Take what was tried into the lane."""
        self.dismiss(self.sampling)


def _visible(text: str) -> str:
    """A token with its white space to be seen."""
    return text.replace("\n", "⏎").replace("\t", "⇥").replace(" ", "␣") or "(nothing)"


def _cut(text: str, room: int) -> str:
    """`text` in so many cells."""
    from rich.cells import cell_len, set_cell_size

    from workbench import safe

    text = safe.line(text)
    return set_cell_size(text, room) if cell_len(text) <= room else set_cell_size(text, room - 1) + "…"


def _percent(p: float) -> str:
    return f"{p:.1%}" if p >= 0.001 else f"{p:.0e}"


def _count(left: int) -> str:
    return f"{left:,}" if left < 100_000 else f"{left // 1000:,}k"
