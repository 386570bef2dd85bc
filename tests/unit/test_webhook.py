"""Webhooks and mail on the wire: signatures, addresses, TLS, and an end to every wait."""

from __future__ import annotations

import base64
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from threading import Event, Thread
from time import monotonic
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import ConfigurationError, TransportError
from gateway.partners.webhook import Email, Webhook
from gateway.transports import mail, webhook
from gateway.transports.as2 import Client, tls_context
from gateway.transports.webhook import signature
from tests.receivers import DOMAIN, SECRET, Tls, hook, mail_server, verified

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


def test_the_signature_is_that_of_the_published_example() -> None:
    secret, body = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", b'{"test": 2432232314}'
    made = signature(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body)
    assert made == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@given(st.binary(min_size=24, max_size=64), st.binary(max_size=100).map(lambda one: one.hex().encode()))
def test_what_we_sign_others_can_verify(key: bytes, body: bytes) -> None:
    secret = "whsec_" + base64.b64encode(key).decode()
    said = {"webhook-id": "msg_1", "webhook-timestamp": "1"}
    assert verified(secret, {**said, "webhook-signature": signature(secret, "msg_1", 1, body)}, body)
    assert not verified(secret, {**said, "webhook-signature": signature(secret, "msg_2", 1, body)}, body)


@pytest.mark.parametrize(
    "wrong", ["", "whsec_", "whsec_c2hvcnQ=", "whsec_!!!", SECRET[6:], "whsec_" + "A" * 88]
)
def test_what_is_no_secret_is_refused_without_being_shown(wrong: str) -> None:
    with pytest.raises(ConfigurationError, match="24 to 64 random bytes") as refused:
        signature(wrong, "msg_1", 1, b"")
    assert len(wrong) < 7 or wrong not in str(refused.value)


# --- mail ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Tls:
    return Tls.made(tmp_path_factory.mktemp("tls"))


def send(
    tls: Tls, port: int, *resolved: str, text: str = "Hello", security: str = "starttls", **more: Any
) -> list[str]:
    terms = {
        "host": "localhost",
        "port": port,
        "tls": security,
        "private_addresses": True,
        "timeout_seconds": 30,
        **more,
    }
    made = Email(**{"sender": f"edi@{DOMAIN}", "to": (f"desk@{DOMAIN}",), **terms})
    said = mail.message(made, "Größe", text, "msg_1", NOW)
    found = list(resolved) or ["127.0.0.1"]
    return mail.send(made, "", tls_context(str(tls.ca), None), said, resolve=lambda host, port: found)


def test_a_mail_says_who_when_and_that_no_person_wrote_it(tls: Tls) -> None:
    with mail_server(tls.server) as box:
        assert send(tls, box.port, text="Grüße\n.\n.dots\n" + "x" * 5000) == []
    (one,) = box.mails
    assert (one["Subject"], one["Message-ID"]) == ("Größe", f"<msg_1@{DOMAIN}>")
    assert (one["Date"], one["Auto-Submitted"]) == ("Mon, 02 Mar 2026 09:30:00 +0000", "auto-generated")
    assert box.texts()[0].replace("\r\n", "\n") == "Grüße\n.\n.dots\n" + "x" * 5000 + "\n"
    assert box.secure == [True]
    assert max(len(line) for line in box.raw[0].split(b"\r\n")) < 998


def test_tls_from_the_first_byte(tls: Tls) -> None:
    with mail_server(tls.server, from_the_first_byte=True) as box:
        assert send(tls, box.port, security="tls") == []
    assert len(box.raw) == 1


def test_a_server_that_cannot_encrypt_gets_nothing(tls: Tls) -> None:
    with mail_server(None) as box, pytest.raises(TransportError, match="STARTTLS extension not supported"):
        send(tls, box.port)
    assert not box.raw
    with mail_server(None) as box:
        assert send(tls, box.port, security="none") == []


def test_an_address_inside_is_refused_before_anything_is_sent(tls: Tls) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        for addresses in (["127.0.0.1"], ["93.184.216.34", "127.0.0.1"], ["10.0.0.1"], ["::1"]):
            with pytest.raises(TransportError, match=r"not on the public internet.*private_addresses: true"):
                send(tls, port, *addresses, private_addresses=False)
        server.settimeout(0.05)
        with pytest.raises(TimeoutError):
            server.accept()


@contextmanager
def dribbling(words: bytes) -> Iterator[int]:
    """A server that says words again and again, and never ends."""
    over = Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def run() -> None:
            one, _ = server.accept()
            with one:
                while not over.wait(0.05):
                    try:
                        one.sendall(words)
                    except OSError:
                        return

        thread = Thread(target=run)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            over.set()
            thread.join()


@pytest.mark.parametrize("words", [b"220-and more\r\n", b"2", b"\x00" * 9000, b""])
def test_a_server_that_dribbles_is_left(tls: Tls, words: bytes) -> None:
    begun = monotonic()
    with dribbling(words) as port, pytest.raises(TransportError, match=r"cannot be used|refused"):
        send(tls, port, timeout_seconds=0.3)
    assert monotonic() - begun < 20


def test_what_it_answers_is_shown_as_one_short_line(tls: Tls) -> None:
    with dribbling(b"554 no\x1b[2J " + b"x" * 900 + b"\r\n") as port, pytest.raises(TransportError) as error:
        send(tls, port)
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 300


# --- webhooks --------------------------------------------------------------------------------------------


def test_a_webhook_goes_to_one_address_that_was_checked_and_follows_nobody(tls: Tls, tmp_path: Path) -> None:
    client = Client(resolve=lambda host, port: ["127.0.0.1"])
    context = tls_context(str(tls.ca), None)
    with hook(tls.server) as there, hook() as elsewhere:
        terms = Webhook(url=there.url, secrets=("env:X",), timeout_seconds=5)
        with pytest.raises(TransportError, match=r"`webhook\.private_addresses: true` in the settings"):
            webhook.post(client, terms, [SECRET], context, "msg_1", b"{}", NOW)
        terms = Webhook(url=there.url, secrets=("env:X",), private_addresses=True, timeout_seconds=5)
        there.status, there.headers = 307, {"Location": elsewhere.url}
        with pytest.raises(TransportError, match="307, and redirects are not followed"):
            webhook.post(client, terms, [SECRET], context, "msg_1", b"{}", NOW)
        there.status = 410
        with pytest.raises(webhook.GoneError):
            webhook.post(client, terms, [SECRET], context, "msg_1", b"{}", NOW)
        there.status, body = 202, os.urandom(8).hex().encode()
        webhook.post(client, terms, [SECRET], context, "msg_2", body, NOW)
    client.close()
    headers, got = there.got[-1]
    assert got == body
    assert (headers["webhook-id"], headers["webhook-timestamp"]) == ("msg_2", str(int(NOW.timestamp())))
    assert not elsewhere.got
