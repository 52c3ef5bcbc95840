"""What a variant is: what a report says of it, and what makes it the same one in another run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import msgspec

from workbench.inference.sampling import Sampling


@dataclass(frozen=True)
class Variant:
    """A variant by names. `sampling` is what differs from the defaults, and the temperature; without the seed."""

    label: str
    prompt: str = ""
    version: str = ""
    model: str = ""
    profile: str = ""
    sampling: Mapping[str, Any] = field(default_factory=dict)

    @property
    def settings(self) -> dict[str, Any]:
        """All that variants may differ in, by name: prompt, model, profile, and each sampler setting."""
        named = {"prompt": self.prompt, "model": self.model, "profile": self.profile}
        return {name: value for name, value in named.items() if value} | dict(self.sampling)

    @property
    def identity(self) -> str:
        """Equal for the same variant in another run. The prompt's version is no part of it: that is what changes."""
        return json.dumps([self.prompt, self.model, self.profile.partition("@")[0], sorted(self.sampling.items())])

    def told(self) -> str:
        """Prompt, model and settings in a line (untrusted)."""
        prompt = f"{self.prompt}@{self.version[:8]}" if self.version else self.prompt or "(typed)"
        profile = f" + {self.profile}" if self.profile else ""
        settings = " ".join(f"{name}={shown(value)}" for name, value in self.sampling.items())
        return "  ".join(part for part in (prompt + profile, self.model, settings) if part)


def variant_of(trial: Mapping[str, Any]) -> Variant:
    """The variant of a TRIAL."""
    return Variant(
        label=str(trial.get("variant") or ""),
        prompt=str(trial.get("prompt") or ""),
        version=str(trial.get("version") or ""),
        model=str(trial.get("model") or ""),
        profile=str(trial.get("profile") or ""),
        sampling=differing(trial.get("sampling") or {}),
    )


def differing(sampling: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that are not the defaults, in the order of the table; without the seed."""
    default = _default()
    names = [name for name in default if name in sampling] + sorted(set(sampling) - set(default))
    found = {name: sampling[name] for name in names if name != "seed"}
    return {name: value for name, value in found.items() if name == "temperature" or value != default.get(name)}


def shown(value: Any) -> str:
    """A setting's value as a person reads it."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


@lru_cache(maxsize=1)
def _default() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(msgspec.json.encode(msgspec.structs.asdict(Sampling())))
    return found
