"""No setting leads a connection to the metadata of a cloud, whatever its name becomes."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

import pytest

from gateway.as2.span import Span
from gateway.errors import TransportError
from gateway.partners.sftp import Sftp
from gateway.partners.sp_api import SpApi
from gateway.partners.webhook import Email
from gateway.transports import mail, metadata, oidc
from gateway.transports.as2 import Client, SendError, Target
from gateway.transports.sftp import SftpFolders
from gateway.transports.sp_api import Client as Account

HOST, NOW = "169.254.169.254", datetime(2026, 3, 2, tzinfo=UTC)


@pytest.fixture(autouse=True, scope="module")
def _refusing() -> None:
    metadata.refuse()


@pytest.mark.parametrize(
    "address",
    [
        *(HOST, "169.254.170.2", "169.254.0.1", "168.63.129.16", "100.100.100.200", f"::ffff:{HOST}"),
        *("fe80::1%lo", "fd00:ec2::254", "fd20:ce::254", f"64:ff9b::{HOST}", "2002:a9fe:a9fe::1"),
    ],
)
def test_nothing_connects_to_such_an_address(address: str) -> None:
    kind = socket.AF_INET6 if ":" in address else socket.AF_INET
    with closing(socket.socket(kind)) as line:
        line.settimeout(0.1)
        for connect in (line.connect, line.connect_ex):
            with pytest.raises(metadata.NeverError, match="is no partner's"):
                connect((address, 80))


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "10.0.0.7", "192.168.1.1", "fd12::1", "::1", "8.8.8.8", "edi"]
)
def test_private_networks_are_somebodys_own_business(address: str) -> None:
    assert not metadata.is_never(address)


def by_as2() -> None:
    target = Target("http://partner.example/as2", public_only=False, timeout_seconds=1)
    with closing(
        Client(resolve=lambda host, port: [HOST])
    ) as client:  # as a name server may answer at any time
        client.post(target, [], Span.of(b"x"))


def by_mail() -> None:
    to = Email(host="mail.example", sender="a@b.example", to=("c@d.example",), private_addresses=True)
    mail.addresses("mail.example", 25, False, lambda host, port: [HOST])  # allowed as far as settings go
    mail.send(to, "", ssl.create_default_context(), mail.message(to, "x", "x", "x", NOW), lambda *_: [HOST])


def by_sftp() -> None:
    server = Sftp(host=HOST, user="a", host_keys=(), password="env:X", inboxes=("/out",))
    SftpFolders(server, "acme", lambda _: "x", 1).probe(lambda *_, **__: None, send=False)


def by_sp_api() -> None:
    secrets = dict.fromkeys(("client_id", "client_secret", "refresh_token"), "env:X")
    given: dict[str, Any] = {"region": "na", "vendor_code": "REHRS", "secret_made_on": NOW.date(), **secrets}
    terms = SpApi(**given, base_url=f"https://{HOST}", token_url=f"https://{HOST}/token")
    with Account(terms, lambda _: "x", tries=1) as account:
        account.call("getPurchaseOrders")


def by_oidc() -> None:
    oidc._asked("GET", "http://2852039166/latest")  # the same number, as a name service reads it


@pytest.mark.parametrize("way", [by_as2, by_mail, by_sftp, by_sp_api, by_oidc])
def test_no_way_leads_there(way: Callable[[], None]) -> None:
    with pytest.raises(TransportError, match="is no partner's"):
        way()


def test_a_message_is_not_tried_again() -> None:
    with pytest.raises(SendError) as told:
        by_as2()
    assert (told.value.step, told.value.again) == ("address", False)


def test_nobody_is_followed_there() -> None:
    """A server of a private network that sends on; what else it says is not shown."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        words = (
            b"HTTP/1.1 302 Found\r\nLocation: http://"
            + HOST.encode()
            + b"/\r\nContent-Length: 6\r\n\r\nsecret"
        )

        def answer() -> None:
            with server.accept()[0] as line:
                line.recv(4096)
                line.sendall(words)

        thread = threading.Thread(target=answer)
        thread.start()
        with pytest.raises(TransportError, match="status 302") as told:
            oidc._asked("GET", f"http://127.0.0.1:{server.getsockname()[1]}/.well-known")
        thread.join()
    assert "secret" not in str(told.value)
