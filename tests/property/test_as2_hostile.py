"""Real AS2 messages, damaged where it hurts: nothing is believed but what was signed, and errors are ours.

Whoever sits between partners can change a message in any layer that is not encrypted, and anybody can encrypt
for us. What does not depend on structure is in ``test_as2_readers.py``.
"""

from __future__ import annotations

import base64
import hashlib
import os
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from io import BytesIO
from random import Random

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from gateway.as2 import asn1, cms, message, mime
from gateway.as2.asn1 import header, integer, oid, sequence, set_of, tlv
from gateway.as2.mdn import Disposition
from gateway.as2.message import Agreed, Received
from gateway.as2.problems import As2Error
from gateway.as2.span import Span
from tests.fuzz import mutations, targets
from tests.fuzz.seeds import FILE, bare_signature, entity, mixed, of_two, report, signature, signer_infos
from tests.fuzz.targets import (
    ELLIPTIC,
    LAX,
    LONGEST,
    NOW,
    THEM,
    TRUSTED,
    US,
    compressed,
    encrypted,
    entropy,
    request,
)
from tests.property.test_as2_readers import grows_with_number

KB, MB = 1 << 10, 1 << 20
STRICT = Agreed([US], TRUSTED)
SEEDS = st.integers(0, (1 << 32) - 1)
many = settings(max_examples=int(os.environ.get("EXAMPLES", "400")))
MUTATIONS = [
    mutations.of_lines, mutations.of_lines, mutations.of_base64, mutations.of_base64,
    mutations.of_lines_everywhere, mutations.of_bytes,
]  # fmt: skip

PLAIN = entity()
PARTS: list[bytes] = [
    PLAIN,
    entity(FILE.replace(b"\n", b"\r\n")),
    mixed(PLAIN, entity(b"SVNBKjAw\r\n", ("Content-Transfer-Encoding", "base64"), kind="application/pdf")),
    compressed(PLAIN),
]
"""What is signed."""

SIGNATURES: list[Callable[[bytes], bytes]] = [
    signature,
    cache(lambda part: signature(part, digest="sha512", pss=True)),
    cache(lambda part: signature(part, ELLIPTIC, "sha384", by_key_id=True)),
    lambda part: of_two(signature(b"something else"), signature(part)),
    lambda part: mutations.as_java_writes(signature(part), 100),
    bare_signature,
]
"""How it is signed. What is new each time is kept, so that the same damage is done to the same bytes."""
AROUND: list[Callable[[bytes], bytes]] = [
    lambda part: part,
    compressed,
    encrypted,
    lambda part: encrypted(part, "aes256-gcm"),
    lambda part: encrypted(compressed(part)),
]


def signed(part: bytes, made: bytes, end: bytes = b"\r\n") -> bytes:
    """A multipart/signed with a signature."""
    lines = base64.encodebytes(made).replace(b"\n", end)
    head = b'Content-Type: multipart/signed; protocol="application/pkcs7-signature"; boundary="sig"\r\n\r\n'
    second = (
        b"Content-Type: application/pkcs7-signature" + end + b"Content-Transfer-Encoding: base64" + end + end
    )
    return head + b"--sig" + end + part + end + b"--sig" + end + second + lines + b"--sig--" + end


def read(data: bytes, agreed: Agreed = LAX) -> Received:
    return message.read(*request(data), agreed, "sha384", BytesIO, entropy)


def told(found: Received) -> list[tuple[str, str, bytes]]:
    return [(one.name, one.content_type, one.content.read()) for one in found.attachments]


encrypted_once = cache(encrypted)

ORIGINAL = [(read(signed(part, signature(part))), part) for part in PARTS]
WHAT_THEY_SAY = [told(found) for found, _ in ORIGINAL]


@many
@given(
    which=st.sampled_from(range(len(PARTS))),
    sign=st.sampled_from(SIGNATURES),
    around=st.sampled_from(AROUND),
    end=st.sampled_from([b"\r\n", b"\n"]),
    how=st.lists(st.sampled_from(MUTATIONS), max_size=3),
    seed=SEEDS,
    canonical=st.booleans(),
)
def test_only_what_was_signed_is_believed(
    which: int,
    sign: Callable[[bytes], bytes],
    around: Callable[[bytes], bytes],
    end: bytes,
    how: list[Callable[[bytes, Random], bytes]],
    seed: int,
    canonical: bool,
) -> None:
    """Content, names, types and digest are those of the sender, whatever happened on the way."""
    part = PARTS[which]
    data = signed(part, sign(part), end)
    random = Random(seed)
    for mutation in how:
        data = mutation(data, random)
    data = around(data)
    try:
        found = read(data, replace(LAX, canonical=canonical))
    except As2Error as error:
        is_twice = part is PARTS[3] and around in (AROUND[1], AROUND[4])
        assert how or is_twice, "what is undamaged, and not compressed twice, is read"
        event(f"refused: {error.code}")
        return
    event(f"read, signed: {found.signed is not None}")
    if found.signed is None:
        return
    if canonical:
        lines = [(name, kind, b"".join(content.splitlines())) for name, kind, content in told(found)]
        assert lines == [
            (name, kind, b"".join(text.splitlines())) for name, kind, text in WHAT_THEY_SAY[which]
        ]
    else:
        assert told(found) == WHAT_THEY_SAY[which]
    assert found.mic == (hashlib.new(found.signed.digest, part).digest(), found.signed.digest)
    kept = b"".join(piece.read() for piece in found.evidence)
    whole = mime.entity(Span.of(kept))
    again = message.read(whole.headers, whole.body, replace(LAX, canonical=canonical), "", BytesIO, entropy)
    assert told(again) == told(found), "the evidence proves what was read"
    assert again.signed == found.signed


@many
@given(
    inner=st.sampled_from([PLAIN, PARTS[2], compressed(PLAIN), signed(PLAIN, signature(PLAIN))]),
    around=st.sampled_from(AROUND),
    how=st.lists(st.sampled_from([*MUTATIONS, mutations.of_any]), min_size=1, max_size=3),
    seed=SEEDS,
)
def test_the_digest_is_of_what_was_returned(
    inner: bytes,
    around: Callable[[bytes], bytes],
    how: list[Callable[[bytes, Random], bytes]],
    seed: int,
) -> None:
    """Without a signature: of the entity that was taken out of all layers (RFC 4130, 7.3.1)."""
    random = Random(seed)
    for mutation in how:
        inner = mutation(inner, random)
    data = around(inner)
    is_bare = data == inner
    try:
        found = read(data)
    except As2Error:
        return
    layers = (bool(found.cipher), found.compressed)
    outer = (around in AROUND[2:], around in (AROUND[1], AROUND[4]))
    if found.signed is None and layers == outer:  # nothing was opened but what stands around it here
        content = data.partition(b"\r\n\r\n")[2] if is_bare else inner
        assert found.mic == (hashlib.sha384(content).digest(), "sha384")
        assert all(one.content.size <= len(content) for one in found.attachments)


@many
@given(
    cipher=st.sampled_from(["aes128-cbc", "aes256-gcm"]),
    how=st.lists(st.sampled_from([mutations.of_elements, mutations.of_bytes]), min_size=1, max_size=3),
    seed=SEEDS,
)
def test_an_encrypted_message_that_was_changed_is_refused_or_the_same(
    cipher: str, how: list[Callable[[bytes, Random], bytes]], seed: int
) -> None:
    """Some changes are of form only, such as other lengths. CBC lets others through, up to the signature."""
    part = PARTS[0]
    head, blank, content = encrypted_once(signed(part, signature(part)), cipher).partition(b"\r\n\r\n")
    random = Random(seed)
    for mutation in how:
        content = mutation(content, random)
    try:
        found = read(head + blank + content, STRICT)
    except As2Error as error:
        event(f"refused: {error.code}")
        return
    event("read")
    assert found.signed
    assert found.cipher == cipher
    assert told(found) == WHAT_THEY_SAY[0]
    assert found.mic == (hashlib.sha256(part).digest(), "sha256")


@many
@given(
    made=st.sampled_from(SIGNATURES),
    seed=SEEDS,
    other=st.binary(min_size=1, max_size=3),
)
def test_a_damaged_signature_never_holds_for_other_content(
    made: Callable[[bytes], bytes], seed: int, other: bytes
) -> None:
    damaged = mutations.of_elements(made(PLAIN), Random(seed))
    for content in (PLAIN + other, other + PLAIN, PLAIN[: -len(other)], b""):
        with pytest.raises(As2Error):
            cms.verify(damaged, [Span.of(content)], TRUSTED, legacy=LAX.legacy, bare=True)


@many
@given(SEEDS, st.lists(st.sampled_from(MUTATIONS), min_size=1, max_size=3))
def test_a_changed_receipt_is_not_believed(seed: int, how: list[Callable[[bytes, Random], bytes]]) -> None:
    """A refusal never becomes a confirmation while its signature holds."""
    refused = report(Disposition("processed", "error", "decryption-failed"))
    pairs, body = message.build_receipt(refused, THEM, "sha256", NOW, "b", "x")
    data = mime.head(pairs) + body
    random = Random(seed)
    for mutation in how:
        data = mutation(data, random)
    try:
        found = message.read_receipt(*request(data), TRUSTED, BytesIO)
        message.judge(
            found, message_id="<1@us>", recipient="THEM", mic=(entropy(32), "sha256"), must_be_signed=True
        )
    except As2Error:
        return
    raise AssertionError("a refusal was taken for a confirmation")


# --- what an answer must not tell --------------------------------------------------------------------


def sent(before: bytes = b"") -> bytes:
    """What we send signed; ``before`` begins a block of the cipher (16 bytes), if it is given."""
    made = [targets.signed(entity(FILE + b" " * number)) for number in range(16)]
    return next(one for one in made if not before or one.index(before) % 16 == 0)


UNSIGNED = {
    "after what is compressed": (compressed(sent()), b""),
    "in a header of the signature": (sent(b"smime.p7s"), b"smime.p7s"),
    "in a header of what is compressed": (compressed(sent()), b"\r\n\r\n"),
    "in a header around both": (sent(), b'pkcs7-signature";'),
}
"""What is encrypted, and the word of it before which something is put; if it is empty, at the end."""


@pytest.mark.parametrize("where", UNSIGNED)
def test_blocks_put_into_an_encrypted_message_are_never_accepted(where: str) -> None:
    """CBC lets anybody put blocks of a message elsewhere in it. Were it accepted depending on what they
    decrypt to, then asking 256 times would tell a byte of them ("padding oracle").
    """
    plain, word = UNSIGNED[where]
    (top,) = mutations.parse(encrypted_once(plain, "aes256-cbc").partition(b"\r\n\r\n")[2])
    (content,) = [node for node in top.walk() if node.tag == 0x80]
    blocks = content.content
    at = plain.index(word) // 16 * 16 if word else len(blocks)
    again = blocks[at - 16 : at] if word else b""  # so that what follows decrypts to what it was
    answers: Counter[str] = Counter()
    for number in range(1_024):
        chosen = Random(number // 256).randbytes(15) + bytes([number % 256])
        wanted = blocks[number // 256 * 16 :][:16]
        content.content = blocks[:at] + chosen + wanted + again + blocks[at:]
        data = b"Content-Type: application/pkcs7-mime\r\n\r\n" + top.encoded()
        try:
            read(data, STRICT)
            answers["accepted"] += 1
        except As2Error as error:
            answers[str(error.code)] += 1
    assert answers == {"AS2-DECRYPTION": 1_024}


# --- work --------------------------------------------------------------------------------------------

END = b"\0\0"
DEEP = asn1.MAX_DEPTH - 8
"""Elements inside of each other, apart from those around them that CMS needs."""
NESTED = b"\x24\x80" * DEEP + b"\x04\x01x" + END * DEEP
SKIPPED = b"\x30\x80" * DEEP + b"\x02\x01\0" + END * DEEP
(ENVELOPED,) = mutations.parse(encrypted(PLAIN).partition(b"\r\n\r\n")[2])
(SIGNED,) = mutations.parse(signature(PLAIN))
_FIELDS = dict(
    zip(["version", "recipients", "content"], (ENVELOPED.children or [])[1].walk()[1].children or [])
)
NUMBER, RECIPIENTS = (_FIELDS[name].encoded() for name in ("version", "recipients"))
TYPE, CIPHER = (node.encoded() for node in (_FIELDS["content"].children or [])[:2])
(SIGNER,) = (node.encoded() for node in signer_infos(SIGNED))
SHA256 = sequence(oid("2.16.840.1.101.3.4.2.1"))


def content_info(kind: str, *body: bytes) -> bytes:
    """A content of CMS without lengths, as it is written while it streams."""
    return b"\x30\x80" + oid(kind) + b"\xa0\x80\x30\x80" + b"".join(body) + 3 * END


def decrypting(pieces: bytes, before: bytes = b"", recipients: bytes = RECIPIENTS) -> Callable[[], object]:
    inner = b"\x30\x80" + TYPE + CIPHER + b"\xa0\x80" + pieces + 2 * END
    data = content_info("1.2.840.113549.1.7.3", NUMBER, before, recipients, inner)
    return lambda: cms.decrypt(Span.of(data), BytesIO(), [US], entropy)


def decompressing(pieces: bytes) -> Callable[[], object]:
    method = sequence(oid("1.2.840.113549.1.9.16.3.8"))
    inner = b"\x30\x80" + oid("1.2.840.113549.1.7.1") + b"\xa0\x80\x24\x80" + pieces + 3 * END
    data = content_info("1.2.840.113549.1.9.16.1.9", integer(0), method, inner)
    return lambda: cms.decompress(Span.of(data), BytesIO(), 1 << 40)


def verifying(
    signers: bytes = SIGNER, certificates: bytes = b"", content: bytes = PLAIN
) -> Callable[[], object]:
    body = integer(1), set_of(SHA256), sequence(oid("1.2.840.113549.1.7.1"))
    around = b"\xa0\x80" + certificates + END, b"\x31\x80" + signers + END
    data = content_info("1.2.840.113549.1.7.2", *body, *around)
    return lambda: cms.verify(data, [Span.of(content)], TRUSTED)


def signer(*, attributes: bytes = b"", after: bytes = b"", number: bytes = b"\1") -> bytes:
    """One that is not known, or that is if ``number`` is empty."""
    (found,) = mutations.parse(SIGNER)
    fields = found.children or []
    if number:
        fields[1] = mutations.Node(0x30, sequence() + tlv(asn1.INTEGER, number))
    if attributes:
        fields[3] = mutations.Node(0xA0, attributes)
    fields.append(mutations.Node(0xA1, after, None, b""))
    return found.encoded()


def unpacking(content: bytes) -> Callable[[], object]:
    data = compressed(content).partition(b"\r\n\r\n")[2]
    return lambda: cms.decompress(Span.of(data), BytesIO(), 1 << 40)


def reading(data: bytes) -> Callable[[], object]:
    headers, body = request(data)
    return lambda: message.read(headers, body, LAX, "sha384", BytesIO, entropy)


ATTRIBUTE = sequence(oid("1.2.3.4"), set_of(integer(0)))
STORED = b"\0\0\0\xff\xff"
FAMILIES: dict[str, tuple[int, Callable[[int], Callable[[], object]]]] = {
    "pieces of a byte": (KB, lambda n: decrypting(b"\x04\x01x" * n)),
    "empty pieces": (KB, lambda n: decrypting(b"\x04\0" * n)),
    "pieces in each other": (KB, lambda n: decrypting(NESTED * n)),
    "empty strings of pieces": (KB, lambda n: decrypting((b"\x24\x80" + END) * n)),
    "about the sender": (KB, lambda n: decrypting(b"", b"\xa0\x80" + SKIPPED * n + END)),
    "recipients": (KB, lambda n: decrypting(b"", recipients=b"\x31\x80" + RECIPIENTS[4:] * n + END)),
    "recipients of other kinds": (16, lambda n: decrypting(
        b"", recipients=b"\x31\x80" + (b"\xa1\x80" + SKIPPED * n + END) * 60 + END)),
    "compressed pieces of a byte": (KB, lambda n: decompressing(b"\x04\x01\x78\x04\x01\x9c" + (
        b"\x04\x01\0\x04\x01\0\x04\x01\0\x04\x01\xff\x04\x01\xff") * n)),
    "compressed blocks of nothing": (MB, lambda n: decompressing(
        header(4, 2 + 5 * n) + b"\x78\x9c" + STORED * n)),
    "certificates": (KB, lambda n: verifying(certificates=sequence() * n)),
    "certificates in each other": (KB, lambda n: verifying(certificates=SKIPPED * n)),
    "revocation lists": (KB, lambda n: verifying(certificates=END + (b"\xa1\x80" + END) * n + b"\xa1\x80")),
    "signers": (KB, lambda n: verifying(signer() * n)),
    "signers with large numbers": (KB, lambda n: verifying(signer(number=b"\1" * min(n, 60_000)) * 16)),
    "attributes": (64, lambda n: verifying(signer(attributes=ATTRIBUTE * min(n, 4_000), number=b"") * 16)),
    "attributes without signature": (KB, lambda n: verifying(signer(after=SKIPPED * n, number=b""))),
    "a part of a message": (64 * KB, lambda n: reading(mixed(entity(b"ISA*\n" * n)))),
    "what compresses well": (MB, lambda n: unpacking(b"\0" * n)),
}  # fmt: skip
"""For each form of data how often it is repeated at first, and the work it makes."""


@pytest.mark.parametrize("name", FAMILIES)
def test_time_grows_with_the_data(name: str) -> None:
    assert grows_with_number(*FAMILIES[name], least=16 * KB)


def test_errors_stay_short_however_large_what_is_named_in_them() -> None:
    for work in (verifying(signer(number=b"\1" * 60_000) * 16), verifying(signer(number=b"\1" * 60_000))):
        with pytest.raises(As2Error) as raised:
            work()
        assert len(str(raised.value)) <= LONGEST


@pytest.mark.parametrize("size", [1_000, 32_767, 33_000, 65_533, 65_535, 65_537])
def test_a_byte_is_read_four_times_at_most_however_content_is_cut_up(size: int) -> None:
    """Once to decrypt, once to find what follows, and again where a piece goes over the end of the buffer."""

    class Counting(BytesIO):
        taken = 0

        def read(self, size: int | None = -1, /) -> bytes:
            data = super().read(size)
            self.taken += len(data)
            return data

    content = b"x" * 16 * (2 * MB // 16)
    (top,) = mutations.parse(encrypted(content, "aes256-gcm").partition(b"\r\n\r\n")[2])
    for node in top.walk():
        if node.tag == 0x80 and len(node.content) == len(content):
            mutations.cut_up(node, size)
    file, out = Counting(top.encoded()), BytesIO()
    cms.decrypt(Span.whole(file), out, [US], entropy)
    assert out.getvalue() == content
    assert file.taken < 4 * len(file.getvalue())
