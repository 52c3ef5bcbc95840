"""docs/scaling-out.md: the settings it shows load, and every key is in them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from workbench import settings

PAGE = Path(__file__).parents[1] / "docs" / "scaling-out.md"
BLOCKS = re.findall(r"```toml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


@pytest.mark.parametrize("block", BLOCKS)
def test_its_settings_load(tmp_path: Path, block: str) -> None:
    file = tmp_path / "settings.toml"
    file.write_text(block)
    assert settings.load(file).servers


def test_there_are_settings_and_every_key_of_a_server_is_explained() -> None:
    keys = {field for field in settings.Server.__dataclass_fields__ if field != "key_file"}
    assert len(BLOCKS) >= 4
    assert all(f"{key} = " in BLOCKS[0] for key in keys)
    assert "key_file" in PAGE.read_text(encoding="utf-8")
