"""Fetches a model into the Hugging Face cache: goes on where it stopped, verified by its hash, one writer at a time.

urllib and not huggingface_hub's client: that hands out 64 kB at a time, at half the speed (benchmarks/download.py).
The library's own download begins anew in each call and looks at the size only (research/risks.md, "The hub").
Layout of the cache: blobs/HASH, snapshots/COMMIT/NAME → ../../blobs/HASH, refs/main.
"""

from __future__ import annotations

import hashlib
import http.client
import os
import queue
import shutil
import socket
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, NoReturn
from urllib.parse import quote, urlsplit

from workbench.errors import StorageError
from workbench.models import hub, stores
from workbench.models.hub import HubError, RepoFile

CHUNK = 1 << 20
TRIES = 6  # in a row without a byte of progress
SPARE = 64 << 20  # bytes that stay free on the disk
QUIET = 30.0  # seconds without a byte after which a connection is given up
WINDOW = 5.0  # seconds over which the speed is taken


class CancelledError(HubError):
    """The person stopped it; what was fetched is kept."""


@dataclass(frozen=True)
class Progress:
    """Bytes done of all, bytes a second lately, seconds left (None: unknown), and what it does now."""

    done: int
    total: int
    speed: float = 0.0
    left: float | None = None
    doing: str = "fetching"


class Download:
    """One model, all its parts. `run` in a thread; `stop` from any, for good: another one goes on from there."""

    def __init__(self, repo: str, commit: str, file: RepoFile, cache: Path | None = None) -> None:
        self._repo, self._commit, self._file = repo, commit, file
        name = f"models--{repo.replace('/', '--')}"
        self._root = (cache or stores.hub_cache()) / name
        self._stopped = threading.Event()
        self._marks: list[tuple[float, int]] = []
        self._digest = _Hasher()  # of the part being fetched, as far as it is there
        self._told: Callable[[Progress], None] = lambda _: None
        self._line: socket.socket | None = None  # the connection, to be cut by `stop`
        self._lock = threading.Lock()  # holds `_line`

    def stop(self) -> None:
        """End it: a server that sends nothing is not waited for."""
        self._stopped.set()
        with self._lock:
            if self._line is not None:
                with suppress(OSError):  # it has ended already
                    self._line.shutdown(socket.SHUT_RDWR)

    def run(self, told: Callable[[Progress], None] | None = None) -> Path:
        """Fetch what is not there yet; returns the first part's path. Raises HubError, StorageError, CancelledError."""
        self._told = told or self._told
        hub.check_online()
        self._check_parts()
        try:
            (self._root / "blobs").mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StorageError(f"cannot make the folder ({error.strerror})", where=str(self._root)) from error
        self._check_space()
        before = 0
        for name, size, sha256 in self._file.parts:
            self._part(name, size, sha256, before)
            before += size
        self._tell(self._file.size, "done")
        return self._link(self._file.parts[0][0])

    def there(self) -> int:
        """Bytes that are fetched already."""
        found = 0
        for _, _, sha256 in self._file.parts:
            blob = self._root / "blobs" / str(sha256)
            part = blob.with_name(f"{sha256}.incomplete")
            with suppress(OSError):
                found += (blob if blob.exists() else part).stat().st_size
        return found

    def discard(self) -> None:
        """Delete what of it is fetched in part; parts that are whole stay, other repositories may share them.

        Waits for the chunk that is being written. Raises StorageError.
        """
        for _, _, sha256 in self._file.parts:
            part = self._root / "blobs" / f"{sha256}.incomplete"
            if part.exists():
                with self._held(part, wait=True):
                    part.unlink(missing_ok=True)

    # ---- one part

    def _part(self, name: str, size: int, sha256: str | None, before: int) -> None:
        self._cancelled()
        if sha256 is None:
            raise HubError(f"the hub gives no hash of {name}", hint="fetch it another way")
        blob = self._root / "blobs" / sha256
        if not (blob.is_file() and blob.stat().st_size == size):
            part = blob.with_name(f"{sha256}.incomplete")
            with self._held(part) as out:
                self._fetch(name, size, sha256, before, out, part)
                os.replace(part, blob)
        link = self._link(name)
        try:
            link.parent.mkdir(parents=True, exist_ok=True)
            if not link.exists():
                with suppress(FileNotFoundError):
                    link.unlink()
                link.symlink_to(os.path.relpath(blob, link.parent))
            ref = self._root / "refs" / "main"
            ref.parent.mkdir(exist_ok=True)
            ref.write_text(self._commit)
        except OSError as error:
            raise StorageError(f"cannot link it ({error.strerror})", where=str(link)) from error

    def _link(self, name: str) -> Path:
        return self._root / "snapshots" / self._commit / name

    @contextmanager
    def _held(self, path: Path, *, wait: bool = False) -> Iterator[IO[bytes]]:
        """The partial file, locked: two writers would mix their bytes."""
        import fcntl

        try:
            out = open(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644), "r+b")  # noqa: SIM115
        except OSError as error:
            raise StorageError(f"cannot write it ({error.strerror})", where=str(path)) from error
        try:
            try:
                fcntl.flock(out, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            except BlockingIOError:
                raise HubError("another workbench fetches it already", where=str(path)) from None
            except OSError:
                pass  # a file system without locks
            yield out
        finally:
            out.close()

    def _fetch(self, name: str, size: int, sha256: str, before: int, out: IO[bytes], part: Path) -> None:
        """All of the bytes, verified; a cut connection is taken up again while it makes progress."""
        try:
            self._hash_there(out, size, before)
            self._complete(name, size, before, out)
        except BaseException:
            self._digest.close()
            raise
        if self._digest.hexdigest() != sha256:
            out.truncate(0)
            part.unlink()
            raise HubError(f"{name} arrived damaged: its hash is another", hint="it was deleted: fetch it again")
        try:
            out.flush()
            os.fsync(out.fileno())
        except OSError as error:
            raise StorageError(f"cannot write it ({error.strerror})", where=str(part)) from error

    def _complete(self, name: str, size: int, before: int, out: IO[bytes]) -> None:
        """Request after request until all is there. Raises HubError when none makes progress."""
        tries = 0
        while out.tell() < size:
            at = out.tell()
            try:
                self._stream(name, size, before, out)
            except _CutError as cut:
                tries = 1 if out.tell() > at else tries + 1
                if tries >= TRIES:
                    raise HubError(f"the connection keeps breaking ({cut})", hint="run it again: it goes on") from None
                self._wait(cut.after if cut.after is not None else min(8.0, 0.25 * 2**tries), out)

    def _hash_there(self, out: IO[bytes], size: int, before: int) -> None:
        """Begin the hash with what is there already; a file that is too long is begun anew."""
        self._renew()
        if os.fstat(out.fileno()).st_size > size:
            out.truncate(0)
        out.seek(0)
        while data := out.read(CHUNK):
            self._digest.update(data)
            self._tell(before + out.tell(), "looking at what is there")
            self._cancelled()
        self._marks.clear()

    def _renew(self) -> None:
        self._digest.close()
        self._digest = _Hasher()

    def _stream(self, name: str, size: int, before: int, out: IO[bytes]) -> None:
        """One request from where the file ends. Raises _CutError when another may help."""
        at = out.tell()
        headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={at}-"} if at else {})
        if token := hub.token():
            headers["Authorization"] = f"Bearer {token}"
        url = f"{hub.endpoint()}/{self._repo}/resolve/{quote(self._commit)}/{quote(name)}"
        try:
            with _opened(url, headers) as answer, self._cut_by_stop(answer):
                if at and answer.status != 206:  # no ranges: from the beginning
                    out.seek(0)
                    out.truncate(0)
                    self._renew()
                while data := answer.read(CHUNK):
                    if out.tell() + len(data) > size:
                        out.seek(0)
                        out.truncate(0)
                        raise HubError(f"{name} is longer than the hub says", hint="try again later")
                    self._write(out, data)
                    self._digest.update(data)
                    self._tell(before + out.tell(), "fetching")
                    self._cancelled()
        except urllib.error.HTTPError as error:
            _refused(error, self._repo, name)
        except (OSError, http.client.HTTPException) as error:  # URLError and time-outs are OSErrors
            raise _CutError(str(getattr(error, "reason", "") or type(error).__name__)[:80]) from None
        finally:
            out.flush()
        if out.tell() < size:
            raise _CutError("it ended early")

    @contextmanager
    def _cut_by_stop(self, answer: Any) -> Iterator[None]:
        """Meanwhile `stop` may shut the connection; by a descriptor of its own, for the answer closes when it ends."""
        with self._lock:
            self._line = socket.socket(fileno=os.dup(answer.fileno()))
        try:
            self._cancelled()  # stopped before there was a connection to cut
            yield
        finally:
            with self._lock:
                line, self._line = self._line, None
            line.close()

    def _write(self, out: IO[bytes], data: bytes) -> None:
        try:
            out.write(data)
        except OSError as error:
            raise StorageError(f"cannot write it ({error.strerror})", where=str(self._root)) from error

    # ---- what holds for all parts

    def _check_parts(self) -> None:
        """A set of shards of which the hub has only some is of no use."""
        first = self._file.parts[0][0]
        shard = stores.SHARD.fullmatch(first.rsplit("/", 1)[-1])
        if shard and int(shard["count"]) != len(self._file.parts):
            said = f"the hub has only {len(self._file.parts)} of {int(shard['count'])} parts of {shard['stem']}"
            raise HubError(said, hint="choose another file")

    def _check_space(self) -> None:
        need = SPARE
        for _, size, sha256 in self._file.parts:
            blob = self._root / "blobs" / str(sha256)
            part = blob.with_name(f"{sha256}.incomplete")
            there = blob if blob.exists() else part
            need += max(0, size - (there.stat().st_size if there.exists() else 0))
        free = shutil.disk_usage(self._root).free
        if need > free:
            said = f"the disk has {free / 1e9:.1f} GB free, it takes {need / 1e9:.1f} GB"
            raise StorageError(said, where=str(self._root), hint="delete a model, or set HF_HOME to another disk")

    def _cancelled(self) -> None:
        if self._stopped.is_set():
            raise CancelledError("stopped", hint="run it again: it goes on where it stopped")

    def _wait(self, seconds: float, out: IO[bytes]) -> None:
        out.flush()
        if self._stopped.wait(seconds):
            self._cancelled()

    def _tell(self, done: int, doing: str) -> None:
        now = time.monotonic()
        self._marks.append((now, done))
        while len(self._marks) > 2 and now - self._marks[0][0] > WINDOW:
            self._marks.pop(0)
        (first, then), (last, here) = self._marks[0], self._marks[-1]
        speed = (here - then) / (last - first) if last > first else 0.0
        left = (self._file.size - done) / speed if speed > 0 and doing == "fetching" else None
        self._told(Progress(done, self._file.size, speed, left, doing))


class _Redirect(urllib.request.HTTPRedirectHandler):
    """To another host (where the bytes are) without the token; never from https to http."""

    def redirect_request(
        self, req: urllib.request.Request, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        """The next request."""
        made = super().redirect_request(req, fp, code, msg, headers, newurl)
        old, new = urlsplit(req.full_url), urlsplit(newurl)
        if old.scheme == "https" and new.scheme != "https":
            raise HubError("the hub leads to an address without encryption", hint="it is not followed")
        if made is not None and old.netloc != new.netloc:
            made.remove_header("Authorization")
        return made


def _opened(url: str, headers: dict[str, str]) -> Any:
    """The answer, redirects followed; proxies are the environment's."""
    request = urllib.request.Request(url, headers=headers)
    return urllib.request.build_opener(_Redirect).open(request, timeout=QUIET)


def _refused(error: urllib.error.HTTPError, repo: str, name: str) -> NoReturn:
    """Say what a status means."""
    code = error.code
    if code in (429, 500, 502, 503, 504):
        raise _CutError(str(code), _seconds(error.headers.get("Retry-After"))) from None
    if code in (401, 403):
        said = f"the hub refuses {name} ({code}): it is gated or private"
        raise HubError(said, hint=hub.refusal(f"{hub.endpoint()}/{repo}")) from None
    if code == 404:
        raise HubError(f"the hub has no {name}", hint="search again: it may have been replaced") from None
    raise HubError(f"the hub answers {code} for {name}", hint="try again later") from None


class _Hasher:
    """SHA-256 in a thread of its own, for the network does not wait for it. `hexdigest` ends it."""

    def __init__(self) -> None:
        self._digest = hashlib.sha256()
        self._waiting: queue.Queue[bytes | None] = queue.Queue(8)
        self._thread: threading.Thread | None = None  # until there is something to do

    def update(self, data: bytes) -> None:
        """Add to it; waits while too much is waiting."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, daemon=True)
            self._thread.start()
        self._waiting.put(data)

    def hexdigest(self) -> str:
        """Of all that was added."""
        self.close()
        return self._digest.hexdigest()

    def close(self) -> None:
        """End the thread. Idempotent."""
        if self._thread is not None and self._thread.is_alive():
            self._waiting.put(None)
            self._thread.join()

    def _work(self) -> None:
        while (data := self._waiting.get()) is not None:
            self._digest.update(data)


class _CutError(Exception):
    """Another request may help; `after` seconds when the server says so."""

    def __init__(self, what: str, after: float | None = None) -> None:
        super().__init__(what)
        self.after = after


def _seconds(text: str | None) -> float | None:
    try:
        return min(60.0, max(0.0, float(text))) if text else None
    except ValueError:
        return None
