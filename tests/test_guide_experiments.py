"""docs/checks.md and docs/experiment-files.md: every example in them is right, and says what it does."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import jsonschema
import pytest

from tests.experiments.checks.helpers import check, verdict
from workbench.experiments.checks import own
from workbench.experiments.checks.kinds import COMMON, KINDS, NAMES
from workbench.experiments.files import open_experiment
from workbench.experiments.jsonschema import schema
from workbench.experiments.plan import Plan

DOCS = Path(__file__).parents[1] / "docs"
CHECKS = (DOCS / "checks.md").read_text(encoding="utf-8")
FILES = (DOCS / "experiment-files.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^### (\S+)\n(.*?)(?=^##|\Z)", CHECKS, re.MULTILINE | re.DOTALL))
EXPERIMENTS = re.findall(r"^```toml\n# (\S+)\n(.*?)^```$", FILES, re.MULTILINE | re.DOTALL)


def test_every_check_has_its_section_with_all_its_options() -> None:
    assert set(SECTIONS) == set(KINDS)
    for name, text in SECTIONS.items():
        assert KINDS[name].example in text
        for param in KINDS[name].params:
            assert f"- `{param.name}`: " in text, (name, param.name)
    for param in COMMON:
        assert f"| `{param.name}` |" in CHECKS
    for name in NAMES:
        assert f"`{name}`" in CHECKS or name in SECTIONS, name


@pytest.mark.parametrize("name", SECTIONS)
async def test_an_example_passes_and_fails_as_it_says(name: str) -> None:
    (text,) = re.findall(r"^```toml\n(.*?)\n```$", SECTIONS[name], re.MULTILINE)
    assert check(text).kind == name
    rows = re.findall(r"^\| `(.+?)` \| (?:`(.+?)`)? ?\|$", SECTIONS[name], re.MULTILINE)
    for good, bad in rows:
        assert (await verdict(text, good, variables={"expected": "forty-two"})).passed
        if bad:
            assert not (await verdict(text, bad, variables={"expected": "forty-two"})).passed
    model = ("latency", "speed", "tokens", "finish-reason", "perplexity", "label-probability", "judge")
    assert len(rows) == (0 if name in model else 1)


async def test_the_check_of_your_own_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, _, text = CHECKS.partition("## Checks of your own")
    project, code, line = re.findall(r"^```\w+\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    points = tomllib.loads(project)["project"]["entry-points"]
    (tmp_path / "our_checks.py").write_text(code)
    info = tmp_path / "our_checks-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: our-checks\nVersion: 1\n")
    lines = [f"{name} = {value}" for name, value in points["workbench.checks"].items()]
    (info / "entry_points.txt").write_text("\n".join(["[workbench.checks]", *lines]))
    monkeypatch.setattr(own, "_installed", lambda: [str(tmp_path)])
    monkeypatch.syspath_prepend(str(tmp_path))
    own.load.cache_clear()
    found = await verdict(line.strip(), "We use it.")
    assert (found.passed, found.reason, found.weight) == (True, "no such word", 0.5)
    found = await verdict(line.strip(), "We leverage it.")
    assert (found.passed, found.reason) == (False, "says leverage")


def test_the_first_example_is_right() -> None:
    text = re.findall(r"^```toml\n(.*?)^```$", CHECKS, re.MULTILINE | re.DOTALL)[0]
    for line in text.splitlines()[1:-1]:
        assert check(line.strip().rstrip(",")).type


@pytest.mark.parametrize(("name", "text"), EXPERIMENTS, ids=[name for name, _ in EXPERIMENTS])
def test_every_experiment_is_right(name: str, text: str, tmp_path: Path) -> None:
    (rows,) = re.findall(r"^```csv\n(.*?)^```$", FILES, re.MULTILINE | re.DOTALL)
    (tmp_path / "questions.csv").write_text(rows, encoding="utf-8")
    (tmp_path / name).write_text(text, encoding="utf-8")
    found = open_experiment(tmp_path / name)
    assert found.warnings == ()
    assert found.extra == {}
    jsonschema.Draft7Validator(schema()).validate(tomllib.loads(text))
    trials = list(Plan(found, found.cases()))
    assert trials
    if name == "from-a-file.toml":
        assert {trial.case.message for trial in trials} == {
            "Answer in one word: What is the capital of France?",
            'Answer in one word: Who wrote "Hamlet"?',
        }
        assert {trial.case.tags for trial in trials} == {("geography",), ("books",)}
        assert {trial.case.name for trial in trials} == {"q1", "q2"}
    if name == "sampling-grid.toml":
        assert len(found.variants) == 18


def test_the_whole_one_shows_every_key() -> None:
    whole = tomllib.loads(EXPERIMENTS[0][1])
    text = "\n".join(body for _, body in EXPERIMENTS)
    known = set(schema()["properties"]) - {"threshold", "delimiter", "profile", "model", "variables"}
    missing = {key for key in known - set(whole) if not re.search(rf"^\[*{key}(\]| =)", text, re.MULTILINE)}
    assert missing == set()
    for key in ("threshold", "delimiter", "profile", "model", "variables"):
        assert f"`{key}" in FILES, key
