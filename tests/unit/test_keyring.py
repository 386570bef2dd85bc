"""The files with certificates and keys: kept safely, trusted only as far as they can be read."""

from __future__ import annotations

import os
import re
import shutil
import ssl
import stat
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    pkcs7,
    pkcs12,
)

from gateway.as2.keys import KeyPair
from gateway.as2.problems import As2Error
from gateway.errors import ConfigurationError, RefusedError
from gateway.store.keyring import Keyring, encoded, generate, held_of, make_password, read
from tests.certificates import BEGIN, PASSWORD, key_of, keyring, pair, write_home_keys

ACME = "acme-retail"
NOW = BEGIN + timedelta(days=60)
OURS, THEIRS = pair("ours"), pair("theirs")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    write_home_keys(tmp_path, ACME, OURS, THEIRS.certificate)
    return tmp_path


def file_of(home: Path, one: KeyPair) -> Path:
    (found,) = (home / "keys/as2").rglob(f"{one.certificate.fingerprint[:16]}.pem")
    return found


def pem_of(one: KeyPair, password: str = "") -> bytes:
    locked = BestAvailableEncryption(password.encode()) if password else NoEncryption()
    return one.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, locked)


# --- use -------------------------------------------------------------------------------------------------


def test_what_was_written_is_found_by_another_process(home: Path) -> None:
    ring = keyring(home)
    assert ring.sign_key(ACME, NOW).certificate.der == OURS.certificate.der
    assert ring.sign_key(ACME, NOW).key.private_numbers() == OURS.key.private_numbers()
    assert [one.certificate.der for one in ring.decrypt_keys(ACME, NOW)] == [OURS.certificate.der]
    assert [one.der for one in ring.verify_certificates(ACME, NOW)] == [THEIRS.certificate.der]
    assert ring.encrypt_certificate(ACME, NOW).der == THEIRS.certificate.der
    assert ring.problems == []


def test_what_is_not_there_is_said_with_purpose_and_partner(home: Path) -> None:
    ring, late = keyring(home), OURS.certificate.ends
    for ask, words in (
        (lambda: ring.encrypt_certificate("other", NOW), "to encrypt with for other that"),
        (lambda: ring.encrypt_certificate(ACME, late), "to encrypt with for acme-retail that"),
        (lambda: ring.sign_key(ACME, late), "to sign with for acme-retail that"),
    ):
        with pytest.raises(As2Error, match=words) as caught:
            ask()
        assert caught.value.code == "AS2-NO-CERTIFICATE"
    assert ring.verify_certificates("other", NOW) == []
    assert ring.decrypt_keys(ACME, late) == []
    assert ring.tls_files(ACME, NOW) is None


def test_expired_ones_count_where_asked(tmp_path: Path) -> None:
    ring, made = keyring(tmp_path), pair("short", ends=NOW).certificate
    ring.add(held_of(made, partner=ACME, added=BEGIN, until=NOW + timedelta(days=2)))
    at = NOW + timedelta(days=1)
    assert ring.verify_certificates(ACME, at) == []
    assert [one.der for one in ring.verify_certificates(ACME, at, expired=True)] == [made.der]
    assert ring.encrypt_certificate(ACME, at, expired=True).der == made.der


def test_a_change_is_noticed_at_the_next_use(home: Path) -> None:
    ring, other = keyring(home), keyring(home)
    assert ring.sign_key(ACME, NOW).certificate.der == OURS.certificate.der
    newer = pair("newer", begins=BEGIN + timedelta(days=1))
    held = held_of(newer.certificate, newer.key, added=BEGIN)
    other.add(held)
    assert ring.sign_key(ACME, NOW).certificate.der == newer.certificate.der
    other.change(held_of(newer.certificate, newer.key, added=BEGIN, until=NOW))
    assert ring.sign_key(ACME, NOW).certificate.der == OURS.certificate.der
    other.remove(held)
    assert len(ring.own()) == 1
    other.remove(other.theirs(ACME)[0])
    assert ring.verify_certificates(ACME, NOW) == []


def test_files_are_read_once_while_they_stay_the_same(home: Path) -> None:
    asked = []

    def password() -> str:
        asked.append(1)
        return PASSWORD

    ring = Keyring(home / "keys/as2", password)
    ring.verify_certificates(ACME, NOW)
    assert asked == []  # certificates of partners need none
    first, second = (ring.sign_key(ACME, NOW) for _ in range(2))
    assert (first.key is second.key, len(asked)) == (True, 1)


def test_the_tls_file_and_its_password_are_what_an_ssl_context_takes(home: Path) -> None:
    ring, made = keyring(home), pair("tls")
    ring.add(held_of(made.certificate, made.key, purposes=["tls"], added=BEGIN))
    found = ring.tls_files(ACME, NOW)
    assert found is not None
    path, password = found
    ssl.create_default_context().load_cert_chain(path, password=password)
    with pytest.raises(ssl.SSLError):
        ssl.create_default_context().load_cert_chain(path, password="another")


# --- files -----------------------------------------------------------------------------------------------


def test_only_the_owner_may_read(home: Path) -> None:
    everything = [home / "keys", *(home / "keys").rglob("*")]
    assert len(everything) == 8
    for path in everything:
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path


def test_a_key_is_on_disk_only_under_its_password(home: Path) -> None:
    text = file_of(home, OURS).read_bytes()
    assert b"-----BEGIN ENCRYPTED PRIVATE KEY-----" in text
    body = pem_of(OURS).splitlines()[3]
    for path in home.rglob("*"):
        if path.is_file():
            assert body not in path.read_bytes()
            assert path.name == "password" or PASSWORD.encode() not in path.read_bytes()


def test_the_head_tells_a_person_what_it_is(home: Path) -> None:
    ring, made = keyring(home), pair("weak", key="rsa1024")
    ring.add(held_of(made.certificate, partner=ACME, weak=True, until=NOW, added=NOW))
    assert file_of(home, made).read_text().split("-----BEGIN")[0].splitlines() == [
        "purposes: sign, encrypt",
        "from: 2026-01-01T00:00:00+00:00",
        "until: 2026-03-02T00:00:00+00:00",
        "added: 2026-03-02T00:00:00+00:00",
        "weak: yes",
    ]
    special = pair("special")
    ring.add(held_of(special.certificate, special.key, partner=ACME, added=NOW))
    assert "\npartner: acme-retail\n" in file_of(home, special).read_text()
    for held, kept in zip(keyring(home).own(), ring.own(), strict=True):
        assert (held.facts, held.partner, held.added) == (kept.facts, kept.partner, kept.added)
    assert {one.partner for one in keyring(home).own()} == {"", ACME}


def test_a_head_may_be_short(home: Path) -> None:
    path = file_of(home, THEIRS)
    path.write_bytes(encoded(THEIRS.certificate))
    (one,) = keyring(home).theirs(ACME)
    assert (one.purposes, one.since, one.until) == (
        ("sign", "encrypt"),
        THEIRS.certificate.begins,
        THEIRS.certificate.ends,
    )
    path.write_bytes(b"purposes: encrypt\nuntil: 2026-02-01\n\n" + encoded(THEIRS.certificate))
    (one,) = keyring(home).theirs(ACME)
    assert (one.purposes, one.until) == (("encrypt",), BEGIN + timedelta(days=31))


def test_an_interrupted_change_leaves_the_file_as_it_was(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ring = keyring(home)
    before = file_of(home, OURS).read_bytes()

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", fail)
        with pytest.raises(OSError, match="No space"):
            ring.change(held_of(OURS.certificate, OURS.key, added=BEGIN, until=NOW))
    assert file_of(home, OURS).read_bytes() == before
    assert [path.name for path in (home / "keys/as2/own").iterdir()] == [file_of(home, OURS).name]


def test_nothing_is_overwritten_by_adding(home: Path) -> None:
    before = file_of(home, OURS).read_bytes()
    with pytest.raises(FileExistsError):
        keyring(home).add(held_of(OURS.certificate, OURS.key, added=BEGIN, until=NOW))
    assert file_of(home, OURS).read_bytes() == before


def test_a_password_is_made_once_and_at_random(tmp_path: Path) -> None:
    made = []
    for name in ("a", "b"):
        path = tmp_path / name / "password"
        make_password(path)
        make_password(path)
        made.append(path.read_text().strip())
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert made[0] != made[1]
    assert min(map(len, made)) >= 40


# --- what cannot be trusted ------------------------------------------------------------------------------


def broken(home: Path) -> Iterator[tuple[Path, bytes, str]]:
    """Files, what is in them, and what is said of it."""
    own, theirs = file_of(home, OURS), file_of(home, THEIRS)
    good, other = own.read_bytes(), encoded(THEIRS.certificate)
    certificate, mark, key = good.partition(b"-----BEGIN ENCRYPTED")
    strange = pair("strange")
    yield theirs, b"", "there must be one certificate and nothing else in it"
    yield theirs, b"\x00\xff" * 50, "can't decode"
    yield theirs, other[:200] + b"\n-----END CERTIFICATE-----\n", ""
    yield theirs, other.replace(other[100:120], b"A" * 20), ""
    yield theirs, other + other, "one certificate and nothing else"
    yield theirs, other + pem_of(THEIRS), "one certificate and nothing else"
    yield theirs, b"purpose: sign\n" + other, "the line 'purpose: sign' is not understood"
    yield theirs, b"from: 2026-01-01\nfrom: 2026-01-02\n" + other, "the line 'from: 2026-01-02'"
    yield theirs, b"until: tomorrow\n" + other, "Invalid isoformat string: 'tomorrow'"
    yield theirs, b"purposes: tls\n" + other, "'tls' is no purpose"
    yield theirs, encoded(strange.certificate), f"belongs into {strange.certificate.fingerprint[:16]}.pem"
    yield own, good[:-400], "one certificate and one encrypted private key"
    yield own, certificate, "one certificate and one encrypted private key"
    yield own, certificate + pem_of(OURS), "one certificate and one encrypted private key"
    yield own, certificate + pem_of(OURS, "another"), "cannot be opened; is it the right password?"
    yield own, certificate + pem_of(THEIRS, PASSWORD), "the private key does not belong to the certificate"
    yield own, certificate + mark + key.replace(key[700:720], b"A" * 20), "cannot be opened"


def test_a_broken_file_is_told_by_name_and_the_others_work(home: Path) -> None:
    extra, spare = pair("extra"), pair("spare")
    ring = keyring(home)
    ring.add(held_of(extra.certificate, extra.key, added=BEGIN))
    ring.add(held_of(spare.certificate, partner=ACME, added=BEGIN))
    for path, content, words in broken(home):
        before = path.read_bytes()
        path.write_bytes(content)
        for one in (ring, keyring(home)):
            (problem,) = one.problems
            assert problem.startswith(f"as2/{path.relative_to(home / 'keys/as2')} is not used: ")
            assert words in problem
            assert PASSWORD not in problem
            assert len(one.own()) + len(one.theirs(ACME)) == 3
            one.sign_key(ACME, NOW)
            one.encrypt_certificate(ACME, NOW)
        path.write_bytes(before)
        assert ring.problems == []


def test_a_strange_file_or_folder_is_told(home: Path) -> None:
    ring = keyring(home)
    (home / "keys/as2/own/notes.txt").write_text("hello")
    (home / "keys/as2/partners/acme-retail/new").mkdir()
    (home / "keys/as2/own/.hidden").write_text("")
    problems = ring.problems
    assert [problem.split(" is not used")[0] for problem in problems] == [
        "as2/own/notes.txt",
        "as2/partners/acme-retail/new",
    ]
    ring.sign_key(ACME, NOW)


def test_without_the_password_the_certificates_of_partners_work(home: Path) -> None:
    def missing() -> str:
        raise ConfigurationError("keys/password is not there")

    ring = Keyring(home / "keys/as2", missing)
    ring.encrypt_certificate(ACME, NOW)
    assert ring.own() == []
    assert ring.problems == [f"as2/own/{file_of(home, OURS).name} is not used: keys/password is not there"]


def test_a_weak_certificate_needs_its_word_in_the_file(home: Path) -> None:
    ring, made = keyring(home), pair("weak", key="rsa1024")
    ring.add(held_of(made.certificate, partner=ACME, weak=True, added=BEGIN))
    path = file_of(home, made)
    path.write_text(path.read_text().replace("weak: yes\n", ""))
    assert "is too weak" in ring.problems[0]
    assert len(ring.theirs(ACME)) == 1


def test_an_empty_home_has_nothing_and_no_problem(tmp_path: Path) -> None:
    ring = Keyring(tmp_path / "keys/as2", lambda: PASSWORD)
    assert (ring.own(), ring.theirs(ACME), ring.problems, ring.groups()) == ([], [], [], [[]])


# --- files from elsewhere --------------------------------------------------------------------------------

CA = pair("authority", ca=True)
LEAF = pair("leaf", issuer="authority")


def p12(password: str = "secret", one: KeyPair = LEAF) -> bytes:
    locked = BestAvailableEncryption(password.encode()) if password else NoEncryption()
    return pkcs12.serialize_key_and_certificates(
        b"name", one.key, one.certificate.x509, [CA.certificate.x509], locked
    )


def p7b(*some: KeyPair, form: Encoding = Encoding.DER) -> bytes:
    return pkcs7.serialize_certificates([one.certificate.x509 for one in some], form)


def pem(*some: KeyPair) -> bytes:
    return b"".join(encoded(one.certificate) for one in some)


def edwards() -> tuple[bytes, bytes]:
    """A certificate and a key of a kind that AS2 has no use for."""
    key = Ed25519PrivateKey.generate()
    made = x509.CertificateBuilder(
        LEAF.certificate.x509.issuer, LEAF.certificate.x509.subject, key.public_key(), 7, BEGIN, NOW
    ).sign(CA.key, SHA256())
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return made.public_bytes(Encoding.PEM), private


@pytest.mark.parametrize(
    ("data", "password", "others", "has_key"),
    [
        (encoded(LEAF.certificate), "", [], False),
        (encoded(LEAF.certificate, der=True), "", [], False),
        (b"Bag Attributes\n" + encoded(LEAF.certificate).replace(b"\n", b"\r\n"), "", [], False),
        (pem(CA, LEAF), "", ["CN=authority"], False),
        (pem(LEAF, LEAF), "", [], False),
        (p7b(CA, LEAF), "", ["CN=authority"], False),
        (p7b(LEAF, CA, form=Encoding.PEM), "", ["CN=authority"], False),
        (p12(), "secret", ["CN=authority"], True),
        (p12(""), "", ["CN=authority"], True),
        (pem(CA, LEAF) + pem_of(LEAF), "", ["CN=authority"], True),
        (pem_of(LEAF, "secret") + pem(LEAF), "secret", [], True),
    ],
)
def test_each_form_is_read_and_the_chain_left_out(
    data: bytes, password: str, others: list[str], has_key: bool
) -> None:
    found = read(data, password)
    assert [one.der for one in found.certificates] == [LEAF.certificate.der]
    assert sorted(found.others) == others
    assert (found.key is not None) == has_key
    if found.key:
        assert found.key.private_numbers() == LEAF.key.private_numbers()


def test_an_authority_alone_is_what_was_meant() -> None:
    assert len(read(pem(CA)).certificates) == 1
    other = pair("other", ca=True, issuer="authority")
    assert [one.der for one in read(pem(CA, other)).certificates] == [other.certificate.der]


def test_several_that_are_no_authority_are_all_found() -> None:
    found = read(p7b(LEAF, CA, THEIRS))
    assert {one.der for one in found.certificates} == {LEAF.certificate.der, THEIRS.certificate.der}


@pytest.mark.parametrize(
    ("data", "password", "words"),
    [
        (b"", "", "none of PEM, DER, PKCS#12 and PKCS#7"),
        (b"ISA*00*          *", "", "none of PEM, DER, PKCS#12 and PKCS#7"),
        (encoded(LEAF.certificate, der=True)[:-7], "", "none of PEM"),
        (p12(), "", "is it the right password"),
        (p12(), "wrong", "is it the right password"),
        (pem_of(LEAF), "", "no certificate in it"),
        (pem_of(LEAF, "secret") + pem(LEAF), "wrong", "is it the right password"),
        (pem_of(LEAF, "secret") + pem(LEAF), "", "is it the right password"),
        (pem(THEIRS) + pem_of(LEAF), "", "does not belong to the certificate"),
        (pem(LEAF) + pem_of(LEAF) + pem_of(THEIRS), "", "several private keys"),
        (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "", "cannot be used"),
        (b"-----BEGIN CERTIFICATE-----\n", "", "no certificate in it"),
        (edwards()[0], "", "neither an RSA nor an elliptic curve key"),
        (pem(LEAF) + edwards()[1], "", "neither an RSA nor an elliptic curve key"),
    ],
)
def test_what_cannot_be_used_is_said_in_words(data: bytes, password: str, words: str) -> None:
    with pytest.raises(RefusedError, match=re.escape(words)) as caught:
        read(data, password)
    assert caught.value.__cause__ is None
    assert "secret" not in str(caught.value)


def test_every_damaged_file_is_refused_or_read(tmp_path: Path) -> None:
    for data in (p12(), p7b(CA, LEAF), pem(LEAF) + pem_of(LEAF), encoded(LEAF.certificate, der=True)):
        for at in range(0, len(data), 41):
            damaged = data[:at] + bytes([data[at] ^ 0x55]) + data[at + 1 :]
            with suppress(RefusedError):
                read(damaged, "secret")


@pytest.mark.needs_system
@pytest.mark.parametrize("older", [False, True], ids=["new", "older"])
def test_what_openssl_wrote_is_read(tmp_path: Path, older: bool) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    (tmp_path / "key.pem").write_bytes(pem_of(LEAF))
    (tmp_path / "all.pem").write_bytes(pem(LEAF, CA))
    words = ["pkcs12", "-export", "-inkey", "key.pem", "-in", "all.pem", "-out", "it.p12"]
    how = ["-keypbe", "PBE-SHA1-3DES", "-certpbe", "PBE-SHA1-3DES", "-macalg", "sha1"] if older else []
    subprocess.run(
        ["openssl", *words, "-passout", "pass:secret", *how], cwd=tmp_path, check=True, capture_output=True
    )
    found = read((tmp_path / "it.p12").read_bytes(), "secret")
    assert [one.der for one in found.certificates] == [LEAF.certificate.der]
    assert found.key is not None
    locked = "pkcs8 -topk8 -v1 PBE-SHA1-3DES" if older else "rsa -aes256 -traditional"
    words = f"{locked} -in key.pem -out locked.pem -passout pass:secret".split()
    subprocess.run(["openssl", *words], cwd=tmp_path, check=True, capture_output=True)
    assert read((tmp_path / "locked.pem").read_bytes() + pem(LEAF), "secret").key is not None


# --- made here -------------------------------------------------------------------------------------------


def test_a_generated_certificate_is_usable_at_once_and_by_a_slow_clock() -> None:
    made = generate("Example, Inc. – EDI", 2, 2048, NOW)
    held = held_of(made.certificate, made.key, added=NOW)
    assert held.purposes == ("sign", "encrypt")
    assert made.certificate.begins == NOW - timedelta(days=1)
    assert (made.certificate.ends - NOW).days == 730
    assert "Example" in made.certificate.name
    assert made.certificate.key_id == made.certificate.x509.extensions[2].value.digest
    made.certificate.x509.verify_directly_issued_by(made.certificate.x509)
    with pytest.raises(ConfigurationError, match="cannot be the name"):
        generate("x" * 65, 1, 2048, NOW)
    assert key_of("ours", "rsa2048") is OURS.key  # what tests share is made once
