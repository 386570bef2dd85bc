"""A home whose partner has an SFTP server: real OpenSSH, real store and files."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from getpass import getuser
from pathlib import Path
from typing import Any

import pytest
import yaml

from gateway import resources
from gateway.cli.commands.home import make_home
from gateway.cli.main import main
from gateway.transports.problems import LostError
from gateway.transports.sftp import SftpFolders
from tests import ssh
from tests.homes import LINE, PARTNER, put, rows, set_in, work
from tests.orders import interchange, order

pytestmark = pytest.mark.needs_system


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ssh.Sshd]:
    with ssh.sshd(tmp_path_factory.mktemp("sshd")) as made:
        yield made


@pytest.fixture
def there(tmp_path: Path) -> Path:
    """The partner's folders, on its server."""
    for name in ("out", "more", "in"):
        (tmp_path / "there" / name).mkdir(parents=True)
    return tmp_path / "there"


def sftp_home(home: Path, server: ssh.Sshd, there: Path, **changes: Any) -> Path:
    """A home that fetches from ``out`` and puts into ``in``."""
    make_home(home)
    set_in(home, "gateway.yaml", "stable_seconds: 1 ", "stable_seconds: 0 ")
    says = {"inboxes": [f"{there}/out"], "outbox": f"{there}/in"}
    settings(home, server.settings(**{**says, **changes}))
    return home


def settings(home: Path, sftp: dict[str, Any]) -> None:
    plain = {name: list(one) if isinstance(one, tuple) else one for name, one in sftp.items()}
    path = home / f"partners/{PARTNER}.yaml"
    before = path.read_text().partition("\nsftp:\n")[0]
    path.write_text(before + "\n" + yaml.safe_dump({"sftp": plain}))


def drop_order(folder: Path, control: int, number: str, name: str = "") -> None:
    content = interchange(control, [order(1, number, [LINE])])
    (folder / (name or f"po-{control}.edi")).write_bytes(content)


def drop_invoice(home: Path, number: str) -> None:
    document = json.loads(resources.find("config/demo/invoice-7KX2M41Q.json").read_bytes())
    document["invoice_number"] = number
    put(home, f"invoice-{number}.json", json.dumps(document).encode(), "erp")


def names(folder: Path) -> list[str]:
    return sorted(one.name for one in folder.iterdir())


def test_orders_are_fetched_and_answers_put(tmp_path: Path, server: ssh.Sshd, there: Path) -> None:
    home = sftp_home(tmp_path / "home", server, there, inboxes=[f"{there}/out", f"{there}/more"])
    drop_order(there / "out", 1, "A-1")
    drop_order(there / "more", 2, "A-2")
    done = work(home)
    assert (done.received, done.documents, done.trouble) == (2, 2, [])
    assert names(there / "out") == names(there / "more") == []
    assert names(there / "in") == ["997_1.edi", "997_2.edi"]
    assert (there / "in/997_1.edi").read_bytes().startswith(b"ISA*")
    assert names(home / f"folders/{PARTNER}/outbox") == []
    assert {one for (one,) in rows(home, "SELECT state FROM deliveries")} == {"delivered"}
    assert work(home).received == 0


def test_a_file_that_comes_by_hand_is_taken_as_well(tmp_path: Path, server: ssh.Sshd, there: Path) -> None:
    home = sftp_home(tmp_path / "home", server, there)
    drop_order(home / f"folders/{PARTNER}/inbox", 1, "A-1")
    assert work(home).documents == 1
    assert names(there / "in") == ["997_1.edi"]


def test_what_is_damaged_goes_to_the_folder_here(tmp_path: Path, server: ssh.Sshd, there: Path) -> None:
    home = sftp_home(tmp_path / "home", server, there)
    (there / "out/scan.pdf").write_bytes(b"%PDF-1.4")
    assert work(home).quarantined == 1
    assert len(names(home / f"folders/{PARTNER}/quarantine")) == 3
    assert names(there / "in") == names(there / "out") == []


def test_a_server_that_is_away_delays_and_loses_nothing(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, there: Path
) -> None:
    with ssh.sshd(tmp_path_factory.mktemp("sshd")) as server:
        home = sftp_home(tmp_path / "home", server, there)
        drop_order(there / "out", 1, "A-1")
        server.kill()
        drop_invoice(home, "I-1")
        away = work(home)
        assert away.delivered == 0
        assert "does not take connections" in away.trouble[0]
        assert rows(home, "SELECT state, name FROM deliveries") == [("pending", None)]
        server.start()
        assert work(home).received == 1
        assert [one.partition("_")[0] for one in names(there / "in")] == ["810", "997"]


@pytest.mark.parametrize("claim", ["", ".claimed"])
def test_what_was_received_and_not_removed_is_no_second_message(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, there: Path, claim: str
) -> None:
    folder = tmp_path_factory.mktemp("sshd")
    with ssh.sshd(folder, refused="remove") as server:
        home = sftp_home(tmp_path / "home", server, there, claim=claim)
        drop_order(there / "out", 1, "A-1")
        done = work(home)
        assert done.received == 1
        assert "was received and cannot be removed" in done.trouble[0]
        again = work(home)
        assert (again.received, again.quarantined) == (0, 0)
    with ssh.sshd(folder) as server:
        settings(home, server.settings(inboxes=[f"{there}/out"], outbox=f"{there}/in", claim=claim))
        assert work(home).received == 0
    assert [one for one in names(there / "out") if not one.startswith(".")] == []


def test_the_same_name_with_other_content_is_another_message(
    tmp_path: Path, server: ssh.Sshd, there: Path
) -> None:
    home = sftp_home(tmp_path / "home", server, there)
    for control in (1, 2):
        drop_order(there / "out", control, f"A-{control}", "orders.edi")
        os.utime(there / "out/orders.edi", (1_000_000, 1_000_000))  # an ERP that keeps the time
        work(home)
    assert rows(home, "SELECT count(*) FROM documents WHERE document_type = 'purchase_order'") == [(2,)]


def test_markers_say_what_is_complete(tmp_path: Path, server: ssh.Sshd, there: Path) -> None:
    home = sftp_home(tmp_path / "home", server, there, marker=".done", archive="../archive")
    (there / "archive").mkdir()
    drop_order(there / "out", 1, "A-1")
    assert work(home).received == 0
    (there / "out/po-1.edi.done").touch()
    assert work(home).received == 1
    assert names(there / "out") == []
    (kept,) = names(there / "archive")
    assert kept.endswith("__po-1.edi")


def test_only_names_of_the_patterns_are_fetched(tmp_path: Path, server: ssh.Sshd, there: Path) -> None:
    home = sftp_home(tmp_path / "home", server, there, patterns=["850_*"])
    drop_order(there / "out", 1, "A-1", "850_1.edi")
    drop_order(there / "out", 2, "A-2", "other.edi")
    assert work(home).received == 1
    assert names(there / "out") == ["other.edi"]


def test_names_in_any_coding_are_fetched(tmp_path: Path, server: ssh.Sshd, there: Path) -> None:
    home = sftp_home(tmp_path / "home", server, there)
    for number, raw in enumerate((b"Bestellung_M\xe4rz.edi", b"two\nlines.edi", b"x" * 251 + b".edi"), 1):
        content = interchange(number, [order(1, f"A-{number}", [LINE])])
        Path(os.fsdecode(bytes(there / "out") + b"/" + raw)).write_bytes(content)
    assert work(home).received == 3
    assert names(there / "out") == []
    assert {name for (name,) in rows(home, "SELECT name FROM messages WHERE direction = 'in'")} >= {
        "Bestellung_M_rz.edi",
        "two_lines.edi",
    }


def test_a_gateway_that_runs_fetches_and_sends(tmp_path: Path, server: ssh.Sshd, there: Path) -> None:
    home = sftp_home(tmp_path / "home", server, there, poll_seconds=1)
    command = [sys.executable, "-m", "gateway", "up", "--config", str(home)]
    with (
        (tmp_path / "log").open("wb") as log,
        subprocess.Popen(command, stderr=log, cwd=Path(__file__).parents[2]) as running,
    ):
        try:
            for number in (1, 2):
                drop_order(there / "out", number, f"A-{number}")
                until, seen = time.monotonic() + 30, list[str]()
                while len(seen) < number and time.monotonic() < until:
                    assert running.poll() is None, (tmp_path / "log").read_text()
                    select.select([], [], [], 0.05)
                    seen = [one for one in names(there / "in") if one[0] != "."]
                assert seen == [f"997_{one}.edi" for one in range(1, number + 1)]
        finally:
            running.terminate()
    assert running.returncode == 0
    assert names(there / "out") == []


def test_files_for_a_partner_whose_server_was_taken_from_the_settings_wait(
    tmp_path: Path, server: ssh.Sshd, there: Path
) -> None:
    home = sftp_home(tmp_path / "home", server, there, outbox=f"{there}/away")
    drop_order(there / "out", 1, "A-1")
    assert "away" in work(home).trouble[0]
    path = home / f"partners/{PARTNER}.yaml"
    whole = path.read_text()
    path.write_text(whole.partition("\nsftp:\n")[0])
    assert "no partner file has it with `as2` or `sftp`" in work(home).trouble[0]
    path.write_text(whole)
    (there / "away").mkdir()
    work(home)
    assert names(there / "away") == ["997_1.edi"]


def test_where_nothing_can_be_renamed_a_person_decides_what_nobody_can_know(
    tmp_path: Path, server: ssh.Sshd, there: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = sftp_home(tmp_path / "home", server, there, upload={"rename": "none"})
    for number in (1, 2):
        drop_order(there / "out", number, f"A-{number}")
    put_, calls = SftpFolders._put, list[str]()

    def cut(self: SftpFolders, path: str, content: Iterator[bytes]) -> int:
        calls.append(path)
        if len(calls) == 1:
            put_(self, path, iter([b"ISA*half"]))
            raise LostError("the connection broke")
        return put_(self, path, content)

    monkeypatch.setattr(SftpFolders, "_put", cut)
    assert "the connection broke" in work(home).trouble[0]
    work(home)
    states = dict(rows(home, "SELECT wanted, state FROM deliveries WHERE channel = ?", PARTNER))
    assert states == {"997_1.edi": "failed", "997_2.edi": "delivered"}
    ((id_, status),) = rows(home, "SELECT id, delivery FROM messages WHERE name = '997_1.edi'")
    assert status == "failed"
    assert main(["message", "resend", id_, "--reason", "they lost it", "--config", str(home)]) == 0
    work(home)
    whole = [one for one in names(there / "in") if b"IEA*" in (there / "in" / one).read_bytes()]
    assert len(whole) == 2


# --- partner test ----------------------------------------------------------------------------------------


Tested = Callable[..., tuple[int, dict[str, Any]]]


@pytest.fixture
def tested(capsys: pytest.CaptureFixture[str]) -> Tested:
    def run(home: Path, *options: str) -> tuple[int, dict[str, Any]]:
        capsys.readouterr()
        code = main(["partner", "test", PARTNER, "--json", *options, "--config", str(home)])
        return code, json.loads(capsys.readouterr().out)

    return run


def test_a_partner_is_tested_step_by_step(
    tmp_path: Path, server: ssh.Sshd, there: Path, tested: Tested
) -> None:
    home = sftp_home(tmp_path / "home", server, there)
    drop_order(there / "out", 1, "A-1")
    code, said = tested(home, "--send")
    assert code == 0, said
    assert [one["step"] for one in said["steps"]] == [
        *("dns", "tcp", "hostkey", "login", "folders", "folders", "upload", "rename")
    ]
    assert said["steps"][4]["words"] == f"{there}/out has 1 file"
    assert names(there / "out") == ["po-1.edi"]
    assert names(there / "in") == []


def test_a_first_contact_shows_the_key_and_accepts_nothing(
    tmp_path: Path, server: ssh.Sshd, there: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = sftp_home(tmp_path / "home", server, there, host_keys=[])
    before = (server.folder / "log").read_text().count("Accepted publickey")
    assert main(["partner", "test", PARTNER, "--config", str(home)]) == 5
    said = capsys.readouterr().out
    assert "SHA256:" in said
    assert f'- "{server.host_key}"' in said
    assert (server.folder / "log").read_text().count("Accepted publickey") == before
    drop_order(there / "out", 1, "A-1")
    assert "nothing was sent" in work(home).trouble[0]
    assert names(there / "out") == ["po-1.edi"]


def test_a_changed_key_is_told_with_both_fingerprints(
    tmp_path: Path, server: ssh.Sshd, there: Path, tested: Tested
) -> None:
    other = " ".join(Path(f"{ssh.key(tmp_path / 'other')}.pub").read_text().split()[:2])
    home = sftp_home(tmp_path / "home", server, there, host_keys=[other])
    code, said = tested(home)
    assert code == 5
    assert (said["steps"][-1]["step"], said["steps"][-1]["words"].count("SHA256:")) == ("hostkey", 2)
    settings(home, server.settings(host_keys=[other, server.host_key], outbox=f"{there}/in"))
    assert tested(home)[0] == 0, "several keys may be known"


@pytest.mark.parametrize(
    ("changes", "step", "words"),
    [
        ({"host": "no-such-host.invalid"}, "dns", "is not known"),
        ({"port": 1}, "tcp", "does not take connections"),
        ({"user": "nobody-there"}, "login", "refuses nobody-there with the key ssh-ed25519 SHA256:"),
        ({"key": "file:/no/such/key"}, "settings", "cannot be read"),
        ({"outbox": "/no/such/folder"}, "folders", "/no/such/folder: No such file"),
    ],
)
def test_each_failure_names_its_step(
    tmp_path: Path,
    server: ssh.Sshd,
    there: Path,
    tested: Tested,
    changes: dict[str, Any],
    step: str,
    words: str,
) -> None:
    home = sftp_home(tmp_path / "home", server, there, **changes)
    code, said = tested(home)
    assert (said["ok"], said["steps"][-1]["step"]) == (False, step)
    assert words in said["steps"][-1]["words"]
    assert code == (3 if step == "settings" else 5)
    assert getuser() not in said["steps"][-1]["words"].partition("SHA256:")[0] or step != "login"
