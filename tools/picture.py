"""Makes docs/compare.svg: the app itself, on the real starter model, draws its first comparison and saves its screen.

`.venv/bin/python tools/picture.py [FILE.svg] [THEME] [COLSxROWS] [KEYS…]`; the keys are pressed before the picture.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


async def picture(theme: str, size: tuple[int, int], keys: list[str]) -> str:
    from workbench.session import Session
    from workbench.tui.app import WorkbenchApp

    app = WorkbenchApp(Session)
    async with app.run_test(size=size) as pilot:
        await app.ready.wait()
        if theme != app.theme:
            app._set_theme(theme)
        await asyncio.sleep(3)
        if "norun" not in keys:
            await pilot.press("f5")
            for _ in range(200):
                await asyncio.sleep(0.2)
                if not app.screen.comparison.busy:  # type: ignore[attr-defined]  # the first screen has one
                    break
        for key in keys:
            if key != "norun":
                await pilot.press(key)
                await asyncio.sleep(0.7)
        await pilot.pause()
        drawn = app.export_screenshot(title="workbench")
        await app.leave()
        return drawn


def main() -> None:
    arguments = sys.argv[1:]
    file = Path(arguments[0]) if arguments else ROOT / "docs" / "compare.svg"
    theme = arguments[1] if len(arguments) > 1 else "dark"
    columns, _, rows = (arguments[2] if len(arguments) > 2 else "120x34").partition("x")
    with tempfile.TemporaryDirectory() as home:
        os.environ["HOME"] = home
        file.write_text(asyncio.run(picture(theme, (int(columns), int(rows)), arguments[3:])))


if __name__ == "__main__":
    main()
