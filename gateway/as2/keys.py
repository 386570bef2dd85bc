"""Certificates and private keys as CMS sees them: by issuer and serial number, or by key identifier."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import TypeAlias

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

PrivateKey: TypeAlias = RSAPrivateKey | EllipticCurvePrivateKey
PublicKey: TypeAlias = RSAPublicKey | EllipticCurvePublicKey


@dataclass(frozen=True, eq=False)
class Certificate:
    """An X.509 certificate.

    Attributes:
        key: its public key. Raises ValueError when made of a certificate with another kind of key.
    """

    x509: x509.Certificate

    def __post_init__(self) -> None:
        if not isinstance(self.x509.public_key(), RSAPublicKey | EllipticCurvePublicKey):
            raise ValueError("the certificate has neither an RSA nor an elliptic curve key")

    @cached_property
    def key(self) -> PublicKey:
        key = self.x509.public_key()
        assert isinstance(key, RSAPublicKey | EllipticCurvePublicKey)
        return key

    @cached_property
    def der(self) -> bytes:
        """Its encoding."""
        return self.x509.public_bytes(Encoding.DER)

    @cached_property
    def issuer(self) -> bytes:
        """The issuer's name, encoded (RFC 5652, 10.2.4)."""
        return self.x509.issuer.public_bytes()

    @cached_property
    def serial(self) -> int:
        return self.x509.serial_number

    @cached_property
    def key_id(self) -> bytes:
        """The subject key identifier: what the certificate says, or SHA-1 of the key (RFC 5280, 4.2.1.2)."""
        try:
            return self.x509.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
        except (x509.ExtensionNotFound, ValueError):
            return x509.SubjectKeyIdentifier.from_public_key(self.key).digest

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the certificate, in hexadecimal."""
        return self.x509.fingerprint(SHA256()).hex()

    @property
    def begins(self) -> datetime:
        return self.x509.not_valid_before_utc

    @property
    def ends(self) -> datetime:
        return self.x509.not_valid_after_utc

    @cached_property
    def name(self) -> str:
        """Subject and serial number in words, for people who compare it with what they have."""
        return f"{self.x509.subject.rfc4514_string() or 'no name'} (serial number {self.serial:X})"


@dataclass(frozen=True)
class KeyPair:
    """A private key with its certificate."""

    key: PrivateKey
    certificate: Certificate
