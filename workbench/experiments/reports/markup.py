"""Pieces of the page, each safe by itself: texts escaped, tables that sort, intervals drawn, data for the script."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator, Sequence
from html import escape
from typing import Any

from workbench import safe
from workbench.experiments.statistics.estimates import Estimate


def as_data(value: Any) -> str:
    """JSON that cannot end the element it stands in, nor begin another."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def table(id: str, names: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """A table that sorts by its heads; the rows are of cells."""
    yield f'<div class="wide"><table class="sortable" id="{id}"><thead><tr>{heads(names)}</tr></thead><tbody>'
    for row in rows:
        yield f"<tr>{''.join(row)}</tr>"
    yield "</tbody></table></div>"


def heads(names: Sequence[str]) -> str:
    """A row's heads, each a button."""
    return "".join(f'<th scope="col"><button type="button">{plain(name) or "·"}</button></th>' for name in names)


def cell(text: str, value: float | str | None = "text") -> str:
    """A cell; with a value it is sorted as that number, last where it is None."""
    if isinstance(value, str):
        return f"<td>{plain(text)}</td>"
    return f'<td class="number" data-v="{"" if value is None else repr(float(value))}">{plain(text)}</td>'


def share(value: float | None) -> str:
    """A cell with a share, 0…1."""
    return cell("–" if value is None else f"{100 * value:.0f} %", value)


def interval(found: Estimate | None) -> str:
    """An interval on a rail from 0 to 1."""
    if found is None:
        return ""
    low, high, value = (round(100 * each, 1) for each in (found.low, found.high, found.value))
    return (
        f'<svg class="range" viewBox="0 0 104 8" preserveAspectRatio="none" role="img" '
        f'aria-label="{value:g} %, {low:g} to {high:g}"><rect class="rail" x="2" y="3.5" width="100" height="1"/>'
        f'<rect class="span" x="{low + 2:g}" y="1.5" width="{max(0.5, high - low):g}" height="5"/>'
        f'<rect class="dot" x="{value + 1.25:g}" y="0" width="1.5" height="8"/></svg>'
    )


def plain(text: str) -> str:
    """Untrusted text, as a line of text in markup or in an attribute."""
    return escape(safe.line(text), quote=True)


def digest(text: str) -> str:
    """What a Content-Security-Policy allows an inline script or style by."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
