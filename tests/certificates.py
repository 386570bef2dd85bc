"""Keys and certificates for tests, made once in a process: making a key takes longer than most tests."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import NameOID

from gateway.as2.keys import Certificate, KeyPair, PrivateKey
from gateway.store.keyring import Keyring, held_of, make_password

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
PASSWORD = "a password that must be seen nowhere"

_CURVES = {"ec": ec.SECP256R1(), "ec384": ec.SECP384R1(), "ec521": ec.SECP521R1(), "k1": ec.SECP256K1()}


@cache
def key_of(name: str, kind: str) -> PrivateKey:
    """A private key: ``rsa`` with its bits, or a curve."""
    if kind in _CURVES:
        return ec.generate_private_key(_CURVES[kind])
    return rsa.generate_private_key(65537, int(kind.removeprefix("rsa")))


@cache
def pair(
    name: str,
    *,
    years: float = 20,
    key: str = "rsa2048",
    begins: datetime = BEGIN,
    ends: datetime | None = None,
    usage: str = "",
    ca: bool = False,
    issuer: str = "",
    serial: int = 0,
) -> KeyPair:
    """A key and its certificate, the same for the same arguments; the key depends on name and kind alone.

    Args:
        key: rsa2048, rsa1024, ..., ec (P-256), ec384, ec521, k1 (secp256k1).
        usage: what KeyUsage allows, ``sign`` or ``encrypt``; without it there is no such extension.
        issuer: name of another pair, an authority, that signs it; else it is signed by itself.
    """
    private, signer = key_of(name, key), key_of(issuer or name, "rsa2048" if issuer else key)
    subject, by = (
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, one)]) for one in (name, issuer or name)
    )
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(by)
        .public_key(private.public_key())
        .serial_number(serial or x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(ends or begins + timedelta(days=365.25 * years))
        .add_extension(x509.BasicConstraints(ca, None), True)
    )
    if usage:
        flags = dict.fromkeys(
            ("content_commitment", "data_encipherment", "key_agreement", "key_cert_sign", "crl_sign"), False
        )
        flags |= {"digital_signature": usage == "sign", "key_encipherment": usage == "encrypt"}
        builder = builder.add_extension(
            x509.KeyUsage(**flags, encipher_only=False, decipher_only=False), critical=True
        )
    return KeyPair(private, Certificate(builder.sign(signer, SHA256())))


def keyring(home: Path) -> Keyring:
    """The keyring of a home; its password is made if it is not there."""
    file = home / "keys" / "password"
    if not file.exists():
        make_password(file, PASSWORD)
    return Keyring(home / "keys" / "as2", lambda: file.read_text("utf-8").strip())


def write_home_keys(home: Path, partner: str, own: KeyPair, theirs: Certificate) -> None:
    """Gives a home a key of its own, for all partners, and a partner's certificate."""
    ring = keyring(home)
    ring.add(held_of(own.certificate, own.key, added=BEGIN))
    ring.add(held_of(theirs, partner=partner, added=BEGIN))
