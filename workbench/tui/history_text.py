"""How the history screen words runs and trials: rows of its lists, texts at the right."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from workbench.inference.sampling import Sampling
from workbench.tui.widgets.card_list import Row

SHOWN = 8  # trials of a run that stand whole at the right
NARROW, WIDE = 40, 64  # columns of the list below which there is no time of day, above which there are names
_STYLES = {"stop": "label", "error": "bad"}


def when(row: dict[str, Any], *, brief: bool = False, now: datetime | None = None) -> str:
    """A run's time where the person is: `14:05` today, `11-23 14:05` this year, else the date; `brief` without time."""
    moment = datetime.fromisoformat(str(row["created"])).astimezone()
    here = (now or datetime.now().astimezone()).astimezone()
    if moment.date() == here.date():
        return moment.strftime("%H:%M") if brief else moment.strftime("      %H:%M")
    if moment.year == here.year:
        return moment.strftime("%m-%d") if brief else moment.strftime("%m-%d %H:%M")
    return moment.strftime("%Y ") if brief else moment.strftime("%Y-%m-%d ")


def run_row(run: dict[str, Any] | None, matches: int, *, width: int) -> Row:
    """When, tags, note, title or what was asked; at the right how many trials, prompts or models if there is room."""
    if run is None:
        return [("…", "dim")], []
    left = [(f"{when(run, brief=width < NARROW)} ", "dim")]
    if run["kind"] != "compare":
        left.append((f"{run['kind']} ", "match"))
    left += [(f"#{tag} ", "mark") for tag in run["tags"]]
    if run["note"]:
        left.append((f"{_line(run['note'], 60)} · ", "label"))
    left.append((_line(run["meta"].get("title") or run["message"], 120), ""))
    count = f"{matches:,}/{run['trials']:,}" if matches and matches != run["trials"] else f"{run['trials']:,}"
    names = _names(run) if width > WIDE else ""
    return left, [(f"{names}  " if names else "", "dim"), (count, "label")]


def _names(run: dict[str, Any]) -> str:
    """Its prompts, or its models where it has no prompts: briefly."""
    names = run["prompts"] if len(run["prompts"]) > 1 or len(run["models"]) < 2 else run["models"]
    short = [str(name).rsplit("/", 1)[-1] for name in names or run["models"]]
    more = f" +{len(short) - 2}" if len(short) > 2 else ""
    return " ".join(name[:16] for name in short[:2]) + more


def trial_row(trial: dict[str, Any] | None) -> Row:
    """Which variant, case, prompt, how it ended, how the answer begins."""
    if trial is None:
        return [("…", "dim")], []
    finish = str(trial.get("finish") or "running")
    case = f"{trial['case']} " if trial.get("case") else ""
    said = trial.get("error") or trial.get("text") or ""
    return [
        (f"{trial.get('variant') or ''} ", "match"),
        (case, "label"),
        (f"{str(trial.get('prompt') or '(no prompt)')[:24]} ", ""),
        (f"{finish} ", _STYLES.get(finish, "mark")),
        (_line(said, 120), "dim"),
    ], []


def run_text(run: dict[str, Any], trials: Sequence[dict[str, Any]]) -> str:
    """A run whole: its tags and note, models and prompts, then its first trials."""
    count = "1 trial" if run["trials"] == 1 else f"{run['trials']:,} trials"
    lines = [
        f"{run['kind']} of {datetime.fromisoformat(run['created']).astimezone():%Y-%m-%d %H:%M}  {count}  {run['id']}"
    ]
    if title := run["meta"].get("title"):
        lines.append(str(title))
    if run["tags"]:
        lines.append(" ".join(f"#{tag}" for tag in run["tags"]))
    if run["note"]:
        lines.append(run["note"])
    lines += ["", *(trial_text(trial) + "\n" for trial in trials)]
    if run["trials"] > len(trials):
        lines.append(f"… and {run['trials'] - len(trials):,} more: enter shows them")
    return "\n".join(lines)


def trial_text(trial: dict[str, Any]) -> str:
    """The trial in full, as it is read."""
    settings = _settings(trial.get("sampling") or {})
    speed = f" · {trial['tokens_per_s']:.0f} tok/s" if trial.get("tokens_per_s") else ""
    first = f" · first {trial['first_token_s']:.2f} s" if trial.get("first_token_s") is not None else ""
    version = f"@{str(trial['version'])[:8]}" if trial.get("version") else ""
    lines = [
        f"{trial.get('variant', '')}  {trial.get('prompt') or '(no prompt)'}{version}  {trial.get('model', '')}",
        *([settings] if settings else []),
        f"{trial.get('prompt_tokens', 0)} → {trial.get('completion_tokens', 0)} tok{speed}{first}"
        f" · {trial.get('finish') or 'running'} · seed {trial.get('seed', '')} · {trial.get('mode', '')}",
    ]
    if trial.get("replays"):
        lines.append(f"repeats {trial['replays']}")
    if trial.get("branch"):
        lines.append(f"branched at token {trial['branch']['token'] + 1} of {trial['branch']['trial']}")
    if trial.get("window"):
        lines.append(f"✂ {forgotten(trial['window'])}")
    lines.append("")
    for message in trial.get("messages") or []:
        mark = "❯ " if message.get("role") == "user" else ""
        lines += [f"{mark}{message.get('content', '')}", ""]
    lines.append(str(trial.get("text") or ""))
    if trial.get("error"):
        lines.append(f"✗ {trial['error']}")
    return "\n".join(lines)


def forgotten(made: dict[str, Any]) -> str:
    """What the context had no room for, in one line."""
    import msgspec

    from workbench.inference.window import Window

    return msgspec.convert(made, Window).says()


def message_of(trial: dict[str, Any]) -> str:
    """The last thing the user said."""
    messages = trial.get("messages") or []
    return str(messages[-1].get("content", "")) if messages else ""


def _line(text: str, most: int) -> str:
    """The beginning of a text in one line."""
    return " ".join(text[: most * 4].split())[:most]


def _settings(values: dict[str, Any]) -> str:
    """Temperature and top_k, then what differs from the defaults; a setting of another version of ours as it stands."""
    fresh = Sampling()
    always = ("temperature", "top_k")
    telling = {name: value for name, value in values.items() if name in always or _differs(fresh, name, value)}
    return " ".join(f"{name}={value}" for name, value in telling.items())


def _differs(fresh: Sampling, name: str, value: object) -> bool:
    default = getattr(fresh, name, None)
    return value != (list(default) if isinstance(default, tuple) else default)
