"""The Hugging Face hub: GGUF repositories found, and what is in one. All that comes back is untrusted."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.errors import EngineError, NotFoundError, UsageError
from workbench.models.quantization import of_name
from workbench.models.stores import SHARD

ENDPOINT = "https://huggingface.co"
SORTS = {"downloads": "downloads", "trending": "trending_score", "likes": "likes", "new": "created_at"}
CARD = 200_000  # characters of a card that are kept
_LOOSE = (
    *("uncensored", "decensored", "abliterat", "unfiltered", "unaligned", "heretic", "jailbr", "nsfw"),
    "not-for-all-audiences",
)  # anywhere in the name, the tags (the base model's name is one), for names are often written together
_TUNED = {"safety", "guard", "guardrail", "guardrails", "aligned", "rlhf", "llamaguard", "shieldgemma"}  # whole words


class HubError(EngineError):
    """The hub cannot be reached, or refuses."""


@dataclass(frozen=True)
class Repo:
    """A repository. `gated`: its terms must be accepted first; `censorship`: "uncensored", "safety-tuned" or "".

    `updated` and `created` are dates, "" when the hub does not say.
    """

    id: str
    downloads: int
    likes: int
    updated: str
    license: str
    gated: bool
    tags: tuple[str, ...]
    censorship: str
    created: str = ""


@dataclass(frozen=True)
class RepoFile:
    """A model in a repository: its parts (one, or the shards of a set), with the hash of each (None: unknown).

    `size` in bytes, of all parts; `projector` when it lets a model see.
    """

    name: str
    quantization: str
    size: int
    parts: tuple[tuple[str, int, str | None], ...]  # name, size, sha256
    projector: bool = False


@dataclass(frozen=True)
class RepoPage:
    """A repository with its files, smallest first, at one commit; `card` is its README without the front matter."""

    repo: Repo
    commit: str
    files: Sequence[RepoFile]
    card: str


def endpoint() -> str:
    """$HF_ENDPOINT, or the hub."""
    return (os.environ.get("HF_ENDPOINT") or ENDPOINT).rstrip("/")


def check_online() -> None:
    """Raise HubError when $HF_HUB_OFFLINE says that nothing may be asked."""
    if os.environ.get("HF_HUB_OFFLINE", "").upper() in ("1", "ON", "YES", "TRUE"):
        raise HubError("HF_HUB_OFFLINE is set: the hub is not asked", hint="unset it to go online")


def token() -> str | None:
    """$HF_TOKEN, or the one that `hf auth login` kept."""
    if found := os.environ.get("HF_TOKEN", "").strip():
        return found
    home = os.environ.get("HF_HOME") or os.path.join(Path.home(), ".cache/huggingface")
    try:
        return Path(os.environ.get("HF_TOKEN_PATH") or os.path.join(home, "token")).read_text().strip() or None
    except (OSError, UnicodeDecodeError):
        return None


def search(
    words: str = "", *, sort: str = "downloads", limit: int = 30, filters: Sequence[str] = (), parameters: str = ""
) -> list[Repo]:
    """GGUF repositories that match. `filters` are the hub's tags: `license:mit`, `ko`, `text-generation`;
    `parameters` a range such as `min:1B,max:8B`. Raises HubError.
    """
    if sort not in SORTS:
        raise UsageError(f"{sort} is no order", hint=f"one of {', '.join(SORTS)}")
    asked = {"search": words or None, "sort": SORTS[sort], "limit": limit, "full": True}
    found = _asked(
        lambda api: list(
            api.list_models(
                filter=["gguf", *filters], num_parameters=parameters or None, token=token() or False, **asked
            )
        )
    )
    return [_repo(info) for info in found]


def page(id: str) -> RepoPage:
    """What is in the repository `OWNER/NAME`. Raises NotFoundError, HubError."""
    info = _asked(lambda api: api.model_info(id, files_metadata=True, token=token() or False), id)
    return RepoPage(
        _repo(info), str(info.sha or "main"), files_of(info.siblings or ()), _card(id, str(info.sha or "main"))
    )


def files_of(siblings: Sequence[Any]) -> list[RepoFile]:
    """The GGUF models among a repository's files, shards as one."""
    sets: dict[str, list[tuple[str, int, str | None]]] = {}
    for each in siblings:
        name = str(each.rfilename)
        if not name.lower().endswith(".gguf") or name.startswith("/") or ".." in name.split("/"):
            continue
        if "imatrix" in name.lower() and not of_name(name):
            continue  # what a quantisation was made with
        lfs = each.lfs
        part = (name, int(each.size or (lfs.size if lfs else 0) or 0), str(lfs.sha256) if lfs else None)
        folder, _, base = name.rpartition("/")
        shard = SHARD.fullmatch(base)
        sets.setdefault(f"{folder}/{shard['stem']}" if shard else name, []).append(part)
    made = [
        RepoFile(
            parts[0][0],
            of_name(parts[0][0]),
            sum(size for _, size, _ in parts),
            tuple(parts),
            "mmproj" in parts[0][0].lower(),
        )
        for parts in (sorted(each) for each in sets.values())
    ]
    return sorted(made, key=lambda each: (each.projector, each.size, each.name))


def _repo(info: Any) -> Repo:
    tags = tuple(str(tag) for tag in info.tags or ())
    license = next((tag.removeprefix("license:") for tag in tags if tag.startswith("license:")), "")
    said = f"{info.id} {' '.join(tags)}".lower()
    loose = any(word in said for word in _LOOSE)
    tuned = not _TUNED.isdisjoint(re.split(r"[^a-z0-9]+", said))
    updated, created = (each.isoformat()[:10] if each else "" for each in (info.last_modified, info.created_at))
    return Repo(
        str(info.id),
        int(info.downloads or 0),
        int(info.likes or 0),
        updated,
        license,
        bool(info.gated),
        tags,
        "uncensored" if loose else "safety-tuned" if tuned else "",
        created,
    )


def _card(id: str, commit: str) -> str:
    """The README, "" when there is none."""
    from workbench.models.hub_client import session

    headers = {"Authorization": f"Bearer {token()}"} if token() else {}
    url = f"{endpoint()}/{id}/resolve/{commit}/README.md"
    try:
        got = _asked(lambda _: session().get(url, headers=headers))
    except HubError:
        return ""
    text = str(got.text)[:CARD] if got.status_code == 200 else ""
    if text.startswith("---"):
        text = text.partition("\n---")[2].partition("\n")[2]
    return text.strip()


def _asked(ask: Any, id: str = "") -> Any:
    """The answer of the hub's API, its errors in one line."""
    check_online()
    from workbench.models.hub_client import install

    install()
    from huggingface_hub import HfApi
    from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, HFValidationError, RepositoryNotFoundError

    where = endpoint()
    try:
        return ask(HfApi(endpoint=where))
    except HubError:
        raise
    except GatedRepoError as error:
        raise HubError(f"{id} is gated", hint=f"accept its terms at {where}/{id}, then set HF_TOKEN") from error
    except RepositoryNotFoundError as error:
        hint = "check the name; a private one needs HF_TOKEN"
        raise NotFoundError(f"the hub has no model {id}", hint=hint) from error
    except HFValidationError as error:
        raise UsageError(f"{id[:60]} is no repository", hint="OWNER/NAME") from error
    except HfHubHTTPError as error:
        code = error.response.status_code if error.response is not None else 0
        raise HubError(f"{where} answers {code}", hint=what_to_do(code)) from error
    except Exception as error:  # the boundary: the library's transport has errors of its own, which it may change
        raise HubError(f"{where} cannot be reached ({type(error).__name__})", hint="check the network") from error


def what_to_do(code: int) -> str:
    """What to do about a status of the hub's API."""
    if code in (401, 403):
        return refusal("the model's page")
    if code == 404:
        return "check HF_ENDPOINT" if os.environ.get("HF_ENDPOINT") else "try again later"
    return "too many requests: wait a while" if code == 429 else "try again later"


def refusal(page: str) -> str:
    """What to do when the hub refuses: with a token, or without one."""
    if token():
        return f"its token may not read it: accept the terms on {page}, or set HF_TOKEN to another"
    return f"accept the terms on {page}, and set HF_TOKEN to a token that may read it"
