"""Messages and receipts as mendelson, Sterling and ph-OpenAS2 sent them, recorded by others.

Who recorded them wrote the line ends of headers as LF, and in one a tab as blanks; that is put back first, so
that they are what went over the wire. The certificates have long expired, which is not for CMS to judge.
"""

from __future__ import annotations

import base64
import os
import re
from io import BytesIO
from pathlib import Path

import pytest
from cryptography import x509

from gateway.as2 import message, mime
from gateway.as2.cms import LEGACY
from gateway.as2.keys import Certificate
from gateway.as2.mime import Entity
from gateway.as2.problems import As2Error
from gateway.as2.span import Span

pytestmark = pytest.mark.needs_samples


def crlf(text: bytes) -> bytes:
    return text.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def as_sent(recording: bytes) -> Entity:
    """A message of several parts with the line ends of its heads as they were; contents stay as they are."""
    head, *parts = re.split(rb"\n(?=--)", recording)
    found = [crlf(head)]
    for part in parts:
        begin, blank, content = part.partition(b"\n\n")
        found.append(crlf(begin + blank) + content)
    return mime.entity(Span.of(b"\r\n".join(found)))


def certificate(file: Path) -> Certificate:
    return Certificate(x509.load_pem_x509_certificate(file.read_bytes()))


def certificate_in(entity: Entity) -> Certificate:
    """The certificate that comes with a signature: whose it is does not matter here."""
    boundary = mime.content_type(entity.headers.get("Content-Type")).params["boundary"]
    signature = mime.decoded(mime.parts(entity.body, boundary)[1], BytesIO, 1 << 20).read()
    for match in re.finditer(rb"\x30\x82(..)\x30\x82", signature, re.DOTALL):
        stop = match.start() + 4 + int.from_bytes(match[1], "big")
        try:
            return Certificate(x509.load_der_x509_certificate(signature[match.start() : stop]))
        except ValueError:
            continue
    raise AssertionError("no certificate")


def read(entity: Entity, by: Certificate, *, bare: bool = False) -> message.Received:
    agreed = message.Agreed([], [by], encrypted=False, legacy=frozenset(LEGACY), bare=bare)
    return message.read(entity.headers, entity.body, agreed, "sha256", BytesIO, os.urandom)


def test_a_message_of_mendelson(samples: Path) -> None:
    folder = samples / "as2"
    entity = as_sent((folder / "mecas2_signed.as2").read_bytes())
    found = read(entity, certificate(folder / "cert_mecas2_public.pem"))
    (attachment,) = found.attachments
    assert attachment.content.read() == (folder / "payload.txt").read_bytes()
    assert (attachment.name, attachment.content_type) == ("payload.txt", "application/edi-consent")
    assert found.mic[1] == "sha256"
    with pytest.raises(As2Error) as caught:
        read(entity, certificate(folder / "cert_sb2bi_public.pem"))
    assert caught.value.code == "AS2-AUTHENTICATION"


def test_a_message_of_sterling(samples: Path) -> None:
    # Compressed, then signed without signed attributes, in binary and without a word about it.
    folder = samples / "as2"
    entity = as_sent((folder / "sb2bi_signed_cmp.msg").read_bytes())
    by = certificate(folder / "cert_sb2bi_public.pem")
    with pytest.raises(As2Error) as caught:
        read(entity, by)
    assert caught.value.code == "AS2-SECURITY"
    found = read(entity, by, bare=True)
    (attachment,) = found.attachments
    assert attachment.content.read(3) == b"ISA"
    assert (found.compressed, found.mic[1]) == (True, "sha1")


def test_a_receipt_of_mendelson(samples: Path) -> None:
    entity = mime.entity(Span.of((samples / "as2" / "mecas2_signed.mdn").read_bytes()))
    assert message.is_receipt(entity.headers, entity.body)
    by = certificate_in(entity)
    receipt = message.read_receipt(entity.headers, entity.body, [by], BytesIO, legacy=frozenset(LEGACY))
    assert receipt.signed is not None
    assert receipt.signed.digest == "sha1"
    message.judge(
        receipt,
        message_id="<20161230102456.10748.40759@imac.local>",
        recipient="mecas2",
        mic=(base64.b64decode("O4bvrm5t2YunRfwvZicNdEUmPaPZ9vUslX8loVLDck0="), "sha256"),
        must_be_signed=True,
    )
    with pytest.raises(As2Error) as caught:
        message.read_receipt(entity.headers, entity.body, [by], BytesIO)
    assert caught.value.code == "AS2-MDN-SIGNATURE"


def test_a_receipt_of_ph_openas2_with_headers_in_quotes(samples: Path) -> None:
    header, payload = ((samples / "as2" / f"issue97.{name}").read_bytes() for name in ("header", "payload"))
    body = crlf(payload.replace(b"\n  boundary", b"\n\tboundary"))
    entity = mime.entity(Span.of(crlf(header) + b"\r\n" + body))
    by = certificate_in(entity)
    receipt = message.read_receipt(entity.headers, entity.body, [by], BytesIO, legacy=frozenset(LEGACY))
    assert receipt.signed is not None
    assert receipt.report.disposition.is_positive
    assert receipt.report.final_recipient == "ctm_mft"
    assert receipt.report.mic == (base64.b64decode("WX3WE/vT631XugOIxrcgSd1YPVo="), "sha1")
