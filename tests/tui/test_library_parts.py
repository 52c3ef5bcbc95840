"""What the library screen is made of: colours of TOML, the editor that changes nothing, diffs, the list."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from textual.app import App, ComposeResult

from workbench.tui.diffview import unified
from workbench.tui.highlight import spans, states
from workbench.tui.widgets.card_list import CardList, Row, marked
from workbench.tui.widgets.toml_editor import TomlEditor

LINES = st.lists(
    st.sampled_from(
        ["", "a", 'x = "1"', '"""', "'''", "한국어 글", "e\u2028f", "\t", "# c", "[t]", 'y = """z', '\\"""']
    ),
    max_size=12,
)


def kinds(text: str) -> list[tuple[str, str]]:
    """(what it is, its text) of each coloured span, line after line."""
    lines = text.split("\n")
    found = []
    for line, state in zip(lines, states(lines), strict=True):
        found += [(kind, line[first:last]) for first, last, kind in spans(line, state)[0]]
    return found


def test_toml_is_coloured_by_what_it_is() -> None:
    text = 'title = "a \\"b\\" {{x}}"  # why\n[[cases]]\nn = 1.5\non = true\n'
    text += 't = """\nTake {{ topic }} \\\\{{no}}\n[no]\n"""\n'
    assert kinds(text) == [
        ("key", "title"),
        ("string", '"a \\"b\\" {{x}}"'),
        ("escape", '\\"'),
        ("escape", '\\"'),
        ("slot", "{{x}}"),
        ("comment", "# why"),
        ("table", "[[cases]]"),
        ("key", "n"),
        ("number", "1.5"),
        ("key", "on"),
        ("bool", "true"),
        ("key", "t"),
        ("string", '"""'),
        ("string", ""),
        ("string", "Take {{ topic }} \\\\{{no}}"),
        ("slot", "{{ topic }}"),
        ("escape", "\\\\{{"),
        ("string", "[no]"),
        ("string", '"""'),
    ]


@given(LINES)
def test_any_lines_are_coloured_within_themselves(lines: list[str]) -> None:
    for line, state in zip(lines, states(lines), strict=True):
        for first, last, _ in spans(line, state)[0]:
            assert 0 <= first <= last <= len(line)


@given(LINES, LINES)
def test_a_diff_in_one_column_shows_what_came_and_went(left: list[str], right: list[str]) -> None:
    old, new = "\n".join(left), "\n".join(right)
    text, marks = unified(old, new)
    shown = text.split("\n")
    gone = [line[2:] for line in shown if line.startswith("- ")]
    came = [line[2:] for line in shown if line.startswith("+ ")]
    stayed = [line[2:] for line in shown if line.startswith("  ")]
    assert sorted(gone + stayed) <= sorted(old.split("\n")) or all(line in old.split("\n") for line in gone + stayed)
    assert all(line in new.split("\n") for line in came)
    assert all(0 <= first <= last <= len(text) for first, last, _ in marks)
    assert [first for first, _, _ in marks] == sorted(first for first, _, _ in marks)


class Host(App[None]):
    def __init__(self) -> None:
        super().__init__()
        self.editor = TomlEditor()
        self.list = CardList(self.paint)
        self.painted: list[int] = []

    def compose(self) -> ComposeResult:
        yield self.editor
        yield self.list

    def paint(self, index: int) -> Row:
        self.painted.append(index)
        return [(f"row {index} \x1b[2J", "")], [("label", "label")]


@pytest.mark.parametrize("text", ["", "a", "a\n", "\n\n", "a\u2028b\x85c\x0bd\x1ce\n한\tg", "x" * 30_000])
async def test_the_editor_gives_back_what_it_was_given(text: str) -> None:
    async with Host().run_test(size=(60, 20)) as pilot:
        editor = pilot.app.query_one(TomlEditor)
        editor.show(text)
        await pilot.pause()
        assert editor.text == text
        editor.focus()
        await pilot.press("z")
        assert editor.text == "z" + text
        await pilot.press("ctrl+z")
        assert editor.text == text


@settings(max_examples=40)
@given(LINES, LINES)
def test_a_text_put_is_one_step_back(left: list[str], right: list[str]) -> None:
    async def check() -> None:
        async with Host().run_test(size=(60, 20)) as pilot:
            editor = pilot.app.query_one(TomlEditor)
            old, new = "\n".join(left), "\n".join(right)
            editor.show(old)
            editor.put(new)
            assert editor.text == new
            if old != new:
                editor.undo()
                assert editor.text == old

    asyncio.run(check())


async def test_a_list_of_any_length_makes_the_rows_on_screen() -> None:
    async with Host().run_test(size=(40, 20)) as pilot:
        host = pilot.app
        assert isinstance(host, Host)
        host.list.show(1_000_000)
        host.list.focus()
        await pilot.pause()
        host.painted.clear()
        await pilot.press("end")
        await pilot.pause()
        assert host.list.here == 999_999
        assert len(set(host.painted)) <= 20
        assert max(host.painted) == 999_999
        await pilot.press("up", "pageup", "home", "down")
        assert host.list.here == 1
        line = host.list.render_line(0).text
        assert "row 0 ␛[2J" in line
        assert line.rstrip("┃│ ").endswith("label")
        host.list.show(0)
        assert host.list.here == -1
        await pilot.press("down", "enter")


def test_matches_are_marked_letter_by_letter() -> None:
    assert marked("abcd", [1, 2]) == [("a", ""), ("bc", "match"), ("d", "")]
    assert marked("abcd", [0, 3, 9], "dim") == [("a", "match"), ("bc", "dim"), ("d", "match")]
    assert marked("", []) == []
