"""Association on its screen: measured, changed, kept, by keyboard, at both sizes, with a figure beside every shade."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from rich.cells import cell_len

from tests.tui.driving import Driver, opened
from workbench import safe
from workbench.errors import EngineError
from workbench.inference.double import DoubleEngine
from workbench.inference.engine import TokenLogprob
from workbench.insight.association import Association, Measured, Word
from workbench.library.versions import Versions
from workbench.tui import association_text as said
from workbench.tui.association_text import chance
from workbench.tui.screens.association import AssociationScreen
from workbench.tui.screens.library import LibraryScreen

STAR = """schema = 1
kind = "association"
title = "Star"
text = "A {{phrase}} is a"
words = ["sun", "actor", "Milky Way"]  # mine

[variables.phrase]
default = "star"

[[contexts]]
name = "alone"
text = "star"

[[contexts]]
name = "galaxy"
text = "star of a galaxy"
"""


class Sky(DoubleEngine):
    """In a galaxy the sun is 30 times likelier and an actor 10 times less."""

    asked = 0

    async def score(self, prompt: str, continuation: str, *, top: int = 0) -> tuple[TokenLogprob, ...]:
        type(self).asked += 1
        pieces = [f" {word}" for word in continuation.split()]
        change = {" sun": math.log(30), " actor": -math.log(10)}
        made = [-5.0 + (change.get(piece, 0.0) if "galaxy" in prompt else 0.0) for piece in pieces]
        return tuple(TokenLogprob(at, piece, logp) for at, (piece, logp) in enumerate(zip(pieces, made, strict=True)))


def library(tmp_path: Path, text: str = STAR) -> Path:
    file = tmp_path / "prompts" / "association" / "star.toml"
    file.parent.mkdir(parents=True)
    file.write_text(text)
    return file.parent.parent


async def shown(app: Driver) -> AssociationScreen:
    await app.press("escape", "A")
    await app.until(lambda: isinstance(app.app.screen, AssociationScreen), "the screen")
    found = app.app.screen
    assert isinstance(found, AssociationScreen)
    await app.until(lambda: done(found), "measured")
    return found


def done(screen: AssociationScreen) -> bool:
    return not screen._state and len(screen.found.contexts) == len(screen.sheet.names)


def cells(screen: AssociationScreen, row: int) -> list[str]:
    return [text.strip() for text, _ in screen._row(row)[1]]


def lines(screen: AssociationScreen) -> str:
    return "\n".join([*screen.left.plain, *screen.right.plain])


@pytest.mark.parametrize("size", [(120, 40), (80, 24)])
async def test_words_by_contexts_with_their_figures(tmp_path: Path, size: tuple[int, int]) -> None:
    async with opened(Sky, size=size, library=library(tmp_path)) as app:
        screen = await shown(app)
        assert cells(screen, 0) == ["0.67 %", "× 30 █"]
        assert cells(screen, 1) == ["0.67 %", "÷ 10 ▓"]
        assert [kind for _, kind in screen._row(0)[1]] == ["dim", "hot4"]
        assert screen._row(1)[1][1][1] == "cold3"
        await app.press("right")
        text = " ".join(lines(screen).split())
        assert "galaxy makes ‘sun’ 30 × likelier and ‘actor’ 10 × less" in text
        assert "30 × likelier than in ‘alone’" in text
        assert "Jensen–Shannon distance" in text
        assert "next after ‘galaxy’" in text
        assert "A star of a galaxy is a" in screen.middle.plain
        await app.press("down", "down")
        assert "␣Milky 0.67 % · ␣Way 0.67 %" in lines(screen)
        for figure in ("0.67 % ░", "−5.00 ░", "−5.00 ░", "0.67 %"):
            await app.press("v")
            assert cells(screen, 1)[0] == figure
        await app.press("b")  # the galaxy is the baseline now
        await app.until(lambda: cells(screen, 0)[0] == "÷ 30 █", "the other way round")
        assert "alone makes ‘actor’ 10 × likelier and ‘sun’ 30 × less" in " ".join(lines(screen).split())
        await app.press("p")
        await app.until(lambda: any("◇ galaxy" in line or "galaxy ◇" in line for line in screen.plane.plain), "plane")
        assert any("of the changes" in line for line in screen.plane.plain)
        await app.press("escape")
        assert app.has_focus(screen.table)
        await app.press("tab")
        assert app.has_focus(screen.left)
        await app.press("escape", "escape")
        await app.until(lambda: app.on_top(app.screen), "back in the lanes")


async def test_typed_words_are_measured_and_only_they(tmp_path: Path) -> None:
    async with opened(Sky, library=library(tmp_path)) as app:
        screen = await shown(app)
        before = Sky.asked
        await app.press("w")
        await app.type("red moon\n")
        await app.until(lambda: len(screen.sheet.words) == 4 and done(screen), "one more word")
        assert Sky.asked == before + 2
        assert screen.table.here == 3
        await app.press("c")
        await app.until(lambda: app.app.screen is not screen, "the question")
        await app.press(*"sea", "space", "equals_sign", "space", *"seastar", "enter")
        await app.until(lambda: screen.sheet.names == ["alone", "galaxy", "sea"] and done(screen), "one more context")
        assert Sky.asked == before + 6
        assert screen.table.column == 2
        assert "not saved" in screen.head.plain
        await app.press("x", "X")
        await app.until(lambda: screen.sheet.names == ["alone", "galaxy"] and done(screen), "taken away")
        assert screen.sheet.words == ("sun", "actor", "Milky Way")
        await app.press("u", "u")
        await app.until(lambda: len(screen.sheet.words) == 4 and done(screen), "brought back")
        assert Sky.asked == before + 6  # for nothing
        await app.press("escape")
        await app.until(lambda: app.on_top(app.screen), "back in the lanes")
        again = await shown(app)
        assert again.sheet.names == ["alone", "galaxy", "sea"]
        assert Sky.asked == before + 6


async def test_saved_into_the_file_only_the_changed_lines(tmp_path: Path) -> None:
    folder = library(tmp_path)
    file = folder / "association" / "star.toml"
    async with opened(Sky, library=folder) as app:
        screen = await shown(app)
        await app.press("w")
        await app.type("moon\n")
        await app.until(lambda: len(screen.sheet.words) == 4 and done(screen), "one more word")
        await app.press("s")
        await app.until(lambda: "saved association/star@" in app.notices, "saved")
        assert file.read_text() == STAR.replace('"Milky Way"]', '"Milky Way", "moon"]')
        assert not screen.sheet.changed
        await app.press("n")
        await app.until(lambda: app.app.screen is not screen, "the question")
        await app.press("enter")
        await app.until(lambda: "noted" in app.notices, "noted")
        log = Versions().log(folder, "association/star")
        assert [row.blob for row in log[:2]] == [log[0].blob] * 2
        assert "galaxy makes ‘sun’ 30 × likelier and ‘actor’ 10 × less (against alone" in log[0].note
        await app.press("w")
        await app.type("sea\n")
        await app.until(lambda: len(screen.sheet.words) == 5, "one more word")
        file.write_text(STAR + "# theirs\n")
        await app.press("s")
        await app.until(lambda: "changed on disk" in app.notices, "told")
        assert file.read_text() == STAR + "# theirs\n"
        await app.press("S")
        await app.until(lambda: app.app.screen is not screen, "the question")
        await app.press("enter")
        await app.until(lambda: "made " in app.notices, "a new one")
        made = (folder / "association" / "star-2.toml").read_text()
        assert '"sea"' in made
        assert "star of a galaxy" in made
        assert not screen.sheet.changed


async def test_from_the_library_and_its_note_seen_there(tmp_path: Path) -> None:
    async with opened(Sky, library=library(tmp_path)) as app:
        await app.press("f2")
        await app.until(lambda: isinstance(app.app.screen, LibraryScreen), "the library")
        shelf = app.app.screen
        assert isinstance(shelf, LibraryScreen)
        await app.until(lambda: shelf.found, "cards")
        at = next(place for place, card in enumerate(shelf.found) if card.id == "association/star")
        shelf.cards.focus()
        shelf.cards.go(at)
        await app.until(lambda: shelf.file.working and shelf.file.working.id == "association/star", "its text")
        await app.press("A")
        await app.until(lambda: isinstance(app.app.screen, AssociationScreen), "the screen")
        screen = app.app.screen
        assert isinstance(screen, AssociationScreen)
        await app.until(lambda: done(screen), "measured")
        await app.press("n")
        await app.until(lambda: app.app.screen is not screen, "the question")
        await app.press("end", *"mine", "enter")
        await app.until(lambda: "noted" in app.notices, "noted")
        await app.press("escape")
        await app.until(lambda: app.on_top(shelf), "the library")
        shelf.cards.focus()
        await app.press("v")
        await app.until(lambda: "10 × less" in getattr(getattr(app.app.screen, "pane", None), "shown", ""), "the note")
        await app.press("escape")
        await app.until(lambda: app.on_top(shelf), "the library")
        shelf.cards.go(next(place for place, card in enumerate(shelf.found) if card.kind == "system"))
        await app.until(lambda: shelf.file.working and shelf.file.working.id != "association/star", "another")
        await app.press("A")
        await app.until(lambda: "is no association template" in app.notices, "told")


class Plain(Sky):
    """A server with no more than the next tokens."""

    async def score(self, prompt: str, continuation: str, *, top: int = 0) -> tuple[TokenLogprob, ...]:
        raise EngineError(
            "the server offers no log-probabilities of given text", where="host", hint="llama-server does"
        )


async def test_what_a_server_does_not_offer_is_said(tmp_path: Path) -> None:
    async with opened(Plain, size=(80, 24), library=library(tmp_path)) as app:
        await app.press("escape", "A")
        await app.until(lambda: "offers no log-probabilities" in app.notices, "told")
        screen = app.app.screen
        assert isinstance(screen, AssociationScreen)
        assert "offers no log-probabilities" in screen.middle.plain
        assert "next after ‘alone’" in lines(screen)
        assert cells(screen, 0) == ["…", "…"]
        for _ in range(3):
            await app.press("x")
        await app.until(lambda: done(screen), "next tokens alone")
        assert "next after ‘alone’" in lines(screen)


def test_cells_have_a_figure_and_a_letter() -> None:
    base = Word("x", math.log(0.01), 2)
    assert said.cell(None, base, "change", base=False) == ("…", "dim")
    assert said.cell(base, None, "change", base=False) == ("…", "dim")
    assert said.cell(base, base, "change", base=False) == ("× 1.0  ", "dim")
    assert said.cell(Word("x", math.log(0.02), 1), base, "change", base=False) == ("× 2.0 ░", "hot1")
    assert said.cell(Word("x", math.log(0.002), 1), base, "change", base=False) == ("÷ 5.0 ▒", "cold2")
    assert said.cell(base, base, "p", base=False) == ("1.0 % ▒", "hot2")
    assert said.cell(base, base, "per token", base=True) == ("−2.30 ▓", "hot3")


def test_lines_are_safe_and_fit() -> None:
    def at(name: str) -> Measured:
        token = TokenLogprob(1, "\x1b[31m별\n", -1.0)
        return Measured(name, "", (token,), (Word("\x1bx", -2.0, 1),), {1: 0.4})

    found = Association((at("\x1bone"), at("two")), ((0.0, 0.5), (0.5, 0.0)))
    made = said.joined(
        [
            said.next_lines(found.contexts[1], found.contexts[0]),
            said.distance_lines(found, 0, 40),
            said.contrast_lines(found, 0, 40),
        ]
    )
    plain = ["".join(part for part, _ in line) for line in made]
    text = "\n".join(plain)
    assert all(cell_len(safe.line(line)) <= 60 for line in plain)
    assert all(cell_len(safe.line(line)) <= 40 for line in plain[plain.index("") + 2 :])
    assert "0.50" in text
    assert "no more are told" in text
    assert "two changes none of them much" in text


def test_a_probability_as_a_person_reads_it() -> None:
    assert [chance(p) for p in (0.5, 0.014, 0.0067, 0.0003, 0.00003, 6e-12)] == [
        *("50 %", "1.4 %", "0.67 %", "0.03 %"),
        *("3e-5", "6e-12"),
    ]
