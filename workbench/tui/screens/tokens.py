"""Any text as a model's tokens: the lane's message, its rendered prompt, its answer, or what one types."""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, cast

from textual import events, on, work
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.screen import ModalScreen
from textual.widgets import Static, TextArea

from workbench import safe
from workbench.errors import WorkbenchError
from workbench.inference.engine import Engine, Message
from workbench.insight.costs import Costs, costs
from workbench.insight.given import given
from workbench.insight.tokens import brought, rendered
from workbench.tui import actions
from workbench.tui import tokens_text as text_of
from workbench.tui.compositor import FrugalCompositor
from workbench.tui.screens.beside import bindings
from workbench.tui.widgets.frame import FrameLine
from workbench.tui.widgets.token_pane import TokenPane
from workbench.tui.widgets.token_side import TokenSide
from workbench.tui.widgets.typed_area import TypedArea

if TYPE_CHECKING:
    from textual.binding import BindingType

    from workbench.session import Session
    from workbench.tui.app import WorkbenchApp

VIEWS = ("message", "rendered prompt", "answer", "typed")
RENDERED = 1
ANSWER = 2
TYPED = 3
PAUSE = 0.15  # seconds that the cursor rests before its token's probability is asked for
REST = 0.8  # and before a long text's costs are reckoned, which takes a moment
_LONG = 5000  # tokens
_NARROW = 80
_LOW = 30


@dataclass(frozen=True)
class Texts:
    """What there is to see of a lane: `pending` is what its next run feeds, `asked` what its answer was made after."""

    message: str = ""
    pending: tuple[Message, ...] = ()
    answer: str = ""
    asked: tuple[Message, ...] = ()
    values: dict[str, str] = field(default_factory=dict)


class TokensScreen(ModalScreen[None]):
    """`models` are one or two: name and path."""

    DEFAULT_CSS = """
    TokensScreen { background: $background; }
    TokensScreen > Horizontal { height: 1fr; }
    TokensScreen > TypedArea, TokensScreen > TypedArea:focus { display: none; height: 1fr; max-height: 12; }
    TokensScreen.-typed > TypedArea, TokensScreen.-typed > TypedArea:focus { display: block; }
    TokensScreen > Static { height: 7; padding: 0 1; }
    TokensScreen.-low > Static { height: 6; }
    TokensScreen.-low > TypedArea, TokensScreen.-low > TypedArea:focus { max-height: 4; }
    TokensScreen.-narrow > Horizontal { layout: vertical; }
    """
    AUTO_FOCUS = ""
    places: ClassVar[tuple[str, ...]] = ("tokens", "heat", "app")
    BINDINGS: ClassVar[list[BindingType]] = bindings("tokens")

    def __init__(self, session: Session, texts: Texts, models: list[tuple[str, str]], view: int = RENDERED) -> None:
        super().__init__()
        self._compositor = FrugalCompositor()
        self.session = session
        self.texts = texts
        self.view = view
        self.sides = [self._side(*model) for model in models[:2]]
        self.head, self.foot = FrameLine("top"), FrameLine("bottom")
        self.area = TypedArea("any text")
        self.says = Static(markup=False)
        self.likely = False  # whether probabilities are asked for
        self._costs: dict[TokenSide, Costs] = {}
        self._stale: set[TokenSide] = set()  # whose costs are of the text some keys ago
        self._brought: dict[str, tuple[str, ...]] = {}
        self._wrong = ""
        self._following = False  # a cursor is moved after the other one

    def _side(self, model: str, path: str) -> TokenSide:
        def lend() -> AbstractAsyncContextManager[Engine]:
            return self.session.pool.use(Path(path))

        return TokenSide(model, path, lend)

    @property
    def workbench(self) -> WorkbenchApp:
        """The app, by its type."""
        return cast("WorkbenchApp", self.app)

    @property
    def side(self) -> TokenSide:
        """The side whose cursor is meant."""
        return next((side for side in self.sides if side.pane.has_focus), self.sides[0])

    def compose(self) -> ComposeResult:
        yield self.head
        yield self.area
        with Horizontal():
            yield from self.sides
        yield self.says
        yield self.foot

    def on_mount(self) -> None:
        """Show the first text."""
        with self.prevent(TextArea.Changed):
            self.area.text = self.texts.message
        self.area.move_cursor(self.area.document.end)
        self.sides[0].pane.focus()
        keys = " · ".join(f"{actions.key_name(a.keys[0])} {a.footer}" for a in actions.at("tokens") if a.footer)
        self.foot.show([(f"{keys} · F1 keys", "")])
        self.show()

    def on_resize(self, event: events.Resize) -> None:
        """A narrow terminal has one tokenizer under the other."""
        self.set_class(event.size.width < _NARROW, "-narrow")
        self.set_class(event.size.height < _LOW, "-low")

    # ---- which text

    def show(self) -> None:
        """The text of the view, on all sides."""
        self.set_class(self.view == TYPED, "-typed")
        named = [
            (f"[{name}]" if at == self.view else f" {name} ", "name" if at == self.view else "")
            for at, name in enumerate(VIEWS)
        ]
        self.head.show([("Tokens  ", "strong"), *named])
        self._wrong = ""
        if self.view == RENDERED:
            self._read()
            return
        for side in self.sides:
            self._cut(side)

    def _cut(self, side: TokenSide) -> None:
        if self.view == TYPED:
            side.cut(lambda: self.area.text)
        else:
            text = self.texts.answer if self.view == ANSWER else self.texts.message
            side.cut(lambda: text)
        self.tell()

    @work(group="render", exclusive=True)
    async def _read(self) -> None:
        """Each side by its own model's template."""
        for side in list(self.sides):
            side.says(self._label(side), "…")
            try:
                async with side.lend() as engine:
                    found = await rendered(engine, self.texts.pending or (Message("user", self.texts.message),))
                    self._brought = await brought(engine, self.texts.values)
            except WorkbenchError as error:
                self._fail(str(error))
                return
            if self.view == RENDERED and side in self.sides:
                side.take(found)

    @on(TextArea.Changed)
    def _typed(self, event: TextArea.Changed) -> None:
        event.stop()
        if self.view == TYPED:
            for side in self.sides:
                side.cut(lambda: self.area.text)

    @on(TextArea.SelectionChanged)
    def _pointed(self, event: TextArea.SelectionChanged) -> None:
        event.stop()
        self._follow_box()

    def _follow_box(self) -> None:
        """The tokens' cursor goes with the box's."""
        if not self.area.has_focus:
            return
        row, column = self.area.cursor_location
        place = sum(len(line) + 1 for line in self.area.document.lines[:row]) + column - 1
        for side in self.sides:
            side.pane.go(side.token_at(max(0, place)), tell=False)

    # ---- what is said

    @on(TokenSide.Cut)
    def _told(self, event: TokenSide.Cut) -> None:
        event.stop()
        self._stale.add(event.side)
        self._wrong = ""
        self._follow_box()
        self.tell()
        self._reckon()

    @on(TokenSide.Failed)
    def _refused(self, event: TokenSide.Failed) -> None:
        event.stop()
        self._fail(event.what)

    def _fail(self, what: str) -> None:
        self._wrong = what
        self.tell()

    @work(group="reckon", exclusive=True)
    async def _reckon(self) -> None:
        """What it costs by word and writing; a moment after the last key, for it looks at every token."""
        most = max(len(side.pane.tokens) for side in self.sides)
        await asyncio.sleep(PAUSE if most < _LONG else REST)
        for side in [side for side in self.sides if side in self._stale]:
            self._stale.discard(side)
            self._costs[side] = await asyncio.to_thread(costs, list(side.pane.tokens))
        self.tell()

    def tell(self) -> None:
        """The counts above, the token at the cursor and the costs below."""
        counts = [len(side.pane.tokens) for side in self.sides]
        for at, side in enumerate(self.sides):
            ratio = f" {counts[1] / counts[0]:.2f}×A" if at and counts[0] else ""
            side.says(self._label(side), f"{counts[at]:,} tok{ratio}")
        self.says.update(safe.text("\n".join(safe.line(line) for line in self.lines())), layout=False)

    def lines(self) -> list[str]:
        """What stands below the tokens."""
        if self._wrong:
            return [self._wrong]
        side = self.side
        at, count = side.pane.here, len(side.pane.tokens)
        owner = text_of.owner_of(side.rendered, at) if side.rendered else ""
        after = self.view == ANSWER and self.texts.asked
        likely = text_of.likely_line(side.likely, at, wanted=self.likely, first=not at and not after)
        found = text_of.warnings(side.rendered, self._brought if side.rendered else {}, count)
        found.append(text_of.token_line(side.pane.current, at, count, owner, likely))
        known = [self._costs[each] for each in self.sides if each in self._costs]
        found += [
            text_of.count_line(self._label(each), self._costs[each]) for each in self.sides if each in self._costs
        ]
        if len(known) == 2:
            found.append(text_of.ratio_line(*known))
        return [*found, text_of.dear_line(known[0])] if known else found

    def _label(self, side: TokenSide) -> str:
        return "AB"[self.sides.index(side)]

    # ---- the cursor

    @on(TokenPane.Moved)
    def _moved(self, event: TokenPane.Moved) -> None:
        """The other side's cursor goes along, to the same character."""
        event.stop()
        side = next(side for side in self.sides if side.pane is event.pane)
        place = side.place(event.pane.here)
        for other in self.sides:
            if other is not side and (
                side.rendered is None or (other.rendered and other.rendered.text == side.rendered.text)
            ):
                other.pane.go(other.token_at(place), tell=False)
        self.tell()
        if self.likely:
            self._ask()

    @work(group="likely", exclusive=True)
    async def _ask(self) -> None:
        await asyncio.sleep(PAUSE)
        side = self.side
        at, tokens = side.pane.here, list(side.pane.tokens)
        if at in side.likely or not tokens:
            return
        try:
            async with side.lend() as engine:
                asked = self.texts.asked if self.view == ANSWER else ()
                prefix = await engine.render(asked) if asked else ""
                found = await given(engine, prefix, tokens, at)
        except WorkbenchError as error:
            self._fail(str(error))
            return
        if tokens == list(side.pane.tokens):
            side.likely.update(found)
            self.tell()

    # ---- actions

    def action_turn(self, by: int) -> None:
        """Another text."""
        self.view = (self.view + by) % len(VIEWS)
        self.show()
        if self.area.has_focus:
            self.sides[0].pane.focus()

    def action_type(self) -> None:
        """Into the box."""
        if self.view != TYPED:
            self.view = TYPED
            self.show()
        self.area.focus()

    def action_side(self) -> None:
        """The other side's cursor."""
        if len(self.sides) > 1:
            self.sides[1 - self.sides.index(self.side)].pane.focus()
            self.tell()

    def action_probability(self) -> None:
        """Ask for probabilities as the cursor goes, or no more."""
        self.likely = not self.likely
        self.tell()
        if self.likely:
            self._ask()

    def action_bars(self) -> None:
        """Bars, or none."""
        for side in self.sides:
            side.pane.set_bars(not side.pane.bars)

    def action_copy(self) -> None:
        """The ids of the side's tokens."""
        self.workbench.copy(" ".join(str(token.id) for token in self.side.pane.tokens))

    @work(group="dialog")
    async def action_model(self) -> None:
        """Another tokenizer on this side."""
        await self._pick(self.sides.index(self.side))

    @work(group="dialog")
    async def action_beside(self) -> None:
        """Another one beside it, or none."""
        if len(self.sides) > 1:
            gone = self.sides.pop()
            self._costs.pop(gone, None)
            await gone.remove()
            self.sides[0].pane.focus()
            self.tell()
            return
        await self._pick(1)

    async def _pick(self, at: int) -> None:
        from workbench.tui.screens.model_picker import ModelPicker

        current = self.sides[at].path if at < len(self.sides) else ""
        path = await self.app.push_screen_wait(ModelPicker(self.session, current))
        if path is None:
            return
        models = await asyncio.to_thread(self.session.models)
        name = next((model.name for model in models if str(model.path) == path), Path(path).stem)
        if not await self.session.pool.fits(Path(path)):
            self.workbench.tell(f"memory does not hold {name} beside what is loaded", severity="warning")
            return
        made = self._side(name, path)
        if at < len(self.sides):
            gone = self.sides[at]
            self._costs.pop(gone, None)
            self.sides[at] = made
            await self.query_one(Horizontal).mount(made, before=gone)
            await gone.remove()
        else:
            self.sides.append(made)
            await self.query_one(Horizontal).mount(made)
        made.pane.bars = self.sides[0].pane.bars
        made.pane.focus()
        if self.view == RENDERED:
            self._read()
        else:
            self._cut(made)

    def action_leave(self) -> None:
        """From the box to the tokens, from there to the lanes."""
        if self.area.has_focus:
            self.sides[0].pane.focus()
        else:
            self.dismiss(None)
