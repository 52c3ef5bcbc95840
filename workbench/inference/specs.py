"""Settings by name: their kind, range and help, checked as a form, a shell or a file gives them.

A `Table` belongs to a struct whose fields are the settings: the sampler's (sampling.py), a model's load (loading.py).
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Mapping
from typing import Any, Generic, Literal, TypeVar

import msgspec

from workbench.errors import SettingError

Kind = Literal["int", "float", "strings", "bias", "text", "choice", "bool", "floats"]
MAX_INT = 2**31 - 1
_TRUTH = {"true": True, "on": True, "yes": True, "1": True, "false": False, "off": False, "no": False, "0": False}
S = TypeVar("S", bound=msgspec.Struct)


class Spec(msgspec.Struct, frozen=True):
    """How one setting is offered: its kind, its range (inclusive), the value that turns it off, one line of help.

    `default` is what a fresh struct has; `choices` are the values of a "choice".
    """

    name: str
    kind: Kind
    low: float
    high: float
    neutral: Any
    help: str
    group: str
    default: Any = None
    choices: tuple[str, ...] = ()


class Table(Generic[S]):
    """The settings of a struct, in the order they are shown. `noun` is what a person calls one of them."""

    def __init__(self, fresh: S, specs: Iterable[Spec], noun: str, error: type[SettingError] = SettingError) -> None:
        self._fresh = fresh
        self._noun = noun
        self._error = error
        self.specs = {spec.name: msgspec.structs.replace(spec, default=getattr(fresh, spec.name)) for spec in specs}

    def check(self, name: str, value: object) -> Any:
        """`value` as setting `name` takes it; raises the table's error with the range or the nearest name."""
        spec = self.specs.get(name)
        if spec is None:
            near = difflib.get_close_matches(name, self.specs, 1)
            hint = f"did you mean {near[0]}?" if near else f"one of {', '.join(self.specs)}"
            raise self._error(f"{name} is no {self._noun}", hint=hint)
        try:
            return _CHECKS[spec.kind](spec, value)
        except SettingError as error:
            raise self._error(error.what, hint=error.hint) from None

    def make(self, values: Mapping[str, object] | None = None, base: S | None = None) -> S:
        """`base` (or the defaults) with `values` set, each checked."""
        checked = {name: self.check(name, value) for name, value in (values or {}).items()}
        return msgspec.structs.replace(base if base is not None else self._fresh, **checked)

    def changed(self, settings: S, base: S | None = None) -> dict[str, Any]:
        """The settings that differ from those of `base` (the defaults), by name."""
        before = base if base is not None else self._fresh
        return {
            name: getattr(settings, name) for name in self.specs if getattr(settings, name) != getattr(before, name)
        }


def _number(spec: Spec, value: object) -> int | float:
    number: int | float
    try:
        if isinstance(value, bool):
            raise ValueError
        if isinstance(value, str):
            number = int(value) if spec.kind == "int" else float(value)
        elif isinstance(value, int | float):
            if spec.kind == "int" and value != int(value):
                raise ValueError
            number = int(value) if spec.kind == "int" else float(value)
        else:
            raise ValueError
    except (ValueError, OverflowError):
        noun = "a whole number" if spec.kind == "int" else "a number"
        raise SettingError(f"{spec.name} = {value!r} is not {noun}", hint=_range(spec)) from None
    if not (spec.low <= number <= spec.high) or (isinstance(number, float) and math.isnan(number)):
        raise SettingError(f"{spec.name} = {value} is out of range", hint=_range(spec))
    return number


def _range(spec: Spec) -> str:
    return f"{spec.name} goes from {spec.low:g} to {spec.high:.10g}: {spec.help}"


def _strings(spec: Spec, value: object) -> tuple[str, ...]:
    items = [value] if isinstance(value, str) else value
    if not isinstance(items, list | tuple) or not all(isinstance(item, str) and item for item in items):
        raise SettingError(f"{spec.name} must be texts", hint=spec.help)
    if len(items) > spec.high:
        raise SettingError(f"{spec.name} has {len(items)} texts", hint=f"at most {spec.high:g}")
    return tuple(items)


def _bias(spec: Spec, value: object) -> dict[int, float]:
    """From a mapping, or from `id:bias, id:bias`."""
    try:
        if isinstance(value, str):
            pairs = [part.split(":", 1) for part in value.split(",") if part.strip()]
            found = {int(key): float(bias) for key, bias in pairs}
        elif isinstance(value, Mapping):
            found = {int(key): float(bias) for key, bias in value.items()}
        else:
            raise ValueError
    except (ValueError, TypeError, OverflowError):
        raise SettingError("logit_bias is not id:bias, id:bias", hint=spec.help) from None
    for token, bias in found.items():
        if token < 0 or not (spec.low <= bias <= spec.high):
            hint = "ids from 0, bias from -100 to 100"
            raise SettingError(f"logit_bias {token}:{bias:g} is out of range", hint=hint)
    return found


def _text(spec: Spec, value: object) -> str:
    if not isinstance(value, str):
        raise SettingError(f"{spec.name} must be text", hint=spec.help)
    return value


def _choice(spec: Spec, value: object) -> str:
    if value not in spec.choices:
        raise SettingError(f"{spec.name} = {value!r} is none of {', '.join(spec.choices)}", hint=spec.help)
    return str(value)


def _bool(spec: Spec, value: object) -> bool:
    found = value if isinstance(value, bool) else _TRUTH.get(str(value).lower())
    if found is None:
        raise SettingError(f"{spec.name} = {value!r} is neither on nor off", hint=spec.help)
    return found


def _floats(spec: Spec, value: object) -> tuple[float, ...]:
    """From a list, or from `3, 1`."""
    items = [part for part in value.split(",") if part.strip()] if isinstance(value, str) else value
    if not isinstance(items, list | tuple):
        raise SettingError(f"{spec.name} = {value!r} is no list of numbers", hint=spec.help)
    try:
        found = tuple(float(item) for item in items)
    except (TypeError, ValueError):
        raise SettingError(f"{spec.name} = {value!r} is no list of numbers", hint=spec.help) from None
    if not all(spec.low <= number <= spec.high for number in found):
        raise SettingError(f"{spec.name} = {value!r} is out of range", hint=_range(spec))
    return found


_CHECKS = {
    "int": _number,
    "float": _number,
    "strings": _strings,
    "bias": _bias,
    "text": _text,
    "choice": _choice,
    "bool": _bool,
    "floats": _floats,
}
