"""Association: words × contexts as a heat table, the next tokens, distances, contrasts, and all of it on a plane."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, cast

from rich.cells import cell_len
from textual import events, on, work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.screen import ModalScreen

from workbench.errors import WorkbenchError
from workbench.insight.association import Association, Word, contrasts, measure
from workbench.insight.plane import drawn, legend
from workbench.insight.sheet import Sheet
from workbench.library.prompt import short
from workbench.library.writing import version_of
from workbench.tui import actions, trying
from workbench.tui import association_text as said
from workbench.tui.association_text import MEASURES, Measure
from workbench.tui.association_tools import AssociationTools
from workbench.tui.screens.beside import bindings
from workbench.tui.widgets.frame import FrameLine
from workbench.tui.widgets.heat_table import HeatTable
from workbench.tui.widgets.matrix import Cells, Matrix
from workbench.tui.widgets.page import Page

if TYPE_CHECKING:
    from workbench.session import Session
    from workbench.tui.app import WorkbenchApp
    from workbench.tui.trying import Trying

_WIDE = 100  # columns from which two pages stand beside each other


class AssociationScreen(ModalScreen["Trying"]):
    """Gives what was tried, to come back to."""

    DEFAULT_CSS = """
    AssociationScreen { background: $background; }
    AssociationScreen > Horizontal { height: 1fr; }
    AssociationScreen > #plane { display: none; }
    AssociationScreen.-plane > #plane { display: block; }
    AssociationScreen.-plane > HeatTable, AssociationScreen.-plane > Horizontal { display: none; }
    AssociationScreen #more { border-left: solid $foreground 25%; }
    AssociationScreen.-narrow #more { display: none; }
    """
    AUTO_FOCUS = "HeatTable"
    places: ClassVar[tuple[str, ...]] = ("association", "matrix", "answer", "app")
    BINDINGS: ClassVar[list[BindingType]] = bindings("association")

    def __init__(self, session: Session, tried: Trying) -> None:
        super().__init__()
        self.session, self.tried = session, tried
        self.tools = AssociationTools(self)
        self.table = HeatTable(self._row)
        self.left, self.right, self.plane = Page(), Page(), Page()
        self.right.id, self.plane.id = "more", "plane"
        self.head, self.middle, self.foot = FrameLine("top"), FrameLine("middle"), FrameLine("bottom")
        self.view: Measure = "change"
        self.found = Association((), ())  # the contexts that are done, by name
        self._prompts: dict[str, str] = {}
        self._state = ""

    @property
    def workbench(self) -> WorkbenchApp:
        """The app, by its type."""
        return cast("WorkbenchApp", self.app)

    @property
    def sheet(self) -> Sheet:
        """What is measured."""
        return self.tried.sheet

    def compose(self) -> ComposeResult:
        yield self.head
        yield self.table
        yield self.middle
        with Horizontal():
            yield self.left
            yield self.right
        yield self.plane
        yield self.foot

    def on_mount(self) -> None:
        """Measure what is not known."""
        keys = [f"{actions.key_name(a.keys[0])} {a.footer}" for a in actions.at("association") if a.footer]
        brief = " · ".join([*keys[:5], "F1 keys"])
        self.foot.show([(" · ".join([*keys, "F1 keys"]), "")], brief=[(brief, "")])
        self.measure()

    def on_resize(self, event: events.Resize) -> None:
        """A narrow terminal has one page."""
        self.set_class(event.size.width < _WIDE, "-narrow")
        self.call_after_refresh(self.show)

    # ---- measuring

    @work(exclusive=True, group="measure")
    async def measure(self) -> None:
        """Whatever of the sheet was not measured with this model; another change ends it and begins anew."""
        tried, sheet = self.tried, self.sheet
        prompts, self._state = trying.prompts_of(sheet)
        self._prompts = dict(prompts)
        self.found = tried.standing(self._prompts)
        if self._state or not prompts:
            self.show()
            return
        if not tried.path:
            self._state = "no model: m picks one"
            self.show()
            return
        self._state = f"measuring with {tried.model}"
        self.show()

        def told(found: Association) -> None:
            tried.learn(found)
            self._state = f"{len(found.contexts)} of {len(prompts)} contexts"
            self.found = tried.standing(prompts)
            self.show()

        try:
            async with self.session.pool.use(Path(tried.path)) as engine:
                found = await measure(engine, prompts, sheet.words, known=tried.known, told=told)
            tried.learn(found)
            self.found, self._state = found, ""
        except WorkbenchError as error:
            self._state = str(error)
            self.workbench.tell(str(error), severity="error")
        self.show()

    # ---- what there is

    def _place(self, column: int) -> int:
        """Where a context stands among those that are done; -1 while it is not."""
        names = self.sheet.names
        wanted = names[column] if 0 <= column < len(names) else None
        return next((at for at, each in enumerate(self.found.contexts) if each.name == wanted), -1)

    @property
    def base(self) -> int:
        """The baseline's place among the contexts that are done; -1 while it is not."""
        return self._place(self.sheet.base)

    def _word(self, row: int, column: int) -> Word | None:
        """A word in a context, when it was measured."""
        names = self.sheet.names
        if not 0 <= row < len(self.sheet.words) or not 0 <= column < len(names):
            return None
        return self.tried.word(self._prompts.get(names[column], ""), self.sheet.words[row])

    def _row(self, index: int) -> Cells:
        base = self.sheet.base
        before = self._word(index, base)
        cells = [
            said.cell(self._word(index, column), before, self.view, base=column == base)
            for column in range(len(self.sheet.names))
        ]
        return self.sheet.words[index].strip(), cells, ("", "")

    # ---- painting

    def show(self) -> None:
        """Everything as it is now."""
        if not self.is_attached:
            return
        sheet, working = self.sheet, self.tried.working
        version = version_of(working.base, working.id)
        left = [("Association  ", "strong"), (working.id, "name"), (f"@{short(version)}", "")]
        if sheet.changed:
            left.append(("  ● not saved", "warn"))
        right = f"{said.NAMES[self.view]} · {self.tried.model}"
        self.head.show(left, [(right, "")])
        names = sheet.names
        heads = [(name, "baseline" if at == sheet.base else "") for at, name in enumerate(names)]
        longest = max((cell_len(word) for word in sheet.words), default=4)
        title, most = ("word", said.SHORT[self.view]), self.size.height // 2
        self.table.put(len(sheet.words), heads, title=title, longest=longest + 1, most=most)
        self._tell()

    def _tell(self) -> None:
        """What there is to say of the cell at the cursor."""
        names, column = self.sheet.names, self.table.column
        name = names[column] if column < len(names) else ""
        state = [(self._state, "warn")] if self._state else []
        self.middle.show([(f"{name}: {self._prompts.get(name, '')}", "")], state, firm=True)
        if self.has_class("-plane"):
            self._draw()
            return
        place, base = self._place(column), self.base
        if place < 0:
            waits = self._state or "not measured"
            self.left.show(said.folded(waits, self.left.columns, "dim"))
            self.right.show([])
            return
        context = self.found.contexts[place]
        first = said.next_lines(context, self.found.contexts[base] if base not in (-1, place) else None)
        narrow = self.has_class("-narrow")
        columns = self.left.columns if narrow else self.right.columns
        rest = self._blocks(place, base, columns)
        self.left.show(said.joined([*rest[:-1], first, rest[-1]]) if narrow else first)
        self.right.show([] if narrow else said.joined(rest))

    def _blocks(self, place: int, base: int, columns: int) -> list[list[said.Line]]:
        blocks = []
        context = self.found.contexts[place]
        word = self._word(self.table.here, self.table.column)
        before = self._word(self.table.here, self.sheet.base)
        if word and before and base >= 0:
            name = self.found.contexts[base].name
            blocks.append(said.word_lines(word, context, word.logp - before.logp, name, columns))
        if base >= 0 and self.found.contexts[base].words:
            blocks.append(said.contrast_lines(self.found, base, columns))
        return [*blocks, said.distance_lines(self.found, place, columns)]

    def _draw(self) -> None:
        if not self.found.contexts or not self.found.contexts[0].words:
            self.plane.show([[("contexts and words are needed", "dim")]])
            return
        rows = max(5, self.plane.size.height - 2)
        made = drawn(self.found, max(0, self.base), self.plane.columns, rows, cell_len)
        told = said.folded(legend(self.found, made), self.plane.columns, "dim")
        self.plane.show([*made.lines, *told])

    @on(Matrix.Moved)
    def _moved(self, event: Matrix.Moved) -> None:
        event.stop()
        self._tell()

    @on(Matrix.Taken)
    def _taken(self, event: Matrix.Taken) -> None:
        event.stop()
        self.left.focus()

    # ---- keys

    def action_word(self) -> None:
        """One more word."""
        self.tools.work(self.tools.word())

    def action_edit_word(self) -> None:
        """The word at the cursor."""
        self.tools.work(self.tools.edit_word())

    def action_context(self) -> None:
        """One more context."""
        self.tools.work(self.tools.context())

    def action_edit_context(self) -> None:
        """The context at the cursor."""
        self.tools.work(self.tools.edit_context())

    def action_frame(self) -> None:
        """The text around the slot."""
        self.tools.work(self.tools.frame())

    def action_remove_word(self) -> None:
        """Without the word at the cursor."""
        self.tools.work(self.tools.remove_word())

    def action_remove_context(self) -> None:
        """Without the context at the cursor."""
        self.tools.work(self.tools.remove_context())

    def action_undo(self) -> None:
        """As it was before the last change."""
        self.tools.work(self.tools.undo())

    def action_template(self) -> None:
        """Another template."""
        self.tools.work(self.tools.template())

    def action_model(self) -> None:
        """Another model."""
        self.tools.work(self.tools.model())

    def action_note(self) -> None:
        """The finding as a note on the prompt."""
        self.tools.work(self.tools.note())

    def action_save(self) -> None:
        """Into the template's file."""
        self.tools.work(self.tools.save())

    def action_save_new(self) -> None:
        """As a template of its own."""
        self.tools.work(self.tools.save_new())

    def action_base(self) -> None:
        """Changes are measured against the context at the cursor."""
        self.tried.sheet = replace(self.sheet, base=self.table.column)
        self.show()

    def action_measure(self) -> None:
        """Another figure in the cells."""
        self.view = MEASURES[(MEASURES.index(self.view) + 1) % len(MEASURES)]
        self.show()

    def action_again(self) -> None:
        """Measure what is missing."""
        self.measure()

    def action_copy(self) -> None:
        """The sentences to the clipboard."""
        self.workbench.copy("\n".join(contrasts(self.found, self.base)) if self.base >= 0 else "")

    def action_plot(self) -> None:
        """The plane, or the table."""
        self.toggle_class("-plane")
        (self.plane if self.has_class("-plane") else self.table).focus()
        self.call_after_refresh(self._tell)

    def action_read(self) -> None:
        """Between the table and the lines below it."""
        if self.has_class("-plane"):
            return
        pages = [self.table, self.left, *([] if self.has_class("-narrow") else [self.right])]
        here = next((at for at, each in enumerate(pages) if each.has_focus), 0)
        pages[(here + 1) % len(pages)].focus()

    def action_leave(self) -> None:
        """From the plane and the lines to the table, from there back."""
        if self.has_class("-plane"):
            self.action_plot()
        elif not self.table.has_focus:
            self.table.focus()
        else:
            self.dismiss(self.tried)
