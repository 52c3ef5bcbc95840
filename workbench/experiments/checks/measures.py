"""Checks on what was measured while the answer came: time, speed, tokens, why it ended."""

from __future__ import annotations

from workbench.experiments.checks.model import CannotTellError, Context, Options, Outcome
from workbench.experiments.checks.texts import within


def latency(options: Options, answer: str, context: Context) -> Outcome:
    """Seconds to the first token, or to the last: first + tokens / speed, which counts from the first token on."""
    if context.first_token_s is None:
        raise CannotTellError("its time was not measured")
    if options["of"] == "first-token":
        return within(context.first_token_s, options, "s to the first token")
    rest = 0.0
    if context.tokens_per_s and context.completion_tokens:
        rest = context.completion_tokens / context.tokens_per_s
    return within(context.first_token_s + rest, options, "s")


def speed(options: Options, answer: str, context: Context) -> Outcome:
    """Tokens per second after the first token."""
    if context.tokens_per_s is None:
        raise CannotTellError("its speed was not measured")
    return within(context.tokens_per_s, options, "tokens/s")


def tokens(options: Options, answer: str, context: Context) -> Outcome:
    """Tokens of the answer, of the prompt, or of both."""
    if context.completion_tokens is None:
        raise CannotTellError("its tokens were not counted")
    prompt, completion = context.prompt_tokens, context.completion_tokens
    counts = {"answer": completion, "prompt": prompt, "total": prompt + completion}
    return within(counts[options["of"]], options, "tokens")


def finish_reason(options: Options, answer: str, context: Context) -> Outcome:
    """Why it ended: stop (it was done) or length (it was cut)."""
    return Outcome(float(context.finish == options["value"]), f"it ended by {context.finish}")
