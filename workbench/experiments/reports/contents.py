"""What a report is made of, whatever its format."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from workbench.experiments.results.against import Comparison
from workbench.experiments.results.results import Results

Trials = Callable[[], Iterator[dict[str, Any]]]


@dataclass(frozen=True, kw_only=True)
class Report:
    """A run, ready to be written. Every text in it is untrusted.

    `trials` gives the TRIALs anew each time it is called, as a stream. `again` is what `again.gather` found. `against`
    is the comparison with the run `baseline`, None for none. `notes` are lines that a reader must see.
    """

    run: str
    title: str
    created: str
    results: Results
    trials: Trials
    again: Mapping[str, Any]
    against: Comparison | None = None
    baseline: str = ""
    notes: tuple[str, ...] = ()
