"""The connection to a server: JSON asked for, events streamed; time-outs, retries before the first event, no redirects.

A new attempt waits base · 2ⁿ seconds, at most `longest`, of which a random half is taken off (so that many clients do
not come back together), and never less than the server's Retry-After.
"""

from __future__ import annotations

import asyncio
import json
import logging
import random
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import msgspec

from workbench.errors import EngineError
from workbench.inference.remote import failures
from workbench.inference.remote.address import base, host, is_local, root
from workbench.inference.remote.failures import ServerError
from workbench.inference.remote.key import hidden_in, key_of, said
from workbench.settings import Server

if TYPE_CHECKING:
    from httpx2 import AsyncClient, Response, ServerSentEvent

# llama-server has a thread for each open connection and few of them: more idle ones would keep the next request waiting
KEPT = 2
ASKED = 2  # questions at once, beside the streams
LARGEST = 256 << 20  # bytes of an answer that is read


@dataclass(frozen=True)
class Limits:
    """Seconds: to connect, to the first byte of an answer, between two; how often and how soon it is tried again."""

    connect: float = 10.0
    first: float = 120.0
    between: float = 120.0
    attempts: int = 5
    base: float = 0.5
    longest: float = 8.0
    patience: float = 60.0  # a Retry-After above this ends the attempts


class Link:
    """One engine's connections to its server. All methods belong to one event loop; errors are ServerError."""

    def __init__(
        self,
        server: Server,
        limits: Limits | None = None,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.server = server
        self.limits = limits or Limits(first=server.timeout, between=server.timeout)
        self._sleep = sleep
        self._chance = chance
        self._client: AsyncClient | None = None
        self._asking = asyncio.Semaphore(ASKED)
        self._closed = False

    # ---- what is asked

    async def ask(self, path: str, body: dict[str, Any] | None = None, *, api: bool = True) -> Any:
        """The JSON answer to a POST of `body`, or to a GET; below /v1, or above it. Tried again while it is busy."""
        attempt = 0
        while True:
            try:
                return await self._ask_once(path, body, api)
            except ServerError as error:
                await self._pause(error, attempt)
                attempt += 1

    async def _ask_once(self, path: str, body: dict[str, Any] | None, api: bool) -> Any:
        async with self._asking, self._opened(path, body, api) as (response, key):
            data = await self._body(response, LARGEST)
        try:
            answer = msgspec.json.decode(data)
            return hidden_in(answer, key) if key else answer
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise self._no_api(response, key) from None

    async def events(self, path: str, body: dict[str, Any]) -> AsyncGenerator[dict[str, Any], None]:
        """The events of a streamed answer. Tried again only before the first one."""
        attempt, begun = 0, False
        while True:
            try:
                async with aclosing(self._events_once(path, body)) as events:
                    async for event in events:
                        begun = True
                        yield event
                return
            except ServerError as error:
                if begun:
                    raise
                await self._pause(error, attempt)
                attempt += 1

    async def _events_once(self, path: str, body: dict[str, Any]) -> AsyncGenerator[dict[str, Any], None]:
        from httpx2 import EventSource, SSEError

        async with self._opened(path, body, True) as (response, key):
            if not response.headers.get("content-type", "").lower().startswith("text/event-stream"):
                details = failures.error_of(await self._body(response, 1 << 16))
                if details.get("message"):
                    raise failures.broken(self.server, said(str(details["message"]), key), "")
                raise self._no_api(response, key)
            response.encoding = "utf-8"  # as the standard of event streams has it, whatever the header says
            response.request.extensions["timeout"]["read"] = self.limits.between
            try:
                async with aclosing(
                    cast("AsyncGenerator[ServerSentEvent, None]", EventSource(response).__aiter__())
                ) as stream:
                    async for sent in stream:
                        if sent.data == "[DONE]":
                            return
                        if sent.data:
                            yield self._event(sent.data, key)
            except SSEError:
                raise failures.broken(self.server, "sent an event without an end", "run it again") from None
        raise failures.cut(self.server)

    def _event(self, data: str, key: str) -> dict[str, Any]:
        try:
            event = msgspec.json.decode(data)
        except msgspec.DecodeError:
            event = None
        if not isinstance(event, dict):
            raise failures.broken(self.server, f"sent what is no event: {said(data[:80], key)}", "run it again")
        if event.get("error"):
            details = failures.error_of(data.encode("utf-8", "replace"))
            words = said(str(details.get("message") or "an error"), key)
            raise ServerError(f"says: {words}", where=host(self.server), details=details)
        return hidden_in(event, key) if key else event

    # ---- how

    @asynccontextmanager
    async def _opened(self, path: str, body: dict[str, Any] | None, api: bool) -> AsyncIterator[tuple[Response, str]]:
        """An answer of status 200, its body unread, and the key that it was asked with."""
        import httpx2

        if self._closed:
            raise EngineError("the server's models are closed", where=host(self.server), hint="start again")
        client = self._client or self._make()
        key = await asyncio.to_thread(key_of, self.server)
        url = f"{base(self.server) if api else root(self.server)}{path}"
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        limit = self.limits.first
        try:
            timeout = httpx2.Timeout(limit, connect=self.limits.connect)
            content = None if body is None else _encoded(body)
            kind = {"Content-Type": "application/json"} if content is not None else {}
            method = "GET" if content is None else "POST"
            request = client.build_request(method, url, content=content, headers={**headers, **kind}, timeout=timeout)
            response = await client.send(request, stream=True)
            limit = self.limits.between
            try:
                if response.status_code != 200:
                    words = await self._body(response, 1 << 16)
                    raise failures.refused(self.server, response.status_code, dict(response.headers), words, key)
                yield response, key
            finally:
                await response.aclose()
        except (httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError) as error:
            raise failures.unreachable(self.server, error, key, limit) from None  # the cause's request has the key

    def _make(self) -> AsyncClient:
        import httpx2

        for name in ("httpx2", "httpcore2"):  # they log the servers' headers, and a server may echo the key
            logging.getLogger(name).setLevel(logging.WARNING)
        self._client = httpx2.AsyncClient(
            follow_redirects=False,  # nobody but the server that was named gets the key
            trust_env=not is_local(self.server),
            limits=httpx2.Limits(max_connections=None, max_keepalive_connections=KEPT),
            headers={"User-Agent": "workbench", "Accept-Encoding": "identity"},
        )
        return self._client

    async def _body(self, response: Response, most: int) -> bytes:
        """The body, cut off after `most` bytes."""
        found = bytearray()
        async for part in response.aiter_bytes():
            found += part
            if len(found) > most:
                break
        return bytes(found[:most])

    def _no_api(self, response: Response, key: str) -> ServerError:
        kind = said(response.headers.get("content-type", "").partition(";")[0], key)
        what = (
            "answers with a web page" if kind == "text/html" else f"answers with what is no JSON ({kind or 'no type'})"
        )
        return failures.broken(self.server, what, "check its url: it often ends with /v1")

    async def _pause(self, error: ServerError, attempt: int) -> None:
        """Wait before the next attempt; raises `error` when there is none."""
        limits = self.limits
        if error.again and (error.wait or 0.0) > limits.patience:
            error.hint = f"it asks to wait {error.wait:,.0f} s"
            raise error
        if not error.again or attempt + 1 >= limits.attempts:
            raise error
        own = min(limits.longest, limits.base * 2**attempt) * (0.5 + self._chance() / 2)
        await self._sleep(max(own, error.wait or 0.0))

    async def close(self) -> None:
        """End all connections. Idempotent."""
        self._closed = True
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()


def _encoded(body: dict[str, Any]) -> bytes:
    try:
        return msgspec.json.encode(body)
    except UnicodeEncodeError:  # half a surrogate pair, from a file's name or a paste
        return json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")
