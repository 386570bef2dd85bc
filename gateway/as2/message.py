"""Whole AS2 messages and receipts: what is sent is built, what arrives is opened.

A message is content in layers of MIME: encrypted, compressed, signed (RFC 4130, 4; RFC 5402, 3). Nothing that
arrives is written anew before its signature is checked, and nothing but the part that was signed is used.

What was encrypted without authentication can be changed by somebody who cannot read it. Therefore, until a
signature was found in it, whatever is wrong with it is told as one and the same error: a sender who could
tell a wrong padding from other errors could decrypt messages of others, byte by byte.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime

from gateway.as2 import cms, mime
from gateway.as2.cms import Entropy, Signed
from gateway.as2.headers import bare_message_id, micalg
from gateway.as2.keys import Certificate, KeyPair
from gateway.as2.mdn import Report, read_report, write_report
from gateway.as2.mime import Entity, Headers
from gateway.as2.problems import As2Error
from gateway.as2.span import Scratch, Span

MAX_SIGNATURE = 1 << 20
"""Bytes that a signature may have, with the certificates in it."""

_CMS_TYPES = ("application/pkcs7-mime", "application/x-pkcs7-mime")
_SIGNATURE_TYPES = ("application/pkcs7-signature", "application/x-pkcs7-signature")
_OPAQUE = "a signature around its content; AS2 asks for multipart/signed"

_TEXT = re.compile(rb"[\t\r\n -~]*")

Mic = tuple[bytes, str]
"""A digest and the name of its algorithm (Received-Content-MIC)."""


@dataclass(frozen=True, slots=True)
class Agreed:
    """What is accepted from a partner, and with which keys.

    Attributes:
        decrypt: our keys. trusted: the partner's certificates.
        signed, encrypted: what every message must be.
        legacy: see :data:`gateway.as2.cms.LEGACY`.
        bare: signatures without signed attributes. canonical: signatures over content whose line ends are
            CRLF, where it arrives with others.
        limit: bytes that content may have, also when it is unpacked.
    """

    decrypt: Sequence[KeyPair]
    trusted: Sequence[Certificate]
    signed: bool = True
    encrypted: bool = True
    legacy: AbstractSet[str] = frozenset()
    bare: bool = False
    canonical: bool = False
    limit: int = 1 << 30


@dataclass(frozen=True, slots=True)
class Attachment:
    """One file in a message. name: as the sender gives it, not yet harmless; empty for none."""

    name: str
    content_type: str
    content: Span


@dataclass(frozen=True, slots=True)
class Received:
    """A message that was opened.

    Attributes:
        mic: what a receipt has to say of its content.
        signed: by whom; None if by nobody. cipher: empty if it was not encrypted.
        evidence: the signed entity with its signature, byte for byte; empty if it was not signed.
    """

    attachments: tuple[Attachment, ...]
    mic: Mic
    signed: Signed | None
    cipher: str
    compressed: bool
    evidence: tuple[Span, ...]


# --- receiving ---------------------------------------------------------------------------------------


def read(
    headers: Headers, body: Span, agreed: Agreed, wanted: str, scratch: Scratch, entropy: Entropy
) -> Received:
    """Opens a message.

    Args:
        headers: of the HTTP request. body: its content.
        wanted: the digest for the receipt of a message that is not signed.

    Raises:
        As2Error: it is not as agreed, or cannot be opened. Its disposition is what the sender may know.
    """
    opening = _Opening(agreed, scratch, entropy)
    try:
        return opening.run(Entity(headers, Span.of(b""), body, body), wanted)
    except As2Error as error:
        if opening.is_malleable and not opening.is_told:
            raise As2Error("AS2-DECRYPTION", detail=str(error)) from None
        raise


class _Opening:
    """The layers of one message, from the outside in.

    Attributes:
        is_malleable: it was encrypted by a cipher that does not tell changes.
        is_told: errors may be told as what they are.
    """

    def __init__(self, agreed: Agreed, scratch: Scratch, entropy: Entropy) -> None:
        self._agreed = agreed
        self._scratch = scratch
        self._entropy = entropy
        self._signed: Signed | None = None
        self._cipher = ""
        self._compressed = False
        self._evidence: tuple[Span, ...] = ()
        self.is_malleable = False
        self.is_told = False

    def run(self, entity: Entity, wanted: str) -> Received:
        agreed, outer = self._agreed, entity
        if agreed.encrypted and _type(entity).type not in _CMS_TYPES:  # before any private key is used
            raise As2Error("AS2-SECURITY", what="it is not encrypted")
        while True:
            if _type(entity).type in _CMS_TYPES:
                entity = self._unpacked(entity, is_outer=entity is outer)
            elif _type(entity).type == "multipart/signed":
                entity = self._verified(entity, is_outer=entity is outer)
            else:
                break
        if agreed.signed and self._signed is None:
            raise As2Error("AS2-SECURITY", what="it is not signed")
        mic = self._mic(entity, outer, wanted)
        attachments = tuple(self._attachments(entity))
        return Received(attachments, mic, self._signed, self._cipher, self._compressed, self._evidence)

    def _unpacked(self, entity: Entity, *, is_outer: bool) -> Entity:
        """What an encrypted or compressed entity holds."""
        agreed = self._agreed
        self._need_text(entity.head)
        content = mime.decoded(entity, self._scratch, 2 * agreed.limit)
        kind, out = cms.kind(content), self._scratch()
        if kind == "signed":
            raise As2Error("AS2-MALFORMED", what=_OPAQUE)
        if kind == "compressed":
            if self._compressed:
                raise As2Error("AS2-MALFORMED", what="it is compressed twice")
            if agreed.encrypted and not self._cipher:
                raise As2Error("AS2-SECURITY", what="it is not encrypted")
            self._compressed = True
            cms.decompress(content, out, agreed.limit)
        else:
            if not is_outer:
                raise As2Error("AS2-MALFORMED", what="something else is around the encryption")
            found = cms.decrypt(content, out, agreed.decrypt, self._entropy, legacy=agreed.legacy)
            self._cipher, self.is_malleable = found.cipher, not found.is_authenticated
        return mime.entity(Span.whole(out))

    def _verified(self, entity: Entity, *, is_outer: bool) -> Entity:
        """The signed part of a multipart/signed (RFC 1847, 2.1), when its signature holds."""
        if self._signed is not None:
            raise As2Error("AS2-MALFORMED", what="it is signed twice")
        part, second, signature = _signed_parts(entity, self._scratch)
        begin = entity.whole.start
        self._need_text(entity.whole.cut(0, part.whole.start - begin))
        self._need_text(entity.whole.cut(part.whole.stop - begin, second.body.start - begin))
        self.is_told = True
        self._signed = self._verify(signature, part.whole)
        # Over HTTP the head of the outermost entity is the request's; its type is all that is needed again.
        head = _head_of(entity) if is_outer else b""
        self._evidence = (Span.of(head), entity.body) if is_outer else (entity.whole,)
        return part

    def _need_text(self, beside: Span) -> None:
        """Refuses what no signature covers if it has bytes that headers do not have. Blocks of a cipher
        that were moved there decrypt to others, and an answer must not depend on what they decrypt to.
        """
        if self.is_malleable and not _TEXT.fullmatch(beside.read()):
            raise As2Error("AS2-MALFORMED", what="beside what is signed is something else than text")

    def _verify(self, signature: bytes, part: Span) -> Signed:
        agreed = self._agreed
        try:
            return cms.verify(signature, [part], agreed.trusted, legacy=agreed.legacy, bare=agreed.bare)
        except As2Error as error:
            if error.code != "AS2-INTEGRITY" or not agreed.canonical:
                raise
        out = self._scratch()
        mime.canonical(part, out)
        return cms.verify(
            signature, [Span.whole(out)], agreed.trusted, legacy=agreed.legacy, bare=agreed.bare
        )

    def _mic(self, entity: Entity, outer: Entity, wanted: str) -> Mic:
        """RFC 4130, 7.3.1 and RFC 5402, 4: of what was signed; else of the content with its MIME headers;
        of what is neither protected nor compressed without them.
        """
        if self._signed is not None:
            return self._signed.mic, self._signed.digest
        return cms.digest([entity.body if entity is outer else entity.whole], wanted), wanted

    def _attachments(self, entity: Entity) -> list[Attachment]:
        kind = _type(entity)
        if not kind.type.startswith("multipart/"):
            return [self._attachment(entity)]
        found = mime.parts(entity.body, kind.params.get("boundary", ""))
        if any(_type(one).type.startswith("multipart/") for one in found):
            raise As2Error("AS2-MALFORMED", what="attachments inside of attachments")
        return [self._attachment(one) for one in found]

    def _attachment(self, entity: Entity) -> Attachment:
        content = mime.decoded(entity, self._scratch, self._agreed.limit)
        if content.size > self._agreed.limit:
            raise As2Error("AS2-TOO-LARGE", what=f"{content.size} bytes")
        return Attachment(mime.disposition_filename(entity.headers), _type(entity).type, content)


def _type(entity: Entity) -> mime.ContentType:
    return mime.content_type(entity.headers.get("Content-Type") or "application/octet-stream")


def _head_of(entity: Entity) -> bytes:
    """The head of an entity that came over HTTP, as far as it is needed to read it again."""
    kind = (entity.headers.get("Content-Type") or "").encode("ascii", "replace")
    return b"Content-Type: " + kind + b"\r\n\r\n"


def _signed_parts(entity: Entity, scratch: Scratch) -> tuple[Entity, Entity, bytes]:
    """What was signed, the part with the signature, and the signature."""
    found = mime.parts(entity.body, _type(entity).params.get("boundary", ""))
    if len(found) != 2 or _type(found[1]).type not in _SIGNATURE_TYPES:
        raise As2Error("AS2-MALFORMED", what="multipart/signed has one part and its signature")
    return found[0], found[1], mime.decoded(found[1], scratch, MAX_SIGNATURE).read()


# --- sending -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Terms:
    """How a partner wants messages.

    Attributes:
        sign: digest of the signature, empty for none. encrypt: cipher, empty for none.
        oaep: digest of RSAES-OAEP, empty for PKCS #1 v1.5.
        compress: ``before`` or ``after`` signing; empty for not.
        base64: the content in that transfer encoding. plain_micalg: ``sha256`` for ``sha-256``.
    """

    sign: str = "sha256"
    encrypt: str = "aes256-cbc"
    oaep: str = ""
    compress: str = ""
    base64: bool = False
    plain_micalg: bool = False


@dataclass(frozen=True, slots=True)
class Built:
    """A message as it goes over the wire.

    Attributes:
        headers: the MIME headers of the request; those of AS2 and HTTP come beside them.
        mic: what a right receipt says. evidence: what was signed, with the signature; empty if nothing was.
        usual: the same by SHA-1, for a message that is not signed: products take that (RFC 4130, 7.3.1)
            where nobody signs and so nobody names a digest.
    """

    headers: tuple[tuple[str, str], ...]
    body: Span
    mic: Mic
    evidence: tuple[Span, ...]
    usual: Mic | None = None


def build(
    content: Span,
    *,
    content_type: str,
    disposition: str,
    terms: Terms,
    signer: KeyPair | None,
    recipients: Sequence[Certificate],
    at: datetime,
    boundary: str,
    digest: str,
    entropy: Entropy,
    scratch: Scratch,
) -> Built:
    """Wraps content as agreed.

    Args:
        disposition: the value of Content-Disposition, which has the file name; empty for none.
        signer: needed to sign. recipients: needed to encrypt.
        boundary: a word that is nowhere in the content, such as a new UUID.
        digest: of the receipt of a message that is not signed.
    """
    named = [("Content-Disposition", disposition)] if disposition else []
    inner = [("Content-Type", content_type), *named]
    if not (terms.sign or terms.encrypt or terms.compress):
        mic = cms.digest([content], digest), digest
        return Built(tuple(inner), content, mic, (), (cms.digest([content], cms.SHA1), cms.SHA1))
    how = ("Content-Transfer-Encoding", "base64" if terms.base64 else "binary")
    encoded = _base64(content, scratch) if terms.base64 else content
    pieces, outer = [Span.of(mime.head([*inner, how])), encoded], inner
    usual: Mic | None = None
    evidence: tuple[Span, ...] = ()
    if not terms.sign:
        mic, usual = (cms.digest(pieces, digest), digest), (cms.digest(pieces, cms.SHA1), cms.SHA1)
    if terms.compress == "before" or (terms.compress and not terms.sign):
        outer, pieces = _compressed(pieces, scratch)
    if terms.sign:
        assert signer is not None
        mic = cms.digest(pieces, terms.sign), terms.sign
        outer, pieces = signed(pieces, signer, terms.sign, at, boundary, plain=terms.plain_micalg)
        evidence = tuple(pieces)
        if terms.compress == "after":
            outer, pieces = _compressed(pieces, scratch)
    if terms.encrypt:
        out = scratch()
        cms.encrypt(pieces, out, recipients, terms.encrypt, entropy, oaep=terms.oaep)
        smime = "authEnveloped-data" if terms.encrypt.endswith("gcm") else "enveloped-data"
        outer = [("Content-Type", f"application/pkcs7-mime; smime-type={smime}; name=smime.p7m")]
        return Built(tuple(outer), Span.whole(out), mic, evidence, usual)
    head, *rest = pieces
    joined = _joined([head.cut(head.read().index(b"\r\n\r\n") + 4), *rest], scratch)
    return Built(tuple(outer), joined, mic, evidence, usual)


def _base64(content: Span, scratch: Scratch) -> Span:
    """Content in lines of base64 (RFC 2045, 6.8)."""
    out = scratch()
    for chunk in content.chunks(57 << 10):
        out.write(base64.encodebytes(chunk).replace(b"\n", b"\r\n"))
    return Span.whole(out)


def _compressed(pieces: Sequence[Span], scratch: Scratch) -> tuple[list[tuple[str, str]], list[Span]]:
    """RFC 5402, 2: the entity compressed, its headers, and both together."""
    out = scratch()
    cms.compress(pieces, out, scratch)
    headers = [
        ("Content-Type", "application/pkcs7-mime; smime-type=compressed-data; name=smime.p7z"),
        ("Content-Transfer-Encoding", "binary"),
        ("Content-Disposition", "attachment; filename=smime.p7z"),
    ]
    return headers, [Span.of(mime.head(headers)), Span.whole(out)]


def signed(
    pieces: Sequence[Span], signer: KeyPair, digest: str, at: datetime, boundary: str, *, plain: bool = False
) -> tuple[list[tuple[str, str]], list[Span]]:
    """An entity as the first part of a multipart/signed (RFC 1847, 2.1): its headers, and all of it."""
    signature = cms.sign(pieces, signer, digest, at=at)
    kind = f'multipart/signed; protocol="{_SIGNATURE_TYPES[0]}"; micalg={micalg(digest, plain)}'
    headers = [("Content-Type", f'{kind}; boundary="{boundary}"')]
    second = mime.head(
        [
            ("Content-Type", "application/pkcs7-signature; name=smime.p7s"),
            ("Content-Transfer-Encoding", "base64"),
            ("Content-Disposition", "attachment; filename=smime.p7s"),
        ]
    )
    begin = mime.head(headers) + f"--{boundary}\r\n".encode()
    lines = base64.encodebytes(signature).replace(b"\n", b"\r\n")
    end = f"\r\n--{boundary}\r\n".encode() + second + lines + f"--{boundary}--\r\n".encode()
    return headers, [Span.of(begin), *pieces, Span.of(end)]


def _joined(pieces: Sequence[Span], scratch: Scratch) -> Span:
    out = scratch()
    for piece in pieces:
        for chunk in piece.chunks():
            out.write(chunk)
    return Span.whole(out)


# --- receipts ----------------------------------------------------------------------------------------


def build_receipt(
    report: Report,
    signer: KeyPair | None,
    digest: str,
    at: datetime,
    boundary: str,
    product: str,
    *,
    plain: bool = False,
) -> tuple[tuple[tuple[str, str], ...], bytes]:
    """A receipt: its MIME headers and its body.

    Args:
        signer: None for a receipt without signature. digest: of the signature; for SHA-1, which is only read,
            SHA-256. boundary: a word that is nowhere else. plain: see :func:`gateway.as2.headers.micalg`.
    """
    entity = write_report(report, boundary=boundary, reporting_ua=product, plain=plain)
    if signer is None:
        head, _, body = entity.partition(b"\r\n\r\n")
        return (("Content-Type", head.decode().partition(": ")[2]),), body
    digest = digest if digest in cms.DIGESTS else cms.DIGESTS[0]
    headers, pieces = signed([Span.of(entity)], signer, digest, at, f"{boundary}-signed", plain=plain)
    return tuple(headers), b"".join(piece.read() for piece in pieces).partition(b"\r\n\r\n")[2]


def is_receipt(headers: Headers, body: Span) -> bool:
    """Whether a request is an asynchronous receipt, which looks like a message otherwise. Raises As2Error."""
    entity = Entity(headers, Span.of(b""), body, body)
    if _type(entity).type == "multipart/signed":
        entity = mime.parts(body, _type(entity).params.get("boundary", ""))[0]
    return _type(entity).type in ("multipart/report", "message/disposition-notification")


@dataclass(frozen=True, slots=True)
class Receipt:
    """A receipt that arrived. signed: by whom; None if by nobody."""

    report: Report
    signed: Signed | None


def read_receipt(
    headers: Headers,
    body: Span,
    trusted: Sequence[Certificate],
    scratch: Scratch,
    *,
    legacy: AbstractSet[str] = frozenset(),
    bare: bool = False,
) -> Receipt:
    """Reads a receipt and checks its signature, if it has one.

    Raises:
        As2Error: it is no receipt, or its signature does not hold.
    """
    entity, by = Entity(headers, Span.of(b""), body, body), None
    try:
        if _type(entity).type == "multipart/signed":
            entity, _, signature = _signed_parts(entity, scratch)
            by = cms.verify(signature, [entity.whole], trusted, legacy=legacy, bare=bare)
        return Receipt(read_report(entity, scratch), by)
    except As2Error as error:
        if error.code.startswith("AS2-MDN"):
            raise
        code = "AS2-MDN-MALFORMED" if error.code == "AS2-MALFORMED" else "AS2-MDN-SIGNATURE"
        raise As2Error(code, what=str(error)) from None


def judge(
    receipt: Receipt,
    *,
    message_id: str,
    recipient: str,
    mic: Mic,
    must_be_signed: bool,
    usual: Mic | None = None,
) -> None:
    """Whether a receipt proves that a message arrived as it was sent.

    Args:
        message_id: of the message, as sent. recipient: the AS2 name it was sent to.
        mic, usual: of its content, see :class:`Built`.

    Raises:
        As2Error: it does not, with the reason.
    """
    report = receipt.report
    if must_be_signed and receipt.signed is None:
        raise As2Error("AS2-MDN-SIGNATURE", what="it has no signature")
    if bare_message_id(report.original_message_id) != bare_message_id(message_id):
        raise As2Error("AS2-MDN-UNMATCHED", what=f"it names {report.original_message_id[:200]!r}")
    if report.final_recipient not in ("", recipient):
        raise As2Error("AS2-MDN-UNMATCHED", what=f"it is by {report.final_recipient[:200]!r}")
    if not report.disposition.is_positive:
        said = dict.fromkeys((str(report.disposition), *report.errors))
        raise As2Error("AS2-MDN-NEGATIVE", what="; ".join(said)[:1_000])
    if report.mic is None:
        raise As2Error("AS2-MDN-MIC", what="it has no digest of what was received")
    if report.mic not in (mic, usual):
        theirs, ours = (
            f"{base64.b64encode(one).decode():.100} ({name:.40})" for one, name in (report.mic, mic)
        )
        raise As2Error("AS2-MDN-MIC", what=f"it has {theirs}, sent was {ours}")
