"""What went wrong with a server, in one safe line that names its host; the key is in none of them."""

from __future__ import annotations

from typing import Any

import msgspec

from workbench.errors import EngineError
from workbench.inference.remote.address import host
from workbench.inference.remote.key import hidden_in, said
from workbench.settings import Server

RETRIED = (408, 429, 502, 503, 504)  # busy, or a gateway whose server is busy: the same request may pass later


class ServerError(EngineError):
    """The server cannot be reached (`status` 0), refuses, or breaks off.

    `again`: the same request may pass later; `wait` seconds from now at the soonest, if the server says. `details` is
    its error object.
    """

    def __init__(
        self,
        what: str,
        *,
        where: str,
        hint: str = "",
        status: int = 0,
        again: bool = False,
        wait: float | None = None,
        details: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(what, where=where, hint=hint)
        self.status, self.again, self.wait, self.details = status, again, wait, details or {}


def refused(server: Server, status: int, headers: dict[str, str], body: bytes, key: str) -> ServerError:
    """The error of an answer that is not 200."""
    details = hidden_in(error_of(body), key) if key else error_of(body)
    if 300 <= status < 400:
        target = said(headers.get("location", "elsewhere"), key)
        return ServerError(f"redirects to {target}", where=host(server), hint="set that as its url", status=status)
    words = said(str(details.get("message", "")), key)
    what = f"answers {status}" + (f": {words}" if words else "")
    return ServerError(
        what,
        where=host(server),
        hint=_hint(server, status, bool(key)),
        status=status,
        again=status in RETRIED,
        wait=_wait(headers.get("retry-after", "")),
        details=details,
    )


def error_of(body: bytes) -> dict[str, Any]:
    """The error object in a body, with "message"; {} for one that says nothing (a web page, none)."""
    try:
        data = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        text = body[:4096].decode("utf-8", "replace").strip()
        return {"message": text} if text and not text.startswith("<") else {}
    if isinstance(data, dict):
        found = data.get("error", data)
        if isinstance(found, dict):
            message = found.get("message") or found.get("detail") or ""
            return {**found, "message": message if isinstance(message, str) else str(message)}
        if isinstance(found, str):
            return {"message": found}
    return {}


def _hint(server: Server, status: int, has_key: bool) -> str:
    if status in (401, 403):
        return f"check the key of server {server.name}" if has_key else "it wants a key: key_env or key_file"
    if status in (404, 405):
        return "check its url (it often ends with /v1) and the model"
    return "try again later" if status in RETRIED or status >= 500 else ""


def _wait(value: str) -> float | None:
    """Retry-After in seconds from now: a number, or a date (RFC 9110, 10.2.3)."""
    if not value:
        return None
    if value.strip().isascii() and value.strip().isdigit():
        return float(value)
    import time
    from email.utils import parsedate_to_datetime

    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except (ValueError, TypeError, OverflowError):
        return None


def unreachable(server: Server, error: Exception, key: str, limit: float = 0.0) -> ServerError:
    """The error of a connection that failed, from the HTTP library's. Only httpx2 errors are given here."""
    import httpx2

    where = host(server)
    if isinstance(error, httpx2.ConnectTimeout | httpx2.ConnectError):
        why = "no answer in time" if isinstance(error, httpx2.ConnectTimeout) else said(_plain(error), key) or "refused"
        hint = f"is server {server.name} running?"
        return ServerError(f"cannot be reached ({why})", where=where, hint=hint, again=True)
    if isinstance(error, httpx2.TimeoutException):
        hint = f"its timeout is {limit:g} s in the settings"
        return ServerError(f"said nothing for {limit:g} s", where=where, hint=hint)
    if isinstance(error, httpx2.NetworkError | httpx2.RemoteProtocolError):
        return cut(server)
    return ServerError(f"cannot be used ({type(error).__name__})", where=where, hint="check its url")


def _plain(error: Exception) -> str:
    """The system's words without its number."""
    return str(error).partition("] ")[2] or str(error)


def cut(server: Server) -> ServerError:
    """The error of an answer that ends before its end."""
    return ServerError("broke the answer off", where=host(server), hint="run it again", again=True)


def broken(server: Server, what: str, hint: str = "check its url") -> ServerError:
    """The error of an answer that makes no sense."""
    return ServerError(what, where=host(server), hint=hint)
