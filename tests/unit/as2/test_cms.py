"""Signed, encrypted and compressed content, and every way in which it must not be believed."""

from __future__ import annotations

import hashlib
import os
import zlib
from datetime import UTC, datetime
from io import BytesIO

import pytest
from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, OAEP, PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.ciphers import Cipher, modes
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, pkcs7

from gateway.as2 import asn1, cms
from gateway.as2.asn1 import OCTETS, Reader, sequence, set_of, tlv
from gateway.as2.keys import Certificate, KeyPair
from gateway.as2.problems import As2Error
from gateway.as2.span import Span
from gateway.partners.as2 import ENCRYPT
from tests.certificates import pair
from tests.fuzz import targets

NOW = datetime(2026, 11, 25, 12, 30, 15, tzinfo=UTC)
CONTENT = b"Content-Type: application/edi-x12\r\n\r\nISA*00*\nGS*PO~" * 50
US, THEM, OTHER = pair("us"), pair("them"), pair("somebody else")
ELLIPTIC = pair("elliptic", key="ec")


def sign(content: bytes = CONTENT, by: KeyPair = THEM, digest: str = "sha256", **how: bool) -> bytes:
    return cms.sign([Span.of(content)], by, digest, at=NOW, **how)


def verify(signature: bytes, content: bytes = CONTENT, *trusted: KeyPair, **how: object) -> cms.Signed:
    certificates = [one.certificate for one in trusted or (OTHER, THEM)]
    return cms.verify(signature, [Span.of(content)], certificates, **how)  # type: ignore[arg-type]


def encrypt(content: bytes = CONTENT, cipher: str = "aes256-cbc", *to: KeyPair, oaep: str = "") -> bytes:
    out = BytesIO()
    certificates = [one.certificate for one in to or (US,)]
    cms.encrypt([Span.of(content)], out, certificates, cipher, os.urandom, oaep=oaep)
    return out.getvalue()


def decrypt(data: bytes, *keys: KeyPair, legacy: frozenset[str] = frozenset()) -> tuple[bytes, cms.Encrypted]:
    out = BytesIO()
    found = cms.decrypt(Span.of(data), out, list(keys or (OTHER, US)), os.urandom, legacy=legacy)
    return out.getvalue(), found


def code(call: object, *args: object, **how: object) -> str:
    with pytest.raises(As2Error) as raised:
        call(*args, **how)  # type: ignore[operator]
    return str(raised.value.code)


# --- signatures --------------------------------------------------------------------------------------


@pytest.mark.parametrize("digest", cms.DIGESTS)
@pytest.mark.parametrize("by_key_id", [False, True])
@pytest.mark.parametrize(("by", "pss"), [(THEM, False), (THEM, True), (ELLIPTIC, False)])
def test_what_was_signed_is_verified(digest: str, by_key_id: bool, by: KeyPair, pss: bool) -> None:
    found = verify(sign(by=by, digest=digest, pss=pss, by_key_id=by_key_id), CONTENT, by)
    assert found == cms.Signed(digest, hashlib.new(digest, CONTENT).digest(), by.certificate, NOW)


def test_our_signatures_are_der_that_others_make_the_same_way() -> None:
    """The library's own builder, which is a second writer of the same structure."""
    options = [pkcs7.PKCS7Options.DetachedSignature, pkcs7.PKCS7Options.Binary]
    builder = pkcs7.PKCS7SignatureBuilder().set_data(CONTENT)
    made = builder.add_signer(THEM.certificate.x509, THEM.key, SHA256()).sign(Encoding.DER, options)
    assert verify(made).certificate is THEM.certificate


def test_each_piece_of_content_counts() -> None:
    pieces = [Span.of(CONTENT[:100]), Span.of(b""), Span.of(CONTENT[100:])]
    assert verify(cms.sign(pieces, THEM, "sha256", at=None)).at is None


@pytest.mark.parametrize("changed", [CONTENT[:-1], CONTENT + b"\n", b"", CONTENT.replace(b"\r\n", b"\n")])
def test_changed_content_is_told(changed: bytes) -> None:
    assert code(verify, sign(), changed) == "AS2-INTEGRITY"


def test_a_signature_by_somebody_else_counts_for_nothing() -> None:
    """The certificate in a message is never trusted (RFC 5652, 5.1)."""
    assert code(verify, sign(by=OTHER), CONTENT, THEM) == "AS2-AUTHENTICATION"


def test_a_signature_in_the_name_of_a_trusted_certificate_needs_its_key() -> None:
    forged = KeyPair(OTHER.key, THEM.certificate)
    assert code(verify, sign(by=forged)) == "AS2-AUTHENTICATION"


def test_nobody_signed() -> None:
    """A SignedData without signers verifies in other products, whatever the content."""
    empty = _signed_data(set_of())
    assert code(verify, empty, b"anything") == "AS2-AUTHENTICATION"


def test_one_of_several_signers_is_enough_but_must_be_trusted_and_right() -> None:
    good, bad, strange = (
        _signer_of(sign(by=one)) for one in (THEM, KeyPair(OTHER.key, THEM.certificate), OTHER)
    )
    assert verify(_signed_data(set_of(strange, good)), CONTENT, THEM).certificate is THEM.certificate
    assert code(verify, _signed_data(set_of(strange, bad)), CONTENT, THEM) == "AS2-AUTHENTICATION"


def test_stripped_signed_attributes_are_refused() -> None:
    """EUF-CMA: the attributes of an old signature as content of a new one (lamps-cms-euf-cma-signeddata)."""
    signer = Reader(Span.of(_signer_of(sign())))
    signer.open(0x30)
    parts = [signer.raw() for _ in range(6)]
    attributes = b"\x31" + parts[3][1:]  # what the key really signed
    stripped = _signed_data(set_of(sequence(*parts[:3], *parts[4:])))
    assert code(verify, stripped, attributes) == "AS2-SECURITY"
    assert code(verify, stripped, attributes, bare=True) == "AS2-AUTHENTICATION"


def test_bare_signatures_are_read_where_a_partner_may_send_them() -> None:
    options = [
        pkcs7.PKCS7Options.DetachedSignature,
        pkcs7.PKCS7Options.Binary,
        pkcs7.PKCS7Options.NoAttributes,
    ]
    builder = pkcs7.PKCS7SignatureBuilder().set_data(CONTENT)
    made = builder.add_signer(THEM.certificate.x509, THEM.key, SHA256()).sign(Encoding.DER, options)
    assert code(verify, made) == "AS2-SECURITY"
    assert verify(made, CONTENT, THEM, bare=True).mic == hashlib.sha256(CONTENT).digest()
    assert code(verify, made, CONTENT + b"x", bare=True) == "AS2-AUTHENTICATION"


@pytest.mark.parametrize(
    "attributes",
    [
        ["type", "digest", "digest"],
        ["type", "type", "digest"],
        ["digest"],
        ["type"],
        ["other type", "digest"],
        ["type", "two digests"],
    ],
)
def test_signed_attributes_are_each_there_once(attributes: list[str]) -> None:
    digest = tlv(OCTETS, hashlib.sha256(CONTENT).digest())
    known = {
        "type": sequence(asn1.oid("1.2.840.113549.1.9.3"), set_of(asn1.oid("1.2.840.113549.1.7.1"))),
        "other type": sequence(asn1.oid("1.2.840.113549.1.9.3"), set_of(asn1.oid("1.2.840.113549.1.7.3"))),
        "digest": sequence(asn1.oid("1.2.840.113549.1.9.4"), set_of(digest)),
        "two digests": sequence(asn1.oid("1.2.840.113549.1.9.4"), set_of(digest, tlv(OCTETS, bytes(32)))),
    }
    made = _signed_data(set_of(_signer(set_of(*(known[one] for one in attributes)))))
    assert code(verify, made) == "AS2-MALFORMED"


def test_the_digest_of_signature_and_content_must_be_the_same() -> None:
    """RFC 5652, 5.6 with an algorithm swapped in the part that is not signed."""
    signer = sign(digest="sha512").replace(
        asn1.oid("2.16.840.1.101.3.4.2.3"), asn1.oid("2.16.840.1.101.3.4.2.1")
    )
    assert code(verify, signer) in ("AS2-INTEGRITY", "AS2-AUTHENTICATION")


def test_sha1_counts_only_where_it_is_allowed() -> None:
    made = _signed_data(set_of(_signer(None, digest="sha1")))
    assert code(verify, made) == "AS2-WEAK"
    assert verify(made, CONTENT, THEM, legacy=frozenset({"sha1"})).digest == "sha1"


def test_a_signature_with_content_of_its_own_is_refused() -> None:
    """Two contents, of which one is verified and the other used."""
    made = sign()
    data = asn1.oid("1.2.840.113549.1.7.1")
    assert code(
        verify, _signed_data(set_of(_signer_of(made)), sequence(data, tlv(0xA0, tlv(OCTETS, b"x"))))
    ) == ("AS2-MALFORMED")


@pytest.mark.parametrize(
    "spoil", [lambda one: one[:-1], lambda one: one + b"\0", lambda one: b"", lambda one: one[4:]]
)
def test_a_damaged_signature_is_told(spoil: object) -> None:
    assert code(verify, spoil(sign())) == "AS2-MALFORMED"  # type: ignore[operator]


def test_too_many_signers_are_refused() -> None:
    assert (
        code(verify, _signed_data(tlv(0x31, _signer_of(sign(by=OTHER)) * (cms.MAX_SIGNERS + 1))))
        == "AS2-MALFORMED"
    )


def _signer_of(signature: bytes) -> bytes:
    """The SignerInfo in a signature."""
    reader = Reader(Span.of(signature))
    reader.open(0x30)
    reader.skip()
    reader.open(0xA0)
    reader.open(0x30)
    for _ in range(4):
        reader.skip()
    reader.open(0x31)
    return reader.raw()


def _signed_data(signers: bytes, content: bytes = b"") -> bytes:
    data = content or sequence(asn1.oid("1.2.840.113549.1.7.1"))
    inner = sequence(asn1.integer(1), set_of(), data, signers)
    return sequence(asn1.oid("1.2.840.113549.1.7.2"), tlv(0xA0, inner))


def _signer(attributes: bytes | None, digest: str = "sha256") -> bytes:
    """A SignerInfo with attributes of the test's own, rightly signed."""
    made = cms._HASHES[digest]
    if attributes is None:
        said = tlv(OCTETS, hashlib.new(digest, CONTENT).digest())
        attributes = set_of(
            sequence(asn1.oid("1.2.840.113549.1.9.3"), set_of(asn1.oid("1.2.840.113549.1.7.1"))),
            sequence(asn1.oid("1.2.840.113549.1.9.4"), set_of(said)),
        )
    assert isinstance(THEM.key, RSAPrivateKey)
    return sequence(
        asn1.integer(1),
        sequence(THEM.certificate.issuer, asn1.integer(THEM.certificate.serial)),
        sequence(cms._OID_OF_DIGEST[digest]),
        b"\xa0" + attributes[1:],
        sequence(asn1.oid("1.2.840.113549.1.1.1"), tlv(asn1.NULL)),
        tlv(OCTETS, THEM.key.sign(attributes, PKCS1v15(), made)),
    )


# --- encryption --------------------------------------------------------------------------------------


@pytest.mark.parametrize("cipher", ENCRYPT[:-1])
@pytest.mark.parametrize("oaep", ["", "sha256", "sha512"])
@pytest.mark.parametrize("size", [0, 15, 16, 17, 100_000])
def test_what_was_encrypted_is_decrypted(cipher: str, oaep: str, size: int) -> None:
    content = os.urandom(size)
    data = encrypt(content, cipher, OTHER, US, oaep=oaep)
    assert cms.kind(Span.of(data)) == ("auth-enveloped" if "gcm" in cipher else "enveloped")
    for key in (OTHER, US):
        plain, found = decrypt(data, key)
        assert plain == content
        assert found == cms.Encrypted(cipher, key.certificate, "gcm" in cipher)


def test_the_lengths_that_are_written_are_right() -> None:
    """The library's reader takes DER only."""
    for size in (0, 1, 100, 127, 128, 255, 256, 65_500, 70_000):
        content = os.urandom(size)
        data = encrypt(content, "aes128-cbc")
        assert isinstance(US.key, RSAPrivateKey)
        assert pkcs7.pkcs7_decrypt_der(data, US.certificate.x509, US.key, []) == content


def test_nobody_else_can_decrypt_and_our_people_are_told_for_whom_it_was() -> None:
    with pytest.raises(As2Error) as raised:
        decrypt(encrypt(CONTENT, "aes256-cbc", OTHER), US)
    assert raised.value.code == "AS2-DECRYPTION"
    assert f"{OTHER.certificate.serial:X}" in raised.value.detail
    assert f"{OTHER.certificate.serial:X}" not in str(raised.value)


def test_an_elliptic_key_cannot_encrypt() -> None:
    with pytest.raises(ValueError, match="elliptic"):
        encrypt(CONTENT, "aes256-cbc", ELLIPTIC)


def _sealed_place(data: bytes) -> tuple[int, int]:
    """Where the encrypted key of the only recipient begins and ends."""
    reader = Reader(Span.of(data))
    reader.open(0x30)
    reader.skip()
    reader.open(0xA0)
    reader.open(0x30)
    reader.skip()
    reader.open(0x31)
    reader.open(0x30)
    for _ in range(3):
        reader.skip()
    reader.octets()
    return reader.at - 256, reader.at


@pytest.mark.parametrize("oaep", ["", "sha256"])
def test_a_wrong_key_a_wrong_padding_and_damage_look_the_same_from_outside(oaep: str) -> None:
    """No padding oracle: Bleichenbacher's, Manger's and Vaudenay's attacks learn from differences."""
    # Fixed draws and a fixed key: under a content key that is not theirs, which OpenSSL may have made up
    # where a padding was bad, one content of 255 ends as if its padding were right.
    sealed, out, us = BytesIO(), BytesIO(), targets.US
    cms.encrypt(
        [Span.of(CONTENT)], sealed, [us.certificate], "aes256-cbc", lambda size: bytes(range(size)), oaep=oaep
    )
    good = sealed.getvalue()
    scheme = OAEP(MGF1(SHA256()), SHA256(), None) if oaep else PKCS1v15()
    begin, end = _sealed_place(good)
    public = us.certificate.key
    assert isinstance(public, RSAPublicKey)
    spoiled = {
        "bad padding of the key": good[:begin] + b"\1" * 256 + good[end:],
        "a key of a wrong size": good[:begin] + public.encrypt(bytes(16), scheme) + good[end:],
        "another key": good[:begin] + public.encrypt(bytes(32), scheme) + good[end:],
        "a wrong padding of the content": good[:-1] + bytes([good[-1] ^ 1]),
        "a wrong block before the last": good[:-20] + bytes([good[-20] ^ 255]) + good[-19:],
    }
    told = set()
    for data in spoiled.values():
        with pytest.raises(As2Error) as raised:
            cms.decrypt(Span.of(data), out, [OTHER, us], lambda size: b"\7" * size, legacy=frozenset())
        told.add((raised.value.code, str(raised.value), raised.value.detail, raised.value.kind.disposition))
    assert told == {
        ("AS2-DECRYPTION", "The message could not be decrypted.", "", "processed/error: decryption-failed")
    }


def test_content_of_odd_size_is_told_the_same_way() -> None:
    data = encrypt(b"x" * 40, "aes128-cbc")
    shorter = data[:-3]
    fixed = bytearray(shorter)
    assert code(decrypt, bytes(fixed)) in ("AS2-DECRYPTION", "AS2-MALFORMED")


@pytest.mark.parametrize("at", [-1, -19, -200])
def test_a_change_of_authenticated_content_shows(at: int) -> None:
    data = bytearray(encrypt(CONTENT, "aes256-gcm"))
    data[at] ^= 1
    assert code(decrypt, bytes(data)) == "AS2-DECRYPTION"


def test_a_short_authentication_tag_is_refused() -> None:
    data = encrypt(CONTENT, "aes256-gcm")
    assert (
        code(decrypt, data.replace(asn1.integer(16) + b"\x80", asn1.integer(4) + b"\x80")) == "AS2-MALFORMED"
    )


def test_triple_des_counts_only_where_it_is_allowed() -> None:
    data = _triple_des(CONTENT)
    assert code(decrypt, data) == "AS2-WEAK"
    assert decrypt(data, legacy=frozenset({"3des"}))[0] == CONTENT


def test_ciphers_that_nobody_knows_are_told() -> None:
    unknown = encrypt().replace(asn1.oid("2.16.840.1.101.3.4.1.42"), asn1.oid("2.16.840.1.101.3.4.1.99"))
    assert code(decrypt, unknown) == "AS2-SECURITY"


def test_authenticated_ciphers_are_not_read_without_authentication() -> None:
    """GCM in EnvelopedData would be decrypted without its tag."""
    data = encrypt(CONTENT, "aes256-cbc").replace(
        asn1.oid("2.16.840.1.101.3.4.1.42"), asn1.oid("2.16.840.1.101.3.4.1.46")
    )
    assert code(decrypt, data) in ("AS2-SECURITY", "AS2-MALFORMED")


def _triple_des(content: bytes) -> bytes:
    """As an old product writes it."""
    key, start = os.urandom(24), os.urandom(8)
    made = Cipher(TripleDES(key), modes.CBC(start)).encryptor()
    pad = 8 - len(content) % 8
    encrypted = made.update(content + bytes([pad]) * pad) + made.finalize()
    algorithm = sequence(asn1.oid("1.2.840.113549.3.7"), tlv(OCTETS, start))
    inner = sequence(asn1.oid("1.2.840.113549.1.7.1"), algorithm, tlv(0x80, encrypted))
    body = sequence(asn1.integer(0), set_of(cms._recipient(US.certificate, key, "")), inner)
    return sequence(asn1.oid("1.2.840.113549.1.7.3"), tlv(0xA0, body))


# --- compression -------------------------------------------------------------------------------------


def compress(content: bytes) -> bytes:
    out = BytesIO()
    cms.compress([Span.of(content)], out, BytesIO)
    return out.getvalue()


def decompress(data: bytes, limit: int = 1 << 30) -> bytes:
    out = BytesIO()
    assert cms.decompress(Span.of(data), out, limit) == len(out.getvalue())
    return out.getvalue()


@pytest.mark.parametrize("size", [0, 1, 100, 200_000])
def test_what_was_compressed_is_unpacked(size: int) -> None:
    content = os.urandom(size // 2) + bytes(size - size // 2)
    assert decompress(compress(content)) == content


def _packed(content: bytes) -> bytes:
    """Compressed bytes of the test's own as CompressedData."""
    inner = sequence(asn1.oid("1.2.840.113549.1.7.1"), tlv(0xA0, tlv(OCTETS, content)))
    body = sequence(asn1.integer(0), sequence(asn1.oid("1.2.840.113549.1.9.16.3.8")), inner)
    return sequence(asn1.oid("1.2.840.113549.1.9.16.1.9"), tlv(0xA0, body))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no zlib",
        zlib.compress(CONTENT)[:-1],
        zlib.compress(CONTENT) + b"more",
        zlib.compress(CONTENT)[:20] + b"\xff" + zlib.compress(CONTENT)[21:],
    ],
)
def test_damaged_content_is_told(content: bytes) -> None:
    assert code(decompress, _packed(content)) == "AS2-DECOMPRESSION"


def test_a_zlib_bomb_is_refused_before_it_fills_anything() -> None:
    class Small(BytesIO):
        def write(self, data: object) -> int:
            written = super().write(data)  # type: ignore[arg-type]
            assert self.tell() <= allowed
            return written

    bomb = compress(bytes(200 << 20))
    allowed = cms.MAX_RATIO * len(bomb)
    assert cms.FREE_INFLATION < allowed < 50 << 20
    with pytest.raises(As2Error, match="unpacks to more than"):
        cms.decompress(Span.of(bomb), Small(), 1 << 30)


def test_the_limit_of_the_partner_counts_as_well() -> None:
    assert decompress(compress(bytes(1000)), 1000) == bytes(1000)
    assert code(decompress, compress(bytes(1001)), 1000) == "AS2-DECOMPRESSION"


def test_content_of_other_kinds_is_told() -> None:
    assert code(cms.kind, Span.of(b"ISA*00*")) == "AS2-MALFORMED"
    assert code(cms.kind, Span.of(sequence(asn1.oid("1.2.840.113549.1.7.6")))) == "AS2-MALFORMED"
    assert cms.kind(Span.of(sign())) == "signed"
    assert cms.kind(Span.of(compress(b"x"))) == "compressed"


def test_certificates_without_key_identifier_have_one_of_their_own() -> None:
    assert len(Certificate(THEM.certificate.x509).key_id) == 20
    assert (
        KeyPair(THEM.key, THEM.certificate)
        .key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        .startswith(b"-----BEGIN PRIVATE KEY-----")
    )
