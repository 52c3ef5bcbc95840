"""The hub over real HTTP on loopback: searched, read, fetched through every fault, verified, shared with others."""

from __future__ import annotations

import fcntl
import hashlib
import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.models.hub_server import COMMIT, Hub, served
from workbench.errors import NotFoundError, StorageError, UsageError, WorkbenchError
from workbench.models import catalog, download, hub, hub_client, stores
from workbench.models.download import CancelledError, Download, Progress
from workbench.models.hub import HubError
from workbench.models.removal import removal

ID = "me/tiny-GGUF"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, starter: Path) -> Iterator[Hub]:
    with served() as made:
        monkeypatch.setenv("HF_ENDPOINT", made.url)
        monkeypatch.delenv("HF_TOKEN", raising=False)
        monkeypatch.setattr(download, "CHUNK", 50_000)
        data = starter.read_bytes()[:4_000_000]
        made.files[ID] = {
            "tiny-Q4_K_M.gguf": data,
            "tiny-Q8_0.gguf": data * 2,
            "big/tiny-F16-00001-of-00002.gguf": b"GGUF" + b"1" * 100_000,
            "big/tiny-F16-00002-of-00002.gguf": b"GGUF" + b"2" * 70_000,
            "mmproj-tiny-f16.gguf": b"GGUF eyes",
            "README.md": b"---\nlicense: mit\n---\n# Tiny\n\x1b[2J",
        }
        made.files["you/abliterated-GGUF"] = {"x-Q4_0.gguf": b"GGUF"}
        yield made


def fetch(name: str = "tiny-Q4_K_M.gguf") -> Download:
    page = hub.page(ID)
    return Download(ID, page.commit, next(file for file in page.files if file.name == name))


def test_search_and_a_repositorys_page(server: Hub) -> None:
    found = hub.search("tiny")
    assert [(repo.id, repo.downloads, repo.license, repo.gated) for repo in found] == [(ID, 1234, "mit", False)]
    assert [repo.censorship for repo in hub.search("abliterated")] == ["uncensored"]
    asked = next(path for path, _ in server.asked if path.startswith("/api/models?"))
    assert "filter=gguf" in asked
    assert "sort=downloads" in asked
    hub.search("tiny", sort="new")
    assert "sort=createdAt" in server.asked[-1][0]
    page = hub.page(ID)
    assert page.commit == COMMIT
    assert page.card == "# Tiny\n\x1b[2J"
    assert [(file.name, file.quantization, len(file.parts)) for file in page.files] == [
        ("big/tiny-F16-00001-of-00002.gguf", "F16", 2),
        ("tiny-Q4_K_M.gguf", "Q4_K_M", 1),
        ("tiny-Q8_0.gguf", "Q8_0", 1),
        ("mmproj-tiny-f16.gguf", "F16", 1),
    ]
    assert page.files[0].size == 170_008
    assert page.files[-1].projector
    with pytest.raises(UsageError, match="no order"):
        hub.search(sort="size")


REFUSED = [
    (401, "HF_TOKEN"),
    (403, "HF_TOKEN"),
    (404, "check HF_ENDPOINT"),
    (429, "wait a while"),
    (500, "try again later"),
]


@pytest.mark.parametrize(("code", "hint"), REFUSED)
def test_what_the_hub_refuses_is_one_line_at_once(server: Hub, code: int, hint: str) -> None:
    server.api_fault = code
    with pytest.raises(HubError, match=f"answers {code}") as error:
        hub.search("tiny")
    assert hint in error.value.hint
    assert "\n" not in str(error.value)
    assert len(server.asked) == 1
    with pytest.raises(WorkbenchError, match=rf"answers {code}|no model") as other:
        hub.page(ID)
    assert other.value.hint
    assert len(server.asked) == 2


def test_a_gated_repository_says_where_to_accept_its_terms(server: Hub) -> None:
    server.api_fault, server.api_code = 403, "GatedRepo"
    with pytest.raises(HubError, match="me/tiny-GGUF is gated") as error:
        hub.page(ID)
    assert f"{server.url}/{ID}" in error.value.hint


def test_a_hub_that_says_nothing_is_not_waited_for(server: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_client, "QUIET", 0.05)
    server.api_fault = -1
    with pytest.raises(HubError, match="does not answer"):
        hub.search("tiny")


def test_a_token_that_may_not_is_said(server: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    server.api_fault = 401
    monkeypatch.setenv("HF_TOKEN", "hf_wrong")
    with pytest.raises(HubError, match="its token may not read it") as error:
        hub.search("tiny")
    assert "hf_wrong" not in str(error.value)


def test_no_such_repository_and_no_hub(server: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NotFoundError, match="no model me/none"):
        hub.page("me/none")
    with pytest.raises(UsageError, match="no repository"):
        hub.page("a b/c/d")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(HubError, match="HF_HUB_OFFLINE"):
        hub.search("x")
    monkeypatch.delenv("HF_HUB_OFFLINE")
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(HubError, match="cannot be reached"):
        hub.search("x")


@pytest.mark.parametrize(
    ("id", "tags", "said"),
    [
        ("me/Some-Abliterated-GGUF", [], "uncensored"),
        ("me/x", ["base_model:quantized:you/LlamaUncensored"], "uncensored"),
        ("me/Unaligned-7B", [], "uncensored"),
        ("me/Llama-Guard-3", [], "safety-tuned"),
        ("me/x", ["rlhf"], "safety-tuned"),
        ("me/Guardian-Story", ["vanguard"], ""),
    ],
)
def test_uncensored_or_safety_tuned(server: Hub, id: str, tags: list[str], said: str) -> None:
    server.files = {id: {}}
    server.tags[id] = tags
    assert [repo.censorship for repo in hub.search()] == [said]


def test_a_download_lands_where_others_find_it(server: Hub) -> None:
    told: list[Progress] = []
    path = fetch().run(told.append)
    data = server.files[ID]["tiny-Q4_K_M.gguf"]
    assert path.read_bytes() == data
    assert path == stores.hub_cache() / "models--me--tiny-GGUF" / "snapshots" / COMMIT / "tiny-Q4_K_M.gguf"
    assert os.readlink(path) == f"../../blobs/{hashlib.sha256(data).hexdigest()}"
    from huggingface_hub import try_to_load_from_cache

    assert try_to_load_from_cache(ID, "tiny-Q4_K_M.gguf", cache_dir=stores.hub_cache()) == str(path)
    assert told[-1] == Progress(len(data), len(data), told[-1].speed, None, "done")
    assert [each.done for each in told] == sorted(each.done for each in told)
    assert any(model.path == str(path) for model in catalog.models())
    asked = len(server.asked)
    assert fetch().run() == path
    assert len([1 for path, _ in server.asked[asked:] if "/resolve/" in path and "gguf" in path]) == 0


@pytest.mark.parametrize(("name", "below"), [("HF_HOME", "hub"), ("HF_HUB_CACHE", "")])
def test_the_cache_is_where_the_environment_says(
    server: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, below: str
) -> None:
    monkeypatch.setenv(name, str(tmp_path / "elsewhere"))
    path = fetch().run()
    assert path.is_relative_to(tmp_path / "elsewhere" / below / "models--me--tiny-GGUF")
    found = next(model for model in catalog.models() if model.path == str(path))
    gone = removal(found)
    assert gone.frees == path.stat().st_size
    gone.work()
    assert not path.exists()
    monkeypatch.delenv(name)
    assert not list(Path.home().rglob("models--*"))


def test_a_cut_connection_is_taken_up_where_it_ended(server: Hub) -> None:
    server.faults = [200, "cut", "cut", 503, 429, "cut"]  # the first is the card's
    path = fetch().run()
    assert path.read_bytes() == server.files[ID]["tiny-Q4_K_M.gguf"]
    ranges = [headers.get("Range") for asked, headers in server.asked if asked.endswith("Q4_K_M.gguf")]
    assert ranges[0] is None
    assert ranges[1] == "bytes=2000000-"
    assert len(ranges) == 6


def test_it_goes_on_after_a_stop_and_after_a_kill(server: Hub) -> None:
    first = fetch()

    def stop(progress: Progress) -> None:
        if progress.done > 1_000_000:
            first.stop()

    with pytest.raises(CancelledError):
        first.run(stop)
    (part,) = (stores.hub_cache() / "models--me--tiny-GGUF/blobs").iterdir()
    assert part.name.endswith(".incomplete")
    kept = part.stat().st_size
    assert 1_000_000 < kept < 4_000_000
    assert fetch().run().read_bytes() == server.files[ID]["tiny-Q4_K_M.gguf"]
    assert server.asked[-1][1]["Range"] == f"bytes={kept}-"


def test_a_server_that_says_nothing_does_not_hold_up_a_stop(server: Hub) -> None:
    server.faults = [200, "stall"]
    made = fetch()
    half = threading.Event()

    def told(progress: Progress) -> None:
        if progress.done >= 2_000_000:
            half.set()

    with ThreadPoolExecutor(1) as threads:
        run = threads.submit(made.run, told)
        assert half.wait(20)
        made.stop()
        with pytest.raises(CancelledError):
            run.result(timeout=download.QUIET / 2)
    assert not server.released.is_set()
    assert made.there() == 2_000_000
    with pytest.raises(CancelledError):
        made.run()
    assert fetch().run().read_bytes() == server.files[ID]["tiny-Q4_K_M.gguf"]


def test_what_is_stopped_before_it_begins_makes_nothing(server: Hub) -> None:
    made = fetch()
    made.stop()
    with pytest.raises(CancelledError):
        made.run()
    assert not list(stores.hub_cache().rglob("*.incomplete"))


@pytest.mark.parametrize("fault", ["no range", "wrong", "long"])
def test_a_server_that_does_not_do_what_was_asked(server: Hub, fault: str) -> None:
    server.faults = [200, "cut", fault]
    if fault == "no range":
        assert fetch().run().read_bytes() == server.files[ID]["tiny-Q4_K_M.gguf"]
        return
    with pytest.raises(HubError, match=r"hash is another|longer than"):
        fetch().run()
    assert not any(path.is_symlink() for path in stores.hub_cache().rglob("*.gguf"))
    server.faults = [200]
    assert fetch().run().read_bytes() == server.files[ID]["tiny-Q4_K_M.gguf"]


@pytest.mark.parametrize(("code", "said"), [(401, "gated or private"), (403, "gated or private"), (404, "has no")])
def test_a_file_that_is_refused(server: Hub, code: int, said: str) -> None:
    server.faults = [200, code]
    with pytest.raises(HubError, match=said):
        fetch().run()


def test_offline_nothing_is_fetched(server: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    left = fetch()
    asked = len(server.asked)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(HubError, match="HF_HUB_OFFLINE"):
        left.run()
    assert len(server.asked) == asked


def test_a_slow_server_is_left_and_asked_again_for_the_rest(server: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "QUIET", 0.2)
    server.faults = [200, "stall"]
    assert fetch().run().read_bytes() == server.files[ID]["tiny-Q4_K_M.gguf"]
    assert server.asked[-1][1]["Range"] == "bytes=2000000-"


def test_a_server_that_only_fails_is_given_up(server: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Download, "_wait", lambda *_: None)
    server.faults = [200, *[500] * 20]
    with pytest.raises(HubError, match="keeps breaking"):
        fetch().run()


def test_shards_come_as_one(server: Hub) -> None:
    path = fetch("big/tiny-F16-00001-of-00002.gguf").run()
    assert sorted(each.name for each in path.parent.iterdir()) == [
        "tiny-F16-00001-of-00002.gguf",
        "tiny-F16-00002-of-00002.gguf",
    ]


def test_shards_that_are_not_all_there_are_not_begun(server: Hub) -> None:
    del server.files[ID]["big/tiny-F16-00002-of-00002.gguf"]
    with pytest.raises(HubError, match="only 1 of 2 parts of tiny-F16"):
        fetch("big/tiny-F16-00001-of-00002.gguf").run()
    assert not list(stores.hub_cache().rglob("*.incomplete"))


def test_two_do_not_write_one_file_and_a_full_disk_is_said_before(server: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    blobs = stores.hub_cache() / "models--me--tiny-GGUF/blobs"
    blobs.mkdir(parents=True)
    name = hashlib.sha256(server.files[ID]["tiny-Q4_K_M.gguf"]).hexdigest()
    with open(blobs / f"{name}.incomplete", "wb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(HubError, match="another workbench fetches it"):
            fetch().run()
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": 1000})())
    with pytest.raises(StorageError, match=r"the disk has 0\.0 GB free"):
        fetch().run()


def test_the_token_goes_to_the_hub_only(server: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    fetch().run()
    assert {headers.get("Authorization", headers.get("authorization")) for _, headers in server.asked} == {
        "Bearer hf_secret"
    }
    server.faults = [200, "elsewhere"]
    fetch("tiny-Q8_0.gguf").run()
    assert server.asked[-1][1]["Host"].startswith("localhost")
    assert "Authorization" not in server.asked[-1][1]
    monkeypatch.delenv("HF_TOKEN")
    kept = Path.home() / ".cache/huggingface/token"
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.write_text("hf_kept\n")
    assert hub.token() == "hf_kept"
