"""Every content of CMS that we and others write is read by the other, or a known gap says why not."""

from __future__ import annotations

import hashlib
import os
import random
from datetime import UTC, datetime
from io import BytesIO

import pytest
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from gateway.as2 import cms
from gateway.as2.problems import As2Error
from gateway.as2.span import Span
from tests.interop.environments import Unavailable
from tests.interop.matrix import PEERS, WRITES, Cell, Feature, cells
from tests.interop.peers import Peer, Peers, Refused

pytestmark = pytest.mark.needs_system

LEGACY = frozenset({"sha1", "3des"})
LINE = b"PO1*1*24*EA*12.5**UP*012345678905~\r\n"
CONTENTS = (
    b"",
    b"Content-Type: application/edi-x12\r\nContent-Transfer-Encoding: binary\r\n\r\n" + LINE * 280,
    random.Random(850).randbytes(1 << 20),
)
"""Of no bytes, of 10 KB, of 1 MB."""

OAEP = bytes.fromhex("2a864886f70d010107")
ECDSA = bytes.fromhex("2a8648ce3d0403")
PSS = bytes.fromhex("2a864886f70d01010a")
DIGESTS = {
    "sha1": bytes.fromhex("2b0e03021a"),
    "sha256": bytes.fromhex("608648016503040201"),
    "sha384": bytes.fromhex("608648016503040202"),
    "sha512": bytes.fromhex("608648016503040203"),
}
"""Object identifiers."""

CELLS = [cell for cell in cells() if cell.gap is None or cell.gap.shown]


def started(peers: Peers, name: str) -> Peer:
    try:
        return peers[name]
    except Unavailable as error:
        pytest.skip(f"no {name}: {error}")


def we_write(feature: Feature, content: bytes, peers: Peers) -> bytes:
    out, pieces = BytesIO(), [Span.of(content)]
    if feature.kind == "sign":
        pair = peers.us.party(feature).pair
        how = {"pss": feature.scheme == "pss", "by_key_id": feature.names == "key-id"}
        while True:
            made = cms.sign(pieces, pair, feature.algorithm, at=datetime.now(UTC), **how)
            if feature.scheme != "ecdsa":
                return made
            # pkijs 2.4.0 in libas2 refuses some signatures whose numbers begin with zeros, one in 30,000.
            signature = made.rpartition(ECDSA)[2][3:]  # after a byte for the digest, the tag and the length
            if min(decode_dss_signature(signature)) >> 248:
                return made
    if feature.kind == "encrypt":
        oaep = feature.scheme.removeprefix("oaep-") if feature.scheme != "pkcs1" else ""
        recipients = [peers.them.rsa.pair.certificate]
        cms.encrypt(pieces, out, recipients, feature.algorithm, os.urandom, oaep=oaep)
    else:
        cms.compress(pieces, out, BytesIO)
    return out.getvalue()


def we_read(feature: Feature, made: bytes, content: bytes, peers: Peers) -> bytes:
    """What is in a content of CMS; of a signature that is good, what was signed."""
    out = BytesIO()
    if feature.kind == "sign":
        certificate = peers.them.party(feature).pair.certificate
        signed = cms.verify(made, [Span.of(content)], [certificate], legacy=LEGACY)
        assert signed.digest == feature.algorithm
        assert signed.mic == hashlib.new(feature.algorithm, content).digest()
        return content
    if feature.kind == "encrypt":
        found = cms.decrypt(Span.of(made), out, [peers.us.rsa.pair], os.urandom, legacy=LEGACY)
        assert found.cipher == feature.algorithm
        assert found.is_authenticated == feature.algorithm.endswith("gcm")
    else:
        assert cms.decompress(Span.of(made), out, 1 << 30) == len(content)
    return out.getvalue()


def _named(scheme: str) -> list[str]:
    """The digest of OAEP as it is written: SHA-1 is what is meant if none is."""
    return [name for name in DIGESTS if name != "sha1" and scheme == f"oaep-{name}"]


def is_like(feature: Feature, made: bytes, peers: Peers) -> bool:
    """Whether a peer wrote what it was asked for: what would show that it did not look at the question."""
    oaep, key_id = feature.scheme.startswith("oaep"), feature.names == "key-id"
    if feature.kind == "encrypt":
        made = made[:4096]  # the megabyte after it is as good as random, and may hold any five bytes
    who = (peers.us if feature.kind == "encrypt" else peers.them).party(feature)
    return (
        (made[1] == 0x80) == (feature.form == "ber")
        and (b"\x80\x14" + who.pair.certificate.key_id in made) == key_id
        and (OAEP in made) == oaep
        and (PSS in made) == (feature.scheme == "pss")
        and (not oaep or [name for name in DIGESTS if DIGESTS[name] in made] == _named(feature.scheme))
        and (feature.kind != "sign" or DIGESTS[feature.algorithm] in made)
    )


def comes_through(cell: Cell, peer: Peer, content: bytes, peers: Peers) -> bool:
    assert isinstance(cell.feature, Feature)
    if cell.way == WRITES:
        made = peer.write(cell.feature, content)
        assert is_like(cell.feature, made, peers), "it is not what was asked for"
        return we_read(cell.feature, made, content, peers) == content
    made = we_write(cell.feature, content, peers)
    return peer.read(cell.feature, made, content) == content


@pytest.mark.parametrize("cell", [cell for cell in CELLS if cell.gap is None], ids=str)
def test_content_comes_through(cell: Cell, peers: Peers) -> None:
    peer = started(peers, cell.peer)
    for content in CONTENTS[cell.minimum :]:
        assert comes_through(cell, peer, content, peers)


@pytest.mark.parametrize("cell", [cell for cell in CELLS if cell.gap is not None], ids=str)
def test_what_a_peer_cannot_do_fails(cell: Cell, peers: Peers) -> None:
    peer = started(peers, cell.peer)
    try:
        is_good = comes_through(cell, peer, CONTENTS[1], peers)
    except (Refused, As2Error):
        return
    assert not is_good, "this works: take it out of CANNOT"


@pytest.mark.parametrize("name", PEERS)
def test_a_peer_that_checks_signatures_refuses_others(name: str, peers: Peers) -> None:
    # Otherwise the matrix would say nothing: what a peer accepts counts only if it can say no.
    peer, feature = started(peers, name), Feature("sign", "sha256", "pkcs1", "issuer")
    made = we_write(feature, CONTENTS[1], peers)
    assert peer.read(feature, made, CONTENTS[1]) == CONTENTS[1]
    with pytest.raises(Refused):
        peer.read(feature, made, CONTENTS[1] + b" ")
    stranger = cms.sign([Span.of(CONTENTS[1])], peers.them.rsa.pair, "sha256", at=None)
    with pytest.raises(Refused):
        peer.read(feature, stranger, CONTENTS[1])


@pytest.mark.parametrize("name", ["bouncycastle", "openssl-cms", "openssl-smime", "pyas2lib"])
def test_changed_content_of_a_peer_is_refused(name: str, peers: Peers) -> None:
    feature = Feature("sign", "sha256", "pkcs1", "issuer")
    made = started(peers, name).write(feature, CONTENTS[1])
    assert we_read(feature, made, CONTENTS[1], peers) == CONTENTS[1]
    with pytest.raises(As2Error) as caught:
        we_read(feature, made, CONTENTS[1] + b" ", peers)
    assert caught.value.code == "AS2-INTEGRITY"
    with pytest.raises(As2Error) as caught:
        cms.verify(made, [Span.of(CONTENTS[1])], [peers.us.rsa.pair.certificate])
    assert caught.value.code == "AS2-AUTHENTICATION"


def test_a_signature_that_has_the_content_in_it_is_refused(peers: Peers) -> None:
    # S/MIME has such signatures too; AS2 signs beside the content, so that there is one content only.
    feature = Feature("sign", "sha256", "pkcs1", "issuer", "opaque")
    made = started(peers, "bouncycastle").write(feature, CONTENTS[1])
    assert LINE in made
    with pytest.raises(As2Error) as caught:
        we_read(feature, made, CONTENTS[1], peers)
    assert caught.value.code == "AS2-MALFORMED"
