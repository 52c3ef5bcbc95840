"""The arena by keyboard: nothing tells who wrote what before the vote; votes, undo, tags, categories, the ranking."""

from __future__ import annotations

import html
import re
from pathlib import Path
from typing import Any

import pytest

from tests.history.made import add
from tests.tui.driving import Driver, opened
from workbench import paths
from workbench.history import votes
from workbench.history.store import Store
from workbench.history.votes import Ballot, ballots
from workbench.inference.double import DoubleEngine
from workbench.inference.engine import Generate
from workbench.tui.screens.arena import ArenaScreen
from workbench.tui.screens.ask import AskScreen
from workbench.tui.screens.choice import ChoiceScreen
from workbench.tui.screens.history import HistoryScreen
from workbench.tui.screens.ranking import RankingScreen

SIZES = [(120, 40), (80, 24), (60, 20)]
PROMPTS = ("plain", "brief", "steps")
TELLING = re.compile(
    r"system/|plain|brief|steps|SmolLM|gemma|temperature|\btok\b|tok/s|first|\d s\b|characters|run\d|aaaa"
)


def rendered(app: Driver) -> str:
    """All that is on the terminal."""
    svg = app.app.export_screenshot(title="")
    return html.unescape(" ".join(re.findall(r"<text[^>]*>([^<]*)</text>", svg))).replace("\xa0", " ")


def trial(prompt: str, message: str, text: str, **more: Any) -> dict[str, Any]:
    said = [{"role": "user", "content": message}]
    model = {"model": "gemma-3 Q4_K_M", "version": "abcdef01" * 8, "sampling": {"temperature": 0.3}}
    return {"prompt": f"system/{prompt}", "messages": said, "text": text, **model, **more}


@pytest.fixture
def history() -> Path:
    """A run of three variants on four messages; each answer says its place, not its prompt."""
    path = paths.ensure(paths.data_dir()) / "history.db"
    store = Store(path)
    rows = [trial(prompt, f"message {n}", f"answer {at} of {n}") for n in range(4) for at, prompt in enumerate(PROMPTS)]
    add(store, "aaaa", *rows, kind="experiment")
    store.close()
    return path


def on_disk(path: Path) -> list[Ballot]:
    store = Store(path)
    try:
        return ballots(store)
    finally:
        store.close()


def frames(screen: ArenaScreen) -> str:
    """What stands around the answers."""
    return " ".join(side.head.plain + side.foot.plain + side.item.text for side in screen.sides)


async def at_arena(app: Driver, *keys: str) -> ArenaScreen:
    await app.press(*(keys or ("escape", "V")))
    await app.until(lambda: isinstance(app.app.screen, ArenaScreen), "the arena")
    screen = app.app.screen
    assert isinstance(screen, ArenaScreen)
    await idle(app, screen)
    return screen


async def idle(app: Driver, screen: ArenaScreen) -> None:
    await app.until(lambda: not screen._busy, "at rest")
    await app.pilot.pause()


async def whole_history(app: Driver) -> ArenaScreen:
    screen = await at_arena(app)
    await app.press("a")
    await app.until(lambda: screen.pair is not None, "a pair")
    await idle(app, screen)
    return screen


async def press(app: Driver, screen: ArenaScreen, key: str) -> None:
    await app.press(key)
    await idle(app, screen)


async def test_a_long_name_stands_whole() -> None:
    store = Store(paths.ensure(paths.data_dir()) / "history.db")
    sampling = {"temperature": 0.3, "top_k": 9, "min_p": 0.25, "repeat_penalty": 1.3, "stop": ["###", "END"]}
    more = {"profile": "teacher@0123abcd", "sampling": sampling}
    add(store, "aaaa", *(trial(prompt, "hi", "yes", **more) for prompt in PROMPTS[:2]))
    store.close()
    async with opened(size=(80, 24)) as app:
        screen = await whole_history(app)
        await press(app, screen, "t")
        seen = rendered(app)
        for part in ("system/plain@abcdef01", "teacher@0123abcd", "top_k=9", "repeat_penalty=1.3", "END"):
            assert part in seen


@pytest.mark.parametrize("size", SIZES)
async def test_nothing_tells_who_wrote_what_before_the_vote(history: Path, size: tuple[int, int]) -> None:
    async with opened(size=size) as app:
        screen = await whole_history(app)
        for key in ("left", "right", "t", "b", "left"):
            pair = screen.pair
            assert pair is not None
            seen = rendered(app)
            assert pair.left.text in seen
            assert pair.right.text in seen
            assert pair.left.message in seen
            assert not TELLING.findall(seen), seen
            assert on_disk(history)[-1].open  # drawn, written, then shown
            await press(app, screen, key)
            verdict = {"t": "tie", "b": "bad"}.get(key, key)
            assert on_disk(history)[-1].verdict == verdict
            seen = " ".join(rendered(app).split())
            for entry in (pair.left, pair.right):
                for part in entry.item.split(" · "):
                    assert part in seen
            assert "3 tok" in seen
            assert "any other key" in seen
            await press(app, screen, "enter")
            assert screen.ballot is None
        assert len({told.id for told in on_disk(history)}) == 6


async def test_the_pair_is_as_it_was_drawn_and_below_each_other_where_it_is_narrow(history: Path) -> None:
    async with opened(size=(70, 24)) as app:
        screen = await whole_history(app)
        assert screen.pair is not None
        (told,) = on_disk(history)
        assert [side.pane.text for side in screen.sides] == [screen.pair.left.text, screen.pair.right.text]
        assert (told.left_trial, told.right_trial) == (screen.pair.left.trial, screen.pair.right.trial)
        left, right = (side.region for side in screen.sides)
        assert left.x == right.x
        assert left.bottom == right.y
        assert "right, below" in rendered(app)
        await app.press("escape")
        await app.until(lambda: app.on_top(app.screen), "left")
        again = await whole_history(app)
        assert again.pair is not None
        assert again.pair.ballot.id == told.id
        assert len(on_disk(history)) == 1


async def test_a_second_press_is_no_vote_on_a_pair_that_was_not_seen(history: Path) -> None:
    async with opened() as app:
        screen = await whole_history(app)
        await app.press("left", "left", "left")
        await idle(app, screen)
        told = on_disk(history)
        # the first votes; what comes while it is written is lost, or goes on; none votes on what was not in sight
        assert told[0].verdict == "left"
        assert sum(each.counts for each in told) <= 2
        await press(app, screen, "right") if screen.ballot is None else None
        before = sum(each.counts for each in on_disk(history))
        await press(app, screen, "1")
        assert screen.ballot is None
        assert sum(each.counts for each in on_disk(history)) == before


async def test_undo_withdraws_and_skip_may_be_taken_back(history: Path) -> None:
    async with opened() as app:
        screen = await whole_history(app)
        first = screen.pair
        assert first is not None
        await press(app, screen, "u")
        assert "nothing to take back" in app.notices
        await press(app, screen, "left")
        await press(app, screen, "u")
        assert on_disk(history)[0].verdict == "withdrawn"
        assert "withdrawn" in app.notices
        second = screen.pair
        assert second is not None
        assert second.ballot.id != first.ballot.id
        assert not TELLING.findall(
            " ".join(side.head.plain + side.foot.plain + side.item.text for side in screen.sides)
        )
        await press(app, screen, "s")
        third = screen.pair
        assert third is not None
        assert screen.ballot is None  # no names after a skip
        await press(app, screen, "u")
        assert screen.pair is not None
        assert screen.pair.ballot.id == second.ballot.id
        await press(app, screen, "2")
        await press(app, screen, "space")
        assert screen.pair.ballot.id == third.ballot.id
        await press(app, screen, "u")  # the last vote, while the next pair is shown, which stays
        assert screen.pair.ballot.id == third.ballot.id
        assert [told.verdict for told in on_disk(history)] == ["withdrawn", "withdrawn", ""]


async def test_tags_categories_and_the_ranking(history: Path) -> None:
    async with opened() as app:
        screen = await whole_history(app)
        await app.press("c")
        await app.pilot.pause()
        assert "no case has a tag yet" in app.notices
        await app.press("e")
        await app.until(lambda: isinstance(app.app.screen, AskScreen), "asked")
        await app.type("Coding")
        await app.press("enter")
        await app.until(lambda: screen.tags == ("coding",), "taken")
        assert "#coding" in rendered(app)
        assert screen.pair is not None
        case = screen.pair.ballot.case
        await press(app, screen, "left")
        assert on_disk(history)[0].tags == ("coding",)
        await press(app, screen, "x")
        await app.press("c")
        await app.until(lambda: isinstance(app.app.screen, ChoiceScreen), "categories")
        await app.press("down", "enter")
        await app.until(lambda: app.on_top(screen) and screen.sitting and screen.sitting.tag == "coding", "chosen")
        await app.until(lambda: screen.pair is not None and screen.pair.ballot.case == case, "its cases only")
        await idle(app, screen)
        await app.press("r")
        await app.until(lambda: isinstance(app.app.screen, RankingScreen), "the ranking")
        ranking = app.app.screen
        assert isinstance(ranking, RankingScreen)
        await app.until(lambda: ranking.ranking.rows, "counted")
        await app.pilot.pause()
        seen = rendered(app)
        assert "only coding" in seen
        assert seen.count("too few votes") >= 2
        assert "1 votes: 1 won, 0 lost, 0 ties, 0 both bad" in ranking.pane.text
        await app.press("s")
        await app.until(lambda: ranking.ranking.effects, "style taken out")
        assert "length" in ranking.pane.text
        await app.press("escape")
        await app.until(lambda: app.on_top(screen), "back to the pair")


async def test_votes_leave_and_come_in_from_the_ranking(history: Path, tmp_path: Path) -> None:
    file, out = tmp_path / "in.csv", tmp_path / "out.csv"
    file.write_text("left,right,winner,tags\n" + "new,old,left,x\n" * 30)
    async with opened() as app:
        await at_arena(app)
        await app.press("r")
        await app.until(lambda: isinstance(app.app.screen, RankingScreen), "the ranking")
        ranking = app.app.screen
        assert isinstance(ranking, RankingScreen)
        await app.until(lambda: "No votes yet" in ranking.pane.text, "says what to do")
        for key, path, said in (
            ("i", file, "30 votes added"),
            ("x", out, "30 votes in"),
            ("x", out, "changed on disk"),
        ):
            await app.press(key)
            await app.until(lambda: isinstance(app.app.screen, AskScreen), "asked")
            asked = app.app.screen
            asked.query_one("Input").value = str(path)  # type: ignore[attr-defined]  # as a paste does
            await app.press("enter")
            await app.until(lambda said=said: said in app.notices, said)  # type: ignore[misc]  # bound now
        await app.until(lambda: [row.item for row in ranking.ranking.rows] == ["new", "old"], "ranked")
        assert len(out.read_text().splitlines()) == 31


async def test_the_lanes_answers_are_voted_on() -> None:
    def answer(request: Generate) -> str:
        return f"I was told {len(request.messages[0].content)} letters"

    async with opened(lambda path: DoubleEngine(path, answer=answer)) as app:
        screen = await at_arena(app)
        assert "There are no answers here yet" in rendered(app)
        await app.press("escape")
        await app.until(lambda: app.on_top(app.screen), "back")
        await app.press("i")
        await app.run()
        screen = await at_arena(app)
        assert screen.pair is not None
        assert {side.pane.text for side in screen.sides} == {lane.text for lane in app.lanes}
        assert screen.message.text == "What is 17 + 25?"
        assert not TELLING.findall(rendered(app))
        await press(app, screen, "t")
        store = app.app.session.store if app.app.session else None
        assert store is not None
        (told,) = ballots(store)
        items = {told.left.split("@")[0], told.right.split("@")[0]}
        assert items == {"system/plain", "system/step-by-step"}
        assert {told.left_trial, told.right_trial} == {lane.turns[-1].trial for lane in app.lanes}
        await press(app, screen, "enter")
        assert "Every two answers here have met" in rendered(app)


async def test_a_run_of_the_history_is_voted_on(history: Path) -> None:
    async with opened() as app:
        await app.press("escape", "f4")
        await app.until(lambda: isinstance(app.app.screen, HistoryScreen) and app.app.screen.run, "the history")
        screen = await at_arena(app, "V")
        await app.until(lambda: screen.pair is not None, "a pair")
        assert not re.search("plain|brief|steps", rendered(app))


async def test_two_answers_that_are_the_same_are_said_and_text_is_harmless() -> None:
    store = Store(paths.ensure(paths.data_dir()) / "history.db")
    add(store, "aaaa", *(trial(prompt, "hi \x1b]0;x\x07", "\x1b[2J same") for prompt in PROMPTS[:2]))
    store.close()
    async with opened() as app:
        screen = await whole_history(app)
        seen = rendered(app)
        assert "the same, letter for letter" in seen
        assert "␛[2J same" in seen
        assert not set(seen) & set("\x1b\x07")
        await press(app, screen, "v")
        assert {side.pane.view for side in screen.sides} == {"markdown"}


async def test_both_scroll_together_and_each_alone() -> None:
    long = "\n".join(f"line {number}" for number in range(200))
    store = Store(paths.ensure(paths.data_dir()) / "history.db")
    add(store, "aaaa", *(trial(prompt, "hi", f"{prompt[0]} {long}") for prompt in PROMPTS[:2]))
    store.close()
    async with opened() as app:
        screen = await whole_history(app)

        def tops() -> list[int]:
            return [side.pane._top for side in screen.sides]

        await app.press("down", "j", "up")
        assert tops() == [1, 1]
        await app.press("tab", "down", "down")
        assert tops() == [3, 1]
        await app.press("tab", "G")
        assert tops()[0] == 3
        assert "line 199" in rendered(app)
        await app.press("tab", "tab", "g")
        assert tops() == [0, 0]


async def test_a_history_that_fails_casts_no_vote(history: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with opened() as app:
        screen = await whole_history(app)
        session = app.app.session
        assert session is not None
        pages = session.store.change(lambda db: db.execute("PRAGMA page_count").fetchone()[0]).result()
        session.store.change(lambda db: db.execute(f"PRAGMA max_page_count = {pages}")).result()
        screen.tags = ("x" * 100_000,)
        await press(app, screen, "left")
        assert "free some space" in app.notices
        assert screen.ballot is None
        assert not TELLING.findall(frames(screen))
        assert on_disk(history)[0].open
        screen.tags = ()
        await press(app, screen, "left")
        assert on_disk(history)[0].verdict == "left"


async def test_another_window_was_faster(history: Path) -> None:
    async with opened() as app:
        screen = await whole_history(app)
        assert screen.pair is not None
        shown = screen.pair.ballot
        store = Store(history)
        votes.cast(store, shown, "right")
        store.close()
        await press(app, screen, "left")
        assert "has a verdict already" in app.notices
        assert screen.ballot is None
        assert screen.pair is not None
        assert screen.pair.ballot.id != shown.id
        assert [told.verdict for told in on_disk(history)] == ["right", ""]
