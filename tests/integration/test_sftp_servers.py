"""A partner with several servers, and with folders by transaction set: each file goes where it belongs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from gateway.cli.main import main
from gateway.errors import ConfigurationError
from gateway.settings import load
from tests import ssh
from tests.homes import PARTNER, rows, work
from tests.integration.test_sftp import drop_invoice, drop_order, names, sftp_home

pytestmark = pytest.mark.needs_system


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[tuple[ssh.Sshd, ssh.Sshd]]:
    with ssh.sshd(tmp_path / "one") as one, ssh.sshd(tmp_path / "two") as two:
        yield one, two


@pytest.fixture
def there(tmp_path: Path) -> Path:
    for name in ("out", "in", "invoices", "more"):
        (tmp_path / "there" / name).mkdir(parents=True)
    return tmp_path / "there"


def said(home: Path, *servers: dict[str, Any]) -> Path:
    """The home, with these servers in its partner's file."""
    path = home / f"partners/{PARTNER}.yaml"
    plain = [{k: list(v) if isinstance(v, tuple) else v for k, v in one.items()} for one in servers]
    path.write_text(path.read_text().partition("\nsftp:\n")[0] + "\n" + yaml.safe_dump({"sftp": plain}))
    return home


def two_servers(home: Path, there: Path, servers: tuple[ssh.Sshd, ssh.Sshd]) -> Path:
    one, two = servers
    return said(
        sftp_home(home, one, there),
        one.settings(inboxes=[f"{there}/out"], outbox=f"{there}/in"),
        two.settings(name="invoices", sets=["810"], inboxes=[f"{there}/more"], outbox=f"{there}/invoices"),
    )


def test_each_set_goes_to_its_server_and_files_come_from_all(
    tmp_path: Path, servers: tuple[ssh.Sshd, ssh.Sshd], there: Path
) -> None:
    home = two_servers(tmp_path / "home", there, servers)
    drop_order(there / "out", 1, "A-1")
    drop_order(there / "more", 2, "A-2")
    drop_invoice(home, "I-1")
    done = work(home)
    assert (done.received, done.quarantined, done.trouble) == (3, 0, [])
    assert [one[:3] for one in names(there / "in")] == ["997", "997"]
    assert [one[:3] for one in names(there / "invoices")] == ["810"]
    assert {one for (one,) in rows(home, "SELECT DISTINCT channel FROM messages")} == {PARTNER, "erp"}


def test_one_server_that_fails_stops_no_other(
    tmp_path: Path, servers: tuple[ssh.Sshd, ssh.Sshd], there: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = two_servers(tmp_path / "home", there, servers)
    servers[0].kill()
    drop_order(there / "more", 2, "A-2")
    drop_invoice(home, "I-1")
    done = work(home)
    assert (done.received, len(names(there / "invoices")), names(there / "in")) == (2, 1, [])
    assert all(one.startswith(f"{PARTNER}: ") for one in done.trouble), done.trouble
    capsys.readouterr()
    main(["channel", "list", "--json", "--config", str(home)])
    states = {one["channel"]: one["state"] for one in json.loads(capsys.readouterr().out)["channels"]}
    assert states == {"erp": "working", PARTNER: "failing", f"{PARTNER}/invoices": "working"}
    assert main(["partner", "test", PARTNER, "--json", "--config", str(home)]) == 5
    steps = json.loads(capsys.readouterr().out)["steps"]
    assert {one["channel"]: one["ok"] for one in steps} == {PARTNER: False, f"{PARTNER}/invoices": True}
    servers[0].start()
    assert main(["partner", "test", PARTNER, "--send", "--config", str(home)]) == 0
    told = capsys.readouterr()
    assert (told.out.count("rename     ok"), told.err.count("To 127.0.0.1")) == (2, 2)
    work(home)
    assert [one[:3] for one in names(there / "in")] == ["997"]


def test_sets_have_folders_of_their_own_on_one_server(
    tmp_path: Path, servers: tuple[ssh.Sshd, ssh.Sshd], there: Path
) -> None:
    one = servers[0]
    folders = {"810": f"{there}/invoices", "997": f"{there}/away"}
    home = sftp_home(tmp_path / "home", one, there, outboxes=folders)
    drop_order(there / "out", 1, "A-1")
    drop_invoice(home, "I-1")
    done = work(home)
    assert "SFTP-FOLDER" in done.trouble[0]
    assert "away" in done.trouble[0]
    assert [one[:3] for one in names(there / "invoices")] == ["810"], "one folder stops no other"
    path = home / f"partners/{PARTNER}.yaml"
    path.write_text(path.read_text().replace(f"'997': {there}/away", ""))
    work(home)
    assert [one[:3] for one in names(there / "in")] == ["997"], "what has no folder goes to the usual one"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (({}, {}), "give each of several servers a `name`"),
        (({"name": "a"}, {"name": "b"}), "one has no `sets`"),
        (({"sets": ["810"]}, {"name": "b", "sets": ["856"]}), "one has no `sets`"),
        (({"sets": ["810"]}, {"name": "b", "sets": ["810"]}), "of two servers"),
        (({}, {"name": "b", "sets": ["81"]}), "sftp.2: '81' is no transaction set"),
        (({}, {"name": "b/c"}), "no usable name"),
        (({}, {"name": "b", "sets": ["810"], "outbox": ""}), "outbox: needed"),
    ],
)
def test_servers_that_do_not_fit_together_are_told(
    tmp_path: Path, servers: tuple[ssh.Sshd, ssh.Sshd], there: Path, changes: Any, words: str
) -> None:
    one = servers[0].settings(inboxes=["/a"], outbox="/b")
    home = said(sftp_home(tmp_path / "home", servers[0], there), *({**one, **more} for more in changes))
    with pytest.raises(ConfigurationError) as told:
        load(home)
    assert words in str(told.value.problems)


def test_what_is_wrong_with_the_only_server_is_told_with_its_line(
    tmp_path: Path, servers: tuple[ssh.Sshd, ssh.Sshd], there: Path
) -> None:
    home = sftp_home(tmp_path / "home", servers[0], there, hots="x")
    text = (home / f"partners/{PARTNER}.yaml").read_text()
    line = text[: text.index("hots:")].count("\n") + 1
    with pytest.raises(ConfigurationError) as told:
        load(home)
    (one,) = told.value.problems
    assert f"line {line}: sftp.hots is not a setting" in one.message
    assert one.hint == "Did you mean 'host'?"
