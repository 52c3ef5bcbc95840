"""Unsaved texts of profiles, so that a kill or a lost line costs a second of typing at most."""

from __future__ import annotations

import json
from pathlib import Path

from workbench.errors import WorkbenchError
from workbench.library.drafts import Draft, Drafts
from workbench.library.profiles import Profile, drafted, folder, fresh, parse

_KEYS = ("title", "about_me", "how_to_answer")


class ProfileDrafts:
    """The drafts beside the profiles, in a hidden folder."""

    def __init__(self) -> None:
        self._drafts = Drafts(folder() / ".drafts")

    def keep(self, profile: Profile, time: str) -> None:
        """Keep the texts, made from `profile.source` at `time` (UTC, ISO 8601). Raises StorageError."""
        text = json.dumps({key: getattr(profile, key) for key in _KEYS})
        self._drafts.keep(profile.path, profile.source, text, time)

    def drop(self, profile: Profile) -> None:
        """They are saved or given up. Raises StorageError."""
        self._drafts.drop(profile.path)

    def found(self) -> list[tuple[Profile, Profile]]:
        """What was not saved: each profile as it was read (or a fresh one), and with the texts that were typed.

        A draft that cannot be read is passed over, and stays.
        """
        pairs = [_pair(draft) for draft in self._drafts.all()]
        return sorted((pair for pair in pairs if pair), key=lambda pair: pair[0].name)


def _pair(draft: Draft) -> tuple[Profile, Profile] | None:
    path = Path(draft.path)
    try:
        base = parse(draft.base_bytes, path.stem, path) if draft.base else fresh(path.stem)
        texts = json.loads(draft.text)
        made = drafted(base, **{key: str(texts[key]) for key in _KEYS})
    except (WorkbenchError, ValueError, KeyError, TypeError):
        return None
    return base, made
