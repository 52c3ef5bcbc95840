"""Which rows of several texts after one prompt are decoded in one step, so that each has the bits that it has alone.

Products with repacked weights take rows in fours, the rest one by one, and round differently (scoring.py); gemma-3
Q4_K_M rounds 8 rows once more otherwise than 4. So at most three rows go together, and a text with more rows is read
alone: most words have two or three tokens, which is one row or two. That holds while the cache is read up to `FEW`
cells; beyond, llama.cpp splits the cells among threads for a single row and not for two (ggml's use_split_kv_path, from
512 cells on, and they are taken in 256), so there every text is read alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

ROWS = 4  # rows that products with repacked weights take together
FEW = 256  # cells
TEXTS = 31  # texts that are in the cache at once

Row = tuple[int, int]  # the text's number, the row's in it


def groups(rows: Sequence[int], room: int, most: int) -> tuple[list[list[int]], list[int]]:
    """Texts (by number) that may be in the cache at once, and those that are read alone; one without rows nowhere.

    `rows` are each text's; `room` how many all of a group may have, `most` how many texts.
    """
    made: list[list[int]] = []
    alone: list[int] = []
    held = 0
    for number, count in enumerate(rows):
        if not count:
            continue
        if count >= ROWS or count > room:
            alone.append(number)
            continue
        if not made or held + count > room or len(made[-1]) == most:
            made.append([])
            held = 0
        made[-1].append(number)
        held += count
    return made, alone


def steps(rows: Sequence[int]) -> Iterator[list[Row]]:
    """The steps that decode texts of so many rows each, all fewer than ROWS."""
    made: list[list[Row]] = []
    for text in sorted(range(len(rows)), key=lambda text: -rows[text]):  # the longest first fill the steps best
        own = [(text, row) for row in range(rows[text])]
        step = next((step for step in made if len(step) + len(own) < ROWS), None)
        if step is None:
            made.append(own)
        else:
            step += own
    yield from made
