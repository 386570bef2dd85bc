from __future__ import annotations

import re
import shutil
from dataclasses import fields
from pathlib import Path

import pytest

from gateway.errors import ConfigurationError
from gateway.gateway_settings import As2Settings, Keys
from gateway.partners.as2 import QUIRKS, As2
from gateway.partners.partner import Partner
from gateway.settings import Settings, load

ROOT = Path(__file__).parents[2]
COMPANY = "company: {name: X, identifier: {qualifier: ZZ, id: X}}\n"
OURS = f"{COMPANY}as2: {{id: EXAMPLE-AS2}}\n"
TERMS = "id: ACME-AS2, url: 'https://as2.acme.example/as2'"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "partners").mkdir()
    (tmp_path / "gateway.yaml").write_text(OURS)
    return tmp_path


def write(home: Path, terms: str, name: str = "acme") -> None:
    (home / f"partners/{name}.yaml").write_text(
        f"name: P\nidentifiers: [{{qualifier: ZZ, id: {name}}}]\nas2: {{{terms}}}\n"
    )


def problems(home: Path) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        load(home)
    return [f"{problem.message} {problem.hint}".strip() for problem in caught.value.problems]


def terms_of(settings: Settings, name: str = "acme") -> As2:
    terms = settings.partners[name].as2
    assert terms is not None
    return terms


def test_as2_is_off_unless_it_is_written(home: Path) -> None:
    (home / "gateway.yaml").write_text(COMPANY)
    (home / "partners/p.yaml").write_text("name: P\nidentifiers: [{qualifier: ZZ, id: P}]\n")
    settings = load(home)
    assert settings.partners["p"].as2 is None
    ours = settings.gateway.as2
    assert (ours, settings.gateway.keys) == (As2Settings(), Keys(password="file:keys/password"))
    assert (ours.id, ours.listen, ours.path, ours.public_url) == ("", "", "/as2", "")
    assert (ours.tls_certificate, ours.tls_key) == ("", "")
    assert (ours.max_body_mb, ours.connections, ours.body_seconds) == (1024, 64, 300)


def test_the_defaults_are_what_the_manual_says(home: Path) -> None:
    write(home, TERMS)
    terms = terms_of(load(home))
    assert (terms.sign, terms.encrypt, terms.key_transport) == ("sha256", "aes256-cbc", "pkcs1")
    assert (terms.compress, terms.content_type, terms.subject) == ("none", "application/edi-x12", "")
    receipt = terms.receipt
    assert (receipt.mode, receipt.signed, receipt.within_minutes, receipt.resends) == ("sync", True, 60, 2)
    assert (terms.require.signed, terms.require.encrypted) == (True, True)
    assert (terms.receipts_to, terms.private_addresses, terms.login) == ((), False, None)
    assert (terms.client_certificate, terms.ca_file) == (False, "")
    assert (terms.timeout_seconds, terms.connections) == (60, 2)
    assert (terms.legacy, terms.quirks) == ((), ())


def uncommented(path: Path, key: str) -> str:
    """An example file with the block of a key no longer in comments."""
    text = path.read_text()
    block = re.search(rf"^# {key}:.*\n(#  .*\n)*", text, re.MULTILINE)
    assert block
    return text.replace(block[0], re.sub(r"^# ", "", block[0], flags=re.MULTILINE))


def test_what_the_examples_show_in_comments_is_right_and_complete(home: Path) -> None:
    shutil.copy(ROOT / "config/gateway.yaml", home)
    (home / "gateway.yaml").write_text(uncommented(home / "gateway.yaml", "as2"))
    (home / "gateway.yaml").write_text(uncommented(home / "gateway.yaml", "keys"))
    example = uncommented(ROOT / "config/partners/example.yaml", "as2")
    (home / "partners/acme.yaml").write_text(example)
    settings = load(home)
    terms = terms_of(settings)
    given = {one.name: getattr(terms, one.name) for one in fields(terms)}
    assert given.pop("login").password == "env:ACME_AS2_PASSWORD"
    assert given.pop("receipts_to") == ("as2.acme.example",)
    assert given.pop("us") == "EXAMPLE-AS2"
    plain = As2(id=given["id"], url=given["url"])
    assert given == {name: getattr(plain, name) for name in given}
    assert settings.gateway.keys == Keys()
    assert settings.gateway.as2.address == ("127.0.0.1", 10080)
    for part in (As2, As2Settings):
        text = example if part is As2 else (home / "gateway.yaml").read_text()
        assert [one.name for one in fields(part) if f"\n  {one.name}: " not in text] == []


def test_everything_that_can_be_agreed_is_read(home: Path) -> None:
    (home / "gateway.yaml").write_text(
        f"{COMPANY}as2: {{id: Us, listen: '[::1]:0', path: /in/as2, tls_certificate: a.pem, tls_key: b.pem,"
        " public_url: 'http://edi.example:8080/as2?x=1', max_body_mb: 5, connections: 1, body_seconds: 1.5}\n"
        "keys: {password: env:KEYS}\n"
    )
    write(
        home,
        'id: "Two Words", url: "http://10.0.0.1:8080/as2", us: "Our \\\\ \\"name", sign: none,'
        "encrypt: aes192-gcm, key_transport: oaep-sha384, compress: after, content_type: application/edifact,"
        "subject: EDI for you, receipt: {mode: async, signed: false, within_minutes: 0.5, resends: 0},"
        "require: {signed: false, encrypted: false}, receipts_to: [AS2.Acme.example, '[2001:DB8::1]'],"
        "private_addresses: true, login: {user: me, password: 'file:keys/acme pass'},"
        "client_certificate: true, ca_file: keys/ca.pem, timeout_seconds: 1, connections: 64,"
        f"legacy: [sha1, 3des], quirks: [{', '.join(QUIRKS)}]",
    )
    settings = load(home)
    partner, terms = settings.partners["acme"], terms_of(settings)
    assert settings.as2_names(partner) == ('Our \\ "name', "Two Words")
    assert settings.gateway.as2.address == ("::1", 0)
    assert settings.gateway.keys.password == "env:KEYS"
    assert terms.receipt_hosts == {"as2.acme.example", "2001:db8::1"}
    assert (terms.receipt.mode, terms.receipt.within_minutes, terms.receipt.resends) == ("async", 0.5, 0)
    assert terms.login is not None
    assert terms.login.password == "file:keys/acme pass"
    assert (terms.legacy, terms.quirks) == (("sha1", "3des"), tuple(QUIRKS))


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://as2.acme.example/as2", "as2.acme.example"),
        ("http://AS2.Acme.Example:4080", "as2.acme.example"),
        ("https://[2001:DB8::1]:4443/x", "2001:db8::1"),
    ],
)
def test_receipts_go_to_the_host_of_the_url_by_default(url: str, host: str) -> None:
    assert As2(id="A", url=url).receipt_hosts == {host}


def test_a_partner_is_found_by_both_names_exactly(home: Path) -> None:
    write(home, TERMS)
    write(home, f"{TERMS}, us: EXAMPLE-TEST", "acme-test")
    write(home, "id: acme-as2, url: 'http://x'", "other")
    (home / "partners/folder.yaml").write_text("name: P\nidentifiers: [{qualifier: ZZ, id: F}]\n")
    settings = load(home)

    def found(sender: str, receiver: str) -> str | None:
        partner: Partner | None = settings.by_as2(sender, receiver)
        return partner.id if partner else None

    assert found("ACME-AS2", "EXAMPLE-AS2") == "acme"
    assert found("ACME-AS2", "EXAMPLE-TEST") == "acme-test"
    assert found("acme-as2", "EXAMPLE-AS2") == "other"
    assert settings.as2_names(settings.partners["acme-test"]) == ("EXAMPLE-TEST", "ACME-AS2")
    for pair in (
        ("EXAMPLE-AS2", "ACME-AS2"),
        ("Acme-AS2", "EXAMPLE-AS2"),
        ("ACME-AS2 ", "EXAMPLE-AS2"),
        ("", ""),
    ):
        assert found(*pair) is None


def test_two_partners_with_the_same_names_are_told_with_both_files(home: Path) -> None:
    write(home, TERMS)
    write(home, f"{TERMS}, us: EXAMPLE-AS2", "zeta")
    (problem,) = problems(home)
    assert problem.startswith(
        "partners/zeta.yaml: as2: partners/acme.yaml has the same AS2 names, 'ACME-AS2' for"
    )


def test_a_partner_without_a_name_of_ours_is_told(home: Path) -> None:
    (home / "gateway.yaml").write_text(COMPANY)
    write(home, TERMS)
    write(home, f"{TERMS}, us: ME", "other")
    (problem,) = problems(home)
    assert problem.startswith("partners/acme.yaml: as2: there is no AS2 name of your own. Write as2.id in ")


@pytest.mark.parametrize(
    ("ours", "is_right"),
    [
        ("listen: 127.0.0.1:1", False),
        ("public_url: https://x/as2", False),
        ("listen: 127.0.0.1:1, public_url: https://x/as2", True),
    ],
)
def test_asynchronous_receipts_need_a_place_to_arrive(home: Path, ours: str, is_right: bool) -> None:
    (home / "gateway.yaml").write_text(f"{COMPANY}as2: {{id: ME, {ours}}}\n")
    write(home, f"{TERMS}, receipt: {{mode: async}}")
    if is_right:
        assert terms_of(load(home)).receipt.mode == "async"
    else:
        (problem,) = problems(home)
        assert "asynchronous receipts could not arrive. Write as2.listen and as2.public_url" in problem


SECRET = "a secret does not belong into this file: write where it is, env:NAME"
NO_URL = "is no URL to send to: write it as https://"


@pytest.mark.parametrize(
    ("terms", "words"),
    [
        ("url: 'https://x'", "as2.id is missing"),
        ("id: A", "as2.url is missing"),
        ("id: '', url: 'https://x'", "'' is no AS2 name: take 1 to 128 printable ASCII characters"),
        ("id: 'Ä', url: 'https://x'", "is no AS2 name"),
        ('id: "A\\n", url: "https://x"', "is no AS2 name"),
        (f"id: {'A' * 129}, url: 'https://x'", "is no AS2 name"),
        ("id: ' A', url: 'https://x'", "is no AS2 name"),
        (f"{TERMS}, us: 'A '", "is no AS2 name"),
        ("id: A, url: ''", NO_URL),
        ("id: A, url: as2.acme.example/as2", NO_URL),
        ("id: A, url: 'ftp://x/as2'", NO_URL),
        ("id: A, url: 'https:///as2'", NO_URL),
        ("id: A, url: 'https://x:port/as2'", NO_URL),
        ("id: A, url: 'https://x:70000/as2'", NO_URL),
        ("id: A, url: 'https://[::1/as2'", NO_URL),
        ("id: A, url: 'https://x/a b'", NO_URL),
        ("id: A, url: 'https://x/a#b'", NO_URL),
        ('id: A, url: "https://x/\\r\\nHost: y"', NO_URL),
        ("id: A, url: 'https://me:hunter2@x/as2'", "user and password do not belong into a URL"),
        ("id: A, url: 'https://me@x/as2'", "user and password do not belong into a URL"),
        *(
            (f"{TERMS}, {line}", words)
            for line, words in (
                ("sign: sha1", "sign 'sha1' is not known: did you mean sha"),
                ("sign: md5", "sign 'md5' is not known: choose of sha256, sha384, sha512, none"),
                ("encrypt: 3des", "encrypt '3des' is not known"),
                ("encrypt: aes256", "encrypt 'aes256' is not known: did you mean aes256-"),
                ("key_transport: oaep-sha1", "key_transport 'oaep-sha1' is not known"),
                ("compress: yes", "compress 'yes' is not known: choose of none, before, after"),
                ("content_type: edi", "content_type 'edi': write a MIME type"),
                ("content_type: 'a/b; c=d'", "write a MIME type"),
                ('content_type: "a/b\\r\\nX: y"', "write a MIME type"),
                ('subject: "a\\r\\nX: y"', "subject: at most 200 printable ASCII characters"),
                (
                    "receipt: {mode: later}",
                    "as2.receipt: mode 'later' is not known: choose of sync, async, none",
                ),
                ("receipt: {within_minutes: 0}", "within_minutes is more than 0, at most 10080"),
                ("receipt: {within_minutes: 10081}", "within_minutes is more than 0, at most 10080"),
                ("receipt: {resends: -1}", "resends 0 to 20"),
                ("receipt: {resends: 21}", "resends 0 to 20"),
                ("receipt: {sign: true}", "as2.receipt.sign is not a setting. Did you mean 'signed'?"),
                ("require: {signed: perhaps}", "as2.require.signed"),
                (
                    "require: {encrypt: true}",
                    "as2.require.encrypt is not a setting. Did you mean 'encrypted'?",
                ),
                ("receipts_to: ['https://x/']", "write names of hosts alone, without https:// and port"),
                ("receipts_to: ['x:80']", "write names of hosts alone"),
                ("receipts_to: ['me@x']", "write names of hosts alone"),
                ("receipts_to: ['']", "write names of hosts alone"),
                ("login: {user: me, password: hunter2}", SECRET),
                ("login: {user: me, password: 'env:hunter 2'}", SECRET),
                ("login: {user: me, password: 'env:'}", SECRET),
                ("login: {user: me, password: 'file:'}", SECRET),
                ("login: {user: me, password: 'File:hunter2'}", SECRET),
                ("login: {user: 'me:you', password: env:X}", "user: at least one character, no colon"),
                ("login: {user: '', password: env:X}", "user: at least one character, no colon"),
                ("login: {user: me}", "as2.login.password is missing"),
                ("timeout_seconds: 0.5", "timeout_seconds is 1 to 3600"),
                ("timeout_seconds: 3601", "timeout_seconds is 1 to 3600"),
                ("connections: 0", "connections 1 to 64"),
                ("connections: 65", "connections 1 to 64"),
                ("legacy: [md5]", "legacy 'md5' is not known: choose of sha1, 3des"),
                ("quirks: [micalg]", "quirks 'micalg' is not known: did you mean micalg-plain"),
            )
        ),
    ],
)
def test_every_mistake_in_a_partner_file_is_told_in_words(home: Path, terms: str, words: str) -> None:
    write(home, terms)
    found = problems(home)
    assert any(words in problem for problem in found), found
    assert all(problem.startswith("partners/acme.yaml, line 3: as2") for problem in found), found
    assert "hunter2" not in "".join(found)


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ("as2: {id: 'Ä'}", "is no AS2 name"),
        ("as2: {listen: 10080}", "listen '10080': write address and port, as 127.0.0.1:10080"),
        ("as2: {listen: 'host:port'}", "write address and port"),
        ("as2: {listen: '::1:10080'}", "write address and port"),
        ("as2: {listen: 'host:65536'}", "a port is at most 65535"),
        ("as2: {path: as2}", "path 'as2': write the path of a URL, as /as2"),
        ("as2: {path: '/a?b'}", "write the path of a URL"),
        ("as2: {public_url: edi.example}", NO_URL),
        ("as2: {public_url: 'https://me:hunter2@edi.example'}", "user and password do not belong into a URL"),
        ("as2: {tls_certificate: a.pem}", "tls_certificate and tls_key belong together"),
        ("as2: {tls_key: a.pem}", "tls_certificate and tls_key belong together"),
        ("as2: {max_body_mb: 0}", "max_body_mb is 1 to 100000"),
        ("as2: {max_body_mb: 100001}", "max_body_mb is 1 to 100000"),
        ("as2: {connections: 0}", "connections 1 to 10000"),
        ("as2: {connections: 10001}", "connections 1 to 10000"),
        ("as2: {body_seconds: 0.5}", "body_seconds: 1 to 86400"),
        ("as2: {body_seconds: 86401}", "body_seconds: 1 to 86400"),
        ("as2: {port: 1}", "as2.port is not a setting. Known here: id, listen, path"),
        ("keys: {password: hunter2}", SECRET),
    ],
)
def test_every_mistake_in_the_gateway_file_is_told_in_words(home: Path, lines: str, words: str) -> None:
    (home / "gateway.yaml").write_text(f"{COMPANY}{lines}\n")
    found = problems(home)
    assert any(words in problem for problem in found), found
    assert "hunter2" not in "".join(found)


def test_every_quirk_is_in_the_reference() -> None:
    text = (ROOT / "docs/reference/home.md").read_text("utf-8")
    quirks = text.partition("`quirks`")[2].partition("\n## ")[0]
    assert set(re.findall(r"^\| `([a-z0-9-]+)` \| [A-Z]", quirks, re.MULTILINE)) == set(QUIRKS)
