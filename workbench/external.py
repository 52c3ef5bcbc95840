"""A text in the person's own editor: taken back only after a clean exit, and never lost."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import tempfile
from pathlib import Path

from workbench.errors import NotFoundError, StorageError


def edited(name: str, data: bytes) -> bytes:
    """`data` as the person leaves it in $VISUAL or $EDITOR (else vi), in a file called `name`. Waits for the editor.

    Raises NotFoundError when there is no editor or it fails; what it wrote then stays where the error says.
    """
    command = shlex.split(os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi")
    try:
        folder = Path(tempfile.mkdtemp(prefix="workbench-"))
        file = folder / name
        file.write_bytes(data)
    except OSError as error:
        raise StorageError(f"no place for the editor's file ({error.strerror})", where=tempfile.gettempdir()) from error
    try:
        code = subprocess.run([*command, str(file)], check=False).returncode
    except OSError as error:
        shutil.rmtree(folder, ignore_errors=True)
        hint = "set VISUAL or EDITOR"
        raise NotFoundError(f"cannot start {command[0]} ({error.strerror})", hint=hint) from error
    if code:
        raise NotFoundError(f"{command[0]} ended with {code}", where=str(file), hint="what it wrote stays there")
    try:
        made = file.read_bytes()
    except OSError as error:
        raise NotFoundError(f"{command[0]} left no file ({error.strerror})", where=str(file)) from error
    shutil.rmtree(folder, ignore_errors=True)
    return made
