"""``edigw cert``: what is imported, made, changed and told, and that nothing private is told."""

from __future__ import annotations

import json
import stat
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
    pkcs7,
    pkcs12,
)

from gateway.app import Gateway
from gateway.as2.keys import KeyPair
from gateway.cli.commands.home import make_home
from gateway.services.attend import expiring
from gateway.services.proof import words
from gateway.settings import load
from gateway.store.keyring import encoded
from gateway.store.verifier import Entry
from tests.certificates import keyring, pair
from tests.homes import PARTNER, rows
from tests.unit.cli.support import Done, Runner

NOW = datetime.now(UTC).replace(microsecond=0)
DAY = timedelta(days=1)
YEAR = NOW + 365 * DAY
OURS, THEIRS = pair("ours", ends=YEAR), pair("theirs", ends=YEAR)
SECRET = "the password of a file"


class Certs:
    """``edigw cert`` on a home."""

    def __init__(self, edigw: Runner, home: Path) -> None:
        self.edigw, self.home = edigw, home
        self.said = ""

    def __call__(self, *arguments: object, stdin: bytes = b"") -> Done:
        done = self.edigw("cert", *arguments, "--config", self.home, stdin=stdin)
        self.said += done.out + done.err
        return done

    def held(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(self("list", "--json").out)
        return found

    def audit(self) -> list[tuple[str, str, str, dict[str, Any]]]:
        if not (self.home / "data/gateway.db").exists():
            return []
        found = rows(self.home, "SELECT event, partner, actor, facts FROM audit ORDER BY seq")
        return [(event, partner, actor, json.loads(facts)) for event, partner, actor, facts in found]

    def events(self) -> list[str]:
        return [event for event, *_ in self.audit()]


@pytest.fixture
def cert(edigw: Runner, tmp_path: Path) -> Certs:
    home = tmp_path / "home"
    make_home(home)
    return Certs(edigw, home)


def with_as2(home: Path, more: str = "") -> None:
    """Gives the partner settings of AS2."""
    for file, text in (
        ("gateway.yaml", "as2:\n  id: US-AS2\n"),
        (f"partners/{PARTNER}.yaml", f"as2:\n  id: ACME-AS2\n  url: https://as2.acme.example/as2\n{more}"),
    ):
        path = home / file
        if "\nas2:" not in path.read_text("utf-8"):
            path.write_text(f"{path.read_text('utf-8')}\n{text}", "utf-8")


def written(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


@pytest.fixture
def theirs(tmp_path: Path) -> Path:
    return written(tmp_path, "theirs.pem", encoded(THEIRS.certificate))


@pytest.fixture
def ours(tmp_path: Path) -> Path:
    content = pkcs12.serialize_key_and_certificates(
        None, OURS.key, OURS.certificate.x509, None, BestAvailableEncryption(SECRET.encode())
    )
    return written(tmp_path, "ours.p12", content)


@pytest.fixture
def both(cert: Certs, ours: Path, theirs: Path, monkeypatch: pytest.MonkeyPatch) -> Certs:
    """A home with a key of ours and a certificate of the partner."""
    monkeypatch.setenv("P12_PASSWORD", SECRET)
    assert cert("import", ours, "--own", "--password-env", "P12_PASSWORD").code == 0
    assert cert("import", theirs, "--partner", PARTNER).code == 0
    return cert


def short(one: KeyPair) -> str:
    return one.certificate.fingerprint[:16]


# --- import ----------------------------------------------------------------------------------------------


def test_what_was_imported_is_listed_used_and_in_the_audit(both: Certs) -> None:
    own, other = both.held()
    assert own == {
        "id": OURS.certificate.fingerprint,
        "whose": "us",
        "partner": None,
        "purposes": ["sign", "encrypt"],
        "name": OURS.certificate.name,
        "from": "2026-01-01T00:00:00+00:00",
        "until": YEAR.isoformat(),
        "certificate_from": "2026-01-01T00:00:00+00:00",
        "certificate_until": YEAR.isoformat(),
        "days_left": 364,
        "key": "RSA 2048",
        "weak": False,
        "added": own["added"],
    }
    assert (other["id"], other["whose"]) == (THEIRS.certificate.fingerprint, PARTNER)
    assert keyring(both.home).sign_key(PARTNER, NOW).certificate.der == OURS.certificate.der
    assert keyring(both.home).encrypt_certificate(PARTNER, NOW).der == THEIRS.certificate.der
    added = [one for one in both.audit() if one[0] == "certificate.added"]
    assert [(partner, facts["whose"], facts["fingerprint"]) for _, partner, _, facts in added] == [
        ("", "us", OURS.certificate.fingerprint),
        (PARTNER, PARTNER, THEIRS.certificate.fingerprint),
    ]
    assert all(actor.startswith("user:") for _, _, actor, _ in added)


def test_the_list_fits_a_terminal_and_names_each(both: Certs) -> None:
    lines = both("list").out.splitlines()
    assert lines[0].split() == ["id", "whose", "purposes", "name", "from", "until", "days"]
    assert [line.split()[:2] for line in lines[1:]] == [[short(OURS), "us"], [short(THEIRS), PARTNER]]
    assert lines[1].split()[-3:] == ["2026-01-01", f"{YEAR:%Y-%m-%d}", "364"]
    assert len(both("list", "--partner", PARTNER).out.splitlines()) == 3
    assert len(both("list", "--partner", "nobody").out.splitlines()) == 2


def test_importing_again_changes_nothing_and_says_so(both: Certs, theirs: Path) -> None:
    before = {path: path.read_bytes() for path in both.home.glob("keys/**/*.pem")}
    events = both.events()
    done = both("import", theirs, "--partner", PARTNER, "--until", "2027-01-01", "--purpose", "sign")
    assert done.code == 0
    assert done.out.startswith(f"It is there already, and nothing was changed: {short(THEIRS)} of {PARTNER}")
    assert {path: path.read_bytes() for path in both.home.glob("keys/**/*.pem")} == before
    assert both.events() == events


def test_purposes_and_window_are_those_that_were_asked_for(cert: Certs, theirs: Path) -> None:
    asked = ("--from", "2026-12-01", "--until", "2026-12-31", "--purpose", "encrypt", "--reason", "Ticket 7")
    assert cert("import", theirs, "--partner", PARTNER, *asked).code == 0
    (one,) = cert.held()
    assert one["purposes"] == ["encrypt"]
    assert one["from"] == "2026-12-01T00:00:00+00:00"
    assert one["until"] == "2027-01-01T00:00:00+00:00"  # the last day included
    assert cert.audit()[-1][3]["reason"] == "Ticket 7"
    assert cert("import", theirs, "--partner", PARTNER, "--from", "soon").code == 2


@pytest.mark.parametrize(
    ("name", "options", "code", "said"),
    [
        ("theirs.pem", ["--own"], 6, "no private key in the file"),
        ("theirs.pem", [], 2, "say whose it is"),
        ("theirs.pem", ["--partner", "acme-retial"], 4, "Did you mean acme-retail?"),
        ("theirs.pem", ["--partner", PARTNER, "--purpose", "tls"], 6, "'tls' is no purpose"),
        ("ours.p12", ["--own"], 6, "is it the right password?"),
        ("ours.p12", ["--own", "--password-env", "WRONG"], 6, "is it the right password?"),
        ("ours.p12", ["--own", "--password-env", "NOT_SET"], 3, "NOT_SET is not set"),
        ("ours.p12", ["--partner", PARTNER, "--password-env", "RIGHT"], 6, "private key in the file"),
        ("missing.pem", ["--partner", PARTNER], 4, "missing.pem"),
        ("junk", ["--partner", PARTNER], 6, "none of PEM, DER, PKCS#12 and PKCS#7"),
        ("weak.pem", ["--partner", PARTNER], 6, "A partner's is taken with --weak."),
        ("several.p7b", ["--partner", PARTNER], 6, "CN=second"),
    ],
)
def test_what_cannot_be_imported_is_refused_and_nothing_is_kept(
    cert: Certs,
    ours: Path,
    theirs: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    options: list[str],
    code: int,
    said: str,
) -> None:
    monkeypatch.setenv("WRONG", "wrong")
    monkeypatch.setenv("RIGHT", SECRET)
    folder = theirs.parent
    written(folder, "junk", b"\x30\x03\x02\x01\x01")
    written(folder, "weak.pem", encoded(pair("weak", key="rsa1024").certificate))
    several = [one.certificate.x509 for one in (THEIRS, pair("second"), pair("authority", ca=True))]
    written(folder, "several.p7b", pkcs7.serialize_certificates(several, Encoding.DER))
    done = cert("import", folder / name, *options)
    assert (done.code, done.out) == (code, "")
    assert said in done.err
    assert cert.held() == []
    assert "certificate.added" not in cert.events()


def test_of_several_all_are_imported_where_asked_and_authorities_are_told(cert: Certs) -> None:
    several = [one.certificate.x509 for one in (THEIRS, pair("second"), pair("authority", ca=True))]
    content = pkcs7.serialize_certificates(several, Encoding.PEM)
    done = cert("import", "-", "--partner", PARTNER, "--all", stdin=content)
    assert done.code == 0
    assert "Not needed and left out: CN=authority" in done.err
    assert {one["id"] for one in cert.held()} == {
        one.certificate.fingerprint for one in (THEIRS, pair("second"))
    }


def test_a_weak_certificate_is_taken_on_a_word_and_shown(cert: Certs, tmp_path: Path) -> None:
    path = written(tmp_path, "weak.pem", encoded(pair("weak", key="rsa1024").certificate))
    assert cert("import", path, "--partner", PARTNER, "--weak").code == 0
    assert [(one["weak"], one["key"]) for one in cert.held()] == [(True, "RSA 1024")]


def test_what_takes_the_place_of_another_at_once_is_told(both: Certs, tmp_path: Path) -> None:
    newer = pair("newer", begins=NOW - DAY, ends=YEAR)
    path = written(tmp_path, "newer.pem", encoded(newer.certificate))
    later = written(tmp_path, "later.pem", encoded(pair("later", begins=NOW - DAY, ends=YEAR).certificate))
    done = both("import", later, "--partner", PARTNER, "--from", f"{NOW + DAY:%Y-%m-%dT%H:%M}")
    assert "instead of" not in done.err
    done = both("import", path, "--partner", PARTNER)
    assert f"It is used from now on instead of {short(THEIRS)}." in done.err
    assert f"instead of {short(OURS)}." in both("generate", "--bits", "2048").err


# --- generate, export, remove ----------------------------------------------------------------------------


def test_a_key_is_made_with_its_password_and_exported_without_it(cert: Certs, tmp_path: Path) -> None:
    assert cert("generate", "--bits", "2048", "--years", "2").code == 0
    password = cert.home / "keys/password"
    assert stat.S_IMODE(password.stat().st_mode) == 0o600
    first = password.read_text()
    assert (
        cert("generate", "--bits", "2048", "--name", "Other", "--partner", PARTNER, "--purpose", "tls").code
        == 0
    )
    assert password.read_text() == first
    general, special = sorted(cert.held(), key=lambda one: one["partner"] or "")
    assert (general["days_left"], general["partner"], special["partner"]) == (730, None, PARTNER)
    assert special["purposes"] == ["tls"]
    company = load(cert.home).gateway.company.name
    assert company in general["name"]
    out = tmp_path / "out.pem"
    assert cert("export", general["id"][:8], "-o", out).code == 0
    assert b"PRIVATE" not in out.read_bytes()
    made = x509.load_pem_x509_certificate(out.read_bytes())
    assert cert("export", general["id"], "--der", "-o", out).code == 0
    assert x509.load_der_x509_certificate(out.read_bytes()) == made
    assert cert("export", general["id"]).out.encode() == made.public_bytes(Encoding.PEM)
    assert f"us for {PARTNER}" in cert("list").out


@pytest.mark.parametrize("text", ["", "12345678", "short"])
def test_an_id_that_names_none_is_not_found(both: Certs, text: str) -> None:
    done = both("export", text)
    assert (done.code, done.out) == (4, "")
    assert both("export", short(OURS)[:7]).code == 4
    assert both("export", short(OURS)[:8].upper()).code == 0


def test_what_is_removed_is_gone_and_told(both: Certs) -> None:
    assert both("remove", short(THEIRS)[:8], "--reason", "Left us").code == 0
    assert [one["id"] for one in both.held()] == [OURS.certificate.fingerprint]
    event, partner, _, facts = both.audit()[-1]
    assert (event, partner, facts["reason"]) == ("certificate.removed", PARTNER, "Left us")
    assert both("remove", short(THEIRS)).code == 4


def test_the_same_certificate_of_two_partners_is_removed_from_one(both: Certs, theirs: Path) -> None:
    text = "name: Second\nidentifiers:\n  - {qualifier: ZZ, id: SECOND}\n"
    (both.home / "partners/second.yaml").write_text(text, "utf-8")
    assert both("import", theirs, "--partner", "second").code == 0
    assert both("export", short(THEIRS)).code == 0
    assert both("remove", short(THEIRS)).code == 6
    assert both("remove", short(THEIRS), "--partner", "second").code == 0
    assert [one["whose"] for one in both.held()] == ["us", PARTNER]


def test_a_broken_file_is_told_and_the_rest_is_listed(both: Certs) -> None:
    (path,) = (both.home / "keys/as2/partners").rglob("*.pem")
    path.write_bytes(path.read_bytes()[:-200])
    done = both("list")
    assert done.code == 1
    assert f"as2/partners/{PARTNER}/{path.name} is not used" in done.err
    assert short(OURS) in done.out


# --- rollover --------------------------------------------------------------------------------------------


def test_a_partners_new_certificate_takes_over_on_the_day(both: Certs, tmp_path: Path) -> None:
    new = pair("new", ends=YEAR)
    path = written(tmp_path, "new.cer", encoded(new.certificate, der=True))
    on = NOW.replace(hour=0, minute=0, second=0) + 20 * DAY
    plan = (
        "rollover",
        "--partner",
        PARTNER,
        "--import",
        path,
        "--on",
        f"{on:%Y-%m-%d}",
        "--overlap-days",
        "10",
    )
    done = both(*plan)
    assert done.code == 0
    assert f"{on:%Y-%m-%d} 00:00 UTC: {short(new)} follows {short(THEIRS)}." in done.out
    assert f"Until {on + 10 * DAY:%Y-%m-%d} 00:00 UTC" in done.out
    ring = keyring(both.home)
    assert ring.encrypt_certificate(PARTNER, on - DAY).der == THEIRS.certificate.der
    assert ring.encrypt_certificate(PARTNER, on).der == new.certificate.der
    accepted = [len(ring.verify_certificates(PARTNER, at)) for at in (NOW, on + 9 * DAY, on + 10 * DAY)]
    assert accepted == [2, 2, 1]
    assert both.events()[-2:] == ["certificate.added", "certificate.changed"]
    before = both.events()
    assert both(*plan).out.count("Unchanged: ") == 2
    assert both.events() == before


def test_ours_is_made_anew_for_all_that_the_old_one_was_for(cert: Certs) -> None:
    purposes = ("--purpose", "sign", "--purpose", "encrypt", "--purpose", "tls")
    assert cert("generate", "--bits", "2048", "--years", "1", *purposes).code == 0
    (old,) = cert.held()
    done = cert("rollover", "--own", "--bits", "2048", "--on", f"{NOW + 300 * DAY:%Y-%m-%d}")
    assert done.code == 0
    assert "edigw cert export" in done.out
    new = next(one for one in cert.held() if one["id"] != old["id"])
    assert new["purposes"] == ["sign", "encrypt", "tls"]
    ring = keyring(cert.home)
    assert ring.sign_key(PARTNER, NOW).certificate.fingerprint == old["id"]
    assert ring.sign_key(PARTNER, NOW + 301 * DAY).certificate.fingerprint == new["id"]
    assert len(ring.decrypt_keys(PARTNER, NOW)) == len(ring.decrypt_keys(PARTNER, NOW + 320 * DAY)) == 2


@pytest.mark.parametrize(("days", "said"), [(400, "there would be none to encrypt with"), (0, "Nothing was")])
def test_a_rollover_with_a_gap_changes_nothing(both: Certs, tmp_path: Path, days: int, said: str) -> None:
    begins = NOW + DAY if days == 0 else NOW
    new = pair("later", begins=begins, ends=NOW + 800 * DAY)
    path = written(tmp_path, "new.pem", encoded(new.certificate))
    before, events = both.held(), both.events()
    on = f"{NOW + days * DAY:%Y-%m-%dT%H:%M}"
    done = both("rollover", "--partner", PARTNER, "--import", path, "--on", on)
    assert (done.code, done.out) == (6, "")
    assert said in done.err
    for one in (*before, *(after := both.held())):
        one.pop("days_left")
    assert after == before
    assert both.events() == events


def test_a_rollover_needs_to_know_what_and_when(both: Certs) -> None:
    assert both("rollover", "--own").code == 2
    assert both("rollover", "--on", "2026-12-01").code == 2
    assert both("rollover", "--partner", PARTNER, "--on", "2026-12-01").code == 2


# --- check -----------------------------------------------------------------------------------------------


def test_without_as2_there_is_nothing_to_check(cert: Certs) -> None:
    done = cert("check")
    assert (done.code, done.out) == (0, "No partner has settings for AS2.\n")
    assert cert("check", "--json").out == "[]\n"


def test_check_names_each_of_the_six_uses(both: Certs) -> None:
    with_as2(both.home)
    done = both("check", "--json")
    uses = json.loads(done.out)
    assert done.code == 0
    assert [(one["use"], one["ids"][0], one["ok"]) for one in uses] == [
        ("sign messages", OURS.certificate.fingerprint, True),
        ("sign receipts", OURS.certificate.fingerprint, True),
        ("decrypt messages", OURS.certificate.fingerprint, True),
        ("encrypt messages", THEIRS.certificate.fingerprint, True),
        ("check signatures of messages", THEIRS.certificate.fingerprint, True),
        ("check signatures of receipts", THEIRS.certificate.fingerprint, True),
    ]
    assert {one["until"] for one in uses} == {YEAR.isoformat()}
    assert both("check").out.count("ok     acme-retail: to ") == 6


def test_check_says_what_is_missing(cert: Certs, theirs: Path) -> None:
    with_as2(cert.home)
    done = cert("check")
    assert done.code == 1
    assert done.out.count("nothing is there") == 6
    assert "6 of 6 uses need you" in done.out
    assert cert("import", theirs, "--partner", PARTNER, "--purpose", "encrypt").code == 0
    assert [one["use"] for one in json.loads(cert("check", "--json").out) if one["ok"]] == [
        "encrypt messages"
    ]


def test_check_minds_only_what_the_settings_need(cert: Certs) -> None:
    none = "  sign: none\n  encrypt: none\n  receipt: {mode: none, signed: false}\n"
    with_as2(cert.home, f"{none}  require: {{signed: false, encrypted: false}}\n")
    assert [one["use"] for one in json.loads(cert("check", "--json").out) if not one["ok"]] == [
        "sign receipts"
    ]
    assert cert("generate", "--bits", "2048").code == 0
    assert cert("check").code == 0


@pytest.mark.parametrize(("days", "code"), [(29, 1), (32, 0)])
def test_check_tells_what_ends_within_thirty_days(both: Certs, days: int, code: int) -> None:
    with_as2(both.home)
    ring = keyring(both.home)
    (one,) = ring.theirs(PARTNER)
    ring.change(replace(one, until=datetime.now(UTC) + days * DAY))
    assert both("check").code == code


def test_check_counts_the_tls_certificate_where_it_is_used(both: Certs) -> None:
    with_as2(both.home, "  client_certificate: true\n")
    assert [one["use"] for one in json.loads(both("check", "--json").out) if not one["ok"]] == [
        "connect by TLS"
    ]


@pytest.mark.parametrize(("quirks", "wrong"), [("[]", 3), ("[expired-certificates]", 0)])
def test_an_expired_certificate_counts_where_that_was_agreed(
    both: Certs, tmp_path: Path, quirks: str, wrong: int
) -> None:
    with_as2(both.home, f"  quirks: {quirks}\n")
    path = written(tmp_path, "ended.pem", encoded(pair("ended", ends=NOW - DAY).certificate))
    assert both("remove", short(THEIRS)).code == 0
    assert both("import", path, "--partner", PARTNER, "--until", f"{NOW + 90 * DAY:%Y-%m-%d}").code == 0
    assert [one["ok"] for one in json.loads(both("check", "--json").out)].count(False) == wrong
    with Gateway(both.home, load(both.home), works=False) as gateway:
        services = replace(gateway.services, clock=lambda: NOW)
        assert expiring(services) == bool(wrong)
        gateway.services.store.close()


# --- alarms ----------------------------------------------------------------------------------------------


def test_each_alarm_is_told_once(both: Certs) -> None:
    told = []
    with Gateway(both.home, load(both.home), works=False) as gateway:
        for left in (61, 60, 59, 30, 29, 14, 7, 1, 0, -5):
            at: datetime = YEAR - left * DAY
            services = replace(gateway.services, clock=partial(datetime.fromisoformat, at.isoformat()))
            told.append(expiring(services))
        gateway.services.store.close()
    assert told == [0, 2, 0, 2, 0, 2, 2, 2, 0, 0]
    expected = [one for one in both.audit() if one[0] == "certificate.expiring"]
    assert [(partner, facts["whose"]) for _, partner, _, facts in expected[:2]] == [
        ("", "us"),
        (PARTNER, PARTNER),
    ]
    assert expected[0][3]["ends"] == f"{YEAR:%Y-%m-%d %H:%M}"


def test_after_a_stop_only_the_latest_alarm_is_told_and_a_new_window_alarms_anew(both: Certs) -> None:
    with Gateway(both.home, load(both.home), works=False) as gateway:
        services = replace(gateway.services, clock=lambda: YEAR - 10 * DAY)
        ring = keyring(both.home)
        assert [expiring(services) for _ in range(3)] == [2, 0, 0]
        (one,) = ring.theirs(PARTNER)
        ring.change(replace(one, until=YEAR - DAY))
        assert expiring(services) == 1
        gateway.services.store.close()


# --- nothing private is told -----------------------------------------------------------------------------


def test_nothing_private_is_told_anywhere(both: Certs, tmp_path: Path) -> None:
    with_as2(both.home)
    plain = OURS.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    other = pair("other ours")
    bad = other.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    for name, content, options in (
        ("plain.pem", encoded(OURS.certificate) + plain, ["--own"]),
        ("wrong.pem", encoded(THEIRS.certificate) + bad, ["--own"]),
        ("wrong.pem", encoded(THEIRS.certificate) + bad, ["--partner", PARTNER]),
        ("cut.pem", plain[:-300], ["--own"]),
    ):
        both("import", written(tmp_path, name, content), *options)
    both("rollover", "--own", "--bits", "2048", "--on", f"{NOW + 30 * DAY:%Y-%m-%d}")
    both("list")
    both("list", "--json")
    both("check")
    both("check", "--json")
    for one in both.held():
        both("export", one["id"])
    both("remove", short(OURS))
    password = (both.home / "keys/password").read_text().strip()
    stored = [path.read_bytes() for path in (both.home / "keys/as2/own").iterdir()]
    keys = [load_pem_private_key(one, password.encode()) for one in stored]
    lines = [line for pem in (plain, bad, *stored) for line in _body(pem)]
    for key in keys:
        lines += _body(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    everything = [both.said]
    everything += [
        path.read_bytes().decode("latin-1") for path in (both.home / "data").rglob("*") if path.is_file()
    ]
    assert any("certificate.added" in one for one in everything)
    for text in everything:
        assert password not in text
        assert SECRET not in text
        assert [line for line in lines if line in text] == []


def _body(pem: bytes) -> list[str]:
    """The lines of a private key, which by themselves are found in no other text."""
    _, _, key = pem.decode().partition("PRIVATE KEY-----\n")
    return [line for line in key.splitlines() if len(line) == 64][2:]


def test_the_audit_says_it_in_words(both: Certs) -> None:
    entry = both.audit()[-1]
    said = words(Entry(1, "", entry[0], "", "", PARTNER, entry[2], json.dumps(entry[3])))
    assert said == (
        f"Certificate of {PARTNER} added: {THEIRS.certificate.name}, to sign encrypt, "
        f"2026-01-01 00:00 to {YEAR:%Y-%m-%d %H:%M}."
    )
