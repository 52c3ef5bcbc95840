"""What the arena says: why there is no pair, how a vote went."""

from __future__ import annotations

from workbench.experiments.arena.sitting import Pair, Sitting

SAID: dict[str, str] = {
    "left": "left is better",
    "right": "right is better",
    "tie": "as good as each other",
    "bad": "both bad",
}


def marks(verdict: str) -> tuple[str, str]:
    """A word for the left and for the right answer."""
    known = {"left": ("better", "worse"), "right": ("worse", "better")}
    return known.get(verdict, (verdict, verdict))


def message(pair: Pair) -> str:
    """What both answer; only the case where a variant wraps the words, for they would tell it."""
    same = pair.left.message == pair.right.message
    return pair.left.message if same else f"(case {pair.left.case})"


def nothing(sitting: Sitting, *, everything: bool) -> str:
    """Why there is no pair, and what to do; `everything`: the whole history was looked through."""
    wider = "" if everything else "\na takes the answers of the whole history."
    if sitting.tag:
        return f"No pair of the category {sitting.tag} is left.\n\nc chooses another category.{wider}"
    if not sitting.items:
        return f"There are no answers here yet.\n\nF5 in the lanes runs a message in all of them; then V.{wider}"
    if len(sitting.items) == 1:
        how = "Give a lane another prompt, model or sampling (p, m, s) and run again (F6)."
        return f"All answers here are of one variant: there is nothing to compare.\n\n{how}{wider}"
    if sitting.met:
        how = "F6 in the lanes runs again with the next seed.\nr shows the ranking."
        return f"Every two answers here have met.\n\n{how}{wider}"
    return f"No two variants have answered the same message.\n\nF5 in the lanes runs a message in all.{wider}"
