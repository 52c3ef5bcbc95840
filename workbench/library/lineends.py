"""Between a file's bytes and the text that one edits: line ends, a byte order mark, and nothing else, go and return."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import SequenceMatcher

_MARK = b"\xef\xbb\xbf"
_MOST = 4000  # lines on either side that are still matched one by one


def shown(data: bytes) -> str:
    """The text of a file for an editor: LF only, no byte order mark. Raises UnicodeDecodeError."""
    return data.decode("utf-8-sig").replace("\r\n", "\n")


def restored(base: bytes, text: str) -> bytes:
    """`text`, edited from `shown(base)`, as bytes: a line that `base` has ends as it does there.

    Other lines end as most of `base` does. What was not edited comes back byte for byte.
    """
    old = base.decode("utf-8-sig").split("\n")
    crlf = [line.endswith("\r") for line in old]
    new = text.split("\n")
    most = sum(crlf) * 2 > max(1, len(old) - 1)
    ends = [most] * len(new)
    for here, there, size in matches([line.removesuffix("\r") for line in old], new):
        ends[there : there + size] = crlf[here : here + size]
    # The last piece has no line end of its own: a CR there would be text.
    lines = [
        line + "\r" if end and at < len(new) - 1 else line for at, (line, end) in enumerate(zip(new, ends, strict=True))
    ]
    return (_MARK if base.startswith(_MARK) else b"") + "\n".join(lines).encode()


def common(old: Sequence[str], new: Sequence[str]) -> tuple[int, int]:
    """How many lines are the same at the beginning, and how many of the rest at the end."""
    first, most = 0, min(len(old), len(new))
    while first < most and old[first] == new[first]:
        first += 1
    last = 0
    while last < most - first and old[-1 - last] == new[-1 - last]:
        last += 1
    return first, last


def matches(old: Sequence[str], new: Sequence[str]) -> list[tuple[int, int, int]]:
    """Runs of equal lines: (place in `old`, place in `new`, length), in order. Quick where little changed."""
    first, last = common(old, new)
    found = [(0, 0, first)] if first else []
    left, right = old[first : len(old) - last], new[first : len(new) - last]
    if left and right and max(len(left), len(right)) <= _MOST:
        blocks = SequenceMatcher(None, left, right, autojunk=False).get_matching_blocks()
        found += [(first + block.a, first + block.b, block.size) for block in blocks if block.size]
    if last:
        found.append((len(old) - last, len(new) - last, last))
    return found
