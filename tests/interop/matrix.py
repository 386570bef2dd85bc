"""What is tried with each peer, and what a peer cannot do.

A cell is one peer, one way and one feature. Every cell is a test: either the content comes through byte for
byte, or an entry of :data:`CANNOT` says that it does not, which is then shown as well. So the table of
``docs/interop.md``, which counts cells, needs nothing but this file.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from itertools import product

PEERS = {
    "bouncycastle": "BouncyCastle, of OpenAS2, phase2, mendelson and most products in Java",
    "openssl-cms": "OpenSSL, `openssl cms`",
    "openssl-smime": "OpenSSL, `openssl smime` (PKCS #7, before CMS)",
    "pyas2lib": "pyas2lib 1.4.4",
    "libas2": "libas2 0.8.2 for Node.js",
}
"""The implementations of CMS, each with its name for people."""

WRITES, READS = "it writes, we read", "we write, it reads"


@dataclass(frozen=True, slots=True)
class Feature:
    """What a content of CMS is like.

    Attributes:
        kind: ``sign`` (apart from the content), ``encrypt`` or ``compress``.
        algorithm: the digest or the cipher.
        scheme: of the signature (``pkcs1``, ``pss``, ``ecdsa``) or of the transport of the key (``pkcs1``,
            ``oaep-`` and a digest).
        names: the certificate by ``issuer`` and serial number, or by ``key-id``.
        form: ``der``, or ``ber``: streamed, with indefinite lengths and content in pieces.
    """

    kind: str
    algorithm: str = ""
    scheme: str = ""
    names: str = ""
    form: str = "der"

    def __str__(self) -> str:
        return " ".join(filter(None, (self.kind, self.algorithm, self.scheme, self.names, self.form)))


_DIGESTS = ("sha256", "sha384", "sha512")
_CIPHERS = ("aes128-cbc", "aes192-cbc", "aes256-cbc", "aes128-gcm", "aes192-gcm", "aes256-gcm")
_GCM = {"aes128-gcm", "aes192-gcm", "aes256-gcm"}
_SCHEMES = ("pkcs1", "pss", "ecdsa")
_TRANSPORTS = ("pkcs1", "oaep-sha1", "oaep-sha256", "oaep-sha384", "oaep-sha512")
_NAMES = ("issuer", "key-id")
_FORMS = ("der", "ber")

FEATURES: Mapping[str, tuple[Feature, ...]] = {
    WRITES: (
        *(Feature("sign", *one) for one in product(("sha1", *_DIGESTS), _SCHEMES, _NAMES, _FORMS)),
        *(Feature("encrypt", *one) for one in product(("3des", *_CIPHERS), _TRANSPORTS, _NAMES, _FORMS)),
        *(Feature("compress", form=form) for form in _FORMS),
    ),
    # SHA-1 and Triple DES are not written, nor are key identifiers of recipients; all that is written is DER.
    READS: (
        *(Feature("sign", *one) for one in product(_DIGESTS, _SCHEMES, _NAMES)),
        *(Feature("encrypt", *one, "issuer") for one in product(_CIPHERS, _TRANSPORTS)),
        Feature("compress"),
    ),
}
"""What a peer writes and we read, and what we write and it reads."""


@dataclass(frozen=True, slots=True)
class Message:
    """What a whole message is like; empty: not at all.

    Attributes:
        sign: digest. encrypt: cipher. compress: ``before`` or ``after`` signing.
        receipt: ``unsigned``, or the digest of a signed one, which the reader of the message sends back.
    """

    sign: str = ""
    encrypt: str = ""
    compress: str = ""
    receipt: str = ""
    kind: str = "message"

    def __str__(self) -> str:
        said = (self.sign, self.encrypt, self.compress, self.receipt and f"receipt {self.receipt}")
        return " ".join(filter(None, said)) or "plain"


_COMPRESS, _RECEIPTS = ("", "before", "after"), ("", "unsigned", *_DIGESTS)

MESSAGES: Mapping[str, tuple[Message, ...]] = {
    WRITES: tuple(
        Message(*one)
        for one in product(("", "sha1", *_DIGESTS), ("", "3des", *_CIPHERS), _COMPRESS, _RECEIPTS)
        if one[0] or one[2] != "after"
    ),
    READS: tuple(
        Message(*one)
        for one in product(("", *_DIGESTS), ("", *_CIPHERS), _COMPRESS, _RECEIPTS)
        if one[0] or one[2] != "after"
    ),
}
"""Whole messages with their receipts, tried with pyas2lib."""


@dataclass(frozen=True, slots=True)
class Gap:
    """Something that a peer cannot do.

    Attributes:
        peers, ways: of whom, and in which way. where: the values of a feature's fields it is about.
        why: in words for the table.
        shown: whether the test shows that it fails. Otherwise there is no way to ask the peer for it.
    """

    peers: AbstractSet[str]
    ways: AbstractSet[str]
    why: str
    shown: bool = True
    where: Mapping[str, AbstractSet[str]] = field(default_factory=dict)

    def holds(self, peer: str, way: str, feature: Feature | Message) -> bool:
        return (
            peer in self.peers
            and way in self.ways
            and all(getattr(feature, name, None) in values for name, values in self.where.items())
        )


def _cannot(
    peers: str, ways: str, why: str, shown: bool = True, /, **where: Iterable[str] | AbstractSet[str]
) -> Gap:
    return Gap(
        frozenset(peers.split()),
        frozenset({"writes": {WRITES}, "reads": {READS}, "both": {WRITES, READS}}[ways]),
        why,
        shown,
        {name: frozenset(values) for name, values in where.items()},
    )


_OAEP_SHA2 = ("oaep-sha256", "oaep-sha384", "oaep-sha512")
_OAEP = ("oaep-sha1", *_OAEP_SHA2)

_P, _L, _S = "pyas2lib", "libas2", "openssl-smime"
CANNOT: tuple[Gap, ...] = (
    _cannot(_L, "writes", "signing fails", kind=["sign"]),
    # What there is no way to ask for.
    _cannot("openssl-cms openssl-smime", "writes", "signs in DER only", False, kind=["sign"], form=["ber"]),
    _cannot(f"{_S} {_L}", "both", "no compression", False, kind=["compress"]),
    _cannot(f"{_S} {_P} {_L}", "writes", "names by issuer and serial number only", False, names=["key-id"]),
    _cannot(_S, "writes", "no RSA-PSS", False, scheme=["pss"]),
    _cannot(_S, "writes", "no OAEP", False, scheme=_OAEP),
    _cannot(_P, "writes", "writes DER only", False, form=["ber"]),
    _cannot(_P, "writes", "no elliptic curves", False, scheme=["ecdsa"]),
    _cannot(_P, "writes", "no AES-GCM", False, kind=["encrypt"], algorithm=_GCM),
    _cannot(_P, "writes", "OAEP with SHA-1 only", False, scheme=_OAEP_SHA2),
    _cannot(_L, "writes", "encrypts in BER only", False, kind=["encrypt"], form=["der"]),
    _cannot(_L, "writes", "OAEP with SHA-512 only", False, kind=["encrypt"], scheme=("pkcs1", *_OAEP[:-1])),
    _cannot(_P, "writes", "compresses before signing only", False, kind=["message"], compress=["after"]),
    _cannot(_P, "writes", "no AES-GCM", False, kind=["message"], encrypt=_GCM),
    # What fails.
    _cannot("openssl-cms", "both", "Debian's OpenSSL has no zlib", kind=["compress"]),
    _cannot(f"{_S} {_L}", "reads", "no key identifiers", names=["key-id"]),
    _cannot(f"{_S} {_L}", "reads", "no RSA-PSS", scheme=["pss"]),
    _cannot(f"{_S} {_L}", "both", "no AES-GCM as RFC 5083 has it", kind=["encrypt"], algorithm=_GCM),
    _cannot(_S, "reads", "no OAEP", scheme=_OAEP),
    _cannot(_P, "writes", "RSA-PSS without its parameters, which nobody can check", scheme=["pss"]),
    _cannot(_P, "reads", "no elliptic curves", scheme=["ecdsa"]),
    _cannot(_P, "reads", "no AES-GCM", kind=["encrypt"], algorithm=_GCM),
    _cannot(_P, "reads", "OAEP with SHA-1 only", scheme=_OAEP_SHA2),
    _cannot(_P, "reads", "no AES-GCM", kind=["message"], encrypt=_GCM),
    _cannot(
        _P,
        "reads",
        "its receipts for messages that are not signed tell no digest",
        kind=["message"],
        sign=[""],
        receipt=["unsigned", *_DIGESTS],
    ),
)
"""The first that holds for a cell counts."""


ONLY_WITH_BYTES = (
    _cannot(
        "openssl-cms",
        "writes",
        "streamed AES-GCM of no bytes",
        kind=["encrypt"],
        algorithm=_GCM,
        form=["ber"],
    ),
    _cannot(_P, "writes", "crashes when it encrypts no bytes", kind=["encrypt"]),
    _cannot(_L, "reads", "takes signed content of no bytes for none", kind=["sign"]),
)
"""What a peer cannot do with empty content only."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One thing to try. gap: why it fails, if it does. minimum: of bytes; 1 where no bytes fail."""

    peer: str
    way: str
    feature: Feature | Message
    gap: Gap | None
    minimum: int = 0

    def __str__(self) -> str:
        return f"{self.peer} {'writes' if self.way == WRITES else 'reads'} {self.feature}"


def gap_of(gaps: Iterable[Gap], peer: str, way: str, feature: Feature | Message) -> Gap | None:
    """The first gap that holds."""
    return next((one for one in gaps if one.holds(peer, way, feature)), None)


def cells() -> Iterator[Cell]:
    """Every content of CMS that there is to try."""
    for peer, (way, features) in product(PEERS, FEATURES.items()):
        for one in features:
            minimum = 0 if gap_of(ONLY_WITH_BYTES, peer, way, one) is None else 1
            yield Cell(peer, way, one, gap_of(CANNOT, peer, way, one), minimum)


def message_cells() -> Iterator[Cell]:
    """Every whole message that there is to try."""
    for way, messages in MESSAGES.items():
        for one in messages:
            yield Cell("pyas2lib", way, one, gap_of(CANNOT, "pyas2lib", way, one))
