"""A real headless Chromium for tests, by the DevTools protocol over pipes: no driver, no port, no network."""

from __future__ import annotations

import base64
import itertools
import json
import os
import pwd
import select
import shutil
import struct
import subprocess
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

NAMES = ("chromium", "google-chrome", "google-chrome-stable", "chromium-browser", "chrome-headless-shell")
LIMIT = 60.0  # seconds for one answer; a test that needs as many has failed
_OPTIONS = (
    *(
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--no-first-run",
        "--disable-extensions",
    ),
    *("--disable-background-networking", "--disable-component-update", "--remote-debugging-pipe", "--hide-scrollbars"),
)


def found() -> str:
    """The browser's program, "" where there is none: on the PATH, or as playwright keeps it."""
    for name in NAMES:
        if path := shutil.which(name):
            return path
    kept = Path(pwd.getpwuid(os.getuid()).pw_dir) / ".cache" / "ms-playwright"
    programs = [*kept.glob("chromium*/chrome-linux*/chrome"), *kept.glob("chromium*/chrome-linux*/headless_shell")]
    return str(sorted(programs)[-1]) if programs else ""


class Browser:
    """One page of a Chromium. `requests` are the addresses that it asked for, `blocked` those of them that its policy
    held back, `complaints` what its console said."""

    def __init__(self, program: str, profile: Path) -> None:
        theirs_in, self._out = os.pipe()
        self._in, theirs_out = os.pipe()
        command = f'exec "$0" "$@" 3<&{theirs_in} 4>&{theirs_out}'
        self._process = subprocess.Popen(
            ["bash", "-c", command, program, *_OPTIONS, f"--user-data-dir={profile}", "about:blank"],
            pass_fds=(theirs_in, theirs_out),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "HOME": str(profile)},
        )
        os.close(theirs_in)
        os.close(theirs_out)
        self._ids = itertools.count(1)
        self._rest = b""
        self._session = ""
        self.requests: list[str] = []
        self.blocked: list[str] = []
        self.complaints: list[str] = []
        self._asked: dict[str, str] = {}
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.send(f"{domain}.enable")

    def send(self, method: str, **values: Any) -> dict[str, Any]:
        """One command; its result."""
        id = next(self._ids)
        message = {"id": id, "method": method, "params": values}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._out, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == id:
                assert "error" not in answer, answer["error"]
                result: dict[str, Any] = answer["result"]
                return result

    def _next(self) -> dict[str, Any]:
        end = time.monotonic() + LIMIT
        while b"\0" not in self._rest:
            assert select.select([self._in], [], [], max(0.0, end - time.monotonic()))[0], "the browser is silent"
            part = os.read(self._in, 1 << 20)
            assert part, "the browser is gone"
            self._rest += part
        first, _, self._rest = self._rest.partition(b"\0")
        message: dict[str, Any] = json.loads(first)
        self._heard(message.get("method", ""), message.get("params", {}))
        return message

    def _heard(self, method: str, told: dict[str, Any]) -> None:
        if method == "Network.requestWillBeSent":
            self.requests.append(told["request"]["url"])
            self._asked[told["requestId"]] = self.requests[-1]
        elif method == "Network.loadingFailed" and told.get("blockedReason") == "csp":
            self.blocked.append(self._asked[told["requestId"]])
        elif method == "Log.entryAdded":
            self.complaints.append(told["entry"]["text"])
        elif method in ("Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Page.javascriptDialogOpening"):
            self.complaints.append(f"{method} {json.dumps(told)[:500]}")

    def open(self, path: Path) -> None:
        """Open a file, and wait until it has loaded."""
        self.send("Page.navigate", url=path.as_uri())
        self.until("document.readyState === 'complete' && location.protocol === 'file:'")

    def run(self, script: str) -> Any:
        """The value of an expression in the page."""
        found = self.send("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def until(self, script: str) -> None:
        """Wait until an expression is true."""
        end = time.monotonic() + LIMIT
        while not self.run(script):
            assert time.monotonic() < end, script
            time.sleep(0.02)

    def click(self, selector: str) -> None:
        """A click of the mouse in the middle of an element, as it is on screen."""
        self.run(f"document.querySelector({json.dumps(selector)}).scrollIntoView({{block: 'center'}})")
        box = self.run(
            f"(() => {{const b = document.querySelector({json.dumps(selector)}).getBoundingClientRect();"
            "return [b.x + b.width / 2, b.y + b.height / 2]; })()"
        )
        for kind in ("mousePressed", "mouseReleased"):
            self.send("Input.dispatchMouseEvent", type=kind, x=box[0], y=box[1], button="left", clickCount=1)

    def key(self, key: str, times: int = 1) -> None:
        """A key, pressed and let go: Tab, Enter, or a letter."""
        codes: dict[str, dict[str, Any]] = {
            "Tab": {"windowsVirtualKeyCode": 9, "code": "Tab"},
            "Enter": {"windowsVirtualKeyCode": 13, "code": "Enter", "text": "\r"},
            "ArrowDown": {"windowsVirtualKeyCode": 40, "code": "ArrowDown"},
        }
        told = codes.get(key, {"text": key})
        for _ in range(times):
            self.send("Input.dispatchKeyEvent", type="keyDown" if "text" in told else "rawKeyDown", key=key, **told)
            self.send("Input.dispatchKeyEvent", type="keyUp", key=key, **{**told, "text": ""})

    def tab_to(self, reached: Callable[[], bool], most: int = 200) -> None:
        """Press Tab until it is reached."""
        for _ in range(most):
            self.key("Tab")
            if reached():
                return
        raise AssertionError("the keyboard does not lead there")

    def scheme(self, scheme: str) -> None:
        """What the system prefers: dark or light."""
        self.send("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def size(self, width: int, height: int) -> None:
        """The window, in pixels."""
        self.send("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def picture(self, **clip: float) -> bytes:
        """A PNG of what is on screen, or of the part x, y, width, height of the page."""
        part = {"clip": {**clip, "scale": 1}} if clip else {}
        return base64.b64decode(self.send("Page.captureScreenshot", format="png", **part)["data"])

    def color(self, x: int, y: int) -> tuple[int, int, int]:
        """The colour that is really there, in red, green, blue of 255. In a PNG of one pixel no filter matters."""
        png, data, at = self.picture(x=x, y=y, width=1, height=1), b"", 8
        while at < len(png):
            size, kind = struct.unpack(">I4s", png[at : at + 8])
            data += png[at + 8 : at + 8 + size] if kind == b"IDAT" else b""
            at += size + 12
        red, green, blue = zlib.decompress(data)[1:4]
        return red, green, blue

    def close(self) -> None:
        """End it."""
        os.close(self._out)
        os.close(self._in)
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
