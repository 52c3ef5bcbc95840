"""Servers' models as rows: found by name, told apart, kept; a server that is down is a row with its error."""

from __future__ import annotations

import dataclasses
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.inference.openai_server import MODEL, Fake, Handler, served
from workbench.errors import EngineError, NotFoundError, UsageError
from workbench.inference.remote.probe import Listed
from workbench.models import remote
from workbench.models.catalog import Model, find
from workbench.models.remote import RemoteModels, refuse
from workbench.settings import Server


@pytest.fixture
def fake() -> Iterator[Fake]:
    with served(Fake()) as fake:
        yield fake


@pytest.fixture
def box(fake: Fake) -> Server:
    return Server("box", fake.url)


@pytest.fixture
def gone() -> Server:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return Server("gone", f"http://127.0.0.1:{free.getsockname()[1]}")


def test_a_row_names_the_host(box: Server) -> None:
    host = box.url.split("/")[2]
    assert RemoteModels([box]).rows() == [
        Model(f"{MODEL} @ {host}", f"server:box/{MODEL}", host, "", 1000, "", 0, 4096),
    ]


def test_a_list_is_asked_for_once_and_again_when_wanted(fake: Fake, box: Server) -> None:
    models = RemoteModels([box])
    assert models.known() == []
    assert models.rows() == models.rows() == models.known()
    assert len(fake.asked) == 1
    models.forget()
    models.rows()
    assert len(fake.asked) == 2


def test_forgetting_while_it_is_asked_spoils_no_answer(box: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    models = RemoteModels([box])
    asked = remote.list_models

    def forgotten(server: Server) -> list[Listed]:
        models.forget()
        return asked(server)

    monkeypatch.setattr(remote, "list_models", forgotten)
    assert len(models.rows()) == 1
    assert models.known() == []


def test_a_server_that_is_down_is_a_row_beside_the_others(box: Server, gone: Server) -> None:
    first, second = RemoteModels([gone, box]).rows()
    assert first.error is not None
    assert first.error.startswith("cannot be reached")
    assert first.name.startswith("gone @ 127.0.0.1:")
    assert second.error is None


def test_servers_that_have_the_same_are_told_apart(box: Server) -> None:
    names = [row.name for row in RemoteModels([box, dataclasses.replace(box, name="two")]).rows()]
    assert [name.rsplit(" ", 1)[1] for name in names] == ["(box)", "(two)"]


def test_only_the_models_of_the_settings_are_offered(box: Server) -> None:
    assert RemoteModels([dataclasses.replace(box, models=(MODEL,))]).rows()[0].error is None
    (row,) = RemoteModels([dataclasses.replace(box, models=("other",))]).rows()
    assert row.error == "it lists none of the models in the settings"


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (b"<html>", "does not list models as the API has it — its url often ends with /v1"),
        (b'{"data": 3}', "does not list models as the API has it — its url often ends with /v1"),
        (b'{"data": [{"id": 3}, 4, {"id": ""}]}', "it lists no model"),
    ],
)
def test_lists_that_are_none(monkeypatch: pytest.MonkeyPatch, box: Server, answer: bytes, error: str) -> None:
    monkeypatch.setitem(_paths(), ("", "/v1/models"), lambda handler, body: Handler.answer(handler, answer))
    (row,) = RemoteModels([box]).rows()
    assert row.error == error


def test_a_server_that_lists_nothing_has_what_the_settings_say(monkeypatch: pytest.MonkeyPatch, box: Server) -> None:
    monkeypatch.delitem(_paths(), ("", "/v1/models"))
    (row,) = RemoteModels([dataclasses.replace(box, models=("mine",))]).rows()
    assert (row.error, row.path) == (None, "server:box/mine")
    (bad,) = RemoteModels([box]).rows()
    assert bad.error is not None
    assert bad.error.startswith("answers 404")


def _paths() -> dict[tuple[str, str], object]:
    from tests.inference import openai_server

    return openai_server._PATHS  # type: ignore[return-value]  # a test puts handlers of its own in


@pytest.mark.parametrize(
    "name", [f"server:box/{MODEL}", MODEL, f"{MODEL} @ box", "double-1b @ box", "double", "1b @ 127", "org/d"]
)
def test_a_model_is_found_by_any_of_its_names(box: Server, name: str) -> None:
    assert find(name, RemoteModels([box]).rows).path == f"server:box/{MODEL}"


def test_a_model_here_is_found_without_asking_anybody(starter: Path, fake: Fake, box: Server) -> None:
    assert find("smollm2-135m-instruct q4_1", RemoteModels([box]).rows).path == str(starter)
    assert fake.asked == []


def test_what_is_not_there_is_said(box: Server, gone: Server) -> None:
    rows = RemoteModels([box, gone]).rows
    with pytest.raises(NotFoundError, match="no model org/doubel — did you mean org/double-1B"):
        find("server:box/org/doubel", rows)
    with pytest.raises(NotFoundError, match="there is no server nobody"):
        find("server:nobody/x", rows)
    with pytest.raises(EngineError, match="server gone: cannot be reached"):
        find("server:gone/x", rows)
    with pytest.raises(NotFoundError, match=r"there is no model file /no/such\.gguf"):
        find("/no/such.gguf", rows)


def test_what_needs_a_file_is_refused(box: Server, starter: Path) -> None:
    (row,) = RemoteModels([box]).rows()
    with pytest.raises(UsageError, match=r"@ 127\.0\.0\.1:\d+ is no file on this machine: there is nothing to delete"):
        refuse(row, "delete")
    refuse(dataclasses.replace(row, path=str(starter)), "delete")
