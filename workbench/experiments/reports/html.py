"""One HTML page that needs nothing else: no network, its own style and script, light and dark.

Answers and prompts are strangers' texts. They are escaped where they stand in markup; in the data that the script reads
`<`, `>` and `&` are escaped too, and it writes them as text only. A policy allows this very script and style and nothing
else: no request, no other script, no form.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path
from typing import Any

from workbench import safe
from workbench.experiments.reports import words
from workbench.experiments.reports.again import to_text
from workbench.experiments.reports.page_data import data
from workbench.experiments.reports.report import Report
from workbench.experiments.results.grid import Grid
from workbench.experiments.results.identity import shown
from workbench.experiments.statistics.estimates import Estimate

_HEATS = 6
_CHANGED = 200  # cases that got worse, listed for each variant
_GRIDS = 3  # heat tables or bars, at most
_NUMBERS = frozenset((2, 3, 4, 5, 6, 7, 8))  # columns of the variants' table that are sorted as numbers


def lines(report: Report) -> Iterator[str]:
    """The page, in parts."""
    folder = Path(__file__).parent
    style, script = ((folder / name).read_text(encoding="utf-8") for name in ("page.css", "page.js"))
    policy = (
        f"default-src 'none'; style-src '{_digest(style)}'; script-src '{_digest(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    title = _text(report.title or report.run)
    yield '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">'
    yield f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f'<meta name="referrer" content="no-referrer">\n<title>{title}</title>'
    yield f"<style>{style}</style>\n</head>\n<body>\n<main>"
    yield f'<header><div><h1>{title}</h1><p class="soft">run {_text(report.run)} {_text(report.created)}</p></div>'
    yield '<button type="button" id="theme">light / dark</button></header>'
    yield "<ul>" + "".join(f"<li>{_text(line)}</li>" for line in words.headline(report)) + "</ul>"
    yield from _variants(report)
    yield from _pairs(report)
    yield from _against(report)
    yield from _grids(report)
    yield from _checks(report)
    yield from _matrix(report)
    yield "<h2>To run it again</h2>"
    yield "<details><summary>Files, models, settings, cases and seeds, as JSON</summary>"
    yield f'<pre id="again">{escape(to_text(report.again))}</pre></details>'
    yield "</main>"
    yield f'<script type="application/json" id="data">{as_data(data(report))}</script>'
    yield f"<script>{script}</script>\n</body>\n</html>"


def as_data(value: Any) -> str:
    """JSON that cannot end the element it stands in, nor begin another."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _variants(report: Report) -> Iterator[str]:
    yield "<h2>Variants</h2>"
    rows = []
    for found in report.results.figures:
        cells = words.variant_row(found)
        values = (
            found.trials,
            found.errors,
            found.passed and found.passed.value,
            found.score and found.score.value,
            found.tokens,
            found.tokens_per_s,
            found.first_token_s,
        )
        made = [_cell(cell) for cell in cells[:2]]
        made += [_cell(cell, value) for cell, value in zip(cells[2:], values, strict=True)]
        rows.append([*made, f"<td>{_range(found.passed)}</td>"])
    yield from _table("variants", (*words.VARIANTS, "passed, 0 to 100 %"), rows)


def _pairs(report: Report) -> Iterator[str]:
    pairs = report.results.pairs
    if not pairs:
        return
    yield "<h2>Pairs</h2>"
    rows = []
    for pair in pairs:
        cells = words.pair_row(pair)
        made = [_cell(cells[0]), _cell(cells[1], pair.once.difference), _cell(cells[2]), _cell(cells[3], pair.p)]
        rows.append([*made, _cell(cells[4])])
    yield from _table("pairs", words.PAIRS, rows)


def _against(report: Report) -> Iterator[str]:
    found = report.against
    if found is None:
        return
    yield f"<h2>Against run {_text(report.baseline)}</h2><ul>"
    for change in found.variants:
        yield f"<li>{_text(words.change_line(change))}</li>"
    if found.new or found.gone:
        yield f"<li>new variants: {_text(', '.join(found.new) or 'none')}; gone: {_text(', '.join(found.gone) or 'none')}</li>"
    yield "</ul>"
    rows = [
        [
            _cell(change.label),
            _cell(words.case_name(case.case)),
            _cell(f"{case.before:.2f}", case.before),
            _cell(f"{case.after:.2f}", case.after),
            _cell("it passed before" if case.newly and case.change < 0 else ""),
        ]
        for change in found.variants
        for case in change.worse[:_CHANGED]
    ]
    if rows:
        yield from _table("worse", ("", "case that got worse", "before", "now", ""), rows)
    rows = [
        [_cell(change.label), _cell(check.check), _share(check.before), _share(check.after)]
        for change in found.variants
        for check in change.checks
    ]
    if rows:
        yield from _table("changed", ("", "check", "passed before", "passed now"), rows)


def _grids(report: Report) -> Iterator[str]:
    results = report.results
    names = list(results.axes())
    if not names or not results.judged or len(results.variants) < 3:
        return
    wanted = [(names[0], names[1])] if len(names) > 1 else []
    wanted += [(name, "") for name in names[: _GRIDS - len(wanted)]]
    yield "<h2>Mean score by setting</h2>"
    for x, y in wanted:
        yield from _heat(results.grid(x, y))


def _heat(grid: Grid) -> Iterator[str]:
    head = "".join(f"<th>{_text(shown(value))}</th>" for value in grid.xs)
    corner = f"{_text(grid.y)} ↓ {_text(grid.x)} →" if grid.y else _text(grid.x)
    yield f'<div class="wide"><table class="grid"><thead><tr><th>{corner}</th>{head}</tr></thead><tbody>'
    for value, row in zip(grid.ys, grid.spots, strict=True):
        cells = []
        for spot in row:
            if spot.value is None:
                cells.append('<td class="number">–</td>')
                continue
            part = (spot.value - grid.low) / (grid.high - grid.low) if grid.high > grid.low else 0.0
            heat = min(_HEATS - 1, int(part * _HEATS))
            cells.append(f'<td class="number heat{heat}" title="{_text(", ".join(spot.labels))}">{spot.value:.2f}</td>')
        yield f"<tr><th>{_text(shown(value)) if grid.y else 'mean score'}</th>{''.join(cells)}</tr>"
    yield "</tbody></table></div>"


def _checks(report: Report) -> Iterator[str]:
    rows = [
        [
            _cell(found.variant.label),
            _cell(name),
            _cell(f"{count:,}", count),
            _share(passed),
            _cell(f"{score:.2f}", score),
        ]
        for found in report.results.figures
        for name, (count, passed, score) in found.checks.items()
    ]
    if rows:
        yield "<h2>Checks</h2>"
        yield from _table("checks", ("", "check", "verdicts", "passed", "mean score"), rows)


def _matrix(report: Report) -> Iterator[str]:
    yield "<h2>Cases</h2>"
    yield "<noscript><p>The cases need this page's script; the tables above do not.</p></noscript>"
    options = {"all": "all", "failed": "failed", "differing": "differing", "errors": "with errors"}
    choices = "".join(f'<option value="{name}">{told}</option>' for name, told in options.items())
    yield f'<div class="tools"><label>show <select id="show">{choices}</select></label>'
    yield '<label>find <input id="search" type="search"></label> <span id="count" class="soft"></span></div>'
    head = ["case", *(safe.line(label) for label in report.results.labels), "apart"]
    yield f'<div class="wide"><table id="matrix"><thead><tr>{_head(head)}</tr></thead><tbody></tbody></table></div>'
    yield '<p><button type="button" id="more" hidden>show more</button></p>'


def _table(id: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield f'<div class="wide"><table class="sortable" id="{id}"><thead><tr>{_head(head)}</tr></thead><tbody>'
    for row in rows:
        yield f"<tr>{''.join(row)}</tr>"
    yield "</tbody></table></div>"


def _head(names: Sequence[str]) -> str:
    return "".join(f'<th scope="col"><button type="button">{_text(name) or "·"}</button></th>' for name in names)


def _cell(text: str, value: float | None | str = "text") -> str:
    """A cell; with a value it is sorted as that number, last where it is None."""
    if isinstance(value, str):
        return f"<td>{_text(text)}</td>"
    return f'<td class="number" data-v="{"" if value is None else repr(float(value))}">{_text(text)}</td>'


def _share(value: float | None) -> str:
    return _cell("–" if value is None else f"{100 * value:.0f} %", value)


def _range(found: Estimate | None) -> str:
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


def _text(text: str) -> str:
    return escape(safe.line(text), quote=True)


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
