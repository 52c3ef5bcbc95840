"""The types of checks: names, options, defaults. What reads files, the schema and the docs all stand on this table."""

from __future__ import annotations

from dataclasses import replace

from workbench.experiments.checks.model import Kind, Param

_CASE = Param("ignore_case", "bool", "capitals and small letters are the same", False)
_FENCE = Param("fence", "bool", "one code fence (```) around all of it is taken off first", False)
_MODEL = Param("model", "text", "the model that is asked; the trial's own when left out")
_MIN = Param("min", "number", "the least that passes", low=0)
_MAX = Param("max", "number", "the most that passes", low=0)
_BOUNDS = ("min", "max")


def _text(help: str) -> Param:
    return Param("value", "text", help, needed=True)


def _texts(help: str) -> Param:
    return Param("value", "texts", help, needed=True)


def _format(name: str, run: str, help: str) -> Kind:
    alias = name.removeprefix("is-")
    example = f'{{ type = "{name}" }}'
    return Kind(name, help, example, f"formats:{run}", (_FENCE,), "apart", (alias,))


_SCHEMA = Param("value", "schema", "a JSON Schema: a table, or JSON in a text")
_ALL = (
    Kind(
        "equals",
        "the answer is this text, blanks around it aside",
        '{ type = "equals", value = "42" }',
        "texts:equals",
        (_text("the text"), _CASE),
    ),
    Kind(
        "contains",
        "the text stands in the answer",
        '{ type = "contains", value = "{{expected}}", ignore_case = true }',
        "texts:contains",
        (_text("the text"), _CASE),
    ),
    Kind(
        "contains-any",
        "one of the texts stands in it",
        '{ type = "contains-any", value = ["forty-two", "42"] }',
        "texts:contains_any",
        (_texts("the texts"), _CASE),
    ),
    Kind(
        "contains-all",
        "all of them do; the score is the share that does",
        '{ type = "contains-all", value = ["Seoul", "Busan"] }',
        "texts:contains_all",
        (_texts("the texts"), _CASE),
        threshold=1.0,
    ),
    Kind(
        "starts-with",
        "it begins with the text",
        '{ type = "starts-with", value = "Result:" }',
        "texts:starts_with",
        (_text("the text"), _CASE),
    ),
    Kind(
        "ends-with",
        "it ends with the text",
        '{ type = "ends-with", value = "." }',
        "texts:ends_with",
        (_text("the text"), _CASE),
    ),
    Kind(
        "regex",
        "the pattern (Python's re) matches somewhere; at most 2 seconds",
        '{ type = "regex", value = "(?m)^Result: \\\\d+$" }',
        "texts:regex",
        (_text("the pattern; what templates fill in is taken literally"), _CASE),
        "apart",
    ),
    Kind(
        "length",
        "how long it is",
        '{ type = "length", unit = "words", max = 50 }',
        "texts:length",
        (
            Param("unit", "choice", "what is counted", "words", choices=("words", "characters", "tokens")),
            _MIN,
            _MAX,
            Param("value", "number", "exactly so many", low=0),
        ),
        aliases=("word-count",),
        one_of=(*_BOUNDS, "value"),
    ),
    Kind(
        "similarity",
        "how alike it is to a text: rapidfuzz's ratio, 0 to 1",
        '{ type = "similarity", value = "The sky is blue.", threshold = 0.9 }',
        "texts:similarity",
        (_text("the text"), _CASE),
        "apart",
        threshold=0.8,
    ),
    Kind(
        "levenshtein",
        "how many characters must change to make it the text",
        '{ type = "levenshtein", value = "42", max = 2 }',
        "texts:levenshtein",
        (_text("the text"), Param("max", "number", "the most edits that pass", 5, low=0, high=1_000_000), _CASE),
        "apart",
    ),
    _format("is-json", "is_json", "the whole answer is JSON"),
    Kind(
        "json-schema",
        "it is JSON of this schema",
        '{ type = "json-schema", value = { type = "object", required = ["answer"] } }',
        "formats:json_schema",
        (replace(_SCHEMA, needed=True), _FENCE),
        "apart",
    ),
    Kind(
        "contains-json",
        "a JSON object or list stands in it, of this schema where one is given",
        '{ type = "contains-json" }',
        "formats:contains_json",
        (_SCHEMA,),
        "apart",
    ),
    _format("is-toml", "is_toml", "it is TOML, with one key at least"),
    _format("is-yaml", "is_yaml", "it is YAML with keys, or a list"),
    _format("is-xml", "is_xml", "it is well-formed XML; entities are refused"),
    _format("is-python", "is_python", "it is Python that parses; nothing is run"),
    Kind(
        "language",
        "the share of its letters that are of the language's script; code between fences is left out",
        '{ type = "language", value = "Korean", threshold = 0.8 }',
        "scripts:language",
        (_text("a language whose script is its own (Korean, ja, …), or a script (Latin, Cyrillic, …)"),),
        threshold=0.5,
    ),
    Kind(
        "is-refusal",
        "it refuses: phrases in English and Korean, in its first 400 characters",
        '{ type = "is-refusal", not = true }',
        "refusal:is_refusal",
        aliases=("refusal",),
    ),
    Kind(
        "repetition",
        "it does not repeat itself: the score is the share that was not said before",
        '{ type = "repetition" }',
        "repetition:repetition",
        (Param("n", "number", "words in a run that counts as said before", 5, low=2, high=50),),
        threshold=0.7,
    ),
    Kind(
        "latency",
        "seconds until its first token or its last",
        '{ type = "latency", of = "first-token", max = 0.5 }',
        "measures:latency",
        (Param("of", "choice", "which", "total", choices=("total", "first-token")), _MIN, _MAX),
        one_of=_BOUNDS,
    ),
    Kind(
        "speed",
        "tokens per second, after the first",
        '{ type = "speed", min = 20 }',
        "measures:speed",
        (_MIN, _MAX),
        one_of=_BOUNDS,
    ),
    Kind(
        "tokens",
        "how many tokens it took",
        '{ type = "tokens", of = "total", max = 2000 }',
        "measures:tokens",
        (Param("of", "choice", "of what", "answer", choices=("answer", "prompt", "total")), _MIN, _MAX),
        one_of=_BOUNDS,
    ),
    Kind(
        "finish-reason",
        "why it ended: stop (it was done) or length (it was cut)",
        '{ type = "finish-reason", value = "stop" }',
        "measures:finish_reason",
        (Param("value", "choice", "why", "stop", choices=("stop", "length")),),
    ),
    Kind(
        "perplexity",
        "how surprising the answer is to a model: 1 = not at all",
        '{ type = "perplexity", max = 20 }',
        "likelihood:perplexity",
        (_MIN, _MAX, _MODEL),
        "engine",
    ),
    Kind(
        "label-probability",
        "the probability of a label as the next text, from one pass; nothing is sampled",
        '{ type = "label-probability", question = "Is the answer polite?", value = "Yes", threshold = 0.7 }',
        "likelihood:label_probability",
        (
            Param("value", "text", "the label", "Yes"),
            Param("labels", "texts", "all labels, the wanted one among them; Yes and No for either of them"),
            Param("question", "text", "asked about the answer; without, the label is what the prompt itself asks for"),
            _MODEL,
        ),
        "engine",
        threshold=0.5,
    ),
    Kind(
        "judge",
        "a model grades the answer, 1 to 5, or against a reference in both orders",
        '{ type = "judge", value = "It is polite and names a next step.", threshold = 0.75 }',
        "judge:judge",
        (
            Param("value", "text", "the rubric"),
            Param("prompt", "text", "a prompt of the library with {{answer}}, {{question}}, {{rubric}} in it"),
            Param("reference", "text", "an answer to compare with: 1 better, 0.5 like it, 0 worse"),
            Param("max_tokens", "number", "how much the judge may say", 256, low=8, high=8192),
            _MODEL,
        ),
        "engine",
        ("llm-rubric",),
        threshold=0.5,
    ),
)
COMMON = (
    Param("not", "bool", "the other way round: it passes where it would fail, and the score is 1 − score", False),
    Param("weight", "number", "how much it counts; 0 = it is only measured", 1.0, low=0, high=1_000_000),
    Param("threshold", "number", "the least score that passes", low=0, high=1),
)
KINDS: dict[str, Kind] = {kind.name: kind for kind in _ALL}
# icontains and its kin are promptfoo's names for ignore_case.
FOLDED = {f"i{name}": name for name in ("contains", "contains-any", "contains-all", "equals")}
NAMES: dict[str, str] = {
    **{name: name for name in KINDS},
    **{alias: kind.name for kind in _ALL for alias in kind.aliases},
    **FOLDED,
}
