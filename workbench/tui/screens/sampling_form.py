"""Every sampler setting of a lane."""

from __future__ import annotations

from workbench.inference.sampling import TABLE, Sampling
from workbench.tui.screens.settings_form import SettingsForm


class SamplingForm(SettingsForm[Sampling]):
    """The sampling of lane `label`, or of all."""

    def __init__(self, sampling: Sampling, label: str) -> None:
        super().__init__(TABLE, sampling, f"sampling of {label}", lanes=True)
