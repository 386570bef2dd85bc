"""Settings of SFTP: every value is checked, and what is wrong is said in words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from gateway.cli.commands.home import make_home
from gateway.errors import ConfigurationError
from gateway.partners.sftp import Sftp
from gateway.settings import load

PARTNER = "acme-retail"
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f"
PLAIN: dict[str, Any] = {
    "host": "sftp.example",
    "user": "us",
    "key": "file:keys/acme",
    "outbox": "in",
    "host_keys": [KEY],
}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    make_home(tmp_path / "home")
    return tmp_path / "home"


def say(home: Path, **changes: Any) -> Sftp:
    said = {name: one for name, one in {**PLAIN, **changes}.items() if one is not None}
    path = home / f"partners/{PARTNER}.yaml"
    before = path.read_text().partition("\nsftp:\n")[0]
    path.write_text(before + "\n" + yaml.safe_dump({"sftp": said}))
    (sftp,) = load(home).partners[PARTNER].sftp
    return sftp


def test_little_needs_to_be_said(home: Path) -> None:
    sftp = say(home)
    assert (sftp.port, sftp.connections, sftp.poll_seconds) == (22, 4, 60)
    assert (sftp.upload.rename, sftp.upload.exists, sftp.upload.verify) == ("plain", "number", True)
    partner = load(home).partners[PARTNER]
    assert partner.ways == ("sftp",)
    say(home, outbox=None, inboxes=["out"])
    assert load(home).partners[PARTNER].ways == ("folder",)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"host": "sftp://sftp.example"}, "write a name or an address alone"),
        ({"port": 0}, "1 to 65535"),
        ({"user": "a\nb"}, "no control characters"),
        ({"host_keys": ["ssh-ed25519"]}, "write type and key"),
        ({"host_keys": ["ssh-rsa " + KEY.split()[1]]}, "write type and key"),
        ({"host_keys": ["SHA256:abc"]}, "write type and key"),
        ({"key": None}, "password or key: one is needed"),
        ({"key": "secret words"}, "a secret does not belong into this file"),
        ({"password": "secret words"}, "a secret does not belong into this file"),
        ({"outbox": None}, "inboxes or outbox: one is needed"),
        ({"inboxes": ["a", "a"]}, "listed twice"),
        ({"inboxes": [""]}, "control characters"),
        ({"upload": {"rename": "poxis"}}, "did you mean posix"),
        ({"upload": {"exists": "never"}}, "choose of number, fail, overwrite"),
        ({"upload": {"temporary": "x.tmp"}}, "needs {key} once"),
        ({"upload": {"temporary": "{key}/x.tmp"}}, "needs {key} once"),
        ({"upload": {"mode": "rw-r"}}, "three octal digits"),
        ({"poll_seconds": 0}, "poll_seconds is 1 to 86400"),
        ({"timeout_seconds": 0}, "timeout_seconds 1 to 3600"),
        ({"connections": 11}, "connections 1 to 10"),
        ({"proxy_jump": {"host": "x y", "user": "me"}}, "write a name or an address alone"),
        ({"proxy_jump": {"host": "x", "user": "me", "password": "words"}}, "does not belong"),
        ({"hots": "x"}, "Did you mean 'host'?"),
    ],
)
def test_what_is_wrong_is_said(home: Path, changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigurationError) as told:
        say(home, **changes)
    said = " ".join(f"{one.message} {one.hint}" for one in told.value.problems)
    assert words in said
    assert "secret words" not in said


def test_a_partner_may_have_several_ways(home: Path) -> None:
    path = home / f"partners/{PARTNER}.yaml"
    path.write_text(path.read_text() + "\nas2: {id: ACME, url: 'https://acme.example'}\n")
    (home / "gateway.yaml").write_text((home / "gateway.yaml").read_text() + "\nas2: {id: US}\n")
    say(home)
    assert load(home).partners[PARTNER].ways == ("as2", "sftp")
