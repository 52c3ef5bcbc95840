"""The answer pane: wrapping, following a stream, places kept, selection, search, and no layout pass for an append."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from textual.app import App, ComposeResult
from textual.geometry import Region
from textual.pilot import Pilot

from workbench import safe
from workbench.tui.widgets.answer import AnswerPane
from workbench.tui.widgets.wrap import wrap


@given(
    st.text(alphabet=st.characters(blacklist_characters="\n\r\t", blacklist_categories=["Cs", "Cc"])),
    st.integers(2, 40),
)
def test_lines_join_to_the_text_and_fit(text: str, columns: int) -> None:
    for words in (True, False):
        lines = [text[start:end] for start, end in wrap(text, columns, words=words)]
        assert "".join(lines) == text
        assert all(cell_len(line.rstrip(" ")) <= columns or len(line.strip()) == 1 for line in lines)


def test_words_stay_whole_where_they_fit() -> None:
    text = "one two three supercalifragilistic four"
    assert [text[a:b] for a, b in wrap(text, 10)] == ["one two ", "three ", "supercalif", "ragilistic ", "four"]
    text = "한국어 토큰"
    assert [text[a:b] for a, b in wrap(text, 7)] == ["한국어 ", "토큰"]


class Host(App[None]):
    def compose(self) -> ComposeResult:
        yield AnswerPane(id="pane")


def pane(pilot: Pilot[None]) -> AnswerPane:
    return pilot.app.query_one(AnswerPane)


def screen(answer: AnswerPane) -> list[str]:
    return [answer.render_line(y).text.rstrip(" │┃") for y in range(answer.size.height)]


async def test_a_stream_is_followed_and_jumps() -> None:
    async with Host().run_test(size=(40, 12)) as pilot:
        answer = pane(pilot)
        for number in range(30):
            answer.append(f"line {number}\n")
            await pilot.pause()
        shown = screen(answer)
        assert "line 29" in shown
        answer.finish()
        assert screen(answer)[-2] == "line 29"
        assert answer.scroll_fraction == 1.0


async def test_scrolling_up_stops_following_and_the_end_resumes_it() -> None:
    async with Host().run_test(size=(40, 10)) as pilot:
        answer = pane(pilot)
        answer.append("".join(f"line {n}\n" for n in range(40)))
        await pilot.pause()
        answer.focus()
        await pilot.press("g")
        assert screen(answer)[0] == "line 0"
        answer.append("more\n" * 5)
        await pilot.pause()
        assert screen(answer)[0] == "line 0"
        await pilot.press("G")
        answer.append("last\n" * 20)
        await pilot.pause()
        assert "last" in screen(answer)


async def test_an_append_costs_no_layout(monkeypatch: pytest.MonkeyPatch) -> None:
    async with Host().run_test(size=(40, 10)) as pilot:
        answer = pane(pilot)
        answer.append("first\n")
        await pilot.pause()
        layouts: list[bool] = []
        refresh = answer.refresh

        def watched(*regions: Region, layout: bool = False) -> None:
            layouts.append(layout)
            refresh(*regions, layout=layout)

        monkeypatch.setattr(answer, "refresh", watched)
        for _ in range(50):
            answer.append("word " * 10 + "\n")
            await pilot.pause()
        assert layouts
        assert not any(layouts)


async def test_the_text_is_kept_as_it_came_and_shown_safe() -> None:
    async with Host().run_test(size=(60, 10)) as pilot:
        answer = pane(pilot)
        parts = ["Hi \x1b]52;c;", "AAAA\x07", " \u202eevil\u202c \x9b2J", "\ttab"]
        for part in parts:
            answer.append(part)
        await pilot.pause()
        assert answer.text == "".join(parts)
        assert safe.is_safe(answer.shown)
        assert all(character.isprintable() for line in screen(answer) for character in line)


async def test_a_resize_wraps_again_and_keeps_the_place() -> None:
    async with Host().run_test(size=(40, 10)) as pilot:
        answer = pane(pilot)
        answer.set_text("\n".join(f"{number:03} " + "word " * 20 for number in range(60)))
        await pilot.pause()
        answer.find("030 ")
        before = screen(answer)[0][:3]
        await pilot.resize_terminal(70, 10)
        await pilot.pause()
        assert before == "030"
        assert "030" in screen(answer)[0]


async def test_a_hundred_thousand_characters() -> None:
    async with Host().run_test(size=(80, 24)) as pilot:
        answer = pane(pilot)
        answer.set_text("".join(f"paragraph {n}: " + "lorem ipsum " * 8 + "\n" for n in range(1000)))
        assert len(answer.text) > 100_000
        answer.focus()
        await pilot.press("G")
        assert any("paragraph 999" in line for line in screen(answer))
        await pilot.press("pageup", "pageup", "home")
        assert screen(answer)[0].startswith("paragraph 0")


async def test_views_and_markdown_only_when_it_has_ended() -> None:
    async with Host().run_test(size=(40, 10)) as pilot:
        answer = pane(pilot)
        answer.set_view("markdown")
        answer.append("# Title\n\n- [x](http://evil.example) **bold** \x1b[2J")
        await pilot.pause()
        assert screen(answer)[0] == "# Title"
        answer.finish()
        await pilot.pause()
        lines = screen(answer)
        assert not any("**" in line for line in lines)
        assert all(line.isprintable() for line in lines)
        answer.set_view("plain")
        assert screen(answer)[0] == "# Title"


async def test_spans_are_marked_and_a_search_goes_round() -> None:
    async with Host().run_test(size=(40, 6)) as pilot:
        answer = pane(pilot)
        answer.set_text("alpha beta\n" * 20 + "gamma\n" + "alpha\n" * 20)
        answer.set_spans([(0, 5, "added")])
        strip = answer.render_line(0)
        assert [segment.text for segment in strip if segment.text.strip(" │┃")] == ["alpha", " beta"]
        assert answer.find("GAMMA")
        assert screen(answer)[0] == "gamma"
        assert answer.find("gamma")
        assert not answer.find("nowhere")


async def test_what_is_selected_is_the_shown_text() -> None:
    from textual.geometry import Offset
    from textual.selection import Selection

    async with Host().run_test(size=(40, 6)) as pilot:
        answer = pane(pilot)
        answer.set_text("first line\nsecond line")
        found = answer.get_selection(Selection(Offset(6, 0), Offset(6, 1)))
        assert found is not None
        assert found[0] == "line\nsecond"
