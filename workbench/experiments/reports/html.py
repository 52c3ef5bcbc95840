"""One HTML page that needs nothing else: no network, its own style and script, light and dark.

Answers and prompts are strangers' texts. They are escaped where they stand in markup; in the data that the script
reads `<`, `>` and `&` are escaped too, and it writes them as text only. A policy allows this very script and style and
nothing else: no request, no other script, no form.
"""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from pathlib import Path

from workbench import safe
from workbench.experiments.reports import markup, words
from workbench.experiments.reports.again import to_text
from workbench.experiments.reports.contents import Report
from workbench.experiments.reports.page_data import Texts, cells
from workbench.experiments.results.grid import Grid
from workbench.experiments.results.identity import shown

_HEATS = 6
_CHANGED = 200  # cases that got worse, listed for each variant
_OPEN = 10  # of them are shown before they are asked for
_GRIDS = 3  # heat tables or bars, at most
_PASSED = words.VARIANTS.index("passed")


def lines(report: Report) -> Iterator[str]:
    """The page, in parts."""
    folder = Path(__file__).parent
    style, script = ((folder / name).read_text(encoding="utf-8") for name in ("page.css", "page.js"))
    policy = (
        f"default-src 'none'; style-src '{markup.digest(style)}'; script-src '{markup.digest(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    title = markup.plain(report.title or report.run)
    yield '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">'
    yield f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f'<meta name="referrer" content="no-referrer">\n<title>{title}</title>'
    yield f"<style>{style}</style>\n</head>\n<body>\n<main>"
    said = markup.plain(f"run {report.run}, {report.created[:16].replace('T', ' ')} UTC")
    yield f'<header><div><h1>{title}</h1><p class="soft">{said}</p></div>'
    yield '<button type="button" id="theme">light / dark</button></header>'
    yield "<ul>" + "".join(f"<li>{markup.plain(line)}</li>" for line in words.headline(report)) + "</ul>"
    yield from _variants(report)
    yield from _pairs(report)
    yield from _against(report)
    yield from _grids(report)
    yield from _checks(report)
    yield from _matrix(report)
    yield from _again(report)
    yield "</main>"
    texts = Texts(report)
    for chunk in texts.chunks():  # the script reads them when one is asked for: the page opens before
        yield f'<script type="application/json" class="texts">{markup.as_data(chunk)}</script>'
    data = {**cells(report), "without": texts.without}
    yield f'<script type="application/json" id="data">{markup.as_data(data)}</script>'
    yield f"<script>{script}</script>\n</body>\n</html>"


def _variants(report: Report) -> Iterator[str]:
    yield "<h2>Variants</h2>"
    rows = []
    for found in report.results.figures:
        told = words.variant_row(found)
        values = (
            found.trials,
            found.errors,
            found.passed.value if found.passed else None,
            found.score.value if found.score else None,
            found.tokens,
            found.tokens_per_s,
            found.first_token_s,
        )
        made = [markup.cell(cell) for cell in told[:2]]
        made += [markup.cell(cell, value) for cell, value in zip(told[2:], values, strict=True)]
        made[_PASSED] = made[_PASSED].replace("</td>", f"{markup.interval(found.passed)}</td>")
        rows.append(made)
    yield from markup.table("variants", words.VARIANTS, rows)
    if report.results.judged:
        yield '<p class="soft">bars: the share that passed, 0 to 100 %, with its 95 % interval by case</p>'


def _pairs(report: Report) -> Iterator[str]:
    pairs = report.results.pairs
    if not pairs:
        return
    yield "<h2>Pairs</h2>"
    rows = []
    for pair in pairs:
        told = words.pair_row(pair)
        made = [
            markup.cell(told[0]),
            markup.cell(told[1], pair.once.difference),
            markup.cell(told[2]),
            markup.cell(told[3], pair.p),
        ]
        rows.append([*made, markup.cell(told[4])])
    yield from markup.table("pairs", words.PAIRS, rows)


def _against(report: Report) -> Iterator[str]:
    found = report.against
    if found is None:
        return
    yield f"<h2>Against run {markup.plain(report.baseline)}</h2><ul>"
    for change in found.variants:
        yield f"<li>{markup.plain(words.change_line(change))}</li>"
    if found.new or found.gone:
        new, gone = (markup.plain(", ".join(labels) or "none") for labels in (found.new, found.gone))
        yield f"<li>new variants: {new}; gone: {gone}</li>"
    yield "</ul>"
    rows = [
        [
            markup.cell(change.label),
            markup.cell(words.case_name(case.case)),
            markup.cell(f"{case.before:.2f}", case.before),
            markup.cell(f"{case.after:.2f}", case.after),
            markup.cell("it passed before" if case.newly and case.change < 0 else ""),
        ]
        for change in found.variants
        for case in change.worse[:_CHANGED]
    ]
    if rows:
        told = f"{len(rows):,} {'case' if len(rows) == 1 else 'cases'} that got worse"
        yield f"<details{' open' if len(rows) <= _OPEN else ''}><summary>{told}</summary>"
        yield from markup.table("worse", ("label", "case", "before", "now", "remark"), rows)
        yield "</details>"
    rows = [
        [markup.cell(change.label), markup.cell(check.check), markup.share(check.before), markup.share(check.after)]
        for change in found.variants
        for check in change.checks
    ]
    if rows:
        yield from markup.table("changed", ("label", "check", "passed before", "passed now"), rows)


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
    head = "".join(f"<th>{markup.plain(shown(value))}</th>" for value in grid.xs)
    corner = f"{markup.plain(grid.y)} ↓ {markup.plain(grid.x)} →" if grid.y else markup.plain(grid.x)
    yield f'<div class="wide"><table class="grid"><thead><tr><th>{corner}</th>{head}</tr></thead><tbody>'
    for value, row in zip(grid.ys, grid.spots, strict=True):
        spots = []
        for spot in row:
            if spot.value is None:
                spots.append('<td class="number">–</td>')
                continue
            part = (spot.value - grid.low) / (grid.high - grid.low) if grid.high > grid.low else 0.0
            heat = min(_HEATS - 1, int(part * _HEATS))
            spots.append(
                f'<td class="number heat{heat}" title="{markup.plain(", ".join(spot.labels))}">{spot.value:.2f}</td>'
            )
        yield f"<tr><th>{markup.plain(shown(value)) if grid.y else 'mean score'}</th>{''.join(spots)}</tr>"
    yield "</tbody></table></div>"


def _checks(report: Report) -> Iterator[str]:
    rows = [
        [
            markup.cell(found.variant.label),
            markup.cell(name),
            markup.cell(f"{count:,}", count),
            markup.share(passed),
            markup.cell(f"{score:.2f}", score),
        ]
        for found in report.results.figures
        for name, (count, passed, score) in found.checks.items()
    ]
    if rows:
        yield "<h2>Checks</h2>"
        yield from markup.table("checks", ("label", "check", "verdicts", "passed", "mean score"), rows)


def _matrix(report: Report) -> Iterator[str]:
    yield "<h2>Cases</h2>"
    yield "<noscript><p>The cases need this page's script; the tables above do not.</p></noscript>"
    options = {"all": "all", "failed": "failed", "differing": "differing", "errors": "with errors"}
    yield (
        '<p class="soft">A case unfolds to its answers. ✓ all of its trials passed, ~ some, ✗ none; then the mean '
        "score. apart: how far the variants’ mean scores lie from one another.</p>"
    )
    yield '<p class="soft" id="without" hidden></p>'
    choices = "".join(f'<option value="{name}">{told}</option>' for name, told in options.items())
    yield f'<div class="tools"><label>show <select id="show">{choices}</select></label>'
    yield '<label>find <input id="search" type="search"></label> <span id="count" class="soft"></span></div>'
    heads = markup.heads(["case", *report.results.labels, "apart"])
    yield f'<div class="wide"><table id="matrix"><thead><tr>{heads}</tr></thead><tbody></tbody></table></div>'
    yield '<p><button type="button" id="more" hidden>show more</button></p>'


def _again(report: Report) -> Iterator[str]:
    again = report.again
    yield "<h2>To run it again</h2>"
    if again["command"]:
        yield f"<pre>{markup.plain(again['command'])}</pre>"
    if again["replay"]:
        yield f"<p>One trial alone, and where it departs:</p><pre>{markup.plain(again['replay'])}</pre>"
    rows = [
        [
            *(markup.cell(str(each[name])) for name in ("label", "prompt")),
            markup.cell(_short(each["version"])),
            markup.cell(each["model"]["name"]),
            markup.cell(_short(each["model"]["sha256"] or f"not known; {each['model']['size'] or 0:,} bytes")),
            markup.cell(" ".join(f"{name}={shown(value)}" for name, value in each["sampling"].items())),
        ]
        for each in again["variants"]
    ]
    yield from markup.table("made", ("label", "prompt", "version", "model", "sha256", "sampling"), rows)
    files = {again["file"] or "experiment.toml": again["experiment"]}
    if again["case_file"]:
        files[again["case_file"]["name"]] = again["case_file"]["text"]
    for name, text in files.items():
        if isinstance(text, str):
            yield f"<details><summary>{markup.plain(name)}</summary><pre>{escape(safe.text(text))}</pre></details>"
    yield "<details><summary>All of it as JSON: the prompts' files by version, settings, cases, seeds</summary>"
    yield f'<pre id="again">{escape(to_text(again))}</pre></details>'


def _short(hash: str) -> str:
    """Enough of a hash to compare it by eye; the whole one is in the JSON."""
    return f"{hash[:16]}…" if len(hash) == 64 else hash
