"""A remote model's identity stands where a path does; a key is read late and cut out of what is said."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.errors import EngineError
from workbench.inference.remote import address
from workbench.inference.remote.key import MASK, Veil, hidden, key_of, said
from workbench.settings import Server

BOX = Server("box", "http://host:8080/v1")
IDS = st.text(st.sampled_from("ab/.:@%~ \\\x00\x1b한🦙"), min_size=1, max_size=12) | st.text(min_size=1, max_size=40)


@given(IDS.filter(lambda id: id.isprintable() or id.encode("utf-8", "ignore").decode() == id))
def test_an_identity_survives_being_a_path(id: str) -> None:
    identity = address.identity("box", id)
    assert str(Path(identity)) == identity
    assert identity.isprintable()
    assert address.is_remote(Path(identity))
    assert address.parts(Path(identity)) == ("box", id)


@pytest.mark.parametrize(
    ("id", "identity"),
    [
        ("org/Model-8B:Q4", "server:box/org/Model-8B:Q4"),
        ("/models/a.gguf", "server:box/%2Fmodels%2Fa.gguf"),
        (".", "server:box/%2E"),
    ],
)
def test_an_identity_reads_plainly(id: str, identity: str) -> None:
    assert address.identity("box", id) == identity


@pytest.mark.parametrize(
    ("url", "base", "root", "host", "local"),
    [
        ("http://host:8080", "http://host:8080/v1", "http://host:8080", "host:8080", False),
        ("http://127.0.0.1:1/v1/", "http://127.0.0.1:1/v1", "http://127.0.0.1:1", "127.0.0.1:1", True),
        ("https://a.test/api/v1", "https://a.test/api/v1", "https://a.test/api", "a.test", False),
        ("https://a.test/openai", "https://a.test/openai", "https://a.test/openai", "a.test", False),
        ("http://[::1]:80/v1", "http://[::1]:80/v1", "http://[::1]:80", "[::1]:80", True),
    ],
)
def test_where_a_server_answers(url: str, base: str, root: str, host: str, local: bool) -> None:
    server = Server("box", url)
    assert (address.base(server), address.root(server), address.host(server)) == (base, root, host)
    assert address.is_local(server) is local


def test_a_file_of_a_server_is_shown_by_its_name() -> None:
    assert address.shown("/srv/models/a-8B.Q4.gguf", BOX) == "a-8B.Q4 @ host:8080"
    assert address.shown("org/a-8B", BOX) == "org/a-8B @ host:8080"


def test_a_server_that_is_gone_from_the_settings_is_said() -> None:
    assert address.server_of("server:BOX/m", (BOX,)) is BOX
    with pytest.raises(EngineError, match="no server gone in the settings — there are box"):
        address.server_of("server:gone/m", (BOX,))


def test_a_file_of_ones_own_is_read_when_it_is_private(tmp_path: Path) -> None:
    file = tmp_path / "key"
    server = dataclasses.replace(BOX, key_file=str(file))
    with pytest.raises(EngineError, match="server box: cannot read its key_file"):
        key_of(server)
    file.write_text("  sk-secret\n")
    file.chmod(0o640)
    with pytest.raises(EngineError, match=r"others may read its key_file .* — chmod 600") as caught:
        key_of(server)
    assert "sk-secret" not in str(caught.value)
    file.chmod(0o600)
    assert key_of(server) == "sk-secret"
    file.write_text("")
    with pytest.raises(EngineError, match="is empty"):
        key_of(server)


@pytest.mark.parametrize("value", ["two words", "line\nbreak", "ключ", "a\x00b"])
def test_a_key_that_no_header_takes_is_not_quoted(value: str, tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(value)
    file.chmod(0o600)
    with pytest.raises(EngineError, match="its key is no key") as caught:
        key_of(dataclasses.replace(BOX, key_file=str(file)))
    assert value not in str(caught.value)


def test_a_variable_that_is_not_set_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    server = dataclasses.replace(BOX, key_env="BOX_KEY")
    with pytest.raises(EngineError, match=r"\$BOX_KEY is not set"):
        key_of(server)
    monkeypatch.setenv("BOX_KEY", "sk-1")
    assert key_of(server) == "sk-1"
    assert key_of(BOX) == ""


@given(
    st.lists(st.text(st.sampled_from("keyab"), max_size=5), max_size=12), st.text(st.sampled_from("keyab"), min_size=3)
)
def test_a_veil_gives_the_text_without_the_key_however_it_is_cut(parts: list[str], key: str) -> None:
    veil = Veil(key)
    shown = "".join(veil.feed(part) for part in parts) + veil.rest()
    assert shown == hidden("".join(parts), key)
    assert key not in shown.replace(MASK, "\n")


def test_a_servers_words_are_one_short_safe_line() -> None:
    line = said("a\x1b[2J\n\tb sk-1 " + "x" * 999, "sk-1")
    assert line.startswith(f"a␛[2J b {MASK} xxx")
    assert len(line) == 300
