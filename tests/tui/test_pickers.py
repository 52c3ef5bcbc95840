"""The dialogs: search as one types, marks, bad files, ranges."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

import pytest
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList, Static

from tests.tui.driving import Driver, opened
from workbench.errors import SamplingError
from workbench.inference.sampling import SPECS, TABLE, Sampling
from workbench.tui.screens.model_picker import ModelPicker
from workbench.tui.screens.prompt_picker import PLAIN, PromptPicker
from workbench.tui.screens.sampling_form import SamplingForm
from workbench.tui.screens.settings_form import read, written

Kind = TypeVar("Kind", bound=ModalScreen[Any])


def top(app: Driver, kind: type[Kind]) -> Kind:
    """The dialog on top."""
    found: object = app.app.screen
    assert isinstance(found, kind)
    return found


def said(app: Driver, id: str) -> str:
    return str(app.app.screen.query_one(id, Static).render())


async def test_the_prompt_picker_marks_letters_and_shows_bad_files(tmp_path: Path) -> None:
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "broken.toml").write_text("title = [")
    async with opened(library=tmp_path / "lib") as app:
        await app.press("escape", "p")
        await app.until(lambda: isinstance(app.app.screen, PromptPicker))
        picker = top(app, PromptPicker)
        await app.until(lambda: picker._rows)
        keys = [row.key for row in picker._rows]
        assert "broken" in keys
        assert PLAIN in keys
        assert not any(key.startswith("association/") for key in keys)
        assert picker._row is not None
        assert picker._row.key == "system/plain", "the lane's own prompt is where one starts"
        await app.type("broken")
        await app.until(lambda: picker._rows and picker._rows[0].key == "broken")
        assert "broken.toml:1" in said(app, "#detail")
        await app.press("enter")
        assert app.on_top(picker), "a bad file cannot be taken"
        picker.query_one(Input).value = "step"
        await app.until(lambda: picker._rows and "step" in picker._rows[0].key)
        assert any("bold" in str(span.style) for span in picker._rows[0].content.spans)
        picker.query_one(Input).value = "zzzzqqqq"
        await app.until(lambda: not picker._rows)
        assert said(app, "#detail") == "no prompt matches"
        await app.press("escape")
        await app.until(lambda: len(app.app.screen_stack) == 1)
        assert app.lanes[0].prompt == "system/plain"


async def test_no_prompt_at_all() -> None:
    async with opened() as app:
        await app.press("escape", "p")
        await app.until(lambda: isinstance(app.app.screen, PromptPicker))
        await app.until(lambda: app.app.screen.query_one(OptionList).option_count)
        await app.press(*["pagedown"] * 6, "enter")
        await app.until(lambda: app.lanes[0].prompt == "")
        assert app.lanes[0].lead == ()
        await app.until(lambda: "(no prompt)" in app.view(0).head.plain)


async def test_the_model_picker_shows_bad_models(tmp_path: Path) -> None:
    folder = Path.home() / ".cache/llama.cpp"
    folder.mkdir(parents=True)
    (folder / "evil\x1b]0;x.gguf").write_bytes(b"GGUF\x00\x00")
    async with opened() as app:
        await app.press("escape", "m")
        await app.until(lambda: isinstance(app.app.screen, ModelPicker))
        picker = top(app, ModelPicker)
        await app.until(lambda: len(picker._rows) >= 2)
        bad = next(row for row in picker._rows if row.error)
        assert "\x1b" not in bad.content.plain
        await app.type("evil")
        await app.until(lambda: len(picker._rows) == 1)
        await app.press("enter")
        assert app.on_top(picker)
        await app.press("escape")


async def test_a_value_out_of_range_is_named_and_cannot_be_applied() -> None:
    async with opened() as app:
        await app.press("escape", "s")
        await app.until(lambda: isinstance(app.app.screen, SamplingForm))
        form = top(app, SamplingForm)
        assert "always the likeliest" in said(app, "#help")
        await app.press("down", "down")
        await app.type("1.5")
        assert "top_p = 1.5 is out of range" in said(app, "#help")
        assert "from 0 to 1" in said(app, "#help")
        await app.press("up", "up", "enter")
        assert app.on_top(form)
        assert form._setting == "top_p", "Enter goes to what is wrong"
        await app.press("f2")
        assert "out of range" not in said(app, "#help")
        await app.press("up")
        await app.type("7")
        await app.press("f4")
        await app.until(lambda: [lane.sampling.top_k for lane in app.lanes] == [7, 7])


async def test_all_defaults_and_leaving() -> None:
    async with opened() as app:
        app.lanes[0].sampling = Sampling(temperature=0.1, top_k=3)
        for key, wanted in (("escape", 3), ("enter", 40)):
            await app.press("escape", "s")
            await app.until(lambda: isinstance(app.app.screen, SamplingForm))
            await app.press("f3", key)
            await app.until(lambda: len(app.app.screen_stack) == 1)
            assert app.lanes[0].sampling.top_k == wanted


async def test_every_setting_can_be_reached() -> None:
    async with opened(size=(80, 24)) as app:
        await app.press("escape", "s")
        await app.until(lambda: isinstance(app.app.screen, SamplingForm))
        form = top(app, SamplingForm)
        seen = set()
        for _ in SPECS:
            seen.add(form._setting)
            await app.press("down")
        assert seen == set(SPECS)


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("stop", r'"\n", "END"', ("\n", "END")),
        ("stop", "END", ("END",)),
        ("stop", "", ()),
        ("logit_bias", "5:-1, 7:2.5", {5: -1.0, 7: 2.5}),
        ("grammar", r'root ::= "a"\nb ::= "c"', 'root ::= "a"\nb ::= "c"'),
        ("temperature", " 0.5 ", 0.5),
        ("temperature", "", 0.8),
    ],
)
def test_what_is_typed_is_read(name: str, text: str, value: object) -> None:
    assert read(TABLE, name, text) == value


def test_what_is_shown_can_be_read_back() -> None:
    for name, spec in SPECS.items():
        assert read(TABLE, name, written(spec, spec.default)) == spec.default, name
    with pytest.raises(SamplingError):
        read(TABLE, "seed", "-1")
