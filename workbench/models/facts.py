"""What lists say of a model file, kept in the cache by (path, size, times): a header is read once."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import msgspec

from workbench import __version__, paths
from workbench.errors import EngineError
from workbench.models import gguf

Stamp = tuple[int, int, int, int]  # size, mtime, ctime (ns), inode


class Facts(msgspec.Struct, array_like=True, gc=False):
    """Of one file. `error` is one line, "" when its header is fine; strings are untrusted."""

    architecture: str = ""
    parameters: int = 0
    quantization: str = ""
    size: int = 0
    context_length: int = 0
    chat_template: bool = False
    license: str = ""
    error: str = ""


class _Kept(msgspec.Struct, array_like=True, gc=False):
    stamp: Stamp
    facts: Facts


class _File(msgspec.Struct):
    made_by: str
    kept: dict[str, _Kept]


_MADE_BY = f"1 {__version__} {','.join(Facts.__struct_fields__)}"


def read(path: Path) -> Facts:
    """The facts of the file at `path`."""
    try:
        header = gguf.read_header(path)
    except EngineError as error:
        return Facts(size=_stamp(path)[0], error=error.what)
    said = header.kv.get("general.license")
    return Facts(
        header.architecture,
        header.parameters,
        header.quantization,
        header.size,
        header.context_length,
        isinstance(header.kv.get("tokenizer.chat_template"), str),
        said[:100] if isinstance(said, str) else "",
    )


class FactsCache:
    """Facts by path; `file` is where they are kept. A wrong or missing file is made anew."""

    def __init__(self, file: Path | None = None, reader: Callable[[Path], Facts] = read) -> None:
        self._file = file or paths.cache_dir() / "models.facts"
        self._read = reader
        self._kept = self._load()
        self._asked: dict[str, _Kept] = {}

    def get(self, path: Path) -> Facts:
        """Of the file as it is now."""
        name, stamp = os.fspath(path), _stamp(path)
        kept = self._kept.get(name)
        if kept is None or kept.stamp != stamp:
            kept = _Kept(stamp, self._read(path))
        self._asked[name] = kept
        return kept.facts

    def save(self) -> None:
        """Keep what was asked for, if anything changed. A cache that cannot be written is no error."""
        if self._asked == self._kept:
            return
        with suppress(OSError, UnicodeEncodeError):
            os.makedirs(self._file.parent, mode=0o700, exist_ok=True)
            temporary = self._file.with_suffix(f".{os.getpid()}.tmp")
            with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:
                out.write(msgspec.msgpack.encode(_File(_MADE_BY, self._asked)))
            os.replace(temporary, self._file)

    def _load(self) -> dict[str, _Kept]:
        try:
            read = msgspec.msgpack.decode(self._file.read_bytes(), type=_File)
        except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
            return {}
        return read.kept if read.made_by == _MADE_BY else {}


def _stamp(path: Path) -> Stamp:
    try:
        found = os.stat(path)
    except OSError:
        return (0, 0, 0, 0)
    return (found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino)
