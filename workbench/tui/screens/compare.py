"""The first screen: two to eight lanes beside each other, one message for all of them."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, cast

from textual import events, on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.reactive import Reactive
from textual.widget import Widget
from textual.widgets import TextArea

from workbench.errors import WorkbenchError
from workbench.experiments.conversation import MAX_LANES, Comparison, Lane
from workbench.tui import actions, insight_flows
from workbench.tui.compositor import FrugalCompositor
from workbench.tui.covered import CoverableScreen
from workbench.tui.desk import Desk
from workbench.tui.lane_tools import LaneTools
from workbench.tui.runs import Runs
from workbench.tui.tally import Tally
from workbench.tui.widgets.answer import AnswerPane
from workbench.tui.widgets.board import LaneBoard
from workbench.tui.widgets.gauges import Gauges
from workbench.tui.widgets.lane import LaneView
from workbench.tui.widgets.message_box import MessageArea, MessageBox
from workbench.tui.widgets.top_line import TopLine

if TYPE_CHECKING:
    from workbench.session import Session
    from workbench.tui.app import WorkbenchApp
    from workbench.tui.widgets.answer import View


def _bindings() -> list[BindingType]:
    """F-keys and ctrl+r, ctrl+n hold while one types; the rest leave the message box its own keys."""
    made: list[BindingType] = []
    for action in actions.at("compare"):
        first = all(key[:1] == "f" or key in ("ctrl+r", "ctrl+n") for key in action.keys[:1])
        made.append(Binding(",".join(action.keys), action.do, action.title, show=False, id=action.id, priority=first))
    return made


class CompareScreen(CoverableScreen[None]):
    """Shows the Desk's comparison; every change of it goes through here."""

    CSS_PATH = "compare.tcss"
    places: ClassVar[tuple[str, ...]] = ("compare", "lanes", "answer", "app")
    BINDINGS: ClassVar[list[BindingType]] = _bindings()
    focused: Reactive[Widget | None] = Reactive(None, repaint=False)  # Textual would paint the whole screen anew

    def __init__(self, desk: Desk | None = None) -> None:
        super().__init__()
        self._compositor = FrugalCompositor()
        self.desk = desk or Desk()
        self.session: Session | None = None
        self.tally = Tally(self)
        self.tools = LaneTools(self)
        self.runs = Runs(self)
        self.together = False
        self.maximised = False
        self.view_mode: View = "plain"
        self.current = self.desk.comparison.lanes[0].uid
        self._told: set[str] = set()
        self._save_timer = False

    @property
    def workbench(self) -> WorkbenchApp:
        """The app, by its type."""
        return cast("WorkbenchApp", self.app)

    @property
    def comparison(self) -> Comparison:
        """What is compared."""
        return self.desk.comparison

    @property
    def lane(self) -> Lane:
        """The lane that lane actions mean: the one that has or last had the focus."""
        return self.comparison.lane(self.current) or self.comparison.lanes[0]

    def view(self, lane: Lane) -> LaneView:
        """The lane's view."""
        view = self.board.view(lane.uid)
        assert view is not None
        return view

    # ---- composing

    def compose(self) -> ComposeResult:
        """Top line, lanes, message, gauges."""
        yield TopLine()
        with LaneBoard():
            for lane in self.desk.comparison.lanes:
                yield LaneView(lane.uid)
        yield MessageBox()
        self.gauges = gauges = Gauges()
        gauges.hints = tuple(
            (actions.key_name(a.keys[0]), a.footer) for a in actions.at("compare", "lanes", "app") if a.footer
        )
        yield gauges

    def on_mount(self) -> None:
        """Show what was there; the session comes later."""
        self.board = self.query_one(LaneBoard)
        self.box = self.query_one(MessageBox)
        with self.prevent(TextArea.Changed):
            self.set_draft(self.comparison.draft)
        self.box.area.focus()
        self.retitle()
        for lane in self.comparison.lanes:
            self.show(lane)
        self.box.count("")
        self.call_after_refresh(self._await_session)

    @work(group="session")
    async def _await_session(self) -> None:
        await self.workbench.ready.wait()
        self.session = session = self.workbench.session
        assert session is not None
        await self.desk.resolve(session)
        self.retitle()
        for lane in self.comparison.lanes:
            if lane.problem:
                self.show(lane)
        self.tally.warm()
        await asyncio.to_thread(lambda: session.store)
        if session.problem:
            self.workbench.tell(f"history is off: {session.problem}", severity="warning")

    # ---- showing

    def retitle(self) -> None:
        """Headings, layout and the top line, after lanes or their settings changed."""
        comparison = self.comparison
        for lane in comparison.lanes:
            if view := self.board.view(lane.uid):
                view.retitle(lane, comparison.label(lane))
        places = [lane.uid for lane in comparison.lanes]
        if self.current not in places:
            self.current = places[0]
        paged = self.board.lay_out(places.index(self.current), maximised=self.maximised)
        self.query_one(TopLine).show(comparison.mode, comparison.coupled, self.together, self.view_mode, paged)

    @work(group="stale", exclusive=True)
    async def reload_marks(self) -> None:
        """Say in the lanes which models are set otherwise than they are loaded."""
        session = self.session
        if session is None:
            return
        for lane in list(self.comparison.lanes):
            stale = bool(lane.path) and await asyncio.to_thread(session.reload_needed, Path(lane.path))
            if (view := self.board.view(lane.uid)) and view.stale != stale:
                view.stale = stale
                view.restate(lane)

    def show(self, lane: Lane) -> None:
        """A lane's conversation anew."""
        if view := self.board.view(lane.uid):
            view.rebuild(lane)

    def on_resize(self, event: events.Resize) -> None:
        """A low terminal gives the message two lines."""
        self.query_one(MessageBox).set_class(event.size.height < 20, "-low")

    def on_lane_board_arranged(self) -> None:
        """The board was laid out anew (a resize)."""
        self.retitle()

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """The lane that has the focus is the one that lane actions mean."""
        for node in event.widget.ancestors_with_self:
            if isinstance(node, LaneView) and node.uid != self.current:
                self.current = node.uid
                self.tally.tell()

    def on_answer_pane_scrolled(self, event: AnswerPane.Scrolled) -> None:
        """Scrolling together."""
        if self.together:
            for view in self.board.views():
                if view.pane is not event.pane:
                    view.pane.scroll_fraction = event.fraction

    # ---- typing

    @on(TextArea.Changed)
    def _typed(self, event: TextArea.Changed) -> None:
        event.stop()
        self.comparison.draft = self.box.area.text
        self.tally.recount()
        self.save_soon()

    @on(MessageArea.Recalled)
    def _recall(self) -> None:
        if said := next((lane.turns[-1].message for lane in self.comparison.lanes if lane.turns), ""):
            self.set_draft(said)

    def set_draft(self, text: str) -> None:
        """Put `text` in the message box."""
        area = self.box.area
        area.text = text
        area.move_cursor(area.document.end)

    def clear_draft(self) -> None:
        """The message was sent: the box is empty again."""
        with self.prevent(TextArea.Changed):
            self.box.area.text = ""
        self.comparison.draft = ""

    def save_soon(self) -> None:
        """Keep what is on the screen, within a second."""
        if not self._save_timer:
            self._save_timer = True
            self.set_timer(0.8, self._save)

    async def _save(self) -> None:
        self._save_timer = False
        try:
            await self.desk.save()
        except WorkbenchError as error:
            self.tell_once(str(error))

    def save_now(self) -> None:
        """The same at once, for the end."""
        try:
            self.desk.save_now()
        except WorkbenchError:
            return  # the terminal is going away: there is nobody to tell

    def tell_once(self, text: str) -> None:
        """A warning that is not repeated."""
        if text not in self._told:
            self._told.add(text)
            self.workbench.tell(text, severity="warning")

    # ---- running

    async def action_run(self) -> None:
        """The message to all lanes; with none written, the last one again."""
        await self.runs.message()

    async def action_again(self) -> None:
        """The last message once more in every lane, with the next seed."""
        await self.runs.again()

    async def action_rerun(self) -> None:
        """This lane's last message again, with the same seed; its model is started again if it failed."""
        await self.runs.lane_again()

    @on(Runs.Advanced)
    def _advanced(self, message: Runs.Advanced) -> None:
        message.stop()
        self.runs.advance(message)

    @on(Runs.Ended)
    def _ended(self, message: Runs.Ended) -> None:
        message.stop()
        self.runs.end(message)

    async def action_stop_all(self) -> None:
        """End every lane's answer; what there is stays."""
        if self.session is not None and self.comparison.busy:
            await self.session.runner.cancel(None)

    async def action_stop_lane(self) -> None:
        """End this lane's answer."""
        if self.session is not None and self.lane.trial:
            await self.session.runner.cancel([self.lane.trial])

    async def action_new_conversation(self) -> None:
        """Empty lanes; the message comes back when none is written."""
        empty = not self.comparison.draft.strip()
        trials = self.comparison.clear()
        for lane in self.comparison.lanes:
            self.show(lane)
        if empty:
            self.set_draft(self.comparison.draft)
        self.tally.recount()
        self.save_soon()
        self.box.area.focus()
        if trials and self.session is not None:
            await self.session.runner.cancel(trials)

    def full(self) -> bool:
        """Whether there is no room for another lane; says so."""
        if full := len(self.comparison.lanes) >= MAX_LANES:
            self.workbench.tell(f"{MAX_LANES} lanes are the most", severity="warning")
        return full

    # ---- actions on lanes

    def action_message(self) -> None:
        """To the message box."""
        self.box.area.focus()

    def action_leave_message(self) -> None:
        """From the message box to the lanes; from a maximised lane to all."""
        if self.focused is self.box.area:
            self.view(self.lane).focus_lane()
        elif self.maximised:
            self.action_maximise()

    def action_lane(self, number: int) -> None:
        """To lane 1…8."""
        if number <= len(self.comparison.lanes):
            self._go(number - 1)

    def action_next_lane(self) -> None:
        """To the next lane; after the last one, to the message."""
        self._step(1)

    def action_previous_lane(self) -> None:
        """To the lane before; before the first one, to the message."""
        self._step(-1)

    def _step(self, by: int) -> None:
        place = self.comparison.lanes.index(self.lane) + by
        if 0 <= place < len(self.comparison.lanes):
            self._go(place)
        else:
            self.current = self.comparison.lanes[0 if by > 0 else -1].uid
            self.retitle()
            self.box.area.focus()

    def _go(self, place: int) -> None:
        self.current = self.comparison.lanes[place].uid
        self.retitle()
        self.view(self.lane).focus_lane()

    def action_prompt(self) -> None:
        """Change the lane's prompt."""
        self.tools.work(self.tools.prompt())

    def action_model(self) -> None:
        """Change the lane's model."""
        self.tools.work(self.tools.model())

    def action_sampling(self) -> None:
        """Change the lane's sampling."""
        self.tools.work(self.tools.sampling())

    def action_instructions(self) -> None:
        """The lane's custom instructions."""
        self.tools.work(self.tools.instructions())

    def action_edit_prompt(self) -> None:
        """The lane's prompt in the editor."""
        self.tools.work(self.tools.edit())

    def action_restart(self) -> None:
        """The lane's model from anew."""
        self.tools.work(self.tools.restart())

    def action_add_lane(self) -> None:
        """One more lane."""
        self.tools.work(self.tools.add(history=False))

    def action_duplicate_lane(self) -> None:
        """This lane twice."""
        self.tools.work(self.tools.add(history=True))

    def action_remove_lane(self) -> None:
        """One lane less."""
        self.tools.work(self.tools.remove())

    def action_restore_lane(self) -> None:
        """The lane removed last."""
        self.tools.work(self.tools.restore())

    def action_move_lane(self, by: int) -> None:
        """The lane left or right."""
        self.tools.move(by)

    def action_diff(self) -> None:
        """Word by word against another lane."""
        self.tools.work(self.tools.diff())

    def action_tokens(self) -> None:
        """The lane's texts as tokens."""
        self.tools.work(insight_flows.tokens(self))

    def action_association(self) -> None:
        """Which words a context makes likelier."""
        self.tools.work(insight_flows.association(self))

    def action_context(self) -> None:
        """What fills the lanes' contexts."""
        self.tools.work(insight_flows.context(self))

    def action_attribution(self) -> None:
        """What the lane's answer hangs on."""
        self.tools.work(insight_flows.attribution(self))

    def action_microscope(self) -> None:
        """What the samplers did to the lane's answer."""
        self.tools.work(insight_flows.microscope(self))

    def action_needle(self) -> None:
        """What the lane's model finds of a fact in longer and longer texts."""
        self.tools.work(insight_flows.needle(self))

    def action_models(self) -> None:
        """What models there are."""
        self.tools.work(self.tools.models())

    def action_history(self) -> None:
        """What ran before."""
        self.tools.work(self.tools.history())

    def action_experiments(self) -> None:
        """The experiments."""
        self.tools.work(self.tools.experiments())

    def action_experiment(self) -> None:
        """Turn what the lanes show into an experiment."""
        self.tools.work(self.tools.experiment())

    def action_vote(self) -> None:
        """Vote blind on the answers."""
        self.tools.work(self.tools.vote())

    def action_divergence(self) -> None:
        """Where two answers part."""
        self.tools.work(insight_flows.divergence(self))

    def action_crossing(self) -> None:
        """Each of two answers after the other's prompt."""
        self.tools.work(insight_flows.crossing(self))

    def action_find(self) -> None:
        """Find in the answer."""
        self.tools.work(self.tools.find())

    def action_find_next(self, step: int) -> None:
        """Next or previous match."""
        self.tools.find_next(step)

    def action_copy(self) -> None:
        """The lane's last answer to the clipboard."""
        self.workbench.copy(self.lane.text)

    def action_view(self) -> None:
        """Plain, Markdown, monospace."""
        self.view_mode = self.tools.next_view()
        self.retitle()

    def action_scroll_together(self) -> None:
        """Lanes scroll together or apart."""
        self.together = not self.together
        self.retitle()

    def action_maximise(self) -> None:
        """One lane over the whole width, and back."""
        self.maximised = not self.maximised
        self.retitle()

    def action_toggle_mode(self) -> None:
        """Fast or strict, from the next run on."""
        self.comparison.mode = "strict" if self.comparison.mode == "fast" else "fast"
        self.retitle()
        self.save_soon()

    def action_toggle_coupled(self) -> None:
        """The same dice for all lanes, or each its own."""
        self.comparison.coupled = not self.comparison.coupled
        self.retitle()
        self.save_soon()
