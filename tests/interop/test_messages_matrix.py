"""Whole messages and receipts that we and pyas2lib write are read by the other, in every combination."""

from __future__ import annotations

import base64
import os
import random
from datetime import UTC, datetime
from io import BytesIO
from itertools import count

import pytest

from gateway.as2 import headers as as2_headers
from gateway.as2 import message, mime
from gateway.as2.cms import LEGACY
from gateway.as2.headers import ReceiptRequest
from gateway.as2.mdn import Disposition, Report
from gateway.as2.problems import As2Error
from gateway.as2.span import Span
from tests.interop.environments import Unavailable
from tests.interop.matrix import WRITES, Cell, Message, message_cells
from tests.interop.peers import Peers, Pyas2Lib

pytestmark = pytest.mark.needs_system

CELLS = [cell for cell in message_cells() if cell.gap is None or cell.gap.shown]
TEXT = (
    b"ISA*00*          *00*          *ZZ*THEM           *ZZ*US             ~\r\n" + b"PO1*1*24*EA~\r\n" * 700
)
BINARY = random.Random(4130).randbytes(50_000)
US, THEM = "US AS2", "THEM"

_numbers = count(1)


@pytest.fixture
def pyas2lib(peers: Peers) -> Pyas2Lib:
    try:
        peer = peers["pyas2lib"]
    except Unavailable as error:
        pytest.skip(f"no pyas2lib: {error}")
    assert isinstance(peer, Pyas2Lib)
    return peer


def request(wanted: str, digests: tuple[str, ...] = ()) -> ReceiptRequest | None:
    if not wanted:
        return None
    return ReceiptRequest(wanted != "unsigned", (wanted,) if wanted != "unsigned" else ())


def we_write(one: Message, content: bytes, message_id: str, peers: Peers) -> tuple[bytes, message.Mic]:
    terms = message.Terms(one.sign, one.encrypt, "", one.compress)
    built = message.build(
        Span.of(content),
        content_type="application/edi-x12",
        disposition=f"attachment; {mime.filename_parameter('850 new.edi', quoted=False)}",
        terms=terms,
        signer=peers.us.rsa.pair,
        recipients=[peers.them.rsa.pair.certificate],
        at=datetime.now(UTC),
        boundary=f"part-{next(_numbers)}-of-us",
        digest="sha256",
        entropy=os.urandom,
        scratch=BytesIO,
    )
    asked = request(one.receipt)
    outer = [
        ("AS2-Version", as2_headers.VERSION),
        ("AS2-From", as2_headers.as2_name(US)),
        ("AS2-To", as2_headers.as2_name(THEM)),
        ("Message-ID", message_id),
        *(as2_headers.write_receipt_request(asked, to="edi@us.example") if asked else ()),
    ]
    return mime.head([*outer, *built.headers]) + built.body.read(), built.mic


def we_read(one: Message, raw: bytes, peers: Peers) -> tuple[mime.Entity, message.Received]:
    came = mime.entity(Span.of(raw))
    agreed = message.Agreed(
        [peers.us.rsa.pair],
        [peers.them.rsa.pair.certificate],
        signed=bool(one.sign),
        encrypted=bool(one.encrypt),
        legacy=frozenset(LEGACY),
    )
    return came, message.read(came.headers, came.body, agreed, "sha256", BytesIO, os.urandom)


def receipt_for(came: mime.Entity, mic: message.Mic, peers: Peers) -> bytes:
    asked = as2_headers.read_receipt_request(came.headers)
    assert asked is not None
    report = Report(came.headers.get("Message-ID") or "", US, Disposition("processed"), mic, "It arrived.")
    signer, digest = (peers.us.rsa.pair, asked.digests[0]) if asked.signed else (None, "")
    head, body = message.build_receipt(report, signer, digest, datetime.now(UTC), "receipt", "us")
    outer = [("AS2-Version", "1.2"), ("AS2-From", as2_headers.as2_name(US)), ("AS2-To", THEM)]
    return mime.head([*outer, ("Message-ID", "<receipt@us.example>"), *head]) + body


def written_by_pyas2lib(one: Message, pyas2lib: Pyas2Lib, peers: Peers) -> None:
    for content, kind in ((TEXT, "application/edi-x12"), (BINARY, "application/octet-stream")):
        raw, mic = pyas2lib.build(one, content, kind)
        came, found = we_read(one, raw, peers)
        (attachment,) = found.attachments
        assert attachment.content.read() == content
        assert (attachment.name, attachment.content_type) == ("850.edi", kind)
        assert (found.cipher, found.compressed) == (one.encrypt, bool(one.compress))
        assert (found.signed.digest if found.signed else "") == one.sign
        if one.sign:
            assert base64.b64encode(found.mic[0]).decode() == mic
        if one.receipt:
            assert pyas2lib.parse_receipt(receipt_for(came, found.mic, peers)) == ("processed", None)


def read_by_pyas2lib(one: Message, pyas2lib: Pyas2Lib, peers: Peers) -> None:
    for content in (TEXT, BINARY):
        message_id = f"<{next(_numbers)}@us.example>"
        raw, mic = we_write(one, content, message_id, peers)
        said, got, receipt = pyas2lib.parse(one, raw)
        assert (said["status"], said["error"]) == ("processed", "None")
        assert got == content
        assert said["is"] == [bool(one.sign), bool(one.encrypt), bool(one.compress)]
        assert (said["digest"] or "", said["name"]) == (one.sign, "850 new.edi")
        if one.receipt:
            came = mime.entity(Span.of(receipt))
            trusted = [peers.them.rsa.pair.certificate]
            answer = message.read_receipt(came.headers, came.body, trusted, BytesIO)
            assert (answer.signed.digest if answer.signed else "unsigned") == one.receipt
            message.judge(
                answer,
                message_id=message_id,
                recipient=THEM,
                mic=mic,
                must_be_signed=one.receipt != "unsigned",
            )


def comes_through(cell: Cell, pyas2lib: Pyas2Lib, peers: Peers) -> None:
    assert isinstance(cell.feature, Message)
    (written_by_pyas2lib if cell.way == WRITES else read_by_pyas2lib)(cell.feature, pyas2lib, peers)


@pytest.mark.parametrize("cell", [cell for cell in CELLS if cell.gap is None], ids=str)
def test_message_and_receipt_come_through(cell: Cell, pyas2lib: Pyas2Lib, peers: Peers) -> None:
    comes_through(cell, pyas2lib, peers)


@pytest.mark.parametrize("cell", [cell for cell in CELLS if cell.gap is not None], ids=str)
def test_what_a_peer_cannot_do_fails(cell: Cell, pyas2lib: Pyas2Lib, peers: Peers) -> None:
    with pytest.raises((AssertionError, As2Error)):
        comes_through(cell, pyas2lib, peers)


def test_pyas2lib_sees_a_receipt_for_other_content(pyas2lib: Pyas2Lib, peers: Peers) -> None:
    # Otherwise that it takes our receipts would say nothing.
    one = Message("sha256", "aes256-cbc", "", "sha256")
    raw, _ = pyas2lib.build(one, TEXT, "application/edi-x12")
    came, found = we_read(one, raw, peers)
    wrong = receipt_for(came, (bytes(32), "sha256"), peers)
    assert pyas2lib.parse_receipt(wrong)[0] == "processed/warning"
    right = receipt_for(came, found.mic, peers)
    assert pyas2lib.parse_receipt(right.replace(b"It arrived", b"It Arrived"))[0] == "failed/Failure"
    assert pyas2lib.parse_receipt(right)[0] == "processed"
