"""promptfoo (npm) on an OpenAI-compatible server of this machine, as an arm of `benchmarks.experiments`."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any


class Promptfoo:
    """Its command at `program` (node_modules/.bin/promptfoo), on the server at `port`."""

    def __init__(self, program: Path, port: int, prompts: Sequence[str], tokens: int, temperature: float) -> None:
        self._program = program.absolute()
        chats = [
            json.dumps([{"role": "system", "content": prompt}, {"role": "user", "content": "{{message}}"}])
            for prompt in prompts
        ]
        settings = {
            "apiBaseUrl": f"http://127.0.0.1:{port}/v1",
            "apiKey": "none",
            "max_tokens": tokens,
            "temperature": temperature,
            "passthrough": {"cache_prompt": True},
        }
        self._config: dict[str, Any] = {
            "prompts": chats,
            "providers": [{"id": "openai:chat:starter", "config": settings}],
            "defaultTest": {"assert": [{"type": "contains", "value": "the"}]},
        }

    def run(self, messages: Sequence[str], jobs: int) -> tuple[float, int, float]:
        """(seconds that it says the evaluation took, its own start not counted; tokens; 0)."""
        with tempfile.TemporaryDirectory() as folder:
            config, out = Path(folder) / "promptfooconfig.json", Path(folder) / "out.json"
            tests = [{"vars": {"message": message}} for message in messages]
            config.write_text(json.dumps({**self._config, "tests": tests}))
            argv = [str(self._program), "eval", "-c", str(config), "-o", str(out), "-j", str(jobs)]
            argv += ["--no-cache", "--no-progress-bar", "--no-table", "--no-write"]
            environment = {
                **os.environ,
                "PROMPTFOO_CONFIG_DIR": folder,
                "PROMPTFOO_DISABLE_TELEMETRY": "1",
                "PROMPTFOO_DISABLE_UPDATE": "1",
                "PROMPTFOO_DISABLE_REMOTE_GENERATION": "1",
                "PROMPTFOO_DISABLE_SHARING": "1",
            }
            done = subprocess.run(argv, cwd=folder, env=environment, capture_output=True, text=True, timeout=900)
            if not out.exists():
                raise RuntimeError(f"promptfoo: {done.stdout[-500:]} {done.stderr[-500:]}")
            stats = json.loads(out.read_text())["results"]["stats"]
            if stats["errors"]:
                raise RuntimeError(f"promptfoo: {stats['errors']} errors")
            return stats["durationMs"] / 1000, int(stats["tokenUsage"]["completion"]), 0.0
