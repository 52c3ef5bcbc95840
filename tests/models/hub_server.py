"""A hub on loopback: speaks its API, serves real bytes with ranges, and fails as it is told to."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

COMMIT = "c" * 40


class Hub:
    """What it has, what it was asked, and what goes wrong: `faults` are taken one a request for a file.

    A fault is a status, "cut" (half of what is asked, then gone), "no range", "long", "wrong", "elsewhere" (a redirect
    to the same under another host's name), "stall" (half of it, then silence until `released`). `api_fault` is a status
    for everything else, -1 is silence.
    """

    def __init__(self) -> None:
        self.files: dict[str, dict[str, bytes]] = {}
        self.tags: dict[str, list[str]] = {}
        self.gated: set[str] = set()
        self.faults: list[int | str] = []
        self.api_fault = 0
        self.api_code = ""  # what the hub calls the fault, such as GatedRepo
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.url = ""
        self.released = threading.Event()

    def info(self, id: str) -> dict[str, Any]:
        siblings = [
            {
                "rfilename": name,
                "size": len(data),
                "blobId": "b" * 40,
                "lfs": {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data), "pointerSize": 134},
            }
            for name, data in self.files[id].items()
            if name.endswith(".gguf")
        ]
        return {
            "id": id,
            "sha": COMMIT,
            "downloads": 1234,
            "likes": 5,
            "gated": "manual" if id in self.gated else False,
            "private": False,
            "tags": ["gguf", "license:mit", *self.tags.get(id, [])],
            "lastModified": "2026-01-02T03:04:05.000Z",
            "createdAt": "2025-12-31T03:04:05.000Z",
            "siblings": [*siblings, {"rfilename": "README.md", "size": 9, "blobId": "d" * 40}],
        }


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: Hub

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""

    def _json(self, data: Any, code: int = 200, headers: dict[str, str] | None = None) -> None:
        body = json.dumps(data).encode()
        self.send_response(code)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        hub = self.hub
        path, _, query = self.path.partition("?")
        hub.asked.append((self.path, dict(self.headers)))
        if path.startswith("/api/models"):
            id = path.removeprefix("/api/models").strip("/")
            if hub.api_fault < 0:
                hub.released.wait(60)
                self.close_connection = True
            elif hub.api_fault:
                headers = {"X-Error-Code": hub.api_code} if hub.api_code else {}
                self._json({"error": "fault"}, hub.api_fault, headers)
            elif not id:
                words = next((part[7:] for part in query.split("&") if part.startswith("search=")), "")
                self._json([hub.info(each) for each in hub.files if words.lower() in each.lower()])
            elif id in hub.files:
                self._json(hub.info(id))
            else:
                self._json({"error": "Repository not found"}, 404, {"X-Error-Code": "RepoNotFound"})
            return
        owner, name, _, _, *rest = path.strip("/").split("/")
        data = hub.files.get(f"{owner}/{name}", {}).get("/".join(rest))
        self._file(data)

    def _file(self, data: bytes | None) -> None:
        fault = self.hub.faults.pop(0) if self.hub.faults else 200
        if fault == "elsewhere":
            self.send_response(302)
            self.send_header("Location", f"http://localhost:{self.hub.url.rsplit(':', 1)[1]}{self.path}")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        if data is None or (isinstance(fault, int) and fault >= 400):
            code = fault if isinstance(fault, int) and fault >= 400 else 404
            headers = {"Retry-After": "0"} if code == 429 else {}
            self._json({"error": "fault"}, code, headers)
            return
        asked = self.headers.get("Range")
        first = int(asked.removeprefix("bytes=").rstrip("-")) if asked and fault != "no range" else 0
        body = data[first:]
        if fault == "wrong":
            body = body[:-1] + bytes([body[-1] ^ 1])
        if fault == "long":
            body += b"more"
        self.send_response(206 if first else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if fault == "stall":
            self.wfile.write(body[: len(body) // 2])
            self.wfile.flush()
            self.hub.released.wait(60)
            self.close_connection = True
            return
        if fault == "cut":
            self.wfile.write(body[: len(body) // 2])
            self.wfile.flush()
            self.close_connection = True
            self.connection.close()
            return
        self.wfile.write(body)


@contextmanager
def served() -> Iterator[Hub]:
    """The hub, while the test runs."""
    hub = Hub()
    handler = type("Handler", (_Handler,), {"hub": hub})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    hub.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield hub
    finally:
        hub.released.set()
        server.shutdown()
        server.server_close()
        thread.join()
