"""huggingface_hub's HTTP client, made to answer at once: the library itself asks six times, and waits without a limit.

A person looks at a search: one line that says what is wrong is worth more than tries in silence. Downloads have tries
of their own (download.py).
"""

from __future__ import annotations

import os
from functools import cache
from typing import Any

import httpx2

from workbench.models.hub import HubError, endpoint, what_to_do

CONNECT, QUIET = 8.0, 20.0  # seconds until there is a connection, and without a byte
_BUSY = (429, 500, 502, 503, 504)  # what the library would ask again about


class _Client(httpx2.Client):
    """Never asks again, never waits for ever. Raises HubError."""

    def send(self, request: httpx2.Request, **more: Any) -> httpx2.Response:
        """Send it once."""
        limits = httpx2.Timeout(QUIET, connect=CONNECT)
        request.extensions = {**request.extensions, "timeout": limits.as_dict()}
        where = endpoint()
        try:
            response = super().send(request, **more)
        except httpx2.TimeoutException as error:
            raise HubError(f"{where} does not answer", hint="check the network, or try again later") from error
        except httpx2.TransportError as error:
            said = f"{where} cannot be reached ({str(error)[:80] or type(error).__name__})"
            raise HubError(said, hint="check the network; models that are here work without it") from error
        if response.status_code in _BUSY:
            response.close()
            raise HubError(f"{where} answers {response.status_code}", hint=what_to_do(response.status_code))
        return response


@cache
def install() -> None:
    """Give the library this client, once."""
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")  # nothing is sent but what a person asks for
    from huggingface_hub import set_client_factory

    set_client_factory(lambda: _Client(follow_redirects=True))


def session() -> httpx2.Client:
    """The client; it leaves the token out when it is sent to another host."""
    install()
    from huggingface_hub.utils import get_session  # type: ignore[attr-defined]  # documented, not in its __all__

    return get_session()
