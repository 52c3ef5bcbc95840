"""A repository of the hub as a text to read: what it is, its files in plain words, its card."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from workbench import safe
from workbench.models.quantization import line, recommended

if TYPE_CHECKING:
    from workbench.models.hub import Repo, RepoFile, RepoPage

ROOM = 0.8  # of the free memory that a model may take: the rest is for its context


def advised(page: RepoPage, room: int) -> tuple[RepoFile | None, str]:
    """The file that suits `room` bytes of free memory, and why."""
    models = [file for file in page.files if not file.projector]
    at, why = recommended(models, room)
    return (models[at] if 0 <= at < len(models) else None), why


def verdict(file: RepoFile, room: int) -> str:
    """Whether the file goes into `room` bytes."""
    if file.projector:
        return "lets a model see"
    share = file.size / max(1, room)
    return "fits" if share <= ROOM * 0.75 else "tight" if share <= ROOM else "too big"


def about(repo: Repo) -> list[str]:
    """What the list knows of it."""
    notes = [f"licence {repo.license or 'not said'}", f"{repo.downloads:,} downloads", f"{repo.likes:,} likes"]
    notes += [f"changed {repo.updated}"] if repo.updated else []
    lines = [repo.id, " · ".join(notes)]
    if repo.gated:
        lines.append("gated: accept its terms on its page first, and set HF_TOKEN")
    if repo.censorship:
        lines.append(f"{repo.censorship}, its tags or its name say")
    return lines


def described(page: RepoPage, room: int) -> str:
    """The page."""
    best, why = advised(page, room)
    lines = [*about(page.repo), "", f"── files, {room / 1e9:.1f} GB of memory are free"]
    if best is not None:
        lines += [f"for this machine: {why}", ""]
    elif page.files:
        lines += [why, ""]
    lines += [_file(file, room) for file in page.files] or ["there is no GGUF model in it"]
    lines += ["", "── its card", safe.text(page.card) or "it has none"]
    return "\n".join(lines)


def _file(file: RepoFile, room: int) -> str:
    said = line(file.quantization)
    kind = file.quantization or "?"
    return f"{kind:<8} {file.size / 1e6:>9,.0f} MB  {verdict(file, room):<8} {said or safe.line(file.name)}"


def ordered(page: RepoPage, room: int) -> Sequence[RepoFile]:
    """The files, the advised one first."""
    best, _ = advised(page, room)
    return sorted(page.files, key=lambda file: file is not best)
