"""Settings of our SFTP server and of partners' accounts on it: what is wrong is said in words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from gateway.cli.commands.home import make_home
from gateway.errors import ConfigurationError
from gateway.gateway_settings import SftpServer
from gateway.partners.sftp import SftpAccount
from gateway.settings import load

PARTNER = "acme-retail"
ED25519 = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f"
SHORT_RSA = "ssh-rsa " + "AAAAB3NzaC1yc2EAAAADAQABAAAAgQ" + "A" * 174


@pytest.fixture
def home(tmp_path: Path) -> Path:
    make_home(tmp_path / "home")
    return tmp_path / "home"


def say(home: Path, partner: str = PARTNER, **changes: Any) -> SftpAccount:
    said = {"user": "acme", "keys": [f"{ED25519} somebody@acme"], **changes}
    path = home / f"partners/{partner}.yaml"
    before = (home / f"partners/{PARTNER}.yaml").read_text().partition("\nsftp_account:\n")[0]
    if partner != PARTNER:
        before = before.replace("id: ACMERETAIL", "id: OTHER").replace("channel: acme-retail", "")
    path.write_text(before + "\n" + yaml.safe_dump({"sftp_account": said}))
    account = load(home).partners[partner].sftp_account
    assert account is not None
    return account


def test_a_user_and_a_key_are_enough(home: Path) -> None:
    account = say(home)
    assert (account.max_file_mb, account.quota_mb, account.max_files, account.removes) == (
        100,
        1000,
        1000,
        True,
    )
    assert [len(one) for one in account.blobs] == [51]
    assert account.admits("198.51.100.7")
    server = load(home).gateway.sftp_server
    assert (server.listen, server.host_key) == ("", "keys/sftp-host.pem")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"user": "Acme"}, "take a-z, 0-9, _ and -"),
        ({"user": "../x"}, "take a-z, 0-9, _ and -"),
        ({"user": "a" * 32}, "at most 31 characters"),
        ({"keys": []}, "keys: at least one is needed"),
        ({"keys": ["ssh-ed25519"]}, "write a public key in one line"),
        ({"keys": ["ssh-rsa " + ED25519.split()[1]]}, "write a public key in one line"),
        ({"keys": ["ssh-dss AAAAB3NzaC1kc3M="]}, "no DSA"),
        ({"keys": [f'command="sh" {ED25519}']}, "no options before it"),
        ({"keys": [f"{ED25519} a\nssh-rsa x"]}, "in one line"),
        ({"keys": [SHORT_RSA]}, "at least 2048 bits"),
        ({"networks": ["192.0.2.7/24"]}, "has host bits set; write 192.0.2.0/24"),
        ({"networks": ["partner.example"]}, "write 192.0.2.0/24 or one address"),
        ({"max_file_mb": 0}, "1 <= max_file_mb <= quota_mb"),
        ({"max_file_mb": 2, "quota_mb": 1}, "1 <= max_file_mb <= quota_mb"),
        ({"max_files": 0}, "max_files is 1 to 100000"),
        ({"password": "secret"}, "sftp_account.password is not a setting"),
    ],
)
def test_what_cannot_be_is_said(home: Path, changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        say(home, **changes)
    said = " ".join(f"{one.message} {one.hint}" for one in caught.value.problems)
    assert words in said
    assert f"partners/{PARTNER}.yaml" in said


def test_a_user_belongs_to_one_partner(home: Path) -> None:
    say(home)
    say(home, "other-retail", user="other")
    with pytest.raises(ConfigurationError) as caught:
        say(home, "other-retail")
    (problem,) = caught.value.problems
    assert problem.message == (
        "partners/other-retail.yaml: sftp_account: partners/acme-retail.yaml has the user 'acme'."
    )


@pytest.mark.parametrize(
    ("address", "admitted"),
    [
        ("192.0.2.200", True),
        ("192.0.3.1", False),
        ("::ffff:192.0.2.1", True),
        ("2001:db8::1", True),
        ("2001:db9::1", False),
        ("fe80::1%eth0", False),
    ],
)
def test_addresses_are_compared_as_numbers(home: Path, address: str, admitted: bool) -> None:
    assert say(home, networks=["192.0.2.0/24", "2001:db8::/32"]).admits(address) is admitted


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"listen": "22"}, "write address and port"),
        ({"listen": "127.0.0.1:70000"}, "at most 65535"),
        ({"host_key": ""}, "name of a file"),
        ({"connections": 0}, "<= connections <= 1000"),
        ({"connections": 3, "partner_connections": 4}, "partner_connections <= connections"),
        ({"login_attempts": 21}, "login_attempts is 1 to 20"),
        ({"login_seconds": 0}, "login_seconds 1 to 300"),
        ({"idle_seconds": 0}, "idle_seconds: 1 to 86400"),
    ],
)
def test_what_the_server_cannot_be_is_said(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        SftpServer(**changes)
