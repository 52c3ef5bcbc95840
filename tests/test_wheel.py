"""A built wheel carries what the program reads beside its code: prompts, themes, styles."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).parent.parent


def test_prompts_themes_and_styles_travel_inside(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True, timeout=120)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        entry = archive.read(next(name for name in names if name.endswith("entry_points.txt"))).decode()
    for folder in ("prompts", "themes"):
        for file in (ROOT / folder).rglob("*.toml"):
            assert f"workbench/_shipped/{file.relative_to(ROOT)}" in names
    for file in (ROOT / "experiments").iterdir():
        assert f"workbench/_shipped/experiments/{file.name}" in names
    for style in (ROOT / "workbench").rglob("*.tcss"):
        assert str(style.relative_to(ROOT)) in names
    assert "workbench/py.typed" in names
    assert not any(name.startswith(("tests", "benchmarks")) for name in names)
    assert "workbench = workbench.__main__:main" in entry
