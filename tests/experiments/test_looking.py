"""A look at an experiment before it runs: its size, and what is wrong with it."""

from __future__ import annotations

from pathlib import Path

from tests.experiments.running.house import House, prompts
from workbench.experiments.looking import look, read

HEAD = 'schema = 1\nkind = "experiment"\n'


async def test_a_look_counts_and_says_what_is_wrong(tmp_path: Path) -> None:
    house = House(tmp_path)
    prompts(tmp_path)
    path = tmp_path / "e.toml"
    good = HEAD + 'repeats = 3\nvariants = [{ prompt = "system/short" }, { prompt = "Be brief." }]\ncases = "c.csv"\n'
    (tmp_path / "c.csv").write_text("message\none\ntwo\n")
    found = look(good.encode(), path, house.rooms.libraries, house.find)
    assert found.runs
    assert (found.cases, found.trials, found.first) == (2, 12, ("case 1", "case 2"))
    (tmp_path / "c.csv").unlink()
    bad = good.replace("system/short", "system/shirt").replace("kind", 'model = "missing"\nrepeat = 2\nkind', 1)
    found = look(bad.encode(), path, house.rooms.libraries, house.find)
    assert not found.runs
    assert found.trials is None
    said = "\n".join(str(problem) for problem in found.problems)
    assert "c.csv" in said
    assert "no prompt" in said
    assert "system/shirt" in said
    assert "there is no model missing" in said
    assert f"{path}:3 repeat" in said
    broken = read(b'kind = "experiment"\nrepeats = 0\nmessage = "x"', path)
    assert broken.experiment is None
    assert f"{path}:2 repeats" in str(broken.problems[0])
    await house.close()
