"""What is fuzzed: plain functions of bytes. They return for whatever data there is; what they raise is a
finding.

Readers may return, or raise As2Error, and in :mod:`gateway.as2.asn1` Asn1Error. What they return must be
true.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from gateway.as2 import asn1, cms, headers, mdn, message, mime
from gateway.as2.asn1 import Asn1Error, Reader
from gateway.as2.keys import Certificate, KeyPair, PrivateKey
from gateway.as2.message import Agreed
from gateway.as2.mime import Entity, Headers
from gateway.as2.problems import As2Error
from gateway.as2.span import Span

HERE = Path(__file__).resolve().parent
NOW = datetime(2026, 11, 25, 12, 30, tzinfo=UTC)
LIMIT = 1 << 20
"""Bytes that content may unpack to here: the time for that must not hide what the data itself takes."""
LONGEST = 4_000
"""Characters an error may have; what was sent must not fill our log and our lists."""


def _pair(name: str) -> KeyPair:
    text = (HERE / "data" / "keys.txt").read_text("ascii").partition(f"\n{name}:\n")[2]
    end = "-----END CERTIFICATE-----\n"
    key, _, certificate = text.partition(end)[0].partition("-----BEGIN CERTIFICATE-----")
    pem = f"-----BEGIN CERTIFICATE-----{certificate}{end}"
    private = load_pem_private_key(key.encode(), None)
    assert isinstance(private, PrivateKey)
    return KeyPair(private, Certificate(x509.load_pem_x509_certificate(pem.encode())))


US, THEM, ELLIPTIC = map(_pair, ("us", "them", "elliptic"))
TRUSTED = [THEM.certificate, ELLIPTIC.certificate]
CONTENT = b"Content-Type: application/edi-x12\r\n\r\nISA*00*~GS*PO~\nST*850*0001~\r\n" * 3
"""What the signatures are over that the target of CMS reads."""
LAX = Agreed([US], TRUSTED, False, False, frozenset(cms.LEGACY), bare=True, limit=LIMIT)
"""Accepts all that can be read."""


def entropy(size: int) -> bytes:
    """The same bytes always."""
    return bytes(range(size))


# --- layers ------------------------------------------------------------------------------------------


def compressed(entity: bytes) -> bytes:
    """An entity compressed, with the headers of one."""
    out = BytesIO()
    cms.compress([Span.of(entity)], out, BytesIO)
    return (
        mime.head([("Content-Type", "application/pkcs7-mime; smime-type=compressed-data")]) + out.getvalue()
    )


def encrypted(entity: bytes, cipher: str = "aes128-cbc", oaep: str = "") -> bytes:
    """An entity encrypted for us, with the headers of one."""
    out = BytesIO()
    cms.encrypt([Span.of(entity)], out, [US.certificate], cipher, entropy, oaep=oaep)
    return mime.head([("Content-Type", "application/pkcs7-mime; smime-type=enveloped-data")]) + out.getvalue()


def signed(entity: bytes, key: KeyPair = THEM, digest: str = "sha256") -> bytes:
    """An entity in a multipart/signed."""
    _, pieces = message.signed([Span.of(entity)], key, digest, NOW, "signed-by-them")
    return b"".join(piece.read() for piece in pieces)


def request(entity: bytes) -> tuple[Headers, Span]:
    """An entity as it comes over HTTP, where a server has read the headers: not folded, in Latin-1."""
    head, _, body = entity.partition(b"\r\n\r\n")
    lines = [line.partition(":") for line in head.decode("latin-1").split("\r\n")]
    return Headers(tuple((name, value.strip()) for name, colon, value in lines if colon)), Span.of(body)


@contextmanager
def _refusing() -> Iterator[None]:
    """Lets a reader refuse data. What it says of that is for people, and stored."""
    try:
        yield
    except As2Error as error:
        _short(error)


def _short(error: As2Error) -> None:
    assert len(str(error)) + len(error.detail) <= LONGEST, (
        f"an error of {len(str(error) + error.detail)} characters"
    )


# --- targets -----------------------------------------------------------------------------------------


def read_cms(data: bytes) -> None:
    """Elements, and every kind of CMS content."""
    with _refusing():
        assert cms.kind(Span.of(data)) in ("signed", "enveloped", "auth-enveloped", "compressed")
    for legacy, bare in ((frozenset(cms.LEGACY), True), (frozenset[str](), False)):
        with _refusing():
            found = cms.verify(data, [Span.of(CONTENT)], TRUSTED, legacy=legacy, bare=bare)
            assert found.mic == hashlib.new(found.digest, CONTENT).digest()
            assert found.certificate in TRUSTED
            assert found.digest in cms.DIGESTS or legacy
    with _refusing():
        opened = cms.decrypt(Span.of(data), BytesIO(), [US], entropy, legacy=frozenset(cms.LEGACY))
        assert opened.certificate is US.certificate
    with _refusing():
        out = BytesIO()
        assert cms.decompress(Span.of(data), out, LIMIT) == len(out.getvalue()) <= LIMIT
        reader = Reader(Span.of(data))
        reader.skip()
        assert not data[reader.at :].strip(b"\r\n"), "bytes after what is compressed"
    _read_elements(data)


def _read_elements(data: bytes) -> None:
    with suppress(Asn1Error):
        reader = Reader(Span.of(data))
        while reader.peek() != -1:
            reader.skip()
        assert reader.at == len(data)
    with suppress(Asn1Error):
        reader, at = Reader(Span.of(data)), 0
        while reader.peek() != -1:
            raw = reader.raw()
            # What had a length is as it came; what had none is written with one.
            assert reader.at > at
            assert raw == data[at : reader.at] or (data[at + 1] == 0x80 and len(raw) <= len(data))
            at = reader.at
    for tag in (asn1.OCTETS, 0x80):
        with suppress(Asn1Error):
            pieces = b"".join(Reader(Span.of(data)).chunks(tag))
            assert len(pieces) < len(data)
            assert Reader(Span.of(data)).octets(tag) == pieces
    for read in (Reader.integer, Reader.octets):
        with suppress(Asn1Error):
            read(Reader(Span.of(data)))


def read_mime(data: bytes) -> None:
    """Headers, parts, transfer encodings, file names."""
    with _refusing():
        whole = mime.entity(Span.of(data))
        assert whole.head.read() + whole.body.read() == data
        _read_entity(whole, 0)
    out = BytesIO()
    mime.canonical(Span.of(data), out)
    assert not out.getvalue().replace(b"\r\n", b"").strip(b"\r\n") or out.getvalue().count(b"\n") == (
        out.getvalue().count(b"\r\n")
    )


def _read_entity(entity: Entity, depth: int) -> None:
    found = entity.headers
    name = mime.disposition_filename(found)
    assert not set(name) & {chr(number) for number in (*range(32), 127)}
    for reader, header in (
        (headers.read_as2_name, "AS2-From"), (headers.check_message_id, "Message-ID"),
        (headers.bare_message_id, "Message-ID"), (headers.digest_of, "Digest"), (mime.content_type, "X-Type"),
        (mdn.Disposition.parse, "Disposition"),
    ):  # fmt: skip
        with _refusing():
            reader(found.get(header) or "")
    with _refusing():
        name = headers.read_as2_name(found.get("AS2-From") or "")
        assert headers.read_as2_name(headers.as2_name(name)) == name
    with _refusing():
        asked = headers.read_receipt_request(found)
        assert asked is None or set(asked.digests) <= set(headers.DIGESTS)
    with _refusing():
        content = mime.decoded(entity, BytesIO, LIMIT)
        assert len(content.read()) == content.size <= LIMIT
    with _refusing():
        kind = mime.content_type(found.get("Content-Type"))
        parts = mime.parts(entity.body, kind.params.get("boundary", ""))
        assert 0 < len(parts) <= mime.PARTS
        for one in parts:
            assert entity.body.start <= one.whole.start <= one.whole.stop <= entity.body.stop
            if depth < 2:
                _read_entity(one, depth + 1)


def read_mdn(data: bytes) -> None:
    """Receipts, in and without their signatures, and what they prove."""
    with _refusing():
        report = mdn.read_report(mime.entity(Span.of(data)), BytesIO)
        assert report.disposition.type in ("processed", "failed")
        again = mdn.Disposition.parse(str(report.disposition))
        assert again.is_positive == report.disposition.is_positive
    with _refusing():
        message.is_receipt(*request(data))
    with _refusing():
        receipt = message.read_receipt(*request(data), TRUSTED, BytesIO, legacy=LAX.legacy, bare=True)
        for must in (True, False):
            with _refusing():
                mic = (entropy(32), "sha256")
                message.judge(receipt, message_id="<1@us>", recipient="THEM", mic=mic, must_be_signed=must)
                assert receipt.signed or not must
                assert receipt.report.mic == mic
                assert receipt.report.disposition.is_positive


SIGN, COMPRESS, ENCRYPT, STRICT, CANONICAL = 1, 2, 4, 8, 16
"""What the first byte of a whole message says: what is put around the rest, and how it is read."""


def read_message(data: bytes) -> None:
    """Whole messages; what was put around them cannot be reached by changing bytes at random."""
    how, entity = data[0] if data else 0, data[1:]
    inner = entity
    for bit, layer in ((SIGN, signed), (COMPRESS, compressed), (ENCRYPT, encrypted)):
        if how & bit:
            entity = layer(entity)
    agreed = replace(
        LAX, signed=bool(how & STRICT), encrypted=bool(how & STRICT), canonical=bool(how & CANONICAL)
    )
    try:
        found = message.read(*request(entity), agreed, "sha384", BytesIO, entropy)
    except As2Error as error:
        _short(error)
        # Behind encryption that tells no changes, nothing may be told until a signature was found.
        words = (b"signed", b"pkcs7-mime")
        if how & ENCRYPT and not how & SIGN and not any(word in inner.lower() for word in words):
            assert error.code == "AS2-DECRYPTION"  # noqa: PT017
        return
    assert not how & STRICT or (found.signed and found.cipher)
    assert all(one.content.size <= LIMIT for one in found.attachments)
    if how & SIGN:
        # Something before its own end of line may have ended the part: then the signature does not hold.
        assert found.signed
        assert found.mic == (hashlib.sha256(inner).digest(), "sha256")
    elif found.signed is None and not (found.compressed or found.cipher):
        assert found.mic == (hashlib.sha384(entity.partition(b"\r\n\r\n")[2]).digest(), "sha384")


TARGETS: dict[str, Callable[[bytes], None]] = {
    "cms": read_cms,
    "mime": read_mime,
    "mdn": read_mdn,
    "message": read_message,
}


class Slow(AssertionError):
    """A target took longer than data of its size may take."""


BASE, PER_BYTE = 0.1, 20e-6
"""Seconds of the processor a target may take: for anything, and for each byte of its data."""


def check(name: str, data: bytes) -> None:
    """Runs a target. Raises whatever it raises, and Slow."""
    bound = BASE + PER_BYTE * len(data)
    for _ in range(3):  # other work in the process, such as collecting garbage, comes in between once
        start = time.process_time()
        TARGETS[name](data)
        if (took := time.process_time() - start) <= bound:
            return
    raise Slow(f"{took:.3f} s for {len(data)} bytes")
