"""Messages and receipts over HTTP with mock-edi, which has its own AS2, without protection."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from queue import Queue

import pytest

from gateway.as2 import headers as as2_headers
from gateway.as2 import message
from gateway.as2.headers import ReceiptRequest
from gateway.as2.mime import Headers
from gateway.as2.problems import As2Error
from gateway.as2.span import Span
from tests import orders
from tests.interop.mockedi import AS2_ID, MockEdi

pytestmark = pytest.mark.needs_system

ORDER = (
    orders.interchange(7, [orders.order(1, "4711", ["24|EA|12.50|B0EXAMPLE1|SKU-1|Kettle"])], sender="ACME")
    .replace(b"EXAMPLESUPPLIER*U", AS2_ID.ljust(15).encode() + b"*U")
    .replace(b"EXAMPLESUPPLIER*26", AS2_ID.ljust(15).encode() + b"*26")
    .replace(b"EXAMPLESUPPLIER", AS2_ID.encode())
)

Request = tuple[Headers, bytes]


@pytest.fixture
def arrived() -> Iterator[tuple[str, Queue[Request]]]:
    """The URL of a server, and the requests that come to it."""
    found: Queue[Request] = Queue()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()
            found.put((Headers(tuple(self.headers.items())), body))

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/as2", found
        server.shutdown()
        thread.join()


def send(mock: MockEdi, message_id: str, url: str = "") -> tuple[Headers, bytes, message.Mic]:
    """Sends the order as it is; returns the answer, and the digest that a receipt must have."""
    built = message.build(
        Span.of(ORDER),
        content_type="application/edi-x12",
        disposition="",
        terms=message.Terms(sign="", encrypt=""),
        signer=None,
        recipients=[],
        at=datetime.now(UTC),
        boundary="none",
        digest="sha256",
        entropy=os.urandom,
        scratch=BytesIO,
    )
    asked = ReceiptRequest(False, url=url)
    outer = [
        ("AS2-Version", "1.2"),
        ("AS2-From", "ACME"),
        ("AS2-To", AS2_ID),
        ("Message-ID", message_id),
        ("Disposition-Notification-Options", "signed-receipt-micalg=optional, sha-256"),
        *as2_headers.write_receipt_request(asked, to="edi@acme.example"),
    ]
    answer = mock.send([*outer, *built.headers], built.body.read())
    assert answer.status_code in (200, 202)
    return Headers(tuple(answer.headers.items())), answer.content, built.mic


def judge(headers: Headers, body: bytes, message_id: str, mic: message.Mic, signed: bool = False) -> None:
    receipt = message.read_receipt(headers, Span.of(body), [], BytesIO)
    message.judge(receipt, message_id=message_id, recipient=AS2_ID, mic=mic, must_be_signed=signed)


def test_a_receipt_at_once(mockedi: MockEdi) -> None:
    headers, body, mic = send(mockedi, "<1@acme.example>")
    judge(headers, body, "<1@acme.example>", mic)
    with pytest.raises(As2Error) as caught:
        judge(headers, body, "<1@acme.example>", mic, signed=True)
    assert caught.value.code == "AS2-MDN-SIGNATURE"
    with pytest.raises(As2Error) as caught:
        judge(headers, body, "<1@acme.example>", (b"\0" * 32, "sha256"))
    assert caught.value.code == "AS2-MDN-MIC"
    # It takes no interchange twice, and says so in a receipt.
    headers, body, mic = send(mockedi, "<2@acme.example>")
    with pytest.raises(As2Error) as caught:
        judge(headers, body, "<2@acme.example>", mic)
    assert caught.value.code == "AS2-MDN-NEGATIVE"


def test_a_receipt_later(mockedi: MockEdi, arrived: tuple[str, Queue[Request]]) -> None:
    url, requests = arrived
    _, _, mic = send(mockedi, "<3@acme.example>", url)
    headers, body = requests.get(timeout=30)
    assert message.is_receipt(headers, Span.of(body))
    assert as2_headers.read_as2_name(headers.get("AS2-From") or "") == AS2_ID
    judge(headers, body, "<3@acme.example>", mic)


def test_messages_that_it_sends(mockedi: MockEdi, arrived: tuple[str, Queue[Request]]) -> None:
    url, requests = arrived
    mockedi.settings(as2_url=url)
    assert mockedi.edi(ORDER)["accepted"]
    agreed = message.Agreed([], [], signed=False, encrypted=False)
    sets = set()
    for _ in range(2):
        headers, body = requests.get(timeout=30)
        assert not message.is_receipt(headers, Span.of(body))
        found = message.read(headers, Span.of(body), agreed, "sha256", BytesIO, os.urandom)
        (attachment,) = found.attachments
        assert attachment.content_type == "application/edi-x12"
        assert attachment.content.read() == body
        sets |= set(re.findall(rb"ST\*(\d+)", body))
    assert sets == {b"997", b"855"}
