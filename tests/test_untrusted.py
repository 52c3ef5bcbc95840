"""Every payload of research/risks.md by every way in, through a real pseudo-terminal: no payload byte comes out.

Ways in: a prompt file, a variable, the message, a model's output (the double), GGUF metadata, a file's name; in the app
and on the command line.
"""

from __future__ import annotations

import json
import struct
import sys
from pathlib import Path

import pytest

from tests.terminal import Terminal

MARK = "PAYLOAD"
PAYLOADS = {
    "clipboard": f"\x1b]52;c;{MARK}\x07",
    "title": f"\x1b]0;{MARK}\x07",
    "clear": f"\x1b[2J\x1b[H{MARK}",
    "C1 CSI": f"\x9b31m{MARK}",
    "C1 OSC": f"\x9d52;c;{MARK}\x9c",
    "DCS": f"\x1bP{MARK}\x1b\\",
    "APC": f"\x1b_{MARK}\x1b\\",
    "link": f"\x1b]8;;http://{MARK}\x1b\\x\x1b]8;;\x1b\\",
    "bell and backspace": f"\x07\x08\x08{MARK}\x7f",
    "bidi": f"\u202e{MARK}\u202c\u2066x\u2069",
    "carriage return": f"safe\r{MARK}",
    "markup": f"[@click=app.quit]{MARK}[/][type=x, v={{'a[0]'}}]",
}
ALL = " ".join(PAYLOADS.values())


def escaped(text: str) -> str:
    return json.dumps(text).replace("\\/", "/").replace("\x7f", "\\u007f")


def codes_with_payload(raw: bytes) -> list[str]:
    """The payloads of which a byte that acts came through."""
    text = raw.decode("utf-8", "replace")
    # A ␛ or ⟨U+009B⟩ before the mark is a picture; what must not be is the code itself.
    acting = {
        "clipboard": "\x1b]52;c;PAY",
        "title": "\x1b]0;PAY",
        "clear": "\x1b[2J\x1b[HPAY",
        "DCS": "\x1bPPAY",
        "APC": "\x1b_PAY",
        "link": "\x1b]8;",
        "bell": "\x07\x08",
        "delete": f"{MARK}\x7f",
        "bidi": "\u202e",
        "isolate": "\u2066",
        "return": f"safe\r{MARK}",
    }
    found = [name for name, code in acting.items() if code in text]
    return found + [f"C1 {ord(c):x}" for c in set(text) if 0x80 <= ord(c) <= 0x9F]


@pytest.fixture
def library(tmp_path: Path) -> Path:
    folder = tmp_path / "lib"
    (folder / "evil").mkdir(parents=True)
    quoted = escaped(ALL)
    (folder / "evil" / "a.toml").write_text(
        f'kind = "system"\ntitle = {quoted}\ndescription = {quoted}\ntags = [{quoted}]\ntext = {quoted}\n'
    )
    (folder / "evil" / "var.toml").write_text(
        f'kind = "system"\ntitle = "v"\ntext = "{{{{x}}}}"\n[variables.x]\ndefault = {quoted}\ndescription = {quoted}\n'
    )
    (folder / "evil" / "broken.toml").write_bytes(b'kind = "\x1b]52;c;PAYLOAD\x07"\n')
    (folder / "evil" / "\x1b]0;PAYLOAD\x07name.toml").write_text('kind = "system"\ntitle = "n"\ntext = "t"\n')
    return folder


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    def text(value: str) -> bytes:
        data = value.encode()
        return struct.pack("<Q", len(data)) + data

    def pair(key: str, value: str) -> bytes:
        return text(key) + struct.pack("<I", 8) + text(value)

    models = tmp_path / "models"
    models.mkdir()
    pairs = [pair("general.architecture", ALL), pair("general.name", ALL), pair("tokenizer.chat_template", ALL)]
    header = b"GGUF" + struct.pack("<IQQ", 3, 0, len(pairs)) + b"".join(pairs)
    (models / "meta.gguf").write_bytes(header)
    (models / "\x1b]52;c;PAYLOAD\x07\x9b31m.gguf").write_bytes(header)
    (models / "bad\x1b]0;PAYLOAD\x07.gguf").write_bytes(b"no model")
    (tmp_path / "answer.txt").write_text(f"{ALL}\n{ALL}\n", newline="")
    return {
        "HOME": str(tmp_path / "home"),
        "WORKBENCH_MODELS": str(models),
        "WORKBENCH_DOUBLE": f"text={tmp_path / 'answer.txt'}",
    }


@pytest.mark.parametrize(
    "argv",
    [
        ("prompts", "list"),
        ("prompts", "list", "--json"),
        ("prompts", "search", "PAYLOAD"),
        ("prompts", "show", "evil/a"),
        ("prompts", "show", "evil/a", "--json"),
        ("prompts", "show", f"no{PAYLOADS['title']}"),
        ("prompts", "check"),
    ],
)
def test_the_library_on_the_command_line(
    argv: tuple[str, ...], library: Path, env: dict[str, str], tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "workbench", *argv, "--library", str(library)]
    with Terminal(command, env=env, cwd=tmp_path) as terminal:
        terminal.wait_exit()
        terminal.screen()
        assert terminal.raw
        assert codes_with_payload(terminal.raw) == []


@pytest.mark.parametrize(
    "argv", [("models", "list"), ("models", "list", "--json"), ("doctor",), ("tokens", "answer.txt")]
)
def test_models_and_files_on_the_command_line(argv: tuple[str, ...], env: dict[str, str], tmp_path: Path) -> None:
    with Terminal([sys.executable, "-m", "workbench", *argv], env=env, cwd=tmp_path) as terminal:
        terminal.wait_exit()
        terminal.screen()
        assert MARK.encode() in terminal.raw
        assert codes_with_payload(terminal.raw) == []


def test_a_comparison_and_its_history_on_the_command_line(library: Path, env: dict[str, str], tmp_path: Path) -> None:
    systems = ["--system", "evil/a", "--system", ALL, "--system", "evil/var", "--library", str(library)]
    argv = [sys.executable, "-m", "workbench", "compare", *systems, "--message", ALL]
    with Terminal(argv, env=env, cwd=tmp_path) as terminal:
        assert terminal.wait_exit() == 0
        terminal.screen()
        assert MARK.encode() in terminal.raw
        assert codes_with_payload(terminal.raw.replace(b"\r\x1b[K", b"")) == []
    for more in (("list",), ("show", "0"), ("show", "0", "--json")):
        with Terminal([sys.executable, "-m", "workbench", "history", *more], env=env, cwd=tmp_path) as terminal:
            assert terminal.wait_exit() == 0
            terminal.screen()
            assert MARK.encode() in terminal.raw
            assert codes_with_payload(terminal.raw) == []


def leave(terminal: Terminal, gone: str) -> None:
    terminal.send("escape")
    terminal.wait_for(lambda screen: gone not in screen)


def test_the_app(library: Path, env: dict[str, str], tmp_path: Path) -> None:
    argv = [sys.executable, "-m", "workbench", "--library", str(library)]
    with Terminal(argv, env=env, cwd=tmp_path) as terminal:
        terminal.wait_for("What is 17 + 25?")
        terminal.wait_for("+ 512")
        terminal.paste(ALL)  # the message
        terminal.wait_for(MARK)
        terminal.send("f5")  # the model's output
        terminal.wait_for(lambda screen: screen.count("· stop") >= 2)
        corner = terminal.picture.cells[1][0]
        terminal.send("tab")  # to the lanes
        terminal.wait_for(lambda _: terminal.picture.cells[1][0] != corner)
        terminal.send("p")  # prompt files, their names, their errors
        terminal.wait_for("search id")
        terminal.type("evil")
        terminal.wait_for("evil/broken")
        terminal.send("down", "down", "up", "up", "up")
        terminal.wait_for(MARK)
        leave(terminal, "evil/broken")
        terminal.send("m")  # GGUF metadata, models' file names
        terminal.wait_for("meta")
        leave(terminal, "meta")
        terminal.send("d")  # the differences
        terminal.wait_for("of the words")
        leave(terminal, "of the words")
        terminal.send("v")  # Markdown
        terminal.send("f2")  # the library: names, the editor, problems, the form, versions
        terminal.wait_for("prompts ─")
        terminal.type("evil/")
        terminal.wait_for("evil/broken")
        terminal.send("down", "down", "down", "up", "up", "up")
        terminal.wait_for(lambda screen: 'title = "n"' in screen)
        corner = terminal.picture.cells[1][36]
        terminal.send("enter")
        terminal.wait_for(lambda _: terminal.picture.cells[1][36] != corner)
        terminal.type("#")
        terminal.send("ctrl+s")
        terminal.wait_for("saved evil/")
        terminal.send("f6")
        terminal.wait_for("description")
        terminal.send("f6", "f4")
        terminal.wait_for("versions of")
        terminal.send("s")
        terminal.wait_for("of the words")
        leave(terminal, "of the words")
        leave(terminal, "versions of")
        terminal.send("f2")
        terminal.wait_for("fast · coupled")
        terminal.send("f4")
        terminal.wait_for("History")
        terminal.send("enter")
        terminal.wait_for(MARK)
        terminal.send("ctrl+q")
        assert terminal.wait_exit() == 0
        assert codes_with_payload(terminal.raw) == []
