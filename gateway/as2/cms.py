"""Cryptographic messages (CMS, RFC 5652) as AS2 uses them: signed beside the content, encrypted, compressed.

Content streams through, so that its size does not matter. Only certificates that the caller trusts count;
those inside a message are passed over. A signature is believed as a whole or not at all: at least one signer
must be trusted, and digest and type of the content and the algorithms must all be those that were signed.
"""

from __future__ import annotations

import hashlib
import hmac
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, BinaryIO, TypeAlias

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7

from gateway.as2 import asn1
from gateway.as2.asn1 import OCTETS, OID, SEQUENCE, SET, Asn1Error, Reader, header, oid, sequence, set_of, tlv
from gateway.as2.keys import Certificate, KeyPair
from gateway.as2.problems import As2Error
from gateway.as2.span import CHUNK, Scratch, Span, chunks, size

Entropy: TypeAlias = Callable[[int], bytes]
"""Gives so many unpredictable bytes."""

SHA1, TRIPLE_DES = "sha1", "3des"
LEGACY = (SHA1, TRIPLE_DES)
"""Algorithms that are only read, and only where that is allowed."""

MAX_SIGNERS, MAX_RECIPIENTS = 16, 64

FREE_INFLATION, MAX_RATIO = 16 << 20, 200
"""Compressed content may unpack to so many bytes in any case, and beyond that to so many times its size."""

_TAG = 16
_ANY0, _ANY1 = 0xA0, 0xA1

_DATA = oid("1.2.840.113549.1.7.1")
_SIGNED = oid("1.2.840.113549.1.7.2")
_ENVELOPED = oid("1.2.840.113549.1.7.3")
_AUTH_ENVELOPED = oid("1.2.840.113549.1.9.16.1.23")
_COMPRESSED = oid("1.2.840.113549.1.9.16.1.9")
_ZLIB = oid("1.2.840.113549.1.9.16.3.8")
_CONTENT_TYPE = oid("1.2.840.113549.1.9.3")
_MESSAGE_DIGEST = oid("1.2.840.113549.1.9.4")
_SIGNING_TIME = oid("1.2.840.113549.1.9.5")
_RSA = oid("1.2.840.113549.1.1.1")
_OAEP = oid("1.2.840.113549.1.1.7")
_MGF1 = oid("1.2.840.113549.1.1.8")
_PSS = oid("1.2.840.113549.1.1.10")
_NULL = tlv(asn1.NULL)

_KINDS = {
    _SIGNED: "signed",
    _ENVELOPED: "enveloped",
    _AUTH_ENVELOPED: "auth-enveloped",
    _COMPRESSED: "compressed",
}

_HASHES: dict[str, hashes.HashAlgorithm] = {
    SHA1: hashes.SHA1(),  # nosec B303  # noqa: S303 - read from old partners only
    "sha256": hashes.SHA256(),
    "sha384": hashes.SHA384(),
    "sha512": hashes.SHA512(),
}
DIGESTS = ("sha256", "sha384", "sha512")
"""Digests that are written."""

_DIGEST_OIDS = {
    oid("1.3.14.3.2.26"): SHA1,
    oid("2.16.840.1.101.3.4.2.1"): "sha256",
    oid("2.16.840.1.101.3.4.2.2"): "sha384",
    oid("2.16.840.1.101.3.4.2.3"): "sha512",
}
_OID_OF_DIGEST = {name: one for one, name in _DIGEST_OIDS.items()}

_RSA_WITH = {
    oid("1.2.840.113549.1.1.5"): SHA1,
    oid("1.2.840.113549.1.1.11"): "sha256",
    oid("1.2.840.113549.1.1.12"): "sha384",
    oid("1.2.840.113549.1.1.13"): "sha512",
}
_ECDSA_WITH = {
    oid("1.2.840.10045.4.1"): SHA1,
    oid("1.2.840.10045.4.3.2"): "sha256",
    oid("1.2.840.10045.4.3.3"): "sha384",
    oid("1.2.840.10045.4.3.4"): "sha512",
}
_OID_OF_ECDSA = {name: one for one, name in _ECDSA_WITH.items()}

_CIPHER_OIDS = {
    oid("1.2.840.113549.3.7"): (TRIPLE_DES, 24),
    oid("2.16.840.1.101.3.4.1.2"): ("aes128-cbc", 16),
    oid("2.16.840.1.101.3.4.1.22"): ("aes192-cbc", 24),
    oid("2.16.840.1.101.3.4.1.42"): ("aes256-cbc", 32),
    oid("2.16.840.1.101.3.4.1.6"): ("aes128-gcm", 16),
    oid("2.16.840.1.101.3.4.1.26"): ("aes192-gcm", 24),
    oid("2.16.840.1.101.3.4.1.46"): ("aes256-gcm", 32),
}
_OID_OF_CIPHER = {name: (one, length) for one, (name, length) in _CIPHER_OIDS.items()}


@dataclass(frozen=True, slots=True)
class Signed:
    """A signature that holds.

    Attributes:
        digest: its digest algorithm. mic: the digest of the content by that.
        certificate: of who signed. at: when, as the signer says, if it does.
    """

    digest: str
    mic: bytes
    certificate: Certificate
    at: datetime | None


@dataclass(frozen=True, slots=True)
class Encrypted:
    """What content was encrypted with. certificate: ours. is_authenticated: whether a change would show."""

    cipher: str
    certificate: Certificate
    is_authenticated: bool


@contextmanager
def _structure(what: str) -> Iterator[None]:
    try:
        yield
    except Asn1Error as error:
        raise As2Error("AS2-MALFORMED", what=f"{what} cannot be read: {error}") from None


def kind(content: Span) -> str:
    """Which CMS content this is: ``signed``, ``enveloped``, ``auth-enveloped`` or ``compressed``.

    Raises:
        As2Error: none of these.
    """
    with _structure("the content"):
        reader = Reader(content)
        reader.open(SEQUENCE)
        if found := _KINDS.get(reader.raw()):
            return found
    raise As2Error("AS2-MALFORMED", what="a content of CMS that AS2 does not use")


def digest(pieces: Iterable[Span], name: str) -> bytes:
    """The digest of content."""
    made = hashlib.new(name, usedforsecurity=False)
    for chunk in chunks(pieces):
        made.update(chunk)
    return made.digest()


# --- signatures --------------------------------------------------------------------------------------


def sign(
    pieces: Sequence[Span],
    key: KeyPair,
    digest_name: str,
    *,
    at: datetime | None,
    pss: bool = False,
    by_key_id: bool = False,
) -> bytes:
    """The signature of content, apart from it: SignedData (RFC 5652, 5) in DER, with the certificate.

    Args:
        digest_name: one of :data:`DIGESTS`.
        at: the signing time; None for none.
        pss: RSASSA-PSS (RFC 4056) instead of PKCS #1 v1.5. by_key_id: how the signer is named.
    """
    algorithm = sequence(_OID_OF_DIGEST[digest_name])
    attributes = [
        sequence(_CONTENT_TYPE, set_of(_DATA)),
        sequence(_MESSAGE_DIGEST, set_of(tlv(OCTETS, digest(pieces, digest_name)))),
    ]
    if at is not None:
        attributes.append(sequence(_SIGNING_TIME, set_of(_time(at))))
    signed = set_of(*attributes)
    how, signature = _signature(key, signed, digest_name, pss)
    signer = sequence(
        asn1.integer(3 if by_key_id else 1),
        tlv(0x80, key.certificate.key_id) if by_key_id else _issuer_and_serial(key.certificate),
        algorithm,
        bytes([_ANY0]) + signed[1:],
        how,
        tlv(OCTETS, signature),
    )
    return sequence(
        _SIGNED,
        tlv(
            _ANY0,
            sequence(
                asn1.integer(3 if by_key_id else 1),
                set_of(algorithm),
                sequence(_DATA),
                tlv(_ANY0, key.certificate.der),
                set_of(signer),
            ),
        ),
    )


def _signature(key: KeyPair, signed: bytes, digest_name: str, pss: bool) -> tuple[bytes, bytes]:
    """The algorithm, encoded, and the signature of attributes."""
    made = _HASHES[digest_name]
    if not isinstance(key.key, RSAPrivateKey):
        return sequence(_OID_OF_ECDSA[digest_name]), key.key.sign(signed, ec.ECDSA(made))
    if not pss:
        return sequence(_RSA, _NULL), key.key.sign(signed, padding.PKCS1v15(), made)
    salt = made.digest_size
    hashed = sequence(_OID_OF_DIGEST[digest_name])
    parameters = sequence(
        tlv(0xA0, hashed), tlv(0xA1, sequence(_MGF1, hashed)), tlv(0xA2, asn1.integer(salt))
    )
    scheme = padding.PSS(padding.MGF1(made), salt)
    return sequence(_PSS, parameters), key.key.sign(signed, scheme, made)


def _time(at: datetime) -> bytes:
    """RFC 5652, 11.3: two digits of the year up to 2049."""
    at = at.astimezone(UTC)
    if at.year < 2050:
        return tlv(asn1.UTC_TIME, f"{at:%y%m%d%H%M%SZ}".encode())
    return tlv(asn1.GENERALIZED_TIME, f"{at:%Y%m%d%H%M%SZ}".encode())


def _issuer_and_serial(certificate: Certificate) -> bytes:
    return sequence(certificate.issuer, asn1.integer(certificate.serial))


@dataclass(frozen=True, slots=True)
class _Identifier:
    """How a message names a certificate: by issuer and serial number, or by key identifier."""

    issuer: bytes = b""
    serial: int = 0
    key_id: bytes = b""

    def names(self, certificate: Certificate) -> bool:
        if self.key_id:
            return self.key_id == certificate.key_id
        return self.serial == certificate.serial and self.issuer == certificate.issuer

    def __str__(self) -> str:
        if self.key_id:
            return f"key identifier {self.key_id.hex():.80}"
        return "serial number " + f"{self.serial:X}"[:80]


def _identifier(reader: Reader) -> _Identifier:
    if reader.peek() in (0x80, 0xA0):
        found = reader.octets(0x80)
        if not found:
            raise Asn1Error("an empty key identifier")
        return _Identifier(key_id=found)
    reader.open(SEQUENCE)
    issuer, serial = reader.raw(), reader.integer()
    reader.close()
    return _Identifier(issuer, serial)


def _algorithm(reader: Reader) -> tuple[bytes, bytes]:
    """An AlgorithmIdentifier: its object identifier and its parameters, both encoded."""
    reader.open(SEQUENCE)
    if reader.peek() != OID:
        raise Asn1Error("an algorithm without a name")
    name = reader.raw()
    parameters = reader.raw() if reader.peek() != -1 else b""
    reader.close()
    return name, parameters


@dataclass(frozen=True, slots=True)
class _Signer:
    """A SignerInfo (RFC 5652, 5.3). attributes: signed ones, as a SET OF; empty if there are none."""

    identifier: _Identifier
    digest: bytes
    attributes: bytes
    algorithm: tuple[bytes, bytes]
    signature: bytes


def _signers(signature: bytes) -> list[_Signer]:
    """Who signed (RFC 5652, 5.1). Raises As2Error."""
    found: list[_Signer] = []
    with _structure("the signature"):
        reader = Reader(Span.of(signature))
        reader.open(SEQUENCE)
        if reader.raw() != _SIGNED:
            raise Asn1Error("it is no signature")
        reader.open(_ANY0)
        reader.open(SEQUENCE)
        reader.integer()
        reader.skip()  # the digests: each signer names its own
        reader.open(SEQUENCE)
        if reader.raw() != _DATA:
            raise Asn1Error("it signs no data")
        if reader.peek() != -1:
            raise Asn1Error("it has a content of its own, beside the one it stands by")
        reader.close()
        while reader.peek() in (_ANY0, _ANY1):
            reader.skip()  # certificates and revocation lists: ours count
        reader.open(SET)
        while reader.peek() != -1:
            if len(found) == MAX_SIGNERS:
                raise Asn1Error("too many signers")
            found.append(_signer(reader))
        reader.close()
        reader.close()
        reader.close()
        reader.close()
        if reader.peek() != -1:
            raise Asn1Error("bytes after its end")
    return found


def _signer(reader: Reader) -> _Signer:
    reader.open(SEQUENCE)
    reader.integer()
    identifier = _identifier(reader)
    digest_oid, _ = _algorithm(reader)
    attributes = b""
    if reader.peek() == _ANY0:
        attributes = bytes([SET]) + reader.raw()[1:]
    algorithm = _algorithm(reader)
    signature = reader.octets()
    if reader.peek() == _ANY1:
        reader.skip()
    reader.close()
    return _Signer(identifier, digest_oid, attributes, algorithm, signature)


def verify(
    signature: bytes,
    pieces: Sequence[Span],
    trusted: Sequence[Certificate],
    *,
    legacy: AbstractSet[str] = frozenset(),
    bare: bool = False,
) -> Signed:
    """Whether content is what somebody trusted has signed.

    Args:
        signature: SignedData without content. trusted: the certificates of who may sign.
        legacy: which of :data:`LEGACY` are allowed.
        bare: whether signatures without signed attributes are allowed. They can be forged from others
            (draft-ietf-lamps-cms-euf-cma-signeddata), so that content that could be attributes is refused.

    Raises:
        As2Error: it is not, or cannot be read.
    """
    signers = _signers(signature)
    known = [(one, by) for one in signers for by in trusted if one.identifier.names(by)]
    if not known:
        who = " and ".join(f"a certificate with the {one.identifier}" for one in signers)
        raise As2Error("AS2-AUTHENTICATION", what=f"it is by {who}" if who else "nobody signed")
    digests: dict[str, bytes] = {}
    refused: As2Error | None = None
    for signer, certificate in known:
        try:
            return _verified(signer, certificate, pieces, digests, legacy, bare)
        except As2Error as error:
            refused = refused or error
    assert refused is not None
    raise refused


def _verified(
    signer: _Signer,
    certificate: Certificate,
    pieces: Sequence[Span],
    digests: dict[str, bytes],
    legacy: AbstractSet[str],
    bare: bool,
) -> Signed:
    name = _allowed(_DIGEST_OIDS.get(signer.digest), legacy)
    if name not in digests:
        digests[name] = digest(pieces, name)
    mic, at = digests[name], None
    if signer.attributes:
        said, at = _attributes(signer.attributes)
        if not hmac.compare_digest(said, mic):
            raise As2Error("AS2-INTEGRITY", what=f"its {name} is {mic.hex()}, signed was {said.hex():.128}")
        data: bytes | None = signer.attributes
    else:
        if not bare:
            raise As2Error("AS2-SECURITY", what="the signature has no signed attributes")
        if next(chunks(pieces), b"")[:1] == bytes([SET]):
            raise As2Error("AS2-AUTHENTICATION", what="what was signed may be something else")
        data = None
    with _structure("the algorithm of the signature"):
        fits = _fits(signer, certificate, name, data, mic)
    if not fits:
        raise As2Error("AS2-AUTHENTICATION", what=f"the key of {certificate.name} did not make it")
    return Signed(name, mic, certificate, at)


def _allowed(name: str | None, legacy: AbstractSet[str]) -> str:
    if name is None:
        raise As2Error("AS2-SECURITY", what="it uses a digest that is not known, or no longer safe")
    if name in LEGACY and name not in legacy:
        raise As2Error("AS2-WEAK", what=name.upper())
    return name


def _attributes(encoded: bytes) -> tuple[bytes, datetime | None]:
    """Digest and time of signed attributes (RFC 5652, 11), each once and with one value."""
    found: dict[bytes, bytes] = {}
    with _structure("the signed attributes"):
        reader = Reader(Span.of(encoded))
        reader.open(SET)
        while reader.peek() != -1:
            reader.open(SEQUENCE)
            name = reader.raw()
            reader.open(SET)
            value = reader.raw()
            if name in (_CONTENT_TYPE, _MESSAGE_DIGEST, _SIGNING_TIME):
                reader.close()
                if name in found:
                    raise Asn1Error("an attribute is there twice")
                found[name] = value
                reader.close()
            else:
                while reader.peek() != -1:
                    reader.skip()
                reader.close()
                reader.close()
        reader.close()
        if found.get(_CONTENT_TYPE) != _DATA or _MESSAGE_DIGEST not in found:
            raise Asn1Error("type or digest of the content are not signed")
        said = Reader(Span.of(found[_MESSAGE_DIGEST])).octets()
    return said, _time_of(found.get(_SIGNING_TIME))


def _time_of(encoded: bytes | None) -> datetime | None:
    """A time as the signer says it; None if it says none that can be read."""
    if encoded:
        with suppress(Asn1Error, ValueError, KeyError):
            reader = Reader(Span.of(encoded))
            form = {asn1.UTC_TIME: "%y%m%d%H%M%SZ", asn1.GENERALIZED_TIME: "%Y%m%d%H%M%SZ"}[reader.peek()]
            return datetime.strptime(reader.value(encoded[0]).decode("ascii"), form).replace(tzinfo=UTC)
    return None


def _fits(signer: _Signer, certificate: Certificate, name: str, data: bytes | None, mic: bytes) -> bool:
    """Whether a key made a signature: of attributes, or of the digest of the content if there are none."""
    how, parameters = signer.algorithm
    key, made = certificate.key, _HASHES[name]
    hashed = made if data is not None else Prehashed(made)
    with suppress(InvalidSignature, ValueError):
        if isinstance(key, RSAPublicKey):
            scheme: padding.AsymmetricPadding
            if how == _PSS:
                scheme = _pss(parameters, name)
            elif how == _RSA or _RSA_WITH.get(how) == name:
                scheme = padding.PKCS1v15()
            else:
                return False
            key.verify(signer.signature, mic if data is None else data, scheme, hashed)
            return True
        if _ECDSA_WITH.get(how) == name:
            key.verify(signer.signature, mic if data is None else data, ec.ECDSA(hashed))
            return True
    return False


def _pss(parameters: bytes, name: str) -> padding.PSS:
    """RSASSA-PSS-params (RFC 4055, 3.1); the digest must be the one of the content."""
    hashed, mask, salt = SHA1, SHA1, 20
    if parameters:
        reader = Reader(Span.of(parameters))
        reader.open(SEQUENCE)
        hashed, mask = _hash_in(reader), _mask_in(reader)
        if reader.peek() == 0xA2:
            reader.open(0xA2)
            salt = reader.integer()
            reader.close()
        while reader.peek() != -1:
            reader.skip()
        reader.close()
    if hashed != name or not 0 <= salt <= 512:
        raise Asn1Error("parameters that do not fit the digest")
    return padding.PSS(padding.MGF1(_HASHES[mask]), salt)


def _hash_in(reader: Reader) -> str:
    if reader.peek() != 0xA0:
        return SHA1
    reader.open(0xA0)
    name = _DIGEST_OIDS.get(_algorithm(reader)[0])
    reader.close()
    if name is None:
        raise Asn1Error("a digest that is not known")
    return name


def _mask_in(reader: Reader) -> str:
    if reader.peek() != 0xA1:
        return SHA1
    reader.open(0xA1)
    how, parameters = _algorithm(reader)
    reader.close()
    name = None
    if how == _MGF1 and parameters:
        name = _DIGEST_OIDS.get(_algorithm(Reader(Span.of(parameters)))[0])
    if name is None:
        raise Asn1Error("a mask that is not known")
    return name


# --- encryption --------------------------------------------------------------------------------------


def encrypt(
    pieces: Sequence[Span],
    out: BinaryIO,
    recipients: Sequence[Certificate],
    cipher: str,
    entropy: Entropy,
    *,
    oaep: str = "",
) -> None:
    """Writes content encrypted: EnvelopedData (RFC 5652, 6) or, for GCM, AuthEnvelopedData (RFC 5083, 5084).

    Args:
        recipients: who can decrypt it; certificates with RSA keys.
        cipher: such as ``aes256-cbc``.
        oaep: the digest of RSAES-OAEP (RFC 4055, 4); empty for PKCS #1 v1.5.

    Raises:
        ValueError: a certificate cannot encrypt.
    """
    name, length = _OID_OF_CIPHER[cipher]
    is_gcm = cipher.endswith("gcm")
    key, start = entropy(length), entropy(12 if is_gcm else 16)
    parameters = sequence(tlv(OCTETS, start), asn1.integer(_TAG)) if is_gcm else tlv(OCTETS, start)
    total = size(pieces)
    encrypted = total if is_gcm else total // 16 * 16 + 16
    head = _DATA + sequence(name, parameters) + header(0x80, encrypted)
    body = asn1.integer(0) + set_of(*(_recipient(one, key, oaep) for one in recipients))
    mac = header(OCTETS, _TAG) if is_gcm else b""
    inner = header(SEQUENCE, len(head) + encrypted) + head
    whole = len(body) + len(inner) + encrypted + (len(mac) + _TAG if is_gcm else 0)
    outer = header(SEQUENCE, whole)
    content = header(_ANY0, len(outer) + whole)
    kind_of = _AUTH_ENVELOPED if is_gcm else _ENVELOPED
    out.write(header(SEQUENCE, len(kind_of) + len(content) + len(outer) + whole))
    out.write(kind_of + content + outer + body + inner)
    made: Any = Cipher(algorithms.AES(key), modes.GCM(start) if is_gcm else modes.CBC(start)).encryptor()
    pad = None if is_gcm else PKCS7(128).padder()
    for chunk in chunks(pieces):  # noqa: FURB122 -- scratch files take all of writelines into memory
        out.write(made.update(chunk if pad is None else pad.update(chunk)))
    if pad is not None:
        out.write(made.update(pad.finalize()))
    out.write(made.finalize())
    if is_gcm:
        out.write(mac + made.tag)


def _recipient(certificate: Certificate, key: bytes, oaep: str) -> bytes:
    """A KeyTransRecipientInfo (RFC 5652, 6.2.1)."""
    public = certificate.key
    if not isinstance(public, RSAPublicKey):
        raise ValueError(f"the key of {certificate.name} is no RSA key and cannot encrypt")
    if oaep:
        hashed = sequence(_OID_OF_DIGEST[oaep])
        how = sequence(_OAEP, sequence(tlv(0xA0, hashed), tlv(0xA1, sequence(_MGF1, hashed))))
        made = _HASHES[oaep]
        sealed = public.encrypt(key, padding.OAEP(padding.MGF1(made), made, None))
    else:
        how, sealed = sequence(_RSA, _NULL), public.encrypt(key, padding.PKCS1v15())
    return sequence(asn1.integer(0), _issuer_and_serial(certificate), how, tlv(OCTETS, sealed))


@dataclass(frozen=True, slots=True)
class _Sealed:
    """A content key, encrypted for a recipient."""

    identifier: _Identifier
    algorithm: tuple[bytes, bytes]
    key: bytes


def decrypt(
    content: Span,
    out: BinaryIO,
    keys: Sequence[KeyPair],
    entropy: Entropy,
    *,
    legacy: AbstractSet[str] = frozenset(),
) -> Encrypted:
    """Writes what content was encrypted from. What was written counts only when this returns.

    A wrong key, a wrong padding of the key and one of the content end in the same error, after the same work:
    a key that cannot be had is replaced by another (RFC 3218).

    Raises:
        As2Error: it cannot be decrypted, for whatever reason.
    """
    with _structure("the encrypted content"):
        reader = Reader(content)
        reader.open(SEQUENCE)
        is_gcm = reader.raw() == _AUTH_ENVELOPED
        reader.open(_ANY0)
        reader.open(SEQUENCE)
        reader.integer()
        if reader.peek() == _ANY0:
            reader.skip()
        sealed = _recipients(reader)
        reader.open(SEQUENCE)
        reader.raw()
        name, parameters = _algorithm(reader)
        begin = reader.at
        if reader.peek() not in (0x80, _ANY0):
            raise Asn1Error("it has no content")
        known = _CIPHER_OIDS.get(name)
        cipher = known[0] if known else ""
        if cipher.endswith("gcm") != is_gcm:
            cipher = ""
        start, tag_size = _start(parameters, is_gcm)
    if not cipher or known is None:
        raise As2Error("AS2-SECURITY", what="it is encrypted by a cipher that is not known, or not safe")
    if cipher == TRIPLE_DES and cipher not in legacy:
        raise As2Error("AS2-WEAK", what="Triple DES")
    mine = [(one, key) for one in sealed for key in keys if one.identifier.names(key.certificate)]
    if not mine:
        named = " and ".join(str(one.identifier) for one in sealed[:4]) or "nobody"
        raise As2Error("AS2-DECRYPTION", detail=f"It is encrypted for {named}, which is none of ours.")
    one, pair = mine[0]
    secret = _content_key(one, pair, known[1], entropy)
    with _structure("the encrypted content"):
        aad, mac = _authenticated(reader, tag_size) if is_gcm else (b"", b"")
        pieces = Reader(content, begin).chunks(0x80)
        made = _decryptor(cipher, secret, start, tag_size)
        unpad = None if is_gcm else PKCS7(8 * len(start)).unpadder()
        try:
            if aad:
                made.authenticate_additional_data(aad)
            for chunk in pieces:
                plain = made.update(chunk)
                out.write(plain if unpad is None else unpad.update(plain))
            if unpad is None:
                made.finalize_with_tag(mac)
            else:
                made.finalize()
                out.write(unpad.finalize())
        except Asn1Error:
            raise
        except (ValueError, InvalidTag):
            raise As2Error("AS2-DECRYPTION") from None
    return Encrypted(cipher, pair.certificate, is_gcm)


def _recipients(reader: Reader) -> list[_Sealed]:
    """For whom it is encrypted; those with other ways to the key than RSA are passed over."""
    found, count = [], 0
    reader.open(SET)
    while (tag := reader.peek()) != -1:
        count += 1
        if count > MAX_RECIPIENTS:
            raise Asn1Error("too many recipients")
        if tag != SEQUENCE:
            reader.skip()
            continue
        reader.open(SEQUENCE)
        reader.integer()
        found.append(_Sealed(_identifier(reader), _algorithm(reader), reader.octets()))
        reader.close()
    reader.close()
    return found


def _start(parameters: bytes, is_gcm: bool) -> tuple[bytes, int]:
    """Initialization vector and, of GCM (RFC 5084, 3.2), the size of the authentication tag."""
    reader = Reader(Span.of(parameters))
    if not is_gcm:
        return reader.octets(), 0
    reader.open(SEQUENCE)
    start = reader.octets()
    tag_size = reader.integer() if reader.peek() != -1 else 12
    reader.close()
    if not 12 <= tag_size <= 16 or not 8 <= len(start) <= 128:
        raise Asn1Error("parameters of GCM that nobody uses")
    return start, tag_size


def _content_key(sealed: _Sealed, pair: KeyPair, length: int, entropy: Entropy) -> bytes:
    """The content key; another one if it cannot be had, so that this cannot be told from a wrong one."""
    other, how = entropy(length), sealed.algorithm
    try:
        if not isinstance(pair.key, RSAPrivateKey):
            return other
        if how[0] == _OAEP:
            scheme: padding.AsymmetricPadding = _oaep(how[1])
        elif how[0] == _RSA:
            scheme = padding.PKCS1v15()
        else:
            return other
        found = pair.key.decrypt(sealed.key, scheme)
    except ValueError:
        return other
    return found if len(found) == length else other


def _oaep(parameters: bytes) -> padding.OAEP:
    """RSAES-OAEP-params (RFC 4055, 4.1); the label is always the empty one."""
    hashed, mask = SHA1, SHA1
    if parameters:
        reader = Reader(Span.of(parameters))
        reader.open(SEQUENCE)
        hashed, mask = _hash_in(reader), _mask_in(reader)
    return padding.OAEP(padding.MGF1(_HASHES[mask]), _HASHES[hashed], None)


def _decryptor(cipher: str, secret: bytes, start: bytes, tag_size: int) -> Any:
    if cipher.endswith("gcm"):
        return Cipher(algorithms.AES(secret), modes.GCM(start, min_tag_length=tag_size)).decryptor()
    block = TripleDES(secret) if cipher == TRIPLE_DES else algorithms.AES(secret)
    if len(start) * 8 != block.block_size:
        raise Asn1Error("an initialization vector of a wrong size")
    return Cipher(block, modes.CBC(start)).decryptor()


def _authenticated(reader: Reader, tag_size: int) -> tuple[bytes, bytes]:
    """Authenticated attributes as they count for the tag, and the tag, which come after the content."""
    reader.skip()
    reader.close()
    aad = bytes([SET]) + reader.raw()[1:] if reader.peek() == _ANY1 else b""
    mac = reader.octets()
    if len(mac) != tag_size:
        raise Asn1Error("an authentication tag of a wrong size")
    return aad, mac


# --- compression -------------------------------------------------------------------------------------


def compress(pieces: Iterable[Span], out: BinaryIO, scratch: Scratch) -> None:
    """Writes content compressed: CompressedData (RFC 3274, RFC 5402) in DER."""
    packed, packer = scratch(), zlib.compressobj()
    for chunk in chunks(pieces):
        packed.write(packer.compress(chunk))
    packed.write(packer.flush())
    content = Span.whole(packed)
    octets = header(OCTETS, content.size)
    explicit = header(_ANY0, len(octets) + content.size) + octets
    inner = header(SEQUENCE, len(_DATA) + len(explicit) + content.size) + _DATA + explicit
    body = asn1.integer(0) + sequence(_ZLIB) + inner
    outer = header(SEQUENCE, len(body) + content.size) + body
    outer = header(_ANY0, len(outer) + content.size) + outer
    out.write(header(SEQUENCE, len(_COMPRESSED) + len(outer) + content.size) + _COMPRESSED + outer)
    for chunk in content.chunks():
        out.write(chunk)


def decompress(content: Span, out: BinaryIO, limit: int) -> int:
    """Writes what content was compressed from; returns its size.

    Raises:
        As2Error: it cannot be unpacked, or unpacks to more than ``limit`` bytes, or to more than
            :data:`MAX_RATIO` times its size.
    """
    with _structure("the compressed content"):
        reader = Reader(content)
        reader.open(SEQUENCE)
        reader.raw()
        reader.open(_ANY0)
        reader.open(SEQUENCE)
        reader.integer()
        if _algorithm(reader)[0] != _ZLIB:
            raise As2Error("AS2-DECOMPRESSION", what="it is not compressed by zlib")
        reader.open(SEQUENCE)
        reader.raw()
        reader.open(_ANY0)
        total = _inflate(reader.chunks(), out, min(limit, max(FREE_INFLATION, MAX_RATIO * content.size)))
        for _ in range(5):
            reader.close()
        if any(chunk.strip(b"\r\n") for chunk in content.cut(reader.at).chunks()):
            raise Asn1Error("bytes after its end")
        return total


def _inflate(pieces: Iterator[bytes], out: BinaryIO, limit: int) -> int:
    total, unpacker = 0, zlib.decompressobj()
    try:
        for piece in pieces:
            while piece or unpacker.unconsumed_tail:
                plain = unpacker.decompress(unpacker.unconsumed_tail + piece, CHUNK)
                piece = b""
                total += len(plain)
                if total > limit:
                    raise As2Error("AS2-DECOMPRESSION", what=f"it unpacks to more than {limit} bytes")
                out.write(plain)
                if unpacker.unused_data:
                    raise As2Error("AS2-DECOMPRESSION", what="there are bytes after its end")
                if not plain and not unpacker.eof:
                    break
    except zlib.error:
        raise As2Error("AS2-DECOMPRESSION", what="it is damaged") from None
    if not unpacker.eof:
        raise As2Error("AS2-DECOMPRESSION", what="its end is missing")
    return total
