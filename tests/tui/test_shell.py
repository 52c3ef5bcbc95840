"""The registry of actions, the keymap, themes, the clipboard, the gauges' row and the line filter."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.segment import Segment
from textual.app import App, ComposeResult
from textual.color import Color

from workbench import safe
from workbench.bars import bar
from workbench.hardware.gpu import Gpu
from workbench.hardware.snapshot import Snapshot
from workbench.tui import actions, clipboard, keymap, theme
from workbench.tui.filter import SafeFilter
from workbench.tui.widgets.gauges import Gauges

ROOT = Path(__file__).parent.parent.parent


def test_every_default_key_reaches_a_legacy_terminal() -> None:
    assert actions.problems() == []
    bad = actions.Action("x.y", "t", ("ctrl+m", "ctrl+enter", "shift+f5", "ctrl+h"), "x", "y")
    assert len(actions.problems([bad])) == 4


def test_ids_are_unique_and_keys_do_not_clash_in_a_place() -> None:
    ids = [action.id for action in actions.ACTIONS]
    assert len(ids) == len(set(ids))
    library = (
        ("app", "models"),
        ("app", "library", "cards"),
        ("app", "library", "list"),
        ("app", "versions"),
        ("app", "conflict"),
        ("app", "gauges", "answer"),
    )
    for places in (("app", "compare", "lanes"), ("app", "history"), ("app", "answer"), *library):
        keys = [key for action in actions.at(*places) for key in action.keys]
        assert len(keys) == len(set(keys)), [key for key in keys if keys.count(key) > 1]


def test_the_keys_page_is_up_to_date() -> None:
    """When this fails: `.venv/bin/workbench keys --markdown > docs/keys.md`."""
    assert (ROOT / "docs" / "keys.md").read_text() == actions.markdown()


def test_a_keymap_is_taken_and_what_is_wrong_is_said(tmp_path: Path) -> None:
    path = tmp_path / "keymap.toml"
    path.write_text('"compare.run" = ["f2", "f12"]\ncompare.history = "f11"\n"compare.rnu" = "x"\n"app.quit" = 3\n')
    keys, problems = keymap.load(path)
    assert keys == {"compare.run": "f2,f12", "compare.history": "f11"}
    assert len(problems) == 2
    assert "did you mean compare.run?" in problems[0]
    assert keymap.load(tmp_path / "none") == ({}, [])
    path.write_text("x = ")
    assert "cannot read the keymap" in keymap.load(path)[1][0]


def _luminance(color: Color) -> float:
    """Relative luminance (WCAG 2.2)."""
    parts = [value / 255 for value in (color.r, color.g, color.b)]
    lines = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * lines[0] + 0.7152 * lines[1] + 0.0722 * lines[2]


@pytest.mark.parametrize("name", ["dark", "light", "high-contrast"])
def test_text_is_readable_in_every_theme(name: str) -> None:
    found = theme.find(name)
    for behind in (found.background, found.surface, found.panel):
        for front in (found.foreground, found.primary, found.error, found.success, found.warning, found.accent):
            assert front is not None
            assert behind is not None
            light, dark = sorted((_luminance(Color.parse(front)), _luminance(Color.parse(behind))), reverse=True)
            assert (light + 0.05) / (dark + 0.05) >= 4.5, (name, front, behind)


def test_own_themes_and_broken_ones() -> None:
    folder = Path.home() / ".config/workbench/themes"
    folder.mkdir(parents=True)
    (folder / "mine.toml").write_text('primary = "#123456"\n')
    (folder / "bad.toml").write_text('primary = "reddish"\n')
    assert "mine" in theme.names()
    assert theme.find("mine").primary == "#123456"
    with pytest.raises(Exception, match="no colour"):
        theme.find("bad")
    with pytest.raises(Exception, match="no theme"):
        theme.find("nope")
    assert theme.find("terminal").ansi


def test_copying_is_osc_52_and_tmux_passes_it_on() -> None:
    data = base64.b64encode("Grüße".encode()).decode()
    assert clipboard.sequence("Grüße", {}) == f"\x1b]52;c;{data}\x07"
    assert clipboard.sequence("x", {"TMUX": "1"}).startswith("\x1bPtmux;\x1b\x1b]52;c;")
    assert clipboard.sequence("x", {"STY": "1"}).startswith("\x1bP\x1b]52;c;")
    assert clipboard.fits("x" * clipboard.LIMIT)
    assert not clipboard.fits("ü" * clipboard.LIMIT)


@given(st.text(max_size=60))
def test_the_filter_lets_no_control_code_through(text: str) -> None:
    made = SafeFilter().apply([Segment("ok "), Segment(text)], Color(0, 0, 0))
    for segment in made:
        assert safe.line(segment.text) == segment.text


def test_the_filter_passes_the_common_line_on() -> None:
    segments = [Segment("plain"), Segment("한글 🦙")]
    assert SafeFilter().apply(segments, Color(0, 0, 0)) is segments


@given(st.floats(0, 1), st.integers(1, 20))
def test_a_bar_is_as_wide_as_asked(share: float, cells: int) -> None:
    assert cell_len(bar(share, cells)) == cells


class Host(App[None]):
    def compose(self) -> ComposeResult:
        yield Gauges()


H100 = Gpu("H100", 61.0, 48 * 2**30, 80 * 2**30, 71.0)


@pytest.mark.parametrize("width", [120, 80, 60, 40])
async def test_the_gauges_fit_their_row(width: int) -> None:
    async with Host().run_test(size=(width, 5)) as pilot:
        gauges = pilot.app.query_one(Gauges)
        gauges.hints = (("F5", "run"), ("?", "help"))
        gauges.speed = 82
        gauges.show(Snapshot((H100, H100, H100), 5 * 2**30, 24 * 2**30, 43.0))
        await pilot.pause()
        text = gauges.render_line(0).text
        assert cell_len(text) == width
        assert "GPU0" in text
        if width >= 120:
            assert "82 tok/s" in text
        if width == 40:
            assert "+2" in text


async def test_no_gpu_is_no_gauge_and_what_did_not_change_is_not_painted(monkeypatch: pytest.MonkeyPatch) -> None:
    async with Host().run_test(size=(120, 5)) as pilot:
        gauges = pilot.app.query_one(Gauges)
        reading = Snapshot((), 5 * 2**30, 24 * 2**30, 43.0)
        gauges.show(reading)
        await pilot.pause()
        assert "GPU" not in gauges.render_line(0).text
        painted: list[object] = []
        monkeypatch.setattr(gauges, "refresh", lambda *regions, **k: painted.append(regions))
        gauges.show(reading)
        assert painted == []
        gauges.show(Snapshot((), 5 * 2**30, 24 * 2**30, 44.0))
        assert len(painted) == 1
        assert painted[0] != ()
