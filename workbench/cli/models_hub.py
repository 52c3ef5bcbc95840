"""`workbench models search|pull|rm`: models of the Hugging Face hub found, fetched and taken away again."""

from __future__ import annotations

import argparse
import sys
from contextlib import suppress
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from workbench import safe
from workbench.cli import output
from workbench.cli.given import whole
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
    searching.add_argument("--limit", type=whole, default=20, metavar="N")
    searching.add_argument("--license", default="", metavar="NAME", help="such as mit, apache-2.0")
    searching.add_argument("--language", default="", metavar="CODE", help="such as ko, or korean")
    searching.add_argument("--task", default="", metavar="NAME", help="such as text-generation")
    searching.add_argument("--parameters", default="", metavar="RANGE", help="such as min:1B,max:8B")
    searching.add_argument("--card", action="store_true", help="of OWNER/NAME: its card too")
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
    from workbench.models.asking import asked, repository, tag

    words = repository(" ".join(options.words))
    if words.count("/") == 1 and " " not in words:
        return _print_page(hub.page(words), options)
    wish = asked(words, options.sort)
    named = {name: getattr(options, name) for name in ("license", "language", "task")}
    filters = [*wish.filters, *(tag(name, value) for name, value in named.items() if value)]
    parameters = options.parameters or wish.parameters
    found = hub.search(wish.words, sort=wish.sort, limit=options.limit, filters=filters, parameters=parameters)
    if options.json:
        output.print_json([asdict(repo) for repo in found])
        return Exit.OK if found else Exit.NOT_FOUND
    names = [safe.line(repo.id) for repo in found]
    wide = min(max(map(output.cells, names), default=0), max(24, output.width() - 50))
    for name, repo in zip(names, found, strict=True):
        notes = " · ".join(filter(None, ("gated" if repo.gated else "", repo.censorship, repo.license)))
        date = repo.created if options.sort == "new" and repo.created else repo.updated
        row = f"{_short(repo.downloads):>6} ↓ {_short(repo.likes):>6} ♥  {date:<10}  {notes}"
        print(output.clip(f"{output.pad(output.clip(name, wide), wide)} {safe.line(row)}", output.width()))
    if not found:
        output.narrate("the hub has nothing that matches")
    return Exit.OK if found else Exit.NOT_FOUND


def _short(count: int) -> str:
    """`1.2M`."""
    unit, name = next(((u, n) for u, n in ((1e6, "M"), (1e3, "k")) if count >= u), (1, ""))
    return f"{count / unit:.1f}{name}" if name else str(count)


def _print_page(page: RepoPage, options: argparse.Namespace) -> int:
    from workbench.models import suiting
    from workbench.models.hub import endpoint
    from workbench.models.quantization import line

    models = [file for file in page.files if not file.projector]
    room = suiting.room()
    at, why = suiting.recommended(models, room)
    says = {file.name: "projector" if file.projector else suiting.verdict(file, room) for file in page.files}
    if options.json:
        files = [
            {
                **asdict(file),
                "explanation": line(file.quantization),
                "verdict": says[file.name],
                "fits": says[file.name] in ("fits", "tight"),
            }
            for file in page.files
        ]
        best = models[at].name if at >= 0 else None
        rest = {"commit": page.commit, "card": page.card, "files": files, "recommended": best, "why": why}
        output.print_json({**asdict(page.repo), "room": asdict(room), **rest})
        return Exit.OK
    repo = page.repo
    print(safe.line(f"{repo.id}  {repo.downloads:,} ↓  {repo.likes:,} ♥  {repo.license}  {repo.censorship}".rstrip()))
    if repo.gated:
        print(safe.line(f"gated: accept its terms at {endpoint()}/{repo.id}, and set HF_TOKEN"))
    for file in page.files:
        mark = "▸" if at >= 0 and file is models[at] else " "
        text = f"{mark} {file.quantization or '?':<9}{file.size / 1e6:>10,.0f} MB  {says[file.name]:<9} {file.name}"
        print(output.clip(safe.line(text), output.width()))
        if not file.projector and (said := line(file.quantization)):
            print(output.clip(f"             {said}", output.width()))
    output.narrate(f"{room.said} · recommended: {why}" if models else "there is no GGUF model in it")
    if options.card:
        print("── its card")
        for row in output.wrap(page.card or "it has none", output.width()):
            print(row)
    elif page.card:
        output.narrate("--card prints its card too")
    return Exit.OK


def pull(options: argparse.Namespace) -> int:
    """Fetch a model, verified; prints its path."""
    from workbench.models import hub, pending
    from workbench.models.asking import repository
    from workbench.models.download import Download
    from workbench.models.pending import Pending

    id, _, wanted = repository(options.repo).partition(":")
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
    from workbench.models import suiting

    models = [file for file in page.files if not file.projector]
    if not models:
        raise NotFoundError(
            f"there is no GGUF model in {page.repo.id}", hint="search for one whose name ends with -GGUF"
        )
    if not wanted:
        at, why = suiting.recommended(models, suiting.room())
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
