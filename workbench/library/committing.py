"""A library's changed files as one git commit, on explicit request: plumbing only, no hook and no filter is run."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from workbench.errors import NotFoundError, StorageError, UsageError
from workbench.library import git
from workbench.library.reader import MAX_BYTES
from workbench.library.walk import LABELS, SUFFIX, files, is_inside

_BUSY = {
    "MERGE_HEAD": "a merge",
    "CHERRY_PICK_HEAD": "a cherry-pick",
    "REVERT_HEAD": "a revert",
    "rebase-merge": "a rebase",
    "rebase-apply": "a rebase",
    "BISECT_LOG": "a bisection",
}


@dataclass(frozen=True)
class Change:
    """A file that is not as the last commit has it: its path in the library, its bytes now (None: it is gone)."""

    name: str
    data: bytes | None
    mode: str


@dataclass(frozen=True)
class Committed:
    """The commit ("" when nothing had changed), the branch it is on, and its files by their paths in the library."""

    commit: str
    branch: str
    files: tuple[str, ...]


def changed(folder: Path) -> list[Change]:
    """The library's prompt files, and its labels, that differ from the last commit; ignored files are none of them.

    Raises UsageError when the library is in no repository.
    """
    return _changed(_repo(folder), folder)


def commit(folder: Path, ids: Sequence[str], message: str) -> Committed:
    """Commit the changed files of those prompts (of all when `ids` is empty) and the library's labels.

    Bytes go in exactly as they are: no hook of the repository runs, no filter (line ends, LFS) and no signature. What
    else is staged stays staged and is not committed. Raises UsageError, NotFoundError or StorageError, one line.
    """
    if not message.strip():
        raise UsageError("a commit needs a message", hint="-m MESSAGE")
    repo = _repo(folder)
    branch = _branch(repo)
    identity = _identity(repo)
    changes = _chosen(_changed(repo, folder), ids, folder)
    short = branch.removeprefix("refs/heads/")
    if not changes:
        return Committed("", short, ())
    with tempfile.TemporaryDirectory(prefix="workbench-") as temporary:
        entries = _entries(repo, folder, changes, Path(temporary))
        own = {"GIT_INDEX_FILE": os.path.join(temporary, "index")}
        head = _head(repo)
        repo.run("read-tree", head or "--empty", more=own)
        repo.run("update-index", "--add", "-z", "--index-info", feed=entries, more=own)
        tree = repo.run("write-tree", more=own).decode().strip()
    parents = ("-p", head) if head else ()
    said = message.strip().encode("utf-8", "replace") + b"\n"
    made = repo.run("commit-tree", "--no-gpg-sign", *parents, "-F", "-", tree, feed=said, more=identity)
    name = made.decode().strip()
    # The index first: what is staged and not committed is harmless, what is committed and staged away is not.
    repo.run("update-index", "--add", "-z", "--index-info", feed=entries)
    reason = f"commit: {message.strip().splitlines()[0][:100]}"
    repo.run("update-ref", "-m", reason, branch, name, head, more=identity)
    return Committed(name, short, tuple(change.name for change in changes))


def _repo(folder: Path) -> git.Repo:
    repo = git.find(folder)
    if repo is None:
        hint = "`git init` there makes one; a folder of somebody else's needs git's safe.directory"
        raise UsageError("the library is in no git repository", where=str(folder), hint=hint)
    return repo


def _branch(repo: git.Repo) -> str:
    """The branch that is checked out, as a full ref. Raises UsageError when something else is going on."""
    where = os.fsdecode(repo.run("rev-parse", "--absolute-git-dir").removesuffix(b"\n"))
    for name, what in _BUSY.items():
        if os.path.lexists(os.path.join(where, name)):
            raise UsageError(f"{what} is going on in the repository", where=repo.root, hint="finish it with git first")
    done = repo.try_("symbolic-ref", "--quiet", "HEAD")
    branch = done.stdout.decode("utf-8", "surrogateescape").strip()
    if done.returncode or not branch.startswith("refs/heads/"):
        raise UsageError("no branch is checked out (detached HEAD)", where=repo.root, hint="git switch BRANCH first")
    return branch


def _head(repo: git.Repo) -> str:
    """The last commit, "" before the first."""
    return repo.try_("rev-parse", "--verify", "--quiet", "HEAD^{commit}").stdout.decode().strip()


def _identity(repo: git.Repo) -> dict[str, str]:
    """Who commits, as git's environment has it; the person's own variables win over the settings."""
    made = {}
    for key, variable in (("user.name", "NAME"), ("user.email", "EMAIL")):
        found = repo.try_("config", "--get", key).stdout.decode("utf-8", "replace").strip()
        for who in ("AUTHOR", "COMMITTER"):
            value = os.environ.get(f"GIT_{who}_{variable}", "").strip() or found
            if not value:
                hint = f'git config --global {key} "…"'
                raise UsageError(f"git does not know who commits ({key} is not set)", where=repo.root, hint=hint)
            made[f"GIT_{who}_{variable}"] = value
    return made


def _changed(repo: git.Repo, folder: Path) -> list[Change]:
    real = os.path.realpath(folder)
    before = _committed(repo, repo.inside(real))
    algorithm = _algorithm(repo)
    found: list[Change] = []
    there = set()
    for name, path in _files(folder):
        change = _read(name, path, before.get(name, ("", ""))[0])
        there.add(name)
        if change.data is None or _same(change.data, before.get(name, ("", ""))[1], algorithm):
            continue
        found.append(change)
    found = _not_ignored(repo, real, found, set(before))
    found += [Change(name, None, "") for name in before if name not in there and not os.path.lexists(f"{real}/{name}")]
    return sorted(found, key=lambda change: change.name)


def _committed(repo: git.Repo, prefix: str) -> dict[str, tuple[str, str]]:
    """Prompt files and labels of the last commit: path in the library → mode and blob."""
    head = _head(repo)
    if not head:
        return {}
    made = repo.run("ls-tree", "-r", "-z", "--full-tree", head, *(["--", prefix] if prefix else []))
    found = {}
    for item in made.split(b"\0")[:-1]:
        mode, kind, blob, *_ = item.split(b"\t")[0].decode().split()
        path = os.fsdecode(item[item.index(b"\t") + 1 :])
        name = path[len(prefix) + 1 :] if prefix else path
        if kind == "blob" and name.endswith(SUFFIX) and not any(part.startswith(".") for part in name.split("/")):
            found[name] = (mode, blob)
    return found


def _files(folder: Path) -> list[tuple[str, str]]:
    """Names and paths of what may be committed; what lies in a repository of its own, below, is not ours."""
    real = os.path.realpath(folder)
    found = [(f"{file.id}{SUFFIX}", file.path) for file in files(Path(real)) if not file.problem]
    labels = os.path.join(real, LABELS)
    if os.path.isfile(labels) and is_inside(real, os.path.realpath(labels)):
        found.append((LABELS, labels))
    own: dict[str, bool] = {real: False}

    def nested(here: str) -> bool:
        if here not in own:
            own[here] = os.path.lexists(os.path.join(here, ".git")) or nested(os.path.dirname(here))
        return own[here]

    return [(name, path) for name, path in found if not nested(os.path.dirname(path))]


def _read(name: str, path: str, mode: str) -> Change:
    """The file as git keeps it: a link is the path that it leads to. A file too large for a prompt is left out."""
    try:
        if os.path.islink(path):
            return Change(name, os.fsencode(os.readlink(path)), "120000")
        with open(path, "rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise StorageError(f"cannot read it ({error.strerror})", where=path) from error
    if mode not in ("100644", "100755"):
        mode = "100755" if os.access(path, os.X_OK) else "100644"
    return Change(name, data if len(data) <= MAX_BYTES else None, mode)


def _algorithm(repo: git.Repo) -> str:
    """The hash that names its objects: sha1 or sha256."""
    return repo.run("rev-parse", "--show-object-format").decode().strip()


def _same(data: bytes, blob: str, algorithm: str) -> bool:
    """Whether the blob is these bytes, or these with LF alone (git checks files out with CRLF where told to)."""

    def hashed(text: bytes) -> str:
        return hashlib.new(algorithm, b"blob %d\0" % len(text) + text, usedforsecurity=False).hexdigest()

    return bool(blob) and (hashed(data) == blob or (b"\r\n" in data and hashed(data.replace(b"\r\n", b"\n")) == blob))


def _not_ignored(repo: git.Repo, real: str, changes: list[Change], known: set[str]) -> list[Change]:
    """Without the new files that the person told git to leave out."""
    # "./" takes the magic from a name such as ":(top)x": this command knows no literal pathspecs.
    asked = {change.name: f"./{repo.inside(f'{real}/{change.name}')}" for change in changes if change.name not in known}
    if not asked:
        return changes
    feed = b"".join(os.fsencode(name) + b"\0" for name in asked.values())
    done = repo.try_("check-ignore", "-z", "--stdin", feed=feed, more={"GIT_LITERAL_PATHSPECS": "0"})
    if done.returncode not in (0, 1):  # 1: none is ignored
        raise StorageError("git check-ignore failed", where=repo.root)
    ignored = {os.fsdecode(name) for name in done.stdout.split(b"\0")}
    return [change for change in changes if asked.get(change.name, "") not in ignored or change.name in known]


def _chosen(changes: list[Change], ids: Sequence[str], folder: Path) -> list[Change]:
    """Those of the prompts named, and the labels."""
    if not ids:
        return changes
    names = {f"{id}{SUFFIX}" for id in ids}
    missing = sorted(names - {change.name for change in changes})
    for name in missing:
        if not os.path.lexists(folder / name):
            raise NotFoundError(f"there is no prompt {name.removesuffix(SUFFIX)} here", where=str(folder))
    chosen = [change for change in changes if change.name in names]
    return chosen + [change for change in changes if change.name == LABELS] if chosen else []


def _entries(repo: git.Repo, folder: Path, changes: list[Change], temporary: Path) -> bytes:
    """The changes as `update-index --index-info` takes them, their bytes put into the repository."""
    paths = []
    for number, change in enumerate(changes):
        if change.data is not None:
            # A name of our own: git's list of paths bears no line ends or quotes.
            path = temporary / str(number)
            path.write_bytes(change.data)
            paths.append(os.fsencode(path))
    made = repo.run("hash-object", "-w", "--no-filters", "--stdin-paths", feed=b"".join(path + b"\n" for path in paths))
    blobs = iter(made.decode().split())
    real, zero = os.path.realpath(folder), b"0" * (hashlib.new(_algorithm(repo)).digest_size * 2)
    gone, there = b"", b""
    for change in changes:
        name = os.fsencode(repo.inside(f"{real}/{change.name}"))
        if change.data is None:
            gone += b"0 " + zero + b"\t" + name + b"\0"
        else:
            there += f"{change.mode} {next(blobs)}\t".encode() + name + b"\0"
    return gone + there
