"""Git, by plumbing that runs nothing of a repository's own: no hooks, filters, textconv, monitors, pagers, fetches."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from workbench.errors import StorageError
from workbench.library.reader import MAX_BYTES

MOST = 500  # commits of one file that are read
MOST_BYTES = 64_000_000  # of all its old texts together
SECONDS = 15.0  # one git command may take
RENAMES = 5.0  # seconds that looking for renames may take: it walks every commit there is

# The command line's settings win over those of a repository, of what it includes, and of its worktree. Of these some
# are for commands that are not run here: a slip then still runs nothing. `protocol.allow` and GIT_ALLOW_PROTOCOL keep
# a partial clone from fetching (ext::, ssh, uploadpack, gitProxy); GIT_WORK_TREE overrules core.worktree.
_SETTINGS = (
    "core.fsmonitor=false", "core.hooksPath=/dev/null", "core.pager=cat", "core.editor=false", "core.askPass=false",
    "core.sshCommand=false", "core.gitProxy=false", "core.attributesFile=/dev/null", "core.splitIndex=false",
    "core.untrackedCache=false", "core.alternateRefsCommand=false", "credential.helper=", "protocol.allow=never",
    "gpg.program=false", "gpg.ssh.program=false", "gpg.x509.program=false", "commit.gpgSign=false",
    "log.showSignature=false", "log.mailmap=false", "mailmap.file=", "submodule.recurse=false", "gc.auto=0",
    "maintenance.auto=false", "safe.bareRepository=explicit", "i18n.logOutputEncoding=UTF-8",
    "i18n.commitEncoding=UTF-8",
)  # fmt: skip
_ENVIRONMENT = {
    "LC_ALL": "C",
    "GIT_ALLOW_PROTOCOL": "none",
    "GIT_ASKPASS": "false",
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_EDITOR": "false",
    "GIT_LITERAL_PATHSPECS": "1",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_PAGER": "cat",
    "GIT_SSH_COMMAND": "false",
    "GIT_TERMINAL_PROMPT": "0",
    "SSH_ASKPASS": "false",
}
# The person's own: which settings are theirs, and who commits when. All else (GIT_DIR in a hook, GIT_TRACE) is dropped.
_KEPT = ("GIT_CONFIG_GLOBAL", "GIT_AUTHOR_", "GIT_COMMITTER_")


@dataclass(frozen=True)
class Repo:
    """A repository's working folder, and the git that reads it."""

    root: str
    program: str

    def try_(
        self, *words: str, feed: bytes = b"", more: Mapping[str, str] | None = None, seconds: float | None = None
    ) -> subprocess.CompletedProcess[bytes]:
        """Run `git WORDS`; `more` goes into its environment. Raises StorageError when it does not end in time."""
        limit = seconds or SECONDS
        argv = [self.program, "--no-pager", "--no-optional-locks", "-C", self.root]
        for setting in _SETTINGS:
            argv += ["-c", setting]
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith("GIT_") or name.startswith(_KEPT)
        }
        # Never above the folder that holds .git, and never a bare repository planted beside it.
        environment |= {
            **_ENVIRONMENT,
            "GIT_WORK_TREE": self.root,
            "GIT_CEILING_DIRECTORIES": os.path.dirname(self.root),
        }
        environment |= {"PATH": _path(), **(more or {})}
        try:
            return subprocess.run(
                [*argv, *words], input=feed, capture_output=True, timeout=limit, check=False, env=environment, cwd="/"
            )
        except subprocess.TimeoutExpired:
            raise StorageError(f"git {words[0]} took more than {limit:g} s", where=self.root) from None
        except (OSError, ValueError) as error:
            raise StorageError(f"git {words[0]} does not start ({error})", where=self.root) from error

    def run(
        self, *words: str, feed: bytes = b"", more: Mapping[str, str] | None = None, seconds: float | None = None
    ) -> bytes:
        """What `git WORDS` prints. Raises StorageError with git's own first line when it fails."""
        done = self.try_(*words, feed=feed, more=more, seconds=seconds)
        if done.returncode:
            said = done.stderr.decode("utf-8", "replace").strip().split("\n")[0].removeprefix("fatal: ")
            raise StorageError(f"git {words[0]} failed ({said[:200]})", where=self.root)
        return done.stdout

    def inside(self, path: str) -> str:
        """A real path as git names it: from the root, "" for the root itself."""
        made = os.path.relpath(path, self.root)
        return "" if made == "." else made


@dataclass(frozen=True)
class Commit:
    """A commit that changed a file: `blob` is git's id of the file's bytes, `time` UTC in ISO 8601."""

    commit: str
    blob: str
    time: str
    author: str
    note: str


def find(folder: Path) -> Repo | None:
    """The repository that `folder` lies in; None where there is none, no git, or git mistrusts it."""
    here = os.path.realpath(folder)
    while not os.path.lexists(os.path.join(here, ".git")):
        if here == os.path.dirname(here):
            return None
        here = os.path.dirname(here)
    import shutil

    program = shutil.which("git", path=_path())
    if program is None:
        return None
    repo = Repo(here, program)
    return None if repo.try_("rev-parse", "--git-dir").returncode else repo


def log(repo: Repo, path: Path) -> list[Commit]:
    """Commits that changed the file, newest first, through renames; `path` need not be there any more."""
    if repo.try_("rev-parse", "--verify", "--quiet", "HEAD^{commit}").returncode:
        return []  # no commit yet
    base = (
        "log", "-z", "--raw", "--no-abbrev", "--no-ext-diff", "--no-textconv", "--no-show-signature", "--no-mailmap",
        "--no-notes", "--no-color", "--diff-merges=first-parent", "--ignore-submodules=all", f"--max-count={MOST}",
        "--format=tformat:%H%x00%P%x00%ct%x00%an%x00%s",
    )  # fmt: skip
    name = repo.inside(os.path.join(os.path.realpath(path.parent), path.name))
    try:
        made = repo.run(*base, "--follow", "--", name, seconds=RENAMES)
    except StorageError:
        # Renames need every commit, and texts that a partial clone may not have.
        made = repo.run(*base, "--no-renames", "--", name)
    rows = list(_commits(made.split(b"\0")))
    plain = {row.blob for row, merge in rows if not merge}
    return [row for row, merge in rows if not merge or row.blob not in plain]


def _commits(parts: Sequence[bytes]) -> Iterator[tuple[Commit, bool]]:
    """Each commit that left a file, and whether it is a merge, out of what log prints (fields between NULs)."""
    at = 0
    while at + 4 < len(parts):
        commit, parents, seconds, author, subject = (part.decode("utf-8", "replace") for part in parts[at : at + 5])
        at += 5
        blob = ""
        while at < len(parts) and parts[at].lstrip(b"\n").startswith(b":"):
            fields = parts[at].decode("ascii", "replace").split()
            at += 3 if fields[-1][0] in "RC" else 2
            if fields[1].startswith(("100", "120")):
                blob = fields[3]
        if blob:
            made = Commit(commit.strip(), blob, _time(seconds), author[:200], subject[:500])
            yield made, " " in parents


def _time(seconds: str) -> str:
    try:
        found = datetime.fromtimestamp(int(seconds), UTC)
    except (ValueError, OverflowError, OSError):  # a commit may claim any time
        found = datetime.fromtimestamp(0, UTC)
    return found.isoformat(timespec="milliseconds")


def texts(repo: Repo, blobs: Sequence[str]) -> dict[str, bytes]:
    """The bytes of blobs by git's ids; those missing, too large for a prompt, or too many together are left out."""
    wanted, total = [], 0
    feed = "".join(f"{blob}\n" for blob in dict.fromkeys(blobs)).encode()
    if not feed:
        return {}
    for line in repo.run("cat-file", "--batch-check", feed=feed).decode().splitlines():
        blob, kind, *size = line.split()
        if kind == "blob" and int(size[0]) <= MAX_BYTES and total + int(size[0]) <= MOST_BYTES:
            total += int(size[0])
            wanted.append(blob)
    made = repo.run("cat-file", "--batch", feed="".join(f"{blob}\n" for blob in wanted).encode())
    found: dict[str, bytes] = {}
    at = 0
    while at < len(made):
        end = made.index(b"\n", at)
        head = made[at:end].decode().split()
        size_ = int(head[2])
        found[head[0]] = made[end + 1 : end + 1 + size_]
        at = end + 2 + size_
    return found


def _path() -> str:
    """The folders that programs are taken from: never one that depends on where we are."""
    return os.pathsep.join(part for part in os.environ.get("PATH", os.defpath).split(os.pathsep) if os.path.isabs(part))
