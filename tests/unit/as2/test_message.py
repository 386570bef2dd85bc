"""Whole messages and receipts: every combination comes back; nothing is believed that was not protected."""

from __future__ import annotations

import base64
import hashlib
import os
import tracemalloc
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from io import BytesIO
from itertools import product
from tempfile import SpooledTemporaryFile
from typing import BinaryIO, cast

import pytest

from gateway.as2 import message as as2
from gateway.as2.asn1 import integer, oid, sequence, set_of, tlv
from gateway.as2.cms import DIGESTS, compress, encrypt
from gateway.as2.keys import KeyPair
from gateway.as2.mdn import Disposition, Report
from gateway.as2.message import Agreed, Built, Received, Terms
from gateway.as2.mime import Headers
from gateway.as2.problems import As2Error
from gateway.as2.span import Span
from gateway.partners.as2 import ENCRYPT
from tests.certificates import pair

NOW = datetime(2026, 11, 25, 12, 30, tzinfo=UTC)
US, THEM, OTHER = pair("us"), pair("them"), pair("somebody else")
CONTENT = b"ISA*00*          *00*~\nGS*PO*A*B~\r\nST*850*0001~\r" * 40 + bytes(range(256))
AGREED = Agreed([OTHER, US], [OTHER.certificate, THEM.certificate])
LAX = replace(AGREED, signed=False, encrypted=False)
USUAL = Terms()


def build(
    terms: Terms = USUAL,
    content: bytes | Span = CONTENT,
    signer: KeyPair = THEM,
    scratch: Callable[[], BinaryIO] = BytesIO,
) -> Built:
    return as2.build(
        Span.of(content) if isinstance(content, bytes) else content,
        content_type="application/edi-x12",
        disposition="attachment; filename=po.edi",
        terms=terms,
        signer=signer,
        recipients=[US.certificate],
        at=NOW,
        boundary="edigw-boundary",
        digest="sha384",
        entropy=os.urandom,
        scratch=scratch,
    )


def read(built: Built, agreed: Agreed = AGREED, wanted: str = "sha384") -> Received:
    return as2.read(Headers(built.headers), built.body, agreed, wanted, BytesIO, os.urandom)


def refused(built: Built, agreed: Agreed = AGREED) -> As2Error:
    with pytest.raises(As2Error) as raised:
        read(built, agreed)
    return raised.value


def of(body: bytes, content_type: str) -> Built:
    return Built((("Content-Type", content_type),), Span.of(body), (b"", ""), ())


@pytest.mark.parametrize(
    ("sign", "encrypt", "compress", "in_base64"),
    [
        *product(("", *DIGESTS), ("", "aes256-cbc", "aes128-gcm"), ("", "before", "after"), (False, True)),
        *product(("sha256",), ENCRYPT[:-1], ("before",), (False,)),
    ],
)
def test_every_combination_comes_back(sign: str, encrypt: str, compress: str, in_base64: bool) -> None:
    built = build(Terms(sign, encrypt, "", compress, in_base64))
    found = read(built, replace(AGREED, signed=bool(sign), encrypted=bool(encrypt)))
    (attachment,) = found.attachments
    assert (attachment.name, attachment.content_type) == ("po.edi", "application/edi-x12")
    assert attachment.content.read() == CONTENT
    assert found.mic == built.mic
    assert (found.cipher, found.compressed) == (encrypt, bool(compress))
    assert (found.signed.digest if found.signed else "") == sign


@pytest.mark.parametrize(
    "terms",
    [USUAL, Terms("sha256", "aes256-gcm", "", "before", base64=True), Terms("sha256", "", "", "after")],
)
def test_large_content_is_never_in_memory(terms: Terms) -> None:
    with ExitStack() as files:

        def scratch() -> BinaryIO:
            return cast("BinaryIO", files.enter_context(SpooledTemporaryFile(1 << 16)))

        file = scratch()
        for _ in range(64):
            file.write(os.urandom(1 << 17))
        tracemalloc.start()
        try:
            built = build(terms, Span.whole(file), scratch=scratch)
            headers = Headers(built.headers)
            found = as2.read(headers, built.body, LAX, "sha384", scratch, os.urandom)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert found.attachments[0].content.size == 64 << 17
        assert peak < 2 << 20


def test_the_digest_of_a_signed_message_is_of_the_signed_part_with_its_headers() -> None:
    """RFC 4130, 7.3.1 and RFC 5402, 4.1: as it was signed, compressed or not."""
    head = b"Content-Type: application/edi-x12\r\nContent-Disposition: attachment; filename=po.edi\r\n"
    part = head + b"Content-Transfer-Encoding: binary\r\n\r\n" + CONTENT
    assert build(Terms("sha256", "")).mic == (hashlib.sha256(part).digest(), "sha256")
    built = build(Terms("sha256", "", "", "before"))
    body = built.body.read()
    signed = body[len("--edigw-boundary\r\n") : body.index(b"\r\n--edigw-boundary\r\nContent-Type")]
    assert b"compressed-data" in signed[:100]
    assert built.mic == (hashlib.sha256(signed).digest(), "sha256")


@pytest.mark.parametrize(
    "terms", [Terms("", "aes128-cbc"), Terms("", "aes128-cbc", "", "before"), Terms("", "", "", "after")]
)
def test_the_digest_of_an_unsigned_message_is_of_headers_and_content_unpacked(terms: Terms) -> None:
    """RFC 4130, 7.3.1 and RFC 5402, 4.2 and 4.3."""
    head = b"Content-Type: application/edi-x12\r\nContent-Disposition: attachment; filename=po.edi\r\n"
    part = head + b"Content-Transfer-Encoding: binary\r\n\r\n" + CONTENT
    built = build(terms)
    assert built.mic == (hashlib.sha384(part).digest(), "sha384")
    assert read(built, LAX).mic == built.mic


def test_the_digest_of_plain_content_is_of_the_content_alone() -> None:
    built = build(Terms("", ""))
    assert built.mic == read(built, LAX).mic == (hashlib.sha384(CONTENT).digest(), "sha384")


def test_what_was_signed_is_kept_byte_for_byte_and_can_be_verified_again() -> None:
    for cipher in ("", "aes256-cbc"):
        built = build(Terms("sha256", cipher))
        found = read(built, LAX)
        assert found.evidence
        kept = b"".join(piece.read() for piece in found.evidence)
        sent = b"".join(piece.read() for piece in built.evidence)
        assert kept.partition(b"\r\n\r\n")[2] == sent.partition(b"\r\n\r\n")[2]
        head, _, body = kept.partition(b"\r\n\r\n")
        again = of(body, head.decode().partition(": ")[2])
        assert read(again, LAX).attachments[0].content.read() == CONTENT


def test_content_passes_through_scratch_files_without_being_held() -> None:
    class Watched(BytesIO):
        most = 0

        def read(self, size: int | None = -1) -> bytes:
            found = super().read(size)
            Watched.most = max(Watched.most, len(found))
            return found

    content = Watched(os.urandom(1 << 20) * 3)
    scratch = Watched
    built = as2.build(
        Span.whole(content),
        content_type="application/octet-stream",
        disposition="",
        terms=Terms(compress="before"),
        signer=THEM,
        recipients=[US.certificate],
        at=NOW,
        boundary="b",
        digest="sha256",
        entropy=os.urandom,
        scratch=scratch,
    )
    found = as2.read(Headers(built.headers), built.body, AGREED, "sha256", scratch, os.urandom)
    assert found.attachments[0].content.size == 3 << 20
    assert Watched.most <= 1 << 17


# --- policy of the partner, not of the message -----------------------------------------------------------


@pytest.mark.parametrize(
    ("terms", "agreed", "code"),
    [
        (Terms("", ""), AGREED, "AS2-SECURITY"),
        (Terms("", "", "", "before"), AGREED, "AS2-SECURITY"),
        (Terms("sha256", ""), AGREED, "AS2-SECURITY"),
        (Terms("", ""), replace(AGREED, encrypted=False), "AS2-SECURITY"),
        (Terms("", "", "", "after"), replace(AGREED, encrypted=False), "AS2-SECURITY"),
        (Terms("", "aes256-gcm"), AGREED, "AS2-SECURITY"),
        (Terms("", "aes256-cbc"), AGREED, "AS2-DECRYPTION"),  # see test_without_a_signature_...
    ],
)
def test_what_must_be_protected_is_said_by_the_partners_file(terms: Terms, agreed: Agreed, code: str) -> None:
    assert refused(build(terms), agreed).code == code


def test_no_private_key_is_used_for_a_message_that_is_not_encrypted_as_agreed() -> None:
    class Untouchable:
        def __iter__(self) -> object:
            raise AssertionError("a private key was asked for")

    assert refused(build(Terms("sha256", "")), replace(AGREED, decrypt=Untouchable())).code == "AS2-SECURITY"  # type: ignore[arg-type]


def test_more_protection_than_agreed_is_welcome() -> None:
    assert read(build(), LAX).signed is not None


def test_a_signature_of_somebody_else_inside_of_the_encryption_is_told() -> None:
    assert refused(build(signer=pair("a stranger"))).code == "AS2-AUTHENTICATION"


# --- signature wrapping ----------------------------------------------------------------------------------


def _signed_body() -> tuple[bytes, str]:
    built = build(Terms("sha256", ""))
    return built.body.read(), built.headers[0][1]


@pytest.mark.parametrize(
    "change",
    [
        lambda body: body.replace(
            b"--edigw-boundary\r\n", b"--edigw-boundary\r\n\r\nevil\r\n--edigw-boundary\r\n", 1
        ),
        lambda body: (
            body.removesuffix(b"--edigw-boundary--\r\n")
            + b"--edigw-boundary\r\n\r\nevil\r\n--edigw-boundary--\r\n"
        ),
        lambda body: body + b"evil",
        lambda body: body.removesuffix(b"--\r\n") + b"\r\n",
        lambda body: (
            body[: body.index(b"--edigw-boundary\r\nContent-Type: application/pkcs7")]
            + b"--edigw-boundary--\r\n"
        ),
    ],
    ids=["a part before", "a part after", "bytes after the end", "no end", "no signature"],
)
def test_nothing_stands_beside_the_part_that_was_signed(change: object) -> None:
    body, kind = _signed_body()
    assert refused(of(change(body), kind), LAX).code == "AS2-MALFORMED"  # type: ignore[operator]


def test_a_signed_message_inside_of_another_is_refused() -> None:
    body, kind = _signed_body()
    inner = f"Content-Type: {kind}\r\n\r\n".encode() + body
    outer = as2.signed([Span.of(inner)], OTHER, "sha256", NOW, "outer")
    whole = b"".join(piece.read() for piece in outer[1]).partition(b"\r\n\r\n")[2]
    assert refused(of(whole, outer[0][0][1]), LAX).code == "AS2-MALFORMED"


def test_encryption_is_the_outermost_layer() -> None:
    encrypted = build()
    inner = (
        b"Content-Type: application/pkcs7-mime\r\nContent-Transfer-Encoding: binary\r\n\r\n"
        + encrypted.body.read()
    )
    outer = as2.signed([Span.of(inner)], THEM, "sha256", NOW, "outer")
    whole = b"".join(piece.read() for piece in outer[1]).partition(b"\r\n\r\n")[2]
    assert refused(of(whole, outer[0][0][1]), LAX).code == "AS2-MALFORMED"


def test_content_is_compressed_once() -> None:
    once = build(Terms("", "", "", "before"))
    entity = f"Content-Type: {once.headers[0][1]}\r\n\r\n".encode() + once.body.read()
    out = BytesIO()
    compress([Span.of(entity)], out, BytesIO)
    twice = of(out.getvalue(), "application/pkcs7-mime; smime-type=compressed-data")
    assert refused(twice, LAX).code == "AS2-MALFORMED"


# --- no oracle -------------------------------------------------------------------------------------------


def _encrypted(entity: bytes, cipher: str = "aes256-cbc") -> Built:
    out = BytesIO()
    encrypt([Span.of(entity)], out, [US.certificate], cipher, os.urandom)
    return of(out.getvalue(), "application/pkcs7-mime; smime-type=enveloped-data")


def test_without_a_signature_all_that_is_wrong_with_decrypted_content_looks_the_same() -> None:
    """EFAIL and padding oracles: what can be changed unseen must not be told about (security list 1.6.5)."""
    entity = b"Content-Type: text/plain\r\n\r\nx"
    signed, kind = _signed_body()
    whole = f"Content-Type: {kind}\r\n\r\n".encode() + signed
    wrong = {
        "not signed": _encrypted(entity),
        "no MIME": _encrypted(b"\x00garbage"),
        "no content": _encrypted(b""),
        "a part cut off": _encrypted(whole[:-300]),
        "bytes after the end": _encrypted(whole + b"\x8f\x01"),
        "another boundary": _encrypted(whole.replace(b"boundary=", b"boundarx=")),
        "compressed rubbish": _encrypted(b"Content-Type: application/pkcs7-mime\r\n\r\nrubbish"),
    }
    told = {}
    for name, built in wrong.items():
        error = refused(built)
        told[name] = (error.code, str(error), error.kind.disposition)
    assert set(told.values()) == {
        ("AS2-DECRYPTION", "The message could not be decrypted.", "processed/error: decryption-failed")
    }, told


def test_our_own_people_are_told_what_was_wrong_with_it() -> None:
    assert "not signed" in refused(_encrypted(b"Content-Type: text/plain\r\n\r\nx")).detail


def test_authenticated_content_cannot_be_changed_so_its_faults_are_told() -> None:
    assert refused(_encrypted(b"Content-Type: text/plain\r\n\r\nx", "aes256-gcm")).code == "AS2-SECURITY"


# --- tolerance -------------------------------------------------------------------------------------------


def test_line_ends_changed_on_the_way_count_only_by_a_quirk() -> None:
    """Products that sign text with CRLF and send it with LF."""
    part = b"Content-Type: text/plain\r\n\r\nISA*00\r\nGS*PO\r\n"
    headers, pieces = as2.signed([Span.of(part)], THEM, "sha256", NOW, "b")
    whole = b"".join(piece.read() for piece in pieces).partition(b"\r\n\r\n")[2]
    sent = of(whole.replace(part, part.replace(b"\r\n", b"\n")), headers[0][1])
    assert refused(sent, LAX).code == "AS2-INTEGRITY"
    found = read(sent, replace(LAX, canonical=True))
    assert found.mic == (hashlib.sha256(part).digest(), "sha256")
    assert found.attachments[0].content.read() == b"ISA*00\nGS*PO\n"  # never rewritten


def test_signatures_in_binary_and_without_transfer_encoding_are_read() -> None:
    body, kind = _signed_body()
    head, _, text = body.rpartition(b"filename=smime.p7s\r\n\r\n")
    encoded, _, _ = text.partition(b"--edigw-boundary")
    binary = head.replace(b"Content-Transfer-Encoding: base64\r\n", b"") + b"filename=smime.p7s\r\n\r\n"
    made = binary + base64.b64decode(encoded) + b"\r\n--edigw-boundary--\r\n"
    assert read(of(made, kind), LAX).signed is not None


def test_several_attachments_are_read() -> None:
    """EDIINT-Features: multiple-attachments (RFC 6362)."""
    parts = b"".join(
        b"--m\r\nContent-Type: %b\r\nContent-Disposition: attachment; filename=%b\r\n\r\n%b\r\n" % one
        for one in (
            (b"application/edi-x12", b"po.edi", b"ISA"),
            (b"application/pdf", b"label.pdf", b"%PDF"),
        )
    )
    entity = b'Content-Type: multipart/related; boundary="m"\r\n\r\n' + parts + b"--m--\r\n"
    headers, pieces = as2.signed([Span.of(entity)], THEM, "sha256", NOW, "b")
    whole = b"".join(piece.read() for piece in pieces).partition(b"\r\n\r\n")[2]
    found = read(of(whole, headers[0][1]), LAX)
    assert [(one.name, one.content_type, one.content.read()) for one in found.attachments] == [
        ("po.edi", "application/edi-x12", b"ISA"),
        ("label.pdf", "application/pdf", b"%PDF"),
    ]
    assert found.mic == (hashlib.sha256(entity).digest(), "sha256")


def test_content_over_the_limit_is_refused() -> None:
    assert refused(build(Terms("", "")), replace(LAX, limit=100)).code == "AS2-TOO-LARGE"


# --- receipts --------------------------------------------------------------------------------------------

ID = "<1@example>"
MIC = (hashlib.sha256(CONTENT).digest(), "sha256")
REPORT = Report(ID, "THEM", Disposition("processed"), MIC, "Fine.")


def receipt(report: Report = REPORT, signer: KeyPair | None = THEM, *, plain: bool = False) -> Built:
    headers, body = as2.build_receipt(report, signer, "sha256", NOW, "mdn", "test/1", plain=plain)
    return Built(headers, Span.of(body), MIC, ())


def judged(built: Built, *, signed: bool = True, message_id: str = ID, recipient: str = "THEM") -> str:
    """The code of what is wrong with a receipt; empty if it proves what it should."""
    try:
        found = as2.read_receipt(Headers(built.headers), built.body, [THEM.certificate], BytesIO)
        as2.judge(found, message_id=message_id, recipient=recipient, mic=MIC, must_be_signed=signed)
    except As2Error as error:
        return str(error.code)
    return ""


def test_a_right_receipt_proves_the_delivery() -> None:
    assert as2.is_receipt(Headers(receipt().headers), receipt().body)
    assert judged(receipt()) == judged(receipt(plain=True)) == ""
    assert judged(receipt(signer=None), signed=False) == ""
    warned = Disposition("processed", "warning", "duplicate-document")
    assert judged(receipt(replace(REPORT, disposition=warned))) == ""


@pytest.mark.parametrize(
    ("built", "code"),
    [
        (lambda: receipt(signer=None), "AS2-MDN-SIGNATURE"),
        (lambda: receipt(signer=OTHER), "AS2-MDN-SIGNATURE"),
        (lambda: receipt(replace(REPORT, mic=None)), "AS2-MDN-MIC"),
        (lambda: receipt(replace(REPORT, mic=(bytes(32), "sha256"))), "AS2-MDN-MIC"),
        (lambda: receipt(replace(REPORT, mic=(MIC[0], "sha512"))), "AS2-MDN-MIC"),
        (lambda: receipt(replace(REPORT, original_message_id="<2@example>")), "AS2-MDN-UNMATCHED"),
        (lambda: receipt(replace(REPORT, final_recipient="SOMEBODY")), "AS2-MDN-UNMATCHED"),
        (
            lambda: receipt(
                replace(REPORT, disposition=Disposition("processed", "error", "decryption-failed"))
            ),
            "AS2-MDN-NEGATIVE",
        ),
        (lambda: receipt(replace(REPORT, disposition=Disposition("failed"))), "AS2-MDN-NEGATIVE"),
        (lambda: of(b"<html>fine</html>", "text/html"), "AS2-MDN-MALFORMED"),
    ],
)
def test_a_receipt_that_proves_nothing_is_told(built: object, code: str) -> None:
    assert judged(built()) == code  # type: ignore[operator]


def test_a_forged_receipt_without_signers_is_refused() -> None:
    """In another product this is a proof of delivery."""
    good = receipt()
    body = good.body.read()
    begin = body.index(b"filename=smime.p7s\r\n\r\n") + len(b"filename=smime.p7s\r\n\r\n")
    end = body.index(b"--mdn-signed--")
    inner = sequence(integer(1), set_of(), sequence(oid("1.2.840.113549.1.7.1")), set_of())
    nobody = sequence(oid("1.2.840.113549.1.7.2"), tlv(0xA0, inner))
    forged = body[:begin] + base64.encodebytes(nobody) + body[end:]
    assert judged(Built(good.headers, Span.of(forged), MIC, ())) == "AS2-MDN-SIGNATURE"


def test_a_changed_receipt_is_refused() -> None:
    body = receipt(replace(REPORT, disposition=Disposition("failed"))).body.read()
    changed = body.replace(b"; failed", b"; processed")
    assert judged(Built(receipt().headers, Span.of(changed), MIC, ())) == "AS2-MDN-SIGNATURE"


def test_brackets_around_a_message_id_make_no_difference() -> None:
    assert judged(receipt(replace(REPORT, original_message_id="1@example"))) == ""


def test_a_message_is_no_receipt() -> None:
    built = build(Terms("sha256", ""))
    assert not as2.is_receipt(Headers(built.headers), built.body)
    assert not as2.is_receipt(Headers(build().headers), build().body)
