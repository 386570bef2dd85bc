"""Certificates and private keys of a home, a file for each: ``own/<id>.pem``, ``partners/<id>/<id>.pem``.

A file begins with lines such as ``purposes: sign, encrypt``, then follow the certificate and, of ours, its
key, encrypted. What cannot be read, or is not what it says, is told and not used; the other files are.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeAlias

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_ssh_private_key,
    pkcs7,
    pkcs12,
)
from cryptography.x509.oid import NameOID

from gateway.as2.keys import Certificate, KeyPair, PrivateKey, PublicKey
from gateway.as2.problems import As2Error
from gateway.errors import ConfigurationError, EdiError, RefusedError
from gateway.files import put_file, sync_files
from gateway.partners.certificate import PURPOSES, Held, receiving, sending

OWN, PARTNERS = "own", "partners"

_FIELDS = ("purposes", "from", "until", "partner", "added", "weak")
_CURVES = ("secp256r1", "secp384r1", "secp521r1")
_BLOCK = re.compile(rb"-----BEGIN ([A-Z0-9 ]+)-----.+?-----END \1-----", re.DOTALL)
_P12 = re.compile(rb"\x30[\x80-\x84].{0,4}?\x02\x01\x03|\x30.\x02\x01\x03", re.DOTALL)

_BAD = (
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)
"""What reading bytes of others may raise."""

_Seen: TypeAlias = tuple[object, list[Held], list[str]]


class Keyring:
    """The certificates in a folder; a change of a file is noticed at the next use.

    Args:
        folder: ``keys/as2`` of a home; made when something is added.
        password: gives the password of our private keys. Asked when a file with one is read or written.
    """

    def __init__(self, folder: Path, password: Callable[[], str]) -> None:
        self.folder = folder
        self._password = password
        self._seen: dict[str, _Seen] = {}

    # --- what is used --------------------------------------------------------------------------------

    def sign_key(self, partner: str, now: datetime) -> KeyPair:
        """What we sign with. Raises As2Error (AS2-NO-CERTIFICATE)."""
        return _one(sending(self.own(), partner, "sign", now), "sign", partner).pair

    def decrypt_keys(self, partner: str, now: datetime) -> list[KeyPair]:
        """What the partner may have encrypted for, the newest first."""
        return [one.pair for one in receiving(self.own(), partner, "encrypt", now)]

    def verify_certificates(self, partner: str, now: datetime, expired: bool = False) -> list[Certificate]:
        """What the partner may have signed with; ``expired``: also after their own validity."""
        return [one.certificate for one in receiving(self.theirs(partner), partner, "sign", now, expired)]

    def encrypt_certificate(self, partner: str, now: datetime, expired: bool = False) -> Certificate:
        """What we encrypt for. Raises As2Error (AS2-NO-CERTIFICATE)."""
        found = sending(self.theirs(partner), partner, "encrypt", now, expired)
        return _one(found, "encrypt", partner).certificate

    def tls_files(self, partner: str, now: datetime) -> tuple[Path, str] | None:
        """A PEM file with our certificate as a client and its key, and the password of the key."""
        one = sending(self.own(), partner, "tls", now)
        return None if one is None else (self._path(one), self._password())

    # --- what there is -------------------------------------------------------------------------------

    def own(self) -> list[Held]:
        """All of ours, also those whose time is over."""
        return self._look(OWN)[1]

    def theirs(self, partner: str) -> list[Held]:
        """All of a partner."""
        return self._look(f"{PARTNERS}/{partner}")[1]

    def groups(self) -> list[list[Held]]:
        """Ours, and those of each partner."""
        return [self._look(name)[1] for name in self._names()]

    @property
    def problems(self) -> list[str]:
        """What is wrong with which file, in words."""
        return [problem for name in self._names() for problem in self._look(name)[2]]

    def _names(self) -> list[str]:
        folder = self.folder / PARTNERS
        names = sorted(entry.name for entry in os.scandir(folder)) if folder.is_dir() else []
        return [OWN, *(f"{PARTNERS}/{name}" for name in names if not name.startswith("."))]

    def _look(self, name: str) -> _Seen:
        """What is in a folder; read again when a file of it is another one."""
        stamp, entries = [], list[os.DirEntry[str]]()
        with suppress(FileNotFoundError, NotADirectoryError), os.scandir(self.folder / name) as found:
            entries = [one for one in found if not one.name.startswith(".")]
        for one in entries:
            with suppress(FileNotFoundError):  # removed meanwhile
                stat = one.stat()
                stamp.append((one.name, stat.st_mtime_ns, stat.st_size, stat.st_ino))
        stamp.sort()
        seen = self._seen.get(name)
        if seen is None or seen[0] != stamp:
            held: list[Held] = []
            problems: list[str] = []
            for file, *_ in stamp:
                try:
                    held.append(self._read(self.folder / name / file, name))
                except (*_BAD, OSError, EdiError) as error:
                    problems.append(f"{self.folder.name}/{name}/{file} is not used: {_said(error)}")
            seen = self._seen[name] = (stamp, held, problems)
        return seen

    def _read(self, path: Path, name: str) -> Held:
        """A file. Raises ValueError, OSError or EdiError with the reason why it cannot be used."""
        data = path.read_bytes()
        fields: dict[str, str] = {}
        for line in data.partition(b"-----BEGIN")[0].decode("utf-8").splitlines():
            field, _, value = line.partition(":")
            if line.strip() and (field not in _FIELDS or field in fields):
                raise ValueError(f"the line {line[:60]!r} is not understood")
            fields[field] = value.strip()
        blocks = [(match[1], match[0]) for match in _BLOCK.finditer(data)]
        is_own = name == OWN
        if [kind for kind, _ in blocks] != [b"CERTIFICATE", b"ENCRYPTED PRIVATE KEY"][: 1 + is_own]:
            what = "and one encrypted private key" if is_own else "and nothing else"
            raise ValueError(f"there must be one certificate {what} in it")
        certificate = Certificate(x509.load_pem_x509_certificate(blocks[0][1]))
        key = None
        if is_own:
            try:
                key = _usable(load_pem_private_key(blocks[1][1], self._password().encode()))
            except ValueError:
                raise ValueError("its private key cannot be opened; is it the right password?") from None
        partner = fields.get("partner", "") if is_own else name.rpartition("/")[2]
        moments = {field: _moment(fields[field]) for field in ("from", "until", "added") if field in fields}
        held = held_of(
            certificate,
            key,
            purposes=fields.get("purposes", "sign, encrypt").replace(",", " ").split(),
            since=moments.get("from"),
            until=moments.get("until"),
            added=moments.get("added", certificate.begins),
            partner=partner,
            weak=fields.get("weak") == "yes",
        )
        if path.name != self._path(held).name:
            raise ValueError(f"the certificate in it belongs into {self._path(held).name}")
        return held

    # --- changes -------------------------------------------------------------------------------------

    def find(self, held: Held) -> Held | None:
        """The same certificate in the same place, as it is kept."""
        there = self._look(self._folder(held))[1]
        return next((one for one in there if one.fingerprint == held.fingerprint), None)

    def add(self, held: Held) -> None:
        """Keeps one more. Raises FileExistsError: its file is there."""
        self._write(held, os.link)

    def change(self, held: Held) -> None:
        """Keeps one with other purposes or another time."""
        self._write(held, os.replace)

    def remove(self, held: Held) -> None:
        """Deletes one, with its key. Raises FileNotFoundError."""
        self._path(held).unlink()
        sync_files([self._path(held).parent])

    def _folder(self, held: Held) -> str:
        return OWN if held.key is not None else f"{PARTNERS}/{held.partner}"

    def _path(self, held: Held) -> Path:
        return self.folder / self._folder(held) / f"{held.fingerprint[:16]}.pem"

    def _write(self, held: Held, put: Callable[[Path, Path], None]) -> None:
        moments = {"from": held.since, "until": held.until, "added": held.added}
        fields = {"purposes": ", ".join(held.purposes)}
        fields |= {name: at.astimezone(UTC).isoformat(timespec="seconds") for name, at in moments.items()}
        if held.key is not None and held.partner:
            fields["partner"] = held.partner
        if held.weak:
            fields["weak"] = "yes"
        content = "".join(f"{name}: {value}\n" for name, value in fields.items()).encode()
        content += held.certificate.x509.public_bytes(Encoding.PEM)
        if held.key is not None:
            locked = BestAvailableEncryption(self._password().encode())
            content += held.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, locked)
        path = self._path(held)
        for folder in (self.folder.parent, self.folder, path.parent.parent, path.parent):
            if not folder.is_dir():
                folder.mkdir(mode=0o700, exist_ok=True)
                sync_files([folder.parent])
        put_file(path, content, put)


def make_password(path: Path, password: str = "") -> None:
    """Makes the file with the password of private keys, unless it is there; by default a random one."""
    path.parent.mkdir(mode=0o700, exist_ok=True)
    with suppress(FileExistsError):
        put_file(path, f"{password or secrets.token_urlsafe(32)}\n".encode(), os.link)


def _one(found: Held | None, purpose: str, partner: str) -> Held:
    if found is None:
        raise As2Error("AS2-NO-CERTIFICATE", purpose=purpose, partner=partner)
    return found


def _said(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__


def _moment(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


# --- certificates and keys ---------------------------------------------------------------------------------


class WeakKeyError(ValueError):
    """A key is too weak; one of a partner can be taken all the same (``weak``)."""


def held_of(
    certificate: Certificate,
    key: PrivateKey | None = None,
    *,
    added: datetime,
    purposes: Sequence[str] = (),
    since: datetime | None = None,
    until: datetime | None = None,
    partner: str = "",
    weak: bool = False,
) -> Held:
    """A certificate with what it is for and when.

    Args:
        key: of ours only.
        purposes: by default what the certificate itself allows.
        since, until: by default its own validity.
        weak: a partner's may have a short key.

    Raises:
        WeakKeyError: its key is too weak. ValueError: it cannot be used otherwise. Both say why.
    """
    purposes = purposes or _allowed(certificate)
    if wrong := {*purposes} - {*(PURPOSES if key is not None else PURPOSES[:2])}:
        raise ValueError(f"{min(wrong)!r} is no purpose of it")
    if "encrypt" in purposes and not isinstance(certificate.key, RSAPublicKey):
        raise ValueError("it has an elliptic curve key, which can only sign")
    since, until = since or certificate.begins, until or certificate.ends
    if since >= until:
        raise ValueError(f"it would be used from {since:%Y-%m-%d %H:%M} until {until:%Y-%m-%d %H:%M}: never")
    if key is not None and key.public_key() != certificate.key:
        raise ValueError("the private key does not belong to the certificate")
    if (words := weakness(certificate.key)) and (key is not None or not weak):
        raise WeakKeyError(f"{words} is too weak")
    ordered = tuple(one for one in PURPOSES if one in purposes)
    return Held(certificate, ordered, since, until, added, partner, key, weak and bool(words))


def described(key: PublicKey) -> str:
    """A key in words, such as ``RSA 2048``."""
    return f"RSA {key.key_size}" if isinstance(key, RSAPublicKey) else key.curve.name


def weakness(key: PublicKey) -> str:
    """What is too weak about a key; empty if nothing is."""
    is_rsa = isinstance(key, RSAPublicKey)
    fine = key.key_size >= 2048 if is_rsa else described(key) in _CURVES
    return "" if fine else f"a key of the kind {described(key)}"


def _allowed(certificate: Certificate) -> tuple[str, ...]:
    """What a certificate may be used for (RFC 5280, 4.2.1.3); many say nothing, or nothing that fits."""
    able = PURPOSES[: 1 + isinstance(certificate.key, RSAPublicKey)]
    try:
        usage = certificate.x509.extensions.get_extension_for_class(x509.KeyUsage).value
    except (x509.ExtensionNotFound, ValueError):
        return able
    signs = usage.digital_signature or usage.content_commitment
    encrypts = usage.key_encipherment or usage.data_encipherment
    said = {"sign": signs, "encrypt": encrypts}
    return tuple(one for one in able if said[one]) or able


@dataclass(frozen=True, slots=True)
class Contents:
    """What a file from elsewhere holds.

    Attributes:
        certificates: those of the key, or those that are of no authority.
        others: the names of the rest, such as authorities; they are not needed.
    """

    certificates: list[Certificate]
    others: list[str]
    key: PrivateKey | None


def read(data: bytes, password: str = "") -> Contents:
    """Certificates and key of a file: PEM, DER, PKCS#12 (.p12, .pfx) or PKCS#7 (.p7b).

    Args:
        password: of the file, or of the key in it.

    Raises:
        RefusedError: it is nothing of that kind, damaged, or the password is wrong.
    """
    try:
        found, key = _pem(data, password) if b"-----BEGIN " in data else _der(data, password)
        if key is not None:
            own = [one for one in found if one.public_key() == key.public_key()]
            if found and not own:
                raise ValueError("the private key does not belong to the certificate in it")
        else:
            own = [one for one in found if not _is_authority(one)]
            issuers = [one.issuer for one in found if one.issuer != one.subject]
            own = own or [one for one in found if one.subject not in issuers]
        if not own:
            raise ValueError("there is no certificate in it")
        others = [one.subject.rfc4514_string() for one in found if one not in own]
        return Contents([Certificate(one) for one in dict.fromkeys(own)], others, key)
    except _BAD as error:
        raise RefusedError(f"The file cannot be used: {_said(error)}.") from None


def _pem(data: bytes, password: str) -> tuple[list[x509.Certificate], PrivateKey | None]:
    found: list[x509.Certificate] = []
    keys = []
    for match in _BLOCK.finditer(data):
        kind, block = match[1], match[0] + b"\n"
        if kind == b"CERTIFICATE":
            found.append(x509.load_pem_x509_certificate(block))
        elif kind == b"PKCS7":
            found += pkcs7.load_pem_pkcs7_certificates(block)
        elif kind.endswith(b"PRIVATE KEY"):
            is_locked = kind.startswith(b"ENCRYPTED") or b"ENCRYPTED" in block
            try:
                keys.append(load_pem_private_key(block, password.encode() if is_locked else None))
            except (ValueError, TypeError):
                raise ValueError("its private key cannot be opened; is it the right password?") from None
    if len(keys) > 1:
        raise ValueError("there are several private keys in it")
    return found, _usable(keys[0]) if keys else None


def _der(data: bytes, password: str) -> tuple[list[x509.Certificate], PrivateKey | None]:
    if _P12.match(data):
        try:
            store = pkcs12.load_pkcs12(data, password.encode() or None)
        except ValueError:
            raise ValueError("it cannot be opened; is it the right password?") from None
        found = [one.certificate for one in (store.cert, *store.additional_certs) if one is not None]
        return found, None if store.key is None else _usable(store.key)
    with suppress(ValueError):
        return [x509.load_der_x509_certificate(data)], None
    try:
        return pkcs7.load_der_pkcs7_certificates(data), None
    except ValueError:
        raise ValueError("it is none of PEM, DER, PKCS#12 and PKCS#7, or damaged") from None


def _usable(key: object) -> PrivateKey:
    if not isinstance(key, RSAPrivateKey | EllipticCurvePrivateKey):
        raise TypeError("its private key is neither an RSA nor an elliptic curve key")
    return key


def _is_authority(certificate: x509.Certificate) -> bool:
    with suppress(x509.ExtensionNotFound, ValueError):
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    return False


def generate(name: str, years: int, bits: int, now: datetime) -> KeyPair:
    """A new RSA key with a certificate signed by itself.

    Raises:
        ConfigurationError: the name does not fit into a certificate.
    """
    key = generate_private_key(65537, bits)
    usage = ("content_commitment", "data_encipherment", "key_agreement", "key_cert_sign", "crl_sign")
    flags = dict.fromkeys((*usage, "encipher_only", "decipher_only"), False)
    try:
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    except ValueError as error:
        raise ConfigurationError(f"{name!r} cannot be the name of a certificate: {error}.") from None
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        # A partner whose clock is slow takes it at once.
        .not_valid_before(now.replace(microsecond=0) - timedelta(days=1))
        .not_valid_after(now.replace(microsecond=0) + timedelta(days=365.25 * years))
        .add_extension(x509.BasicConstraints(False, None), True)
        .add_extension(x509.KeyUsage(digital_signature=True, key_encipherment=True, **flags), True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
        .sign(key, SHA256())
    )
    return KeyPair(key, Certificate(made))


def encoded(certificate: Certificate, der: bool = False) -> bytes:
    """A certificate to be given away, as PEM or DER."""
    return certificate.der if der else certificate.x509.public_bytes(Encoding.PEM)


def make_ssh_key() -> bytes:
    """A new private key of Ed25519, as OpenSSH writes it."""
    return Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())


def ssh_public(key: bytes) -> str:
    """The line that a partner registers for a private key without password; empty if it cannot be read."""
    with suppress(*_BAD):
        found = load_ssh_private_key(key, None).public_key()
        return found.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    return ""
