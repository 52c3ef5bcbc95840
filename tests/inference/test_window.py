"""What stays in a window that is too small: every policy, by count, on the double; its summary, its remarks."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.errors import EngineError
from workbench.inference.double import DoubleEngine
from workbench.inference.engine import Counted, Generate, Message
from workbench.inference.fitting import Fitted, fit
from workbench.inference.keeping import turns
from workbench.inference.window import POLICIES, REQUEST, Policy, Summary, budget, exchange

LEAD = (Message("system", "You are brief."),)
ROOM = 20
ACTIVE: tuple[Policy, ...] = ("drop-oldest", "roll", "first-and-last", "summarise")


async def engine(context: int, answer: str = "they spoke of ships") -> DoubleEngine:
    made = DoubleEngine(answer=answer, context_length=context)
    await made.load()
    return made


def talk(number: int, words: int = 6) -> tuple[Message, ...]:
    said = []
    for turn in range(number):
        said.append(Message("user", " ".join([f"question {turn}", *["why"] * words])))
        said.append(Message("assistant", " ".join([f"answer {turn}", *["so"] * words])))
    return (*said, Message("user", "and now?"))


def rejoined(said: Sequence[Message], found: Fitted) -> list[str]:
    """What is forgotten and what is kept, put together message by message."""
    assert found.window is not None
    kept = list(found.messages[2:] if found.window.summary else found.messages)
    forgotten = {each.message: each for each in found.window.lost}
    whole = []
    for place, message in enumerate(said):
        gone = forgotten.get(place)
        assert gone is None or (gone.start == 0 and gone.text == message.content[: gone.end])
        rest = message.content[gone.end if gone else 0 :]
        if kept and kept[0].role == message.role and kept[0].content == rest and (rest or gone is None):
            kept.pop(0)
        else:
            assert not rest, "neither kept nor forgotten"
            if kept and kept[0] == Message(message.role, ""):
                kept.pop(0)  # the frame of a turn of which a word is left
        whole.append((gone.text if gone else "") + rest)
    assert not kept
    return whole


@pytest.mark.parametrize("policy", ACTIVE)
async def test_what_fits_is_left_as_it_is(policy: Policy) -> None:
    found = await fit(await engine(4096), LEAD, talk(3), policy, ROOM, trial="s")
    assert found == Fitted(talk(3), None)


async def test_refuse_forgets_nothing() -> None:
    assert await fit(await engine(64), LEAD, talk(9), "refuse", ROOM) == Fitted(talk(9), None)


async def test_whole_turns_go_the_oldest_first_and_no_more_than_must() -> None:
    small = await engine(200)
    found = await fit(small, LEAD, talk(9), "drop-oldest", ROOM)
    assert found.window is not None
    kept = len(found.messages) // 2
    assert found.messages == talk(9)[-len(found.messages) :]
    assert 0 < kept < 9
    one_more = (await small.count((*LEAD, *talk(9)[-len(found.messages) - 2 :]))).prompt_tokens
    assert one_more > found.window.budget >= found.window.prompt_tokens
    assert found.window.says() == f"drop-oldest: {found.window.tokens} tok of {2 * (9 - kept)} messages forgotten"


async def test_the_first_turn_and_the_last_ones_stay() -> None:
    found = await fit(await engine(200), LEAD, talk(9), "first-and-last", ROOM)
    assert found.window is not None
    assert found.messages[:2] == talk(9)[:2]
    assert found.messages[2:] == talk(9)[-len(found.messages) + 2 :]
    assert [each.message for each in found.window.lost] == list(range(2, 2 + len(found.window.lost)))
    tiny = await fit(await engine(60), LEAD, talk(9), "first-and-last", ROOM)
    assert tiny.messages == talk(9)[-1:]  # the first one has no room alone


async def test_a_roll_cuts_inside_a_message_between_two_tokens() -> None:
    small = await engine(150)
    found = await fit(small, LEAD, talk(9), "roll", ROOM)
    assert found.window is not None
    assert found.window.prompt_tokens == found.window.budget  # to the last token: the double's never merge
    first = found.messages[0]
    assert first.role == "user"  # the roles stay in turn
    partly = [each for each in found.window.lost if each.end < len(talk(9)[each.message].content)]
    assert len(partly) == 1
    pieces = [token.text for token in await small.tokenize(talk(9)[partly[0].message].content)]
    ends = ["".join(pieces[:count]) for count in range(len(pieces))]
    assert partly[0].text in ends


async def test_a_roll_keeps_a_turns_frame_while_a_word_is_left() -> None:
    said = (Message("user", "a b c"), Message("assistant", " ".join(["long"] * 60)), Message("user", "now?"))
    found = await fit(await engine(80), LEAD, said, "roll", ROOM)
    assert [message.role for message in found.messages] == ["user", "assistant", "user"]
    assert found.messages[0].content == ""
    assert said[1].content.endswith(found.messages[1].content)


async def test_the_summary_takes_the_place_of_the_oldest_turns() -> None:
    asked: list[Generate] = []

    def answer(request: Generate) -> str:
        asked.append(request)
        return "they spoke of ships"

    small = DoubleEngine(answer=answer, context_length=220)
    await small.load()
    said = talk(9)
    found = await fit(small, LEAD, said, "summarise", ROOM, trial="t-summary")
    window = found.window
    assert window is not None
    assert window.summary is not None
    assert found.messages[:2] == exchange("they spoke of ships")
    assert found.messages[2:] == said[window.summary.messages :]
    assert [each.message for each in window.lost] == list(range(window.summary.messages))
    assert (await small.count((*LEAD, *found.messages))).prompt_tokens == window.prompt_tokens <= window.budget
    assert [request.trial for request in asked] == ["t-summary"] * len(asked)
    assert asked[-1].messages[-1] == Message("user", REQUEST)
    assert asked[-1].sampling.temperature == 0
    # what was made serves again, and is where the next one begins
    before = len(asked)
    again = await fit(small, LEAD, said, "summarise", ROOM, known=window.summary, trial="x")
    assert again == found
    assert len(asked) == before
    longer = (*said[:-1], *talk(2))
    more = await fit(small, LEAD, longer, "summarise", ROOM, known=window.summary, trial="x")
    assert more.window is not None
    assert more.window.summary is not None
    assert more.window.summary.messages > window.summary.messages
    assert asked[before].messages[:2] == exchange("they spoke of ships")
    assert asked[before].messages[2] == said[window.summary.messages]


async def test_without_generating_the_summary_is_only_reckoned_with() -> None:
    small = await engine(220)
    found = await fit(small, LEAD, talk(9), "summarise", ROOM, generate=False)
    assert found.window is not None
    assert found.window.summary is None
    assert found.window.lost
    assert found.window.prompt_tokens <= found.window.budget


async def test_a_summary_of_what_is_longer_than_the_context_is_made_piece_by_piece() -> None:
    asked: list[Generate] = []

    def answer(request: Generate) -> str:
        asked.append(request)
        return f"summary {len(asked)}"

    small = DoubleEngine(answer=answer, context_length=150)
    await small.load()
    long = Message("user", " ".join(["word"] * 400))
    found = await fit(small, (), (long, *talk(20)), "summarise", ROOM, trial="s")
    assert found.window is not None
    assert found.window.summary is not None
    assert found.window.summary.text == f"summary {len(asked)}"
    assert len(asked) > 2
    assert "word" in asked[0].messages[0].content  # the end of the turn that is too long by itself
    for request in asked:
        assert (await small.count(request.messages)).prompt_tokens < 150


async def test_a_summary_that_is_longer_in_its_place_is_cut() -> None:
    small = await engine(220)
    kept = await fit(small, LEAD, talk(9), "summarise", ROOM, trial="s")
    assert kept.window is not None
    assert kept.window.summary is not None
    known = Summary(" ".join(["long"] * 300), kept.window.summary.messages, kept.window.summary.digest)
    found = await fit(small, LEAD, talk(9), "summarise", ROOM, known=known, trial="s")
    assert found.window is not None
    assert found.window.summary is not None
    assert known.text.startswith(found.window.summary.text)
    assert found.window.prompt_tokens <= found.window.budget


async def test_a_summary_that_fails_is_an_error() -> None:
    class Broken(DoubleEngine):
        def _pieces(self, request: Generate) -> list[str]:
            self._state = "failed"
            return ["a"]

    small = Broken(context_length=220)
    await small.load()
    with pytest.raises(EngineError, match="press r to restart"):
        await fit(small, LEAD, talk(9), "summarise", ROOM, trial="s")


async def test_a_message_too_long_by_itself_stays_whole() -> None:
    said = (*talk(2)[:-1], Message("user", " ".join(["long"] * 200)))
    for policy in ACTIVE:
        found = await fit(await engine(100), LEAD, said, policy, ROOM, trial="s")
        assert found.messages == said[-1:]
        assert found.window is not None
        assert len(found.window.lost) == 4
        alone = await fit(await engine(100), LEAD, said[-1:], policy, ROOM, trial="s")
        assert alone.window is not None
        assert alone.window.says() == f"{policy}: nothing left to forget"


async def test_a_server_that_does_not_count_gets_everything_and_the_window_says_so() -> None:
    class Server(DoubleEngine):
        async def count(self, messages: Sequence[Message]) -> Counted:
            raise EngineError("the server offers no tokenizer")

    server = Server(context_length=64)
    await server.load()
    found = await fit(server, LEAD, talk(9), "roll", ROOM)
    assert found.messages == talk(9)
    assert found.window is not None
    assert found.window.says() == "roll could not act: the server offers no tokenizer"
    unknown = await fit(await engine(0), LEAD, talk(9), "roll", ROOM)
    assert unknown.window is not None
    assert "does not say" in unknown.window.problem


def test_an_answer_claims_half_of_the_context_at_most() -> None:
    assert budget(4096, 512) == 3584
    assert budget(1000, 5000) == 500
    assert set(ACTIVE) | {"refuse"} == set(POLICIES)


def test_turns_begin_with_what_the_user_says() -> None:
    roles = ["assistant", "user", "assistant", "assistant", "user", "user"]
    said = [Message("user" if role == "user" else "assistant", "x") for role in roles]
    assert turns(said) == [range(0, 1), range(1, 4), range(4, 5)]
    assert turns(said[-1:]) == []


TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=60)
SAID = st.lists(st.tuples(TEXT, TEXT), max_size=8)


@settings(max_examples=150)
@given(pairs=SAID, last=TEXT, policy=st.sampled_from(ACTIVE), context=st.integers(20, 260), room=st.integers(1, 60))
async def test_kept_and_forgotten_are_all_and_kept_fits(
    pairs: list[tuple[str, str]], last: str, policy: Policy, context: int, room: int
) -> None:
    said = tuple(message for user, answer in pairs for message in (Message("user", user), Message("assistant", answer)))
    said = (*said, Message("user", last))
    small = await engine(context)
    found = await fit(small, LEAD, said, policy, room, trial="s")
    whole = (await small.count((*LEAD, *said))).prompt_tokens
    fed = (await small.count((*LEAD, *found.messages))).prompt_tokens
    if found.window is None:
        assert found.messages == said
        assert whole <= budget(context, room)
        return
    assert (found.window.whole_tokens, found.window.prompt_tokens) == (whole, fed)
    assert fed <= found.window.budget or found.messages == said[-1:]
    assert found.messages[-1] == said[-1]
    assert rejoined(said, found) == [message.content for message in said]
    assert [each.message for each in found.window.lost] == sorted({each.message for each in found.window.lost})
    roles = [message.role for message in found.messages]
    assert all(one != other for one, other in pairwise(roles))
