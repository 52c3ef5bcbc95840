"""Plain sentences about everyday things, as many as are wanted: the hay that a needle is put into.

They name no number and no harbour, so that a fact about either stands alone; the same ones come every time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal, get_args

Language = Literal["en", "ko"]
LANGUAGES: tuple[Language, ...] = get_args(Language)
_PARAGRAPH = 6  # sentences
_APART = 12  # sentences before a subject or an ending comes again

_WHO = (
    "The baker|A gardener|The old teacher|My neighbour|The postman|A young painter|The night porter|Her cousin|"
    "The librarian|A shepherd|The clockmaker|His grandmother|The tailor|A carpenter|The piano tuner|"
    "The beekeeper|A quiet student|The street sweeper|The cook|A retired nurse|The bookbinder|The miller|"
    "A travelling actor|The twins"
).split("|")
_DID = (
    "swept the long corridor|folded the blue curtains|watered the tomatoes|repaired a wooden chair|"
    "wrote a short letter|picked pears for the cellar|hung the lamps in the hall|closed all the shutters|"
    "carried the baskets upstairs|cleaned the kitchen windows|told a story about a fox|"
    "sorted the buttons by colour|painted the garden gate|drank a cup of mint tea|mended the torn sleeve|"
    "fed the geese by the pond|lost a glove and found it again|waited for the rain to stop|"
    "baked a loaf of dark bread|read the newspaper aloud|tied up the roses|searched for the missing key|"
    "borrowed a ladder|listened to the wireless"
).split("|")
_WHEN = (
    "before breakfast|late in the afternoon|on a windy morning|after the market had closed|"
    "while the soup was cooking|as the bells were ringing|during the first frost|when the guests had left|"
    "in the middle of the week|just before the train came|under a grey sky|while the children slept|"
    "as soon as it grew dark|on the way home|at the end of summer|without saying much|for the rest of the day|"
    "with great care|and nobody minded|and then sat down by the stove|as every year|to everyone's surprise|"
    "in no hurry at all|although it was cold"
).split("|")
_NOTED = (
    "The path behind the mill was muddy again.|A cat slept on the warm roof.|"
    "The shop smelled of soap and oranges.|Somebody had left an umbrella on the bench.|"
    "The river was low and very clear.|Snow lay on the hills until spring.|"
    "The clock in the hall was a little slow.|There was fresh paint on the fence.|"
    "The dog knew every house in the street.|Most of the apples were red by then.|"
    "The stairs creaked, as they always had.|It was a good year for plums."
).split("|")

_KO_WHO = (
    "빵집 주인|정원사|나이 든 선생님|옆집 아저씨|우체부|젊은 화가|야간 경비원|사촌 누나|도서관 사서|양치기|"
    "시계 수리공|할머니|재단사|목수|피아노 조율사|양봉가|조용한 학생|청소부|요리사|은퇴한 간호사|제본공|"
    "방앗간 주인|떠돌이 배우|쌍둥이 형제"
).split("|")
_KO_WHEN = (
    "아침을 먹기 전에|늦은 오후에|바람 부는 아침에|시장이 문을 닫은 뒤에|국이 끓는 동안|종이 울릴 때|"
    "첫서리가 내린 날|손님들이 떠난 뒤에|주중에|기차가 오기 직전에|흐린 하늘 아래에서|아이들이 자는 동안|"
    "날이 어두워지자|집에 가는 길에|여름이 끝날 무렵|별말 없이|하루 종일|아주 조심스럽게|난롯가에서|"
    "해마다 그랬듯이|뜻밖에도|서두르지 않고|추운 날씨에도|비가 그친 뒤에"
).split("|")
_KO_DID = (
    "긴 복도를 쓸었다|파란 커튼을 접었다|토마토에 물을 주었다|나무 의자를 고쳤다|짧은 편지를 썼다|"
    "배를 따서 창고에 두었다|복도에 등을 달았다|덧문을 모두 닫았다|바구니를 위층으로 옮겼다|부엌 창문을 닦았다|"
    "여우 이야기를 들려주었다|단추를 색깔별로 나누었다|정원 문을 칠했다|박하차를 마셨다|찢어진 소매를 꿰맸다|"
    "연못가에서 거위에게 먹이를 주었다|장갑을 잃었다가 다시 찾았다|비가 그치기를 기다렸다|검은 빵을 구웠다|"
    "신문을 소리 내어 읽었다|장미를 묶어 주었다|열쇠를 찾아다녔다|사다리를 빌렸다|라디오를 들었다"
).split("|")
_KO_NOTED = (
    "방앗간 뒤의 길은 또 진흙투성이였다.|고양이가 따뜻한 지붕 위에서 잤다.|가게에서는 비누와 귤 냄새가 났다.|"
    "누군가 벤치에 우산을 두고 갔다.|강물은 얕고 아주 맑았다.|언덕에는 봄까지 눈이 남아 있었다.|"
    "복도의 시계는 조금 느렸다.|울타리에는 새로 칠한 페인트가 있었다.|개는 거리의 모든 집을 알고 있었다.|"
    "그때쯤 사과는 거의 다 빨갛게 익었다.|계단은 늘 그랬듯이 삐걱거렸다.|자두가 잘된 해였다."
).split("|")


class _Dice:
    """The same numbers on every machine and every Python (the linear congruence of Numerical Recipes)."""

    def __init__(self) -> None:
        self._state = 20_260_101

    def pick(self, words: Sequence[str], recent: list[str]) -> str:
        """A word that was none of the latest."""
        while True:
            self._state = (1_664_525 * self._state + 1_013_904_223) % 2**32
            word = words[(self._state >> 16) % len(words)]
            if word not in recent[-min(_APART, len(words) - 2) :]:
                recent.append(word)
                return word


def sentences(language: Language = "en") -> Iterator[str]:
    """Sentences without an end, each with the blank or the empty line that follows it."""
    dice, at = _Dice(), 0
    who, did, when, noted = list[str](), list[str](), list[str](), list[str]()
    while True:
        at += 1
        if at % 5 == 0:
            said = dice.pick(_NOTED if language == "en" else _KO_NOTED, noted)
        elif language == "en":
            said = f"{dice.pick(_WHO, who)} {dice.pick(_DID, did)} {dice.pick(_WHEN, when)}."
        else:
            subject = dice.pick(_KO_WHO, who)
            said = f"{subject}{_topic(subject)} {dice.pick(_KO_WHEN, when)} {dice.pick(_KO_DID, did)}."
        yield said + (" " if at % _PARAGRAPH else "\n\n")


def _topic(word: str) -> str:
    """은 after a final consonant, 는 after a vowel."""
    return "은" if (ord(word[-1]) - 0xAC00) % 28 else "는"
