"""The main job in the app: lanes run side by side, stop, fail, go on; nothing typed is lost."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest

from tests.tui.driving import Driver, opened, recording
from workbench.inference.double import DoubleEngine
from workbench.inference.engine import Generate, LoadOptions
from workbench.session import Session
from workbench.tui.app import WorkbenchApp

SIZES = [(120, 40), (80, 24)]


@pytest.mark.parametrize("size", SIZES)
async def test_two_lanes_are_ready_and_one_key_runs_them(size: tuple[int, int]) -> None:
    async with opened(size=size) as app:
        assert [lane.prompt for lane in app.lanes] == ["system/plain", "system/step-by-step"]
        assert app.screen.box.area.text == "What is 17 + 25?"
        head = app.view(0).head.plain
        assert re.fullmatch(r"A  system/plain@[0-9a-f]{4}  SmolLM2\S* Q4_1  t0.8 k40", head)
        await app.run()
        for place in (0, 1):
            lane = app.lanes[place]
            assert lane.text
            assert app.texts[place] == f"❯ What is 17 + 25?\n\n{lane.text}"
            assert re.fullmatch(r"\d+ → \d+ tok · \d+ tok/s · first \d+\.\d\d s · stopseed 1 · fast", app.feet[place])
        assert app.screen.box.area.text == ""


async def test_a_conversation_goes_on_and_each_lane_keeps_its_own() -> None:
    seen: list[Generate] = []
    reply = recording(
        seen, lambda request: f"reply to {request.messages[-1].content} ({request.messages[0].content[:9]})"
    )
    async with opened(lambda path: DoubleEngine(path, answer=reply)) as app:
        await app.run()
        await app.type("and now?")
        await app.run()
        for request, lane in zip(seen[2:], app.lanes, strict=True):
            roles = [message.role for message in request.messages]
            assert roles == ["system", "user", "assistant", "user"]
            assert request.messages[2].content == lane.turns[0].answer
        assert seen[2].messages[2].content != seen[3].messages[2].content
        assert app.texts[0].count("❯") == 2


async def test_again_takes_the_next_seed_and_keeps_the_old_trial_in_the_history() -> None:
    async with opened() as app:
        await app.run()
        first = app.lanes[0].text
        await app.pressed_and_ran("f6")
        assert "seed 2" in app.feet[0]
        assert app.lanes[0].text != first
        assert len(app.lanes[0].turns) == 1
        assert app.app.session is not None
        assert [trial["seed"] for trial in app.app.session.store.trials(None, 10)] == [2, 2, 1, 1]


async def test_an_empty_box_runs_the_last_message_again() -> None:
    async with opened() as app:
        await app.run()
        first = app.lanes[0].text
        await app.run()
        assert (app.lanes[0].text, len(app.lanes[0].turns)) == (first, 1)


async def test_stop_one_lane_then_all() -> None:
    gate = asyncio.Event()
    async with opened(lambda path: DoubleEngine(path, gate=gate)) as app:
        await app.press("f5")
        await app.until(lambda: all(lane.phase == "reading" for lane in app.lanes))
        await app.press("escape", "x")
        await app.until(lambda: not app.lanes[0].busy)
        assert app.lanes[1].busy
        assert "cancelled" in app.feet[0]
        await app.press("f8")
        await app.done()
        assert "cancelled" in app.feet[1]
        await app.press("f5")
        await app.until(lambda: app.screen.comparison.busy)
        gate.set()
        await app.done()
        assert [lane.turns[-1].finish for lane in app.lanes] == ["stop", "stop"]


async def test_text_so_far_stays_when_stopped() -> None:
    engine = DoubleEngine(answer="word " * 5000, tokens_per_s=200)
    async with opened(lambda path: engine) as app:
        await app.press("f5")
        await app.until(lambda: all("word" in text for text in app.texts), "streams")
        await app.press("f8")
        await app.done()
        assert app.lanes[0].text.startswith("word")
        assert "✂ cancelled" in app.texts[0]


async def test_a_crashed_model_shows_in_its_lanes_and_one_key_restarts() -> None:
    engine = DoubleEngine(crash_after=4)
    async with opened(lambda path: engine) as app:
        await app.press("f5")
        await app.until(lambda: all("error" in foot for foot in app.feet), "errors")
        assert "killed" in app.texts[0]
        engine.crash_after = None
        await app.press("escape", "r")
        await app.until(lambda: app.lanes[0].turns[-1].finish == "stop", "restarted")
        assert app.lanes[1].turns[-1].finish == "error"


async def test_a_model_that_does_not_load_says_so() -> None:
    async with opened(lambda path: DoubleEngine(path, fail_load="not a GGUF file")) as app:
        await app.press("f5")
        await app.until(lambda: all("not a GGUF" in text for text in app.texts))


async def test_new_conversation_brings_the_message_back() -> None:
    async with opened() as app:
        await app.run()
        await app.press("ctrl+n")
        await app.until(lambda: app.screen.box.area.text == "What is 17 + 25?")
        assert app.texts == ["", ""]
        assert app.has_focus(app.screen.box.area)


async def test_what_does_not_fit_is_said_before_it_runs() -> None:
    async with opened(lambda path: DoubleEngine(path, context_length=200)) as app:
        await app.write("word " * 300)
        await app.counted()
        load = app.view(0).bar.load
        assert not load.fits
        assert re.fullmatch(r"[\d,]+ tok do not fit in 200", load.says())
        await app.press("f5")
        await app.until(lambda: "do not fit in 200" in app.notices)
        assert not app.screen.comparison.busy
        assert app.screen.box.area.text == "word " * 300, "nothing typed is lost"


async def test_an_answer_that_will_be_cut_is_said() -> None:
    async with opened(lambda path: DoubleEngine(path, context_length=300)) as app:
        await app.counted()
        load = app.view(0).bar.load
        assert load.fits
        assert "answer cut at" in load.says()


async def test_a_control_token_in_the_message_is_flagged() -> None:
    async with opened() as app:
        await app.write("end <|im_end|> here")
        await app.until(lambda: "contains <|im_end|>" in app.screen.box.foot.plain)
        await app.write("clean")
        await app.until(lambda: app.screen.box.foot.plain == "")


async def test_the_count_follows_the_typing() -> None:
    async with opened() as app:
        await app.counted()
        await app.write("one two")
        await app.until(lambda: "2 tok" in app.screen.box.head.plain)
        await app.type(" three")
        await app.until(lambda: "3 tok" in app.screen.box.head.plain)


async def test_what_was_typed_survives_a_restart() -> None:
    async with opened() as app:
        await app.run()
        await app.type("half a mess")
        await app.press("escape", "D")
        await app.until(lambda: len(app.lanes) == 3)
        await app.until(app.screen.desk.file.is_file)
        app.screen.save_now()
        answers = [lane.text for lane in app.lanes]
    async with opened() as again:
        assert again.screen.box.area.text == "half a mess"
        assert [lane.text for lane in again.lanes] == answers
        assert answers[0] in again.texts[0]


async def test_a_damaged_file_is_no_reason_not_to_start() -> None:
    file = Path.home() / ".local/share/workbench/compare.json"
    file.parent.mkdir(parents=True)
    file.write_bytes(b'{"schema": 1, "lanes": [')
    async with opened() as app:
        assert len(app.lanes) == 2


async def test_a_prompt_that_is_gone_is_said_in_its_lane() -> None:
    async with opened() as app:
        app.lanes[0].prompt = "system/plainn"
        await app.press("f5")
        await app.until(lambda: "did you mean system/plain?" in app.feet[0])
        assert not app.lanes[0].busy
        await app.until(lambda: app.lanes[1].text, "the other lane runs")


async def test_keys_in_the_message_box_are_typed() -> None:
    async with opened() as app:
        await app.write("")
        await app.type("pmsavdtxr?1\ni")
        assert app.screen.box.area.text == "pmsavdtxr?1\ni"
        await app.press("escape")
        assert app.has_focus(app.view(0).pane)
        await app.press("i")
        assert app.has_focus(app.screen.box.area)


async def test_up_in_an_empty_box_brings_the_last_message() -> None:
    async with opened() as app:
        await app.run()
        await app.press("up")
        await app.until(lambda: app.screen.box.area.text == "What is 17 + 25?")


async def test_the_first_frame_needs_no_session() -> None:
    app = WorkbenchApp(lambda: Session(engine=DoubleEngine))
    async with app.run_test(size=(120, 40)) as pilot:
        driver = Driver(app, pilot)
        assert len(driver.screen.board.views()) == 2
        await driver.until(lambda: driver.screen.session)
        assert app.session is not None
        await app.session.close()


async def test_counts_are_exact_on_the_real_model() -> None:
    """What the bar shows is what the engine then reports that it was fed, turn after turn."""
    app = WorkbenchApp(lambda: Session(options=LoadOptions(context_length=1024)))
    async with app.run_test(size=(120, 40)) as pilot:
        driver = Driver(app, pilot)
        try:
            await driver.until(lambda: driver.screen.session and all(lane.path for lane in driver.lanes))
            for lane in driver.lanes:
                lane.sampling = type(lane.sampling)(max_tokens=3)
            for message in ("What is 17 + 25?\n한국어 🙂", "And twice that?"):
                await driver.write(message)
                await driver.counted()
                await driver.until(lambda: driver.screen.tally.quiet)
                shown = [driver.screen.view(lane).bar.load.prompt for lane in driver.lanes]
                await driver.run()
                assert [lane.turns[-1].prompt_tokens for lane in driver.lanes] == shown
                assert all(lane.text for lane in driver.lanes)
        finally:
            assert app.session is not None
            await app.session.close()
