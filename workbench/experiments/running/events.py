"""What a run of an experiment tells while it goes on, beside the events of every run."""

from __future__ import annotations

import msgspec

from workbench.experiments.experiment import ModelLoading, ModelWaited, TrialAdvanced, TrialFinished, TrialRecord


class RunBegan(msgspec.Struct, frozen=True):
    """The run is in the history; `total` trials, `resumed` when it goes on with what was broken off."""

    run: str
    total: int
    resumed: bool


class TrialTaken(msgspec.Struct, frozen=True):
    """A trial needs not be made: `record` is out of the history, of this run (it was resumed) or of another."""

    trial: str
    record: TrialRecord


class WorkerRestarted(msgspec.Struct, frozen=True):
    """The worker of a model died and was started again; `again` trials are made again."""

    model: str
    reason: str
    again: int


class RunPaused(msgspec.Struct, frozen=True):
    """The history cannot be written (a full disk…): nothing is lost, the run waits. `reason` is the line to show."""

    reason: str


class RunContinued(msgspec.Struct, frozen=True):
    """It can be written again."""


class RunEnded(msgspec.Struct, frozen=True):
    """The last event. `stopped`: done, decided, budget, failed; `reason` in words; `summary` as of `run --json`."""

    stopped: str
    reason: str
    summary: dict[str, object]


ExperimentEvent = (
    RunBegan
    | TrialTaken
    | TrialFinished
    | TrialAdvanced
    | ModelLoading
    | ModelWaited
    | WorkerRestarted
    | RunPaused
    | RunContinued
    | RunEnded
)
