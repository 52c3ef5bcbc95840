"""`workbench models search|pull|rm`: models of the Hugging Face hub found, fetched and taken away again."""

from __future__ import annotations

import argparse
import sys
from contextlib import suppress
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from workbench import safe
from workbench.cli import output
from workbench.errors import Exit, NotFoundError, StorageError, UsageError

if TYPE_CHECKING:
    from workbench.models.download import Progress
    from workbench.models.hub import RepoFile, RepoPage

_SORTS = ("downloads", "trending", "likes", "new")


def add(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verbs."""
    searching = verbs.add_parser("search", help="GGUF repositories on the hub, or what is in one (OWNER/NAME)")
    searching.add_argument("words", nargs="*", help="words, and filters: license: language: task: size:1B-8B tag:")
    searching.add_argument("--sort", choices=_SORTS, default="downloads")
    searching.add_argument("--limit", type=int, default=20, metavar="N")
    searching.add_argument("--license", default="", metavar="NAME", help="such as mit, apache-2.0")
    searching.add_argument("--language", default="", metavar="CODE", help="such as ko")
    searching.add_argument("--task", default="", metavar="NAME", help="such as text-generation")
    searching.add_argument("--parameters", default="", metavar="RANGE", help="such as min:1B,max:8B")
    searching.set_defaults(func=search)
    pulling = verbs.add_parser("pull", help="fetch a model into the Hugging Face cache; it goes on where it stopped")
    pulling.add_argument("repo", help="OWNER/NAME, or OWNER/NAME:QUANTIZATION")
    pulling.add_argument("file", nargs="?", default="", help="a file's name or quantization (else the recommended one)")
    pulling.set_defaults(func=pull)
    removing = verbs.add_parser("rm", help="delete a model that the hub's cache or the workbench keeps")
    removing.add_argument("model")
    removing.add_argument("--yes", action="store_true", help="do not ask")
    removing.set_defaults(func=remove)
    for parser in (searching, pulling, removing):
        parser.add_argument("--json", action="store_true", help="one JSON document on stdout")


def search(options: argparse.Namespace) -> int:
    """Print repositories, or the files of one."""
    from workbench.models import hub
    from workbench.models.asking import asked

    words = " ".join(options.words)
    if words.count("/") == 1 and " " not in words:
        return _print_page(hub.page(words), options)
    wish = asked(words, options.sort)
    filters = [*wish.filters, *([f"license:{options.license}"] if options.license else [])]
    filters += [each for each in (options.language, options.task) if each]
    parameters = options.parameters or wish.parameters
    found = hub.search(wish.words, sort=wish.sort, limit=options.limit, filters=filters, parameters=parameters)
    if options.json:
        output.print_json([asdict(repo) for repo in found])
        return Exit.OK if found else Exit.NOT_FOUND
    for repo in found:
        notes = " · ".join(filter(None, ("gated" if repo.gated else "", repo.censorship, repo.license)))
        line = f"{repo.id:<56} {repo.downloads:>11,} ↓ {repo.likes:>6,} ♥  {repo.updated}  {notes}"
        print(output.clip(safe.line(line), output.width()))
    if not found:
        output.narrate("the hub has nothing that matches")
    return Exit.OK if found else Exit.NOT_FOUND


def _room() -> int:
    from workbench.hardware import memory

    return memory.available()


def _print_page(page: RepoPage, options: argparse.Namespace) -> int:
    from workbench.models.quantization import line, recommended

    models = [file for file in page.files if not file.projector]
    room = _room()
    at, why = recommended(models, room)
    if options.json:
        files = [
            {**asdict(file), "explanation": line(file.quantization), "fits": file.size <= room * 0.8}
            for file in page.files
        ]
        best = models[at].name if at >= 0 else None
        rest = {"commit": page.commit, "card": page.card, "files": files, "recommended": best, "why": why}
        output.print_json({**asdict(page.repo), **rest})
        return Exit.OK
    repo = page.repo
    print(safe.line(f"{repo.id}  {repo.downloads:,} ↓  {repo.likes:,} ♥  {repo.license}  {repo.censorship}".rstrip()))
    if repo.gated:
        print("gated: accept its terms on its page, and set HF_TOKEN")
    for file in page.files:
        mark = "▸" if at >= 0 and file is models[at] else " "
        fits = "projector" if file.projector else "fits" if file.size <= room * 0.8 else "too big"
        text = f"{mark} {file.quantization or '?':<9}{file.size / 1e6:>10,.0f} MB  {fits:<9} {file.name}"
        print(output.clip(safe.line(text), output.width()))
        if said := line(file.quantization):
            print(output.clip(f"             {said}", output.width()))
    if page.files:
        output.narrate(f"recommended: {why}")
    return Exit.OK


def pull(options: argparse.Namespace) -> int:
    """Fetch a model, verified; prints its path."""
    from workbench.models import hub, pending
    from workbench.models.download import Download
    from workbench.models.pending import Pending

    id, _, wanted = options.repo.partition(":")
    page = hub.page(id)
    file = _chosen(page, options.file or wanted)
    output.narrate(f"{file.name}, {file.size / 1e6:,.0f} MB")
    what = Pending(id, page.commit, file)
    with suppress(StorageError):  # only so that the app, too, can go on where this is stopped
        pending.add(what)
    work = Download(id, page.commit, file)
    path = None
    try:
        path = work.run(_told if sys.stderr.isatty() else None)
    finally:
        with suppress(StorageError):
            if path is not None or not work.there():
                pending.drop(what)
    if sys.stderr.isatty():
        print(file=sys.stderr)
    if options.json:
        parts = [{"name": name, "size": size, "sha256": sha256} for name, size, sha256 in file.parts]
        output.print_json({"repo": id, "commit": page.commit, "path": str(path), "size": file.size, "files": parts})
    else:
        print(safe.line(str(path)))
    return Exit.OK


def _chosen(page: RepoPage, wanted: str) -> RepoFile:
    """The file that is named, or the recommended one."""
    from workbench.models.quantization import recommended

    models = [file for file in page.files if not file.projector]
    if not models:
        raise NotFoundError(
            f"there is no GGUF model in {page.repo.id}", hint="search for one whose name ends with -GGUF"
        )
    if not wanted:
        at, why = recommended(models, _room())
        if at < 0:
            raise UsageError(f"{page.repo.id}: {why}", hint="or name a file all the same")
        output.narrate(why)
        return models[at]
    for match in (
        [file for file in page.files if file.name == wanted],
        [file for file in models if file.quantization == wanted.upper().replace("-", "_")],
        [file for file in page.files if wanted.lower() in file.name.lower()],
    ):
        if len(match) == 1:
            return match[0]
    names = ", ".join(file.quantization or file.name for file in models)
    raise NotFoundError(f"{page.repo.id} has no one file {wanted}", hint=f"one of {names[:200]}")


def _told(progress: Progress) -> None:
    """The line that is written over."""
    part = progress.done / progress.total if progress.total else 1.0
    left = f"{progress.left // 60:.0f}:{progress.left % 60:02.0f} left" if progress.left is not None else ""
    speed = f"{progress.speed / 1e6:,.1f} MB/s"
    text = f"{part:>4.0%}  {progress.done / 1e6:,.0f} MB  {speed}  {left}  {progress.doing}"
    print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)


def remove(options: argparse.Namespace) -> int:
    """Delete a model after a question."""
    from workbench.cli.models import on_servers
    from workbench.models.catalog import find
    from workbench.models.remote import refuse
    from workbench.models.removal import removal

    model = find(options.model, on_servers)
    refuse(model, "delete")
    gone = removal(model)
    what = f"{safe.line(model.name)} ({safe.line(', '.join(gone.files))}), frees {gone.frees / 1e6:,.0f} MB"
    if not options.yes:
        if not sys.stdin.isatty():
            raise UsageError(f"this would delete {what}", hint="--yes does it")
        print(f"delete {what}? [y/N] ", end="", file=sys.stderr, flush=True)
        if sys.stdin.readline().strip().lower() not in ("y", "yes"):
            output.narrate("nothing was deleted")
            return Exit.OK
    gone.work()
    made: dict[str, Any] = {"name": model.name, "path": model.path, "freed": gone.frees, "files": list(gone.files)}
    if options.json:
        output.print_json(made)
    else:
        output.narrate(f"deleted {what}")
    return Exit.OK
