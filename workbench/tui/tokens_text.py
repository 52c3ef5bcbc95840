"""The lines of the tokens screen in words: the token at the cursor, what the text costs, what to mind."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from workbench.inference.engine import Token
from workbench.insight.costs import Costs
from workbench.insight.tokens import BOTH, TEMPLATE, Rendered, detail, visible

_WORDS = 3  # dearest words that are named


def token_line(token: Token | None, at: int, count: int, owner: str, likely: str) -> str:
    """The token at the cursor."""
    if token is None:
        return "no tokens"
    said = f"{at + 1:,} of {count:,}  ‘{visible(token)}’ · {detail(token)}"
    return " · ".join(part for part in (said, owner, likely) if part)


def likely_line(likely: Mapping[int, float], at: int, *, wanted: bool, first: bool) -> str:
    """Its probability, where it was asked for."""
    if at in likely:
        return f"p {percent(math.exp(likely[at]))} given what is before it"
    if not wanted:
        return "p asks for its probability"
    return "nothing is before it" if first else "p …"


def percent(p: float) -> str:
    """A probability for a person."""
    return f"{p:.1%}" if p >= 0.001 else f"{p:.0e}"


def owner_of(rendered: Rendered, at: int) -> str:
    """Whose a token of a rendered prompt is."""
    owner = rendered.owners[at] if at < len(rendered.owners) else TEMPLATE
    if owner == TEMPLATE:
        return "the template's"
    if owner == BOTH:
        return "partly the template's"
    return f"{rendered.messages[owner].role} message {owner + 1}"


def count_line(label: str, costs: Costs) -> str:
    """What the text costs one model."""
    return (
        f"{label} {costs.tokens:,} tok · {costs.per_token:.2f} characters a token · {costs.per_word:.2f} tokens a word"
    )


def ratio_line(left: Costs, right: Costs) -> str:
    """The two counts, and where the difference is: the writing that costs the other one more."""
    if not left.tokens or not right.tokens:
        return ""
    says = f"B / A {right.tokens / left.tokens:.2f} ×"
    ours = {script.name: script.tokens for script in left.scripts}
    theirs = {script.name: script.tokens for script in right.scripts}
    named = [script.name for script in left.scripts][:4]
    parts = [f"{name} {ours[name]:,} | {theirs.get(name, 0):,}" for name in named if ours[name] or theirs.get(name)]
    return f"{says} · by writing, A | B: {', '.join(parts)}" if parts else says


def dear_line(costs: Costs) -> str:
    """The words of most tokens."""
    words = [f"‘{word[:24]}’ {spent}" for word, spent in costs.dearest[:_WORDS] if spent > 1]
    return f"dearest words: {', '.join(words)}" if words else "every word is one token"


def warnings(rendered: Rendered | None, brought: Mapping[str, Sequence[str]], count: int) -> list[str]:
    """Control tokens that no template wrote; a prompt that was not told apart exactly; a token put in front."""
    found = [
        f"⚠ the value of {name} brings {' '.join(marks)} in: the model reads it as its own mark"
        for name, marks in brought.items()
    ]
    if rendered is None:
        return found
    if rendered.intruders and not brought:
        names = dict.fromkeys(rendered.tokens[at].text for at in rendered.intruders)
        found.append(f"⚠ a message holds {' '.join(names)}: the model reads it as its own mark")
    if not rendered.exact:
        found.append("the template changes the messages: what is whose is guessed")
    if rendered.fed > count:
        found.append(f"{rendered.fed:,} tokens are fed: the model puts one in front of every text")
    return found
