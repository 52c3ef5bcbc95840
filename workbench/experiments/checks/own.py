"""Checks of other packages: the entry point group `workbench.checks`, looked up only for a type that is none of ours.

An installed package offers `NAME = "module:function"`. The function takes `(answer: str, options: dict)` and gives a
bool, a score 0…1, or `(bool or score, reason)`; it may be a coroutine function. `options` are the check's keys without
our own (type, not, weight, threshold), templates filled. It runs in a thread: it must not keep running for ever.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from workbench.errors import UsageError
from workbench.experiments.checks.model import CannotTellError, Outcome
from workbench.experiments.checks.words import plain, quoted

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP = "workbench.checks"
SECONDS = 60.0


def names(folders: tuple[str, ...] = ()) -> list[str]:
    """The types that installed packages offer."""
    return sorted({point.name for point in _points(folders)})


@functools.cache
def load(name: str, folders: tuple[str, ...] = ()) -> Callable[..., Any]:
    """The function behind a type. Raises UsageError when it is not there or does not load."""
    point = next((point for point in _points(folders) if point.name == name), None)
    if point is None:
        raise UsageError(f"{quoted(name)} is no check", hint=f"install a package with it in the group {GROUP}")
    try:
        function = point.load()
    except (
        Exception,
        SystemExit,
    ) as error:  # the boundary to others' packages: what their import raises is reported, by name
        said = f"the check {quoted(name)} ({point.value}) does not load: {plain(error) or type(error).__name__}"
        raise UsageError(said, hint="mend or remove the package") from error
    if not callable(function):
        raise UsageError(f"the check {quoted(name)} ({point.value}) is no function")
    return function  # type: ignore[no-any-return]  # its signature is the package's promise


async def call(function: Callable[..., Any], answer: str, options: Mapping[str, Any]) -> Outcome:
    """Its word on an answer. What it raises is the caller's boundary's; raises CannotTellError for no verdict."""
    import asyncio
    import inspect

    async def running() -> Any:
        try:
            if inspect.iscoroutinefunction(function):
                return await function(answer, dict(options))
            return await asyncio.to_thread(function, answer, dict(options))
        except SystemExit:  # it would end the loop, and the run with it
            raise CannotTellError("it called exit") from None

    try:
        said = await asyncio.wait_for(running(), SECONDS)
    except TimeoutError:
        raise CannotTellError(f"it ran longer than {SECONDS:g} s") from None
    verdict, reason = said if isinstance(said, tuple) and len(said) == 2 else (said, "")
    if isinstance(verdict, bool):
        return Outcome(float(verdict), plain(reason, 300), passed=verdict)
    if isinstance(verdict, int | float) and 0 <= verdict <= 1:
        return Outcome(float(verdict), plain(reason, 300), measured=float(verdict))
    raise CannotTellError(f"it gave {plain(repr(verdict), 60)}: no bool, and no score from 0 to 1")


def _points(folders: tuple[str, ...]) -> list[EntryPoint]:
    """Only of what is installed: sys.path may begin with a folder that somebody sent."""
    from importlib.metadata import distributions

    found = [point for each in distributions(path=list(folders) or _installed()) for point in each.entry_points]
    return [point for point in found if point.group == GROUP]


def _installed() -> list[str]:
    import site
    import sysconfig

    paths = sysconfig.get_paths()
    folders = [paths["purelib"], paths["platlib"], *site.getsitepackages()]
    if site.ENABLE_USER_SITE:
        folders.append(site.getusersitepackages())
    return list(dict.fromkeys(folders))
