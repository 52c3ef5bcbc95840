"""A repository of the hub as a text to read: what it is, its files in plain words, its card."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile
from typing import TYPE_CHECKING

from workbench import safe
from workbench.models import suiting
from workbench.models.hub import endpoint
from workbench.models.quantization import line

if TYPE_CHECKING:
    from workbench.models.hub import Repo, RepoFile, RepoPage
    from workbench.models.suiting import Room


def advised(page: RepoPage, room: Room) -> tuple[RepoFile | None, str]:
    """The file that suits `room`, and why."""
    models = [file for file in page.files if not file.projector]
    at, why = suiting.recommended(models, room)
    return (models[at] if 0 <= at < len(models) else None), why


def verdict(file: RepoFile, room: Room) -> str:
    """Whether the file goes into `room`."""
    return "projector" if file.projector else suiting.verdict(file, room)


def about(repo: Repo) -> list[str]:
    """What the list knows of it."""
    notes = [f"licence {repo.license or 'not said'}", f"{repo.downloads:,} downloads", f"{repo.likes:,} likes"]
    notes += [f"made {repo.created}"] if repo.created else []
    notes += [f"changed {repo.updated}"] if repo.updated else []
    lines = [repo.id, " · ".join(notes)]
    if repo.gated:
        lines.append(f"gated: accept its terms at {endpoint()}/{repo.id} first, and set HF_TOKEN")
    if repo.censorship:
        lines.append(f"{repo.censorship}, its tags or its name say")
    return lines


def described(page: RepoPage, room: Room) -> str:
    """The page."""
    best, why = advised(page, room)
    lines = [*about(page.repo), "", f"── files, {room.said}"]
    if best is not None:
        lines += [f"for this machine: {why}", ""]
    elif page.files:
        lines += [why, ""]
    lines += [row for file in page.files for row in _file(file, page, room)] or ["there is no GGUF model in it"]
    lines += ["", "── its card", safe.text(page.card) or "it has none"]
    return "\n".join(lines)


def _file(file: RepoFile, page: RepoPage, room: Room) -> list[str]:
    parts = f" in {len(file.parts)} files" if len(file.parts) > 1 else ""
    kind = file.quantization or "?"
    said = "lets a model see images; fetch it beside its model" if file.projector else line(file.quantization)
    name = safe.line(short(file.name, page))
    head = f"{kind:<8} {file.size / 1e6:>8,.0f} MB  {verdict(file, room):<9} {name}{parts}"
    return [head, f"  {said}"] if said else [head]


def short(name: str, page: RepoPage) -> str:
    """The file's name without its folder, and without what it shares with the repository's, or with all others."""
    own = name.rsplit("/", 1)[-1]
    repo = page.repo.id.rsplit("/", 1)[-1].removesuffix("-GGUF")
    if repo and own.lower().startswith(repo.lower()) and own[len(repo) :].startswith(("-", "_", ".")):
        return f"…{own[len(repo) + 1 :]}"
    names = [file.name.rsplit("/", 1)[-1] for file in page.files if not file.projector]
    if len(names) < 2 or own not in names:
        return own
    same = sum(1 for _ in takewhile(lambda each: len(set(each)) == 1, zip(*names, strict=False)))
    cut = max(own.rfind(each, 0, same) for each in "-_.") + 1
    return f"…{own[cut:]}" if cut else own


def ordered(page: RepoPage, room: Room) -> Sequence[RepoFile]:
    """The files, the advised one first."""
    best, _ = advised(page, room)
    return sorted(page.files, key=lambda file: file is not best)
