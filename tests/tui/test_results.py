"""The results screen: the matrix, its order and filters, down to the trials, charts, against an earlier run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from textual.widgets import Input, OptionList

from tests.experiments.results.made import EVIL, check, keep, trial
from tests.tui.driving import Driver, opened
from workbench import paths
from workbench.history.store import Store
from workbench.tui.screens.arena import ArenaScreen
from workbench.tui.screens.choice import ChoiceScreen
from workbench.tui.screens.diff import DiffScreen
from workbench.tui.screens.history import HistoryScreen
from workbench.tui.screens.results import ResultsScreen
from workbench.tui.screens.results_against import AgainstScreen
from workbench.tui.screens.results_charts import ChartsScreen
from workbench.tui.screens.results_trial import TrialScreen

SIZES = [(120, 40), (80, 24), (60, 20)]
PROMPTS = {"A": "system/plain", "B": "system/step-by-step"}


def pairs(scores: dict[str, tuple[list[float], list[float]]]) -> list[dict[str, Any]]:
    """Case → scores of A's repeats and of B's, as trials in plan order."""
    return [
        trial(label, case, score, repeat=repeat, prompt=PROMPTS[label], text=f"{label}{repeat} on {case}")
        for case, both in scores.items()
        for label, values in zip("AB", both, strict=True)
        for repeat, score in enumerate(values)
    ]


NOW = {
    "sum": ([1.0, 1.0], [0.0, 1.0]),
    "product": ([0.0, 0.0], [1.0, 1.0]),
    "greeting": ([1.0, 1.0], [1.0, 1.0]),
}


@pytest.fixture
def store() -> Iterator[Store]:
    """The history that the app will open."""
    with closing(Store(paths.ensure(paths.data_dir()) / "history.db")) as store:
        yield store


async def at_results(app: Driver, run: str = "now") -> ResultsScreen:
    """The screen, on this run, with what it has read."""
    assert app.app.session is not None
    screen = ResultsScreen(app.app.session, run)
    app.app.push_screen(screen)
    await app.until(lambda: app.on_top(screen), "the results")
    await app.until(lambda: screen.foot.plain and (screen.rows or screen.pane.text), "its rows")
    await app.until(lambda: len(lines(screen)) > 2 or screen.has_class("-empty"), "laid out")
    return screen


def lines(screen: ResultsScreen) -> list[str]:
    """The matrix as it reads."""
    height = screen.matrix.size.height
    found = ["".join(segment.text for segment in strip) for strip in map(screen.matrix.render_line, range(height))]
    return [line.rstrip(" │┃") for line in found if line.strip(" │┃")]


def cells(screen: ResultsScreen) -> list[list[str]]:
    """The rows' cells, without the head."""
    return [[screen.row(index)[0], *(text for text, _ in screen.row(index)[1])] for index in range(len(screen.rows))]


def names(screen: ResultsScreen) -> list[str]:
    return [row[0] for row in cells(screen)]


def _reads(screen: ResultsScreen, wanted: list[str]) -> bool:
    return names(screen) == wanted


def _differs(screen: ResultsScreen, sort: str, backwards: bool) -> bool:
    return (screen.sort, screen.backwards) != (sort, backwards)


def _shows(app: Driver, kind: type) -> bool:
    return isinstance(app.app.screen, kind)


@pytest.mark.parametrize("size", SIZES)
async def test_from_the_history_to_the_matrix_to_a_trial(store: Store, size: tuple[int, int]) -> None:
    keep(store, "now", pairs(NOW), title="Wording", stopped="done")
    async with opened(size=size) as app:
        await app.press("escape", "f4")
        await app.until(lambda: isinstance(app.app.screen, HistoryScreen) and app.app.screen.run)
        await app.press("m")
        await app.until(lambda: isinstance(app.app.screen, ResultsScreen) and app.app.screen.rows)
        screen = app.app.screen
        assert isinstance(screen, ResultsScreen)
        assert "Wording" in screen.head.plain
        assert "3 cases × 2 variants" in screen.head.plain
        assert "done · 12 trials" in screen.head.plain
        shown = lines(screen)
        assert shown[0].split() == ["case", "A", "plain", "B", "step-by-step", "B", "−", "A"]
        assert "67 % (" in shown[1]
        assert "83 % (" in shown[1]
        assert [line.split() for line in shown[2:]] == [
            ["sum", "✓", "2/2", "◐", "1/2", "-50"],
            ["product", "✗", "0/2", "✓", "2/2", "+100"],
            ["greeting", "✓", "2/2", "✓", "2/2", "0"],
        ]
        await app.press("down", "right", "right", "down", "down", "up")
        assert (screen.case_name, screen.label) == ("product", "B")
        await app.press("enter")
        await app.until(lambda: isinstance(app.app.screen, TrialScreen) and app.app.screen.trial)
        below = app.app.screen
        assert isinstance(below, TrialScreen)
        assert "product" in below.head.plain
        assert "B 1" in below.head.plain
        assert "4 trials · case 2 of 3" in below.head.plain
        assert "✓ contains       1.00  it does" in below.pane.text
        assert "B0 on product" in below.pane.text
        await app.press("escape")
        await app.until(lambda: app.on_top(screen))
        await app.press("escape")
        await app.until(lambda: isinstance(app.app.screen, HistoryScreen))


async def test_siblings_cases_and_differences(store: Store) -> None:
    keep(store, "now", pairs(NOW), title="Wording", stopped="done")
    async with opened() as app:
        screen = await at_results(app)
        await app.press("right", "enter")
        await app.until(lambda: isinstance(app.app.screen, TrialScreen) and app.app.screen.trial)
        below = app.app.screen
        assert isinstance(below, TrialScreen)
        assert "B0 on sum" in below.pane.text  # the one that failed
        await app.press("right_square_bracket")
        assert "B1 on sum" in below.pane.text
        await app.press("left_square_bracket", "left_square_bracket")
        assert "A1 on sum" in below.pane.text
        await app.press("d")
        await app.until(lambda: isinstance(app.app.screen, DiffScreen))
        diff = app.app.screen
        assert isinstance(diff, DiffScreen)
        # itself, the same repeat of the other variant, then what is left
        assert [text for _, _, text in diff._sides] == ["A1 on sum", "B1 on sum", "B0 on sum", "A0 on sum"]
        await app.press("escape")
        await app.until(lambda: app.on_top(below))
        await app.press("n")
        await app.until(lambda: "on product" in below.pane.text)
        await app.press("n", "n")
        await app.until(lambda: "on greeting" in below.pane.text)
        await app.press("p")
        await app.until(lambda: "on product" in below.pane.text)
        await app.press("enter")
        assert app.has_focus(below.pane)
        await app.press("y")
        await app.until(lambda: "copied" in app.notices)
        await app.press("escape", "escape")
        await app.until(lambda: app.on_top(screen))
        assert (screen.case_name, screen.label) == ("product", "A")
        await app.press("d")
        await app.until(lambda: isinstance(app.app.screen, DiffScreen))
        await app.press("escape")
        await app.until(lambda: app.on_top(screen))
        await app.press("V")
        await app.until(lambda: isinstance(app.app.screen, ArenaScreen) and app.app.screen.pair)


async def test_the_trial_under_the_matrix_follows(store: Store) -> None:
    keep(store, "now", pairs(NOW), stopped="done")
    async with opened() as app:
        screen = await at_results(app)
        await app.until(lambda: "A0 on sum" in screen.pane.text)
        await app.press("right")
        await app.until(lambda: "sum · B · repeat 1 of 2" in screen.pane.text)  # the one that failed
        assert "✗ failed" in screen.pane.text
        await app.press("end")
        await app.until(lambda: "B0 on greeting" in screen.pane.text)


async def test_order(store: Store) -> None:
    keep(store, "now", pairs(NOW), stopped="done")
    async with opened() as app:
        screen = await at_results(app)
        await app.press("down", "right")
        for order, key in (
            (["greeting", "product", "sum"], "s"),  # by name
            (["product", "sum", "greeting"], "s"),  # by score, the worst first
            (["product", "sum", "greeting"], "s"),  # by difference
            (["sum", "product", "greeting"], "s"),  # the plan's
            (["sum", "product", "greeting"], "S"),  # by B's score
            (["greeting", "product", "sum"], "r"),
        ):
            sort, backwards = screen.sort, screen.backwards
            await app.press(key)
            await app.until(partial(_differs, screen, sort, backwards))
            await app.until(partial(_reads, screen, order), f"{order} after {key}: {names(screen)}")
            assert screen.case_name == "product"  # one stays where one was
        assert "by the score of B, the worst first, turned round" in screen.head.plain


async def test_filters_and_words(store: Store) -> None:
    found = pairs(NOW)
    found[-1].update(finish="error", error="no memory", checks=[])
    found[3].update(finish="running", checks=[])
    keep(store, "now", found, title="Wording", total=20)
    async with opened() as app:
        screen = await at_results(app)
        assert cells(screen)[0] == ["sum", "✓ 2/2", "✗ 0.00 …1"]
        assert cells(screen)[2] == ["greeting", "✓ 2/2", "✓ 1.00 !1"]
        assert "goes on · 12 of 20 trials · 1 error" in screen.head.plain
        for wanted in (["sum", "product", "greeting"], ["sum", "product"], ["greeting"], ["sum"], names(screen)):
            await app.press("f")
            await app.until(partial(_reads, screen, wanted), f"{wanted}: {names(screen)} {screen.shows}")
        await app.press("slash")
        await app.type("ing gr")
        await app.until(lambda: names(screen) == ["greeting"])
        await app.press("enter")
        assert app.has_focus(screen.matrix)
        assert "1 of 3 cases" in screen.head.plain
        await app.press("f", "f")
        await app.until(lambda: not screen.rows)
        assert "No case here: only where variants differ" in screen.pane.text
        await app.press("enter", "d", "V", "S", "down", "escape", "escape")  # at nothing: nothing happens
        await app.until(lambda: len(screen.rows) == 3)
        assert screen.query_one(Input).value == ""
        assert app.on_top(screen)


async def test_it_is_read_again_while_the_run_goes_on(store: Store) -> None:
    found = pairs(NOW)
    found[-1].update(finish="running", checks=[])
    keep(store, "now", found)
    async with opened() as app:
        screen = await at_results(app)
        await app.press("end", "right")
        assert cells(screen)[2][2] == "✓ 1.00 …1"
        end = {**pairs(NOW)[-1], "id": "now-000011", "run": "now", "finish": "stop"}
        store.finish("now-000011", end).result()
        await app.press("f5")
        await app.until(lambda: cells(screen)[2][2] == "✓ 2/2")
        assert (screen.case_name, screen.label) == ("greeting", "B")
        assert "broken off" in screen.head.plain  # nothing runs, and nobody wrote how it ended


async def test_charts(store: Store) -> None:
    trials = [
        trial(
            f"{'AB'[model]}{heat}",
            f"c{case}",
            float(case % 10 < 9 - 3 * heat),
            prompt="system/plain",
            model=f"m{model}",
            sampling={"temperature": heat},
        )
        for case in range(40)
        for model in range(2)
        for heat in range(3)
    ]
    keep(store, "now", trials, title="Grid", stopped="done")
    async with opened() as app:
        screen = await at_results(app)
        await app.press("c")
        await app.until(lambda: isinstance(app.app.screen, ChartsScreen))
        charts = app.app.screen
        assert isinstance(charts, ChartsScreen)
        await app.until(lambda: any("needed" in line for line in charts.page.plain))
        text = "\n".join(charts.page.plain)
        assert "A0 m0 t0" in text
        assert " 90 % (76 to 96, 40 cases)" in text
        assert "●" in text
        assert "Mean score over settings: temperature across, model down" in text
        assert [line.split() for line in charts.page.plain if line.startswith("m0 ")] == [
            ["m0", "0.90", "0.60", "0.30"]
        ]
        assert any(line.startswith("✓ A0 better: decided after") for line in charts.page.plain)
        assert "20.0 tok/s" in text
        assert any(
            line.split() == ["contains", "90", "%", "60", "%", "30", "%", "▾", "90", "%", "60", "%", "30", "%", "▾"]
            for line in charts.page.plain
        )
        await app.press("m")
        assert any("Pass rate over settings" in line for line in charts.page.plain)
        await app.press("x")
        assert any("model across" in line and "down" not in line for line in charts.page.plain)
        await app.press("y")
        assert any("model across, temperature down" in line for line in charts.page.plain)
        await app.press("end", "escape")
        await app.until(lambda: app.on_top(screen))


async def test_against_an_earlier_run(store: Store) -> None:
    before = {f"c{at:02d}": ([1.0], [float(at % 2)]) for at in range(12)} | {"gone": ([1.0], [1.0])}
    after = {f"c{at:02d}": ([0.0 if at < 9 else 1.0], [1.0]) for at in range(12)} | {"new": ([1.0], [1.0])}
    keep(store, "old", pairs(before), title="Wording", stopped="done")
    keep(store, "else", pairs(before), title="Another", stopped="done")
    keep(store, "now", pairs(after), title="Wording", stopped="done")
    async with opened() as app:
        screen = await at_results(app)
        await app.press("slash", "n", "e", "w", "enter", "b")
        await app.until(lambda: isinstance(app.app.screen, ChoiceScreen))
        assert app.app.screen.query_one(OptionList).option_count == 1
        await app.press("enter")
        await app.until(lambda: isinstance(app.app.screen, AgainstScreen) and app.app.screen.found)
        against = app.app.screen
        assert isinstance(against, AgainstScreen)
        assert "▼ 9 worse · ▲ 6 better" in against.head.plain
        assert "worse than before" in against.head.plain
        assert "▼ A: worse: -75 points" in against.pane.text
        assert "1 new case, 1 case not there any more" in against.pane.text
        assert "contains             100 % →  31 %" in against.pane.text
        await app.press("down", "d")
        await app.until(lambda: isinstance(app.app.screen, DiffScreen))
        diff = app.app.screen
        assert isinstance(diff, DiffScreen)
        assert [label for label, _, _ in diff._sides] == ["then 1", "now 1"]
        await app.press("escape")
        await app.until(lambda: app.on_top(against))
        await app.press("tab")
        assert app.has_focus(against.pane)
        await app.press("escape", "end", "enter")
        await app.until(lambda: app.on_top(screen))
        await app.until(lambda: (screen.case_name, screen.label) == ("c10", "B"))
        assert len(screen.rows) == 13  # what hid the case is taken away


async def test_a_report_is_written(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keep(store, "now", pairs(NOW), stopped="done")
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    async with opened() as app:
        await at_results(app)
        await app.press("w")
        await app.until(lambda: type(app.app.screen).__name__ == "AskScreen", "asked")
        await app.press("enter")
        await app.until(lambda: "report: " in app.notices, "written")
        assert "<html" in (tmp_path / "here" / "now.html").read_text()
        await app.press("w")
        await app.until(lambda: type(app.app.screen).__name__ == "AskScreen", "asked again")
        await app.press("enter")
        await app.until(lambda: type(app.app.screen).__name__ == "ChoiceScreen", "asked whether over it")


async def test_no_earlier_run_is_said(store: Store) -> None:
    keep(store, "now", pairs(NOW), title="Wording", stopped="done")
    async with opened() as app:
        await at_results(app)
        await app.press("b")
        await app.until(lambda: "no earlier run" in app.notices)


@pytest.mark.parametrize("size", SIZES)
async def test_a_run_of_one_trial_that_was_not_checked(store: Store, size: tuple[int, int]) -> None:
    keep(store, "now", [trial("A", "", None, text="only one")])
    async with opened(size=size) as app:
        screen = await at_results(app)
        assert cells(screen) == [["(the message)", "· 1"]]
        assert "no checks" in lines(screen)[1]
        await app.press("left", "right", "up", "down", "pagedown", "end", "s", "S", "f", "f", "f", "f", "f")
        await app.until(lambda: screen.shows == "all" and len(screen.rows) == 1)
        await app.press("d")
        await app.until(lambda: "this case has one trial" in app.notices)
        await app.press("c")
        await app.until(lambda: isinstance(app.app.screen, ChartsScreen))
        charts = app.app.screen
        assert isinstance(charts, ChartsScreen)
        await app.until(lambda: any("Nothing was checked" in line for line in charts.page.plain))
        await app.press("x", "y", "m", "escape", "enter")
        await app.until(lambda: isinstance(app.app.screen, TrialScreen) and app.app.screen.trial)
        below = app.app.screen
        assert isinstance(below, TrialScreen)
        assert below.pane.text.startswith("· no checks")
        assert "only one" in below.pane.text


async def test_a_run_without_trials_and_one_that_is_gone(store: Store) -> None:
    store.begin_run("now", "experiment", {"title": "Nothing"})
    async with opened() as app:
        screen = await at_results(app)
        assert "no trials" in screen.pane.text
        await app.press("enter", "d", "c", "V", "s", "S", "f", "f5", "left", "down", "escape", "escape")
        await app.until(lambda: not app.on_top(screen))
        gone = await at_results(app, "nowhere")
        assert "there is no run nowhere" in gone.pane.text
        await app.press("enter", "d", "c", "b", "V", "s", "f", "escape", "escape")
        await app.until(lambda: not app.on_top(gone))


async def test_trials_that_cannot_be_read_are_said(store: Store) -> None:
    keep(store, "now", pairs(NOW))
    store.change(lambda db: db.execute("UPDATE trials SET record = '{broken' WHERE place = 3")).result()
    async with opened() as app:
        screen = await at_results(app)
        assert "cannot be read" in screen.pane.text


async def test_errors_and_what_was_broken_off(store: Store) -> None:
    bad = {"finish": "error", "error": "the model stopped", "checks": []}
    broken = {"finish": "interrupted", "checks": []}
    trials = [trial("A", "one", 1.0, **bad), trial("B", "one", 1.0, **broken), trial("A", "two"), trial("B", "two")]
    keep(store, "now", trials)
    async with opened() as app:
        screen = await at_results(app)
        assert cells(screen) == [["one", "! 1 error", "! 1 error"], ["two", "✓ 1.00", "✓ 1.00"]]
        assert "broken off" in screen.head.plain
        assert "2 errors" in screen.head.plain
        await app.until(lambda: "! error: no answer to judge (the model stopped)" in screen.pane.text)
        await app.press("right")
        await app.until(lambda: "! interrupted: no answer to judge" in screen.pane.text)


async def test_untrusted_names_and_texts(store: Store) -> None:
    one = trial(EVIL, EVIL, 0.0, text=EVIL, prompt=EVIL, model=EVIL, checks=[check(score=0, type=EVIL, reason=EVIL)])
    keep(store, "now", [one, trial("B", EVIL)], title=EVIL, stopped="done")
    keep(store, "later", [one, trial("B", EVIL, 0.5)], title=EVIL, stopped="done")
    async with opened() as app:
        screen = await at_results(app, "later")
        for key, kind in (("enter", TrialScreen), ("c", ChartsScreen), ("d", DiffScreen), ("b", ChoiceScreen)):
            await app.press(key)
            await app.until(partial(_shows, app, kind))
            await app.pilot.pause()
            picture = app.app.export_screenshot()
            assert "\x1b" not in picture
            assert "\x9b" not in picture
            await app.press("escape")
            await app.until(lambda: app.on_top(screen))
        assert "\x1b" not in "".join(lines(screen))


async def test_only_the_rows_in_sight_are_made(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    scores = {f"c{at:04d}": ([1.0], [float(at % 3 > 0)]) for at in range(3000)}
    keep_quickly(store, pairs(scores))
    async with opened() as app:
        screen = await at_results(app)
        made: list[int] = []
        row = screen.matrix._row

        def counted(index: int) -> Any:
            made.append(index)
            return row(index)

        monkeypatch.setattr(screen.matrix, "_row", counted)
        for key in ("down", "end", "pageup", "home", "pagedown"):
            await app.press(key)
            await app.pilot.pause()
        assert 0 < len(made) < 5 * screen.matrix.size.height
        assert set(made) <= {*range(100), *range(2900, 3000)}


async def test_more_variants_than_fit_go_sideways(store: Store) -> None:
    keep(store, "now", [trial(label, "one", float(label == "T")) for label in "ABCDEFGHIJKLMNOPQRST"])
    async with opened(size=(80, 24)) as app:
        screen = await at_results(app)
        assert "1–3 of 20▸" in lines(screen)[0]
        await app.press(*["right"] * 25)
        assert screen.label == "T"
        assert "◂18–20 of 20" in lines(screen)[0]
        assert "✓ 1.00" in lines(screen)[2]
        assert screen.matrix.column == 19
        await app.press("enter")
        await app.until(lambda: isinstance(app.app.screen, TrialScreen) and app.app.screen.trial)
        below = app.app.screen
        assert isinstance(below, TrialScreen)
        assert "T 1" in below.head.plain


def keep_quickly(store: Store, trials: list[dict[str, Any]]) -> None:
    """As `keep`, in one transaction."""
    from workbench.history import experiments

    experiments.begin_run(store, "now", {"stopped": "done"}).result()
    rows = [{**each, "id": f"now-{at:06d}", "place": at, "address": f"{at}"} for at, each in enumerate(trials)]
    experiments.add_finished(store, "now", rows, trials).result()


def test_docs_have_a_picture_of_it() -> None:
    root = Path(__file__).resolve().parents[2]
    assert "results.svg" in (root / "docs/results.md").read_text(encoding="utf-8")
    assert (root / "docs/results.svg").stat().st_size < 120_000
