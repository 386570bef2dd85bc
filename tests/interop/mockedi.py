"""mock-edi as a trading partner over HTTP: messages without protection, receipts at once and later."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from tests.interop.environments import ENVIRONMENT, mockedi

AS2_ID = "MOCKEDI"

_SERVE = f"""
import sys
from mockedi.testing import Mock
with Mock.start(as2_id={AS2_ID!r}, deliver_to=("127.0.0.1",)) as mock:
    print(mock.base, flush=True)
    sys.stdin.read()
"""


class MockEdi:
    """A running mock-edi; made by :func:`started`. Its partner ``ACME`` sends orders to it.

    Attributes:
        url: where it takes messages.
    """

    def __init__(self, client: httpx.Client) -> None:
        self._client = client
        self.url = f"{str(client.base_url).rstrip('/')}/as2"

    def send(self, headers: list[tuple[str, str]], body: bytes) -> httpx.Response:
        """Sends it a message."""
        return self._client.post("/as2", headers=headers, content=body)

    def settings(self, partner: str = "ACME", **changes: str) -> None:
        """Changes a partner of it: ``as2_url``, ``mdn_mode``, ``behaviour``."""
        self._client.patch(f"/_mock/partners/{partner}", json=changes).raise_for_status()

    def edi(self, interchange: bytes) -> Any:
        """Gives it an interchange without AS2; returns what it makes of it."""
        headers = {"Content-Type": "application/edi-x12"}
        return self._client.post("/edi", content=interchange, headers=headers).raise_for_status().json()

    def ask(self, what: str, **values: Any) -> Any:
        """Lets it do something: make ``partners``, ``purchase``, ``outbox/<id>/retry``."""
        return self._client.post(f"/_mock/{what}", json=values).raise_for_status().json()

    def list(self, what: str) -> list[dict[str, Any]]:
        """Its ``mdns``, ``mailbox``, ``outbox``, ``documents``, ``orders``."""
        found = self._client.get(f"/_mock/{what}").raise_for_status().json()
        assert isinstance(found, list)
        return found


@contextmanager
def started() -> Iterator[MockEdi]:
    """Runs one on a free port of the loopback; raises Unavailable."""
    process = subprocess.Popen(
        [mockedi(), "-c", _SERVE],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=ENVIRONMENT,
        text=True,
    )
    with process, httpx.Client(trust_env=False, timeout=60) as client:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            client.base_url = httpx.URL(process.stdout.readline().strip())
            yield MockEdi(client)
        finally:
            process.stdin.close()  # ends it
            process.wait(30)
