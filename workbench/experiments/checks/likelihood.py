"""Checks that read the model's own probabilities: one pass over the text, nothing is sampled."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from workbench.errors import EngineError
from workbench.experiments.checks.model import Access, CannotTellError, Context, Options, Outcome
from workbench.experiments.checks.texts import within
from workbench.experiments.checks.words import quoted
from workbench.inference.engine import Engine, Message

_CONTROL = re.compile(r"<\|[^|<>\s]{1,60}\|>|</?s>|<(?:start|end)_of_turn>|\[/?INST\]")
TOP = 100  # next tokens looked at; what stands further behind has next to no share


async def perplexity(options: Options, answer: str, context: Context) -> Outcome:
    """exp(−mean of the tokens' natural log-probabilities) of the answer after its conversation (Jelinek et al. 1977).

    Under the trial's own model, or that of `model`: another model says how plain the text is to it.
    """
    if not answer:
        raise CannotTellError("there is no text to score")
    async with access(context).engine(options.get("model") or context.model) as engine:
        prompt = await engine.render(context.messages)
        tokens = await engine.score(prompt, answer)
    if not tokens:
        raise CannotTellError("there is no token to score")
    mean = sum(token.logprob for token in tokens) / len(tokens)
    return within(math.exp(min(-mean, 700.0)), options, "perplexity")


async def label_probability(options: Options, answer: str, context: Context) -> Outcome:
    """The probability of the label `value` as the next text, among `labels` where there are several.

    With a `question` the model is asked it about the answer; without, the label is what the conversation itself asks
    for (a classification), and the answer that was generated does not matter.
    """
    value = options["value"]
    labels = list(options.get("labels") or _opposites(value))
    question = options.get("question")
    async with access(context).engine(options.get("model") or context.model) as engine:
        messages = context.messages
        if question:
            messages = await harmless(engine, (Message("user", _asked(question, answer, labels)),))
        chances = await _chances(engine, await engine.render(messages), labels)
    total = sum(chances.values())
    if not total:
        raise CannotTellError(f"none of {', '.join(map(quoted, labels))} is among the {TOP} likeliest next tokens")
    chance = chances[value] / total if len(labels) > 1 else chances[value]
    return Outcome(min(1.0, chance), f"P({quoted(value, 30)}) = {chance:.3f}", measured=chance)


def access(context: Context) -> Access:
    """The context's access to models; raises CannotTellError without."""
    if context.access is None:
        raise CannotTellError("it needs a model, and none is at hand")
    return context.access


async def harmless(engine: Engine, messages: tuple[Message, ...]) -> tuple[Message, ...]:
    """The messages without control tokens in their texts: an answer that holds `<|im_end|>` would end our turn."""
    try:
        special = (await engine.count(messages)).special
    except EngineError:  # a server that has no tokenizer to ask: what looks like one, as most models write them
        special = tuple({token for message in messages for token in _CONTROL.findall(message.content)})
    if not special:
        return messages
    made = []
    for message in messages:
        text = message.content
        for token in special:
            text = text.replace(token, f"{token[:1]} {token[1:]}")
        made.append(Message(message.role, text))
    return tuple(made)


def fenced(name: str, text: str) -> str:
    """A stranger's text between tags; a closing tag in it does not close."""
    return f"<{name}>\n{text.replace(f'</{name}>', f'< /{name}>')}\n</{name}>"


def _opposites(value: str) -> tuple[str, ...]:
    pair = {"yes": ("Yes", "No"), "no": ("Yes", "No"), "true": ("True", "False"), "false": ("True", "False")}
    return tuple(value if label.lower() == value.lower() else label for label in pair.get(value.lower(), (value,)))


def _asked(question: str, answer: str, labels: Sequence[str]) -> str:
    ending = f"Reply with one of these and nothing else: {', '.join(labels)}."
    return f"{fenced('answer', answer)}\n\n{question}\n{ending}"


async def _chances(engine: Engine, prompt: str, labels: Sequence[str]) -> dict[str, float]:
    """Each label's probability. One pass where each is one token (with a blank before it, in any case, it counts too);
    else each label is scored whole."""
    try:
        single = all([len(await engine.tokenize(label)) == 1 for label in labels])
    except EngineError:  # an engine without a tokenizer of its own
        single = False
    if not single:
        return {label: math.exp(sum(token.logprob for token in await engine.score(prompt, label))) for label in labels}
    folded = {label.casefold() for label in labels}
    fold = str.casefold if len(folded) == len(labels) else str
    chances = dict.fromkeys(labels, 0.0)
    for token in await engine.next_token(prompt, TOP):
        for label in labels:
            if fold(token.text.strip()) == fold(label):
                chances[label] += math.exp(token.logprob)
    return chances
