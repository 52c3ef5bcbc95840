"""Reports of trials made by hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

from tests.experiments.results.made import EVIL, check, trial
from workbench.experiments.reports import again, formats
from workbench.experiments.reports.contents import Report
from workbench.experiments.results.results import Results

NASTY = st.one_of(
    st.sampled_from(
        [EVIL, "<!--", "]]>", "</pre>", "\u2028", "=1+1", "'@x", "`" * 5, "http://x.y", "@all", "\r\n", "%\\"]
    ),
    st.text(max_size=30),
    st.text("<>&\"'/=! -script\n\r\t\x00\x1b\u202e\ud800|`[]()", max_size=40),
)


def report(trials: Sequence[dict[str, Any]], *, before: Sequence[dict[str, Any]] = (), **meta: Any) -> Report:
    """The report of these trials; `before` are those of an earlier run, `meta` what the history has of the run."""
    results = Results.of(trials, stopped="done")
    return Report(
        run="r1",
        title=str(meta.get("title", "A title")),
        created="2026-01-02T03:04:05+00:00",
        results=results,
        trials=lambda: iter(trials),
        again=again.gather(trials, len(results.variants), len(results.cases), run="r1", meta=meta),
        against=results.worse_than(Results.of(before)) if before else None,
        baseline="r0" if before else "",
    )


def nasty(text: str) -> list[dict[str, Any]]:
    """Trials with the text wherever an untrusted one can be."""
    more = {
        "prompt": text,
        "model": text,
        "profile": text,
        "sampling": {"stop": [text], "temperature": 0.5},
        "messages": [{"role": "user", "content": text}],
        "lead": [{"role": "system", "content": text}],
    }
    return [
        trial(
            "A" + text, "one" + text, 0.0, text=text, checks=[check(score=0.0, reason=text, type="t" + text)], **more
        ),
        trial("A" + text, "two", 1.0, text=text, **more),
        trial("B", "one" + text, None, text="", finish="error", error="e" + text, **{**more, "prompt": "p"}),
        trial("B", "two", 0.5, text=text, repeat=1, **more),
        trial("C", "two", 0.5, text=text, **{**more, "sampling": {"temperature": 1.0}}),
    ]


def made(report: Report, format: str) -> str:
    """The whole report in a format, as it is written."""
    return "".join(line + "\n" for line in formats.lines(report, format))
