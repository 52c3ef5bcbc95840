"""Live token pieces: a key in a text of 100 KB, until the frame that shows its tokens, and until the box shows it.

`python -m benchmarks.tokens [--model smol|gemma] [--rounds 2]`: the tokens screen in a pseudo-terminal, 120×40, a real
model's tokenizer in its worker; English and Korean text of 100 KB beside one of 200 B, in changing order, keys at the
text's end and in its middle.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

from benchmarks.common import machine, median, models, percentile, rotated, row
from benchmarks.terminal import WORDS, press, quiet, shown, workbench
from tests.terminal import Terminal

KEYS = "tokensaspeoplewritethemonekeyaftertheother"
KOREAN = "한국어 토큰은 영어보다 비쌉니다. 왜 그럴까요? 두 토크나이저를 나란히 놓고 봅시다.\n"
ENGLISH = "\n".join(
    " ".join(WORDS[(line * 13 + at * 7) % len(WORDS)] for at in range(16)) + f", line {line}." for line in range(1200)
)
TEXTS = {
    "200 B": ENGLISH[:200],
    "100 KB": ENGLISH[:100_000],
    "100 KB Korean": (KOREAN * 2000)[: 100_000 * len(KOREAN) // len(KOREAN.encode())],
}


def box(terminal: Terminal) -> slice:
    """The rows of the text's box."""
    return slice(1, _top(terminal))


def pieces(terminal: Terminal) -> slice:
    """The rows of the tokens, without the counts above and below."""
    lines = terminal.screen().split("\n")
    last = next(place for place, line in enumerate(lines) if " of " in line and " · id " in line)
    return slice(_top(terminal) + 1, last)


def _top(terminal: Terminal) -> int:
    lines = terminal.screen().split("\n")
    return next(place for place, line in enumerate(lines) if line.startswith("┌─ A "))


def typed(folder: Path, text: str, model: str, *, middle: bool) -> tuple[list[float], list[float]]:
    """Seconds until the tokens, and until the box, showed each key."""
    with workbench(folder, draft=text, model=model) as terminal:
        terminal.wait_for(lambda screen: " tok ─" in screen)
        press(terminal, ["escape", "T"], 1.0)
        terminal.wait_for(lambda screen: "rendered prompt" in screen and "characters a token" in screen)
        press(terminal, ["i"], 1.0)
        terminal.wait_for(lambda screen: "[typed]" in screen and "characters a token" in screen)
        if middle:
            press(terminal, ["pageup"] * 40, 0.1)
        quiet(terminal)
        times = press(terminal, list(KEYS), 0.15)
        time.sleep(1)
        return shown(terminal, times, pieces(terminal))[0], shown(terminal, times, box(terminal))[0]


def main() -> None:
    """The figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", choices=["smol", "gemma"], default="smol")
    parser.add_argument("--rounds", type=int, default=2)
    options = parser.parse_args()
    machine()
    found: dict[str, tuple[list[float], list[float]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for number in range(options.rounds):
            for name in rotated(list(TEXTS), number):
                for middle in (False, True):
                    arm = f"{name}, {'middle' if middle else 'end'}"
                    model = str(models()[options.model])
                    made = typed(Path(folder), TEXTS[name], model, middle=middle)
                    kept = found.setdefault(arm, ([], []))
                    for to, times in zip(kept, made, strict=True):
                        to.extend(times)
    for arm, (tokens, boxes) in found.items():
        print(f"\n{arm}: {len(tokens)} keys")
        row("key to tokens, median", 1000 * median(tokens), "ms")
        row("key to tokens, p95", 1000 * percentile(tokens, 95), "ms", 50)
        row("key to box, median", 1000 * median(boxes), "ms")
        row("key to box, p95", 1000 * percentile(boxes, 95), "ms")


if __name__ == "__main__":
    main()
