"""Real git repositories for tests, plain or with every setting planted that could run a command."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

WHO = {f"GIT_{who}_{what}": value for who in ("AUTHOR", "COMMITTER") for what, value in
       (("NAME", "Ada"), ("EMAIL", "ada@example.org"))}  # fmt: skip
BODY = 'kind = "system"\ntext = """\n{}\n"""\n'


def git(folder: Path, *words: str, at: int = 0) -> str:
    """The person's own git, with its commits `at` minutes after a fixed time."""
    when = f"2026-01-01T00:{at:02}:00+00:00"
    environment = {**os.environ, **WHO, "GIT_AUTHOR_DATE": when, "GIT_COMMITTER_DATE": when}
    done = subprocess.run(["git", "-C", folder, *words], env=environment, capture_output=True, text=True, check=True)
    return done.stdout


def put(folder: Path, id: str, text: str) -> Path:
    """A system prompt's file."""
    path = folder / f"{id}.toml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(BODY.format(text), encoding="utf-8")
    return path


def repository(folder: Path, *, bare: bool = False) -> Path:
    """A new repository on `main` that knows who commits."""
    folder.mkdir(parents=True, exist_ok=True)
    git(folder, "init", "-q", "-b", "main", *(["--bare"] if bare else []))
    git(folder, "config", "user.name", "Ada")
    git(folder, "config", "user.email", "ada@example.org")
    return folder


def plant(root: Path, marks: Path) -> None:
    """Every setting of the repository that names a command, each making a file of its own in `marks`."""
    marks.mkdir()
    hooks = root / ".git" / "planted-hooks"
    hooks.mkdir()

    def command(name: str) -> str:
        script = hooks / f"run-{name}"
        script.write_text(f"#!/bin/sh\ntouch '{marks}/{name}'\ncat\n")
        script.chmod(0o755)
        return str(script)

    for hook in (
        "pre-commit", "post-commit", "commit-msg", "prepare-commit-msg", "post-index-change", "reference-transaction",
        "fsmonitor-watchman", "pre-auto-gc", "post-checkout", "post-rewrite",
    ):  # fmt: skip
        for place in (hooks, root / ".git" / "hooks"):
            place.mkdir(exist_ok=True)
            (place / hook).write_text(f"#!/bin/sh\ntouch '{marks}/hook-{hook}'\n")
            (place / hook).chmod(0o755)
    included = root / ".git" / "included"
    included.write_text(f"[core]\n\tfsmonitor = {command('included')}\n\tpager = {command('included')}\n")
    planted = {
        "core.fsmonitor": command("fsmonitor"), "core.hooksPath": str(hooks), "core.pager": command("pager"),
        "core.editor": command("editor"), "core.sshCommand": command("ssh"), "core.gitProxy": command("proxy"),
        "core.askPass": command("askpass"), "core.alternateRefsCommand": command("alternate"),
        "core.worktree": str(marks.parent), "core.splitIndex": "true", "core.untrackedCache": "true",
        "credential.helper": f"!{command('credential')}", "diff.external": command("external"),
        "diff.evil.command": command("diff-command"), "diff.evil.textconv": command("textconv"),
        "filter.evil.clean": command("clean"), "filter.evil.smudge": command("smudge"),
        "filter.evil.process": command("process"), "filter.evil.required": "true",
        "merge.evil.driver": command("merge"),
        "gpg.program": command("gpg"), "gpg.ssh.program": command("gpg-ssh"), "gpg.format": "openpgp",
        "commit.gpgSign": "true", "log.showSignature": "true", "log.mailmap": "true", "user.signingKey": "x",
        "pager.log": command("pager-log"), "pager.show": command("pager-show"), "interactive.diffFilter": command("i"),
        "remote.origin.url": f"ext::{command('ext')} %S", "remote.origin.uploadpack": command("uploadpack"),
        "remote.origin.promisor": "true", "remote.origin.partialCloneFilter": "blob:none",
        "protocol.ext.allow": "always", "protocol.allow": "always", "include.path": str(included),
        "uploadpack.packObjectsHook": command("pack-objects"), "gc.auto": "1", "sequence.editor": command("sequence"),
        "trace2.normalTarget": str(marks / "trace"), "submodule.recurse": "true",
    }  # fmt: skip
    for name in ("log", "cat-file", "ls-tree", "rev-parse", "commit-tree", "update-index", "config", "hash-object"):
        planted[f"alias.{name}"] = f"!{command(f'alias-{name}')}"
    for key, value in planted.items():
        subprocess.run(["git", "config", "--file", root / ".git" / "config", key, value], check=True)
    (root / ".git" / "info").mkdir(exist_ok=True)
    for file in (root / ".gitattributes", root / ".git" / "info" / "attributes"):
        file.write_text("* filter=evil diff=evil merge=evil\n")
