"""``edigw route``: what it says of documents and tables, and its exit codes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gateway import resources
from gateway.cli.commands.home import make_home
from gateway.cli.main import main
from tests.homes import PARTNER, put, rows, set_in, work

TABLE = """\
zone: America/Los_Angeles
routes:
  - {name: night, when: {documents: invoice, hours: '20:00-06:00'}, to: sftp}
  - {name: canada, when: {regions: CA}, to: sftp}
  - {name: rest, to: folder}
"""
TWO_WAYS = """
as2: {id: ACME, us: US, url: 'https://as2.acme.example'}
sftp: {host: sftp.acme.example, user: us, password: 'env:ACME', outbox: in}
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    make_home(tmp_path / "home")
    set_in(tmp_path / "home", "gateway.yaml", "stable_seconds: 1 ", "stable_seconds: 0 ")
    return tmp_path / "home"


@pytest.fixture
def two_ways(home: Path) -> Path:
    path = home / f"partners/{PARTNER}.yaml"
    path.write_text(path.read_text() + TWO_WAYS)
    (home / "routes.yaml").write_text(TABLE)
    return home


@pytest.fixture
def invoice(tmp_path: Path) -> Path:
    path = tmp_path / "invoice.json"
    path.write_bytes(resources.find("config/demo/invoice-7KX2M41Q.json").read_bytes())
    return path


def run(capsys: pytest.CaptureFixture[str], home: Path, *command: str) -> tuple[int, str]:
    capsys.readouterr()
    code = main(["route", *command, "--config", str(home)])
    return code, capsys.readouterr().out


def explained(capsys: pytest.CaptureFixture[str], home: Path, *command: str) -> Any:
    return json.loads(run(capsys, home, "explain", *command, "--json")[1])


def test_a_document_is_explained(two_ways: Path, invoice: Path, capsys: pytest.CaptureFixture[str]) -> None:
    noon = ("--at", "2026-03-04T20:00")  # in Los Angeles
    code, said = run(capsys, two_ways, "explain", str(invoice), *noon)
    assert code == 0
    assert said.splitlines() == [
        "invoice ES-1077 for acme-retail: folder",
        "  by rule 3, 'rest': its first way",
        "  not by rule 1, 'night': it is Wednesday 12:00 in America/Los_Angeles",
        "  not by rule 2, 'canada': its regions are CA",
    ]
    (found,) = explained(capsys, two_ways, str(invoice), "--at", "2026-03-05T04:00")
    known = ("document_type", "number", "partner", "way", "rule", "code", "fallback", "passed")
    assert [found[one] for one in known] == [
        "invoice",
        "ES-1077",
        PARTNER,
        "sftp",
        "night",
        "",
        False,
        [],
    ]


def test_the_country_it_ships_to_is_the_region(
    two_ways: Path, invoice: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    document = json.loads(invoice.read_text())
    place = {"role": "ship_to", "address": {"country": "CA"}}
    invoice.write_text(json.dumps([{**document, "parties": [place]}, {**document, "region": "CA"}, document]))
    found = explained(capsys, two_ways, str(invoice), "--at", "2026-03-04T20:00")
    assert [one["rule"] for one in found] == ["canada", "canada", "rest"]


def test_a_document_without_a_way_is_a_problem(
    two_ways: Path, invoice: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (two_ways / "routes.yaml").unlink()
    code, said = run(capsys, two_ways, "explain", str(invoice))
    assert code == 1
    assert "no way. acme-retail has the ways as2, sftp, and no rule says" in said
    assert "[ROUTE-NO-RULE]" in said
    assert main(["explain", "ROUTE-NO-RULE"]) == 0


@pytest.mark.parametrize(
    ("content", "code", "words"),
    [
        ("{", 1, "is not JSON"),
        ("[1]", 1, '"document_type" None is none of'),
        ('{"document_type": "invoic"}', 1, "'invoic' is none of"),
        ('{"document_type": "invoice", "partner_id": "acme-retial"}', 1, "Did you mean 'acme-retail'?"),
    ],
)
def test_what_is_no_document_is_told(
    home: Path, invoice: Path, content: str, code: int, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    invoice.write_text(content)
    work(home)
    assert main(["route", "explain", str(invoice), "--config", str(home)]) == code
    assert words in capsys.readouterr().err


def test_what_was_sent_is_explained_by_its_message(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    put(home, "a.json", resources.find("config/demo/invoice-7KX2M41Q.json").read_bytes(), "erp")
    work(home)
    for (message,) in rows(home, "SELECT id FROM messages"):
        code, said = run(capsys, home, "explain", message)
        assert (code, said) == (
            0,
            "invoice ES-1077 for acme-retail: folder\n  by no rule: the only way of acme-retail\n",
        )
    assert run(capsys, home, "explain", "nothing")[0] == 4
    assert rows(home, "SELECT count(*) FROM audit WHERE event = 'document.routed'") == [(0,)]


def test_a_document_of_a_history_is_not_bound_to_itself(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put(home, "a.json", resources.find("config/demo/invoice-7KX2M41Q.json").read_bytes(), "erp")
    work(home)
    (home / "routes.yaml").write_text("routes: [{name: all, to: sftp}]")
    path = home / f"partners/{PARTNER}.yaml"
    path.write_text(path.read_text() + TWO_WAYS)
    ((message,),) = rows(home, "SELECT id FROM messages WHERE direction = 'out'")
    assert explained(capsys, home, message)[0]["rule"] == "all"
    code, said = run(capsys, home, "simulate")
    assert code == 1
    assert said.splitlines() == [
        "1 document; 1 would have gone another way.",
        "RULE  WAY   DOCUMENTS",
        "all   sftp  1",
        "  invoice ES-1077 for acme-retail: went by folder, would go by sftp (all)",
    ]


def test_a_table_is_checked(two_ways: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, said = run(capsys, two_ways, "check")
    assert code == 0
    assert said.splitlines()[-1] == "3 rules checked."
    (two_ways / "routes.yaml").write_text(
        TABLE.replace("  - {name: night", "  - {name: all, to: as2}\n  - {name: night")
    )
    code, said = run(capsys, two_ways, "check", "--json")
    told = [(one["code"], one["rule"]) for one in json.loads(said) if not one["is_note"]]
    assert (code, told) == (
        1,
        [("ROUTE-UNREACHABLE", "night"), ("ROUTE-UNREACHABLE", "canada"), ("ROUTE-UNREACHABLE", "rest")],
    )
    (two_ways / "routes.yaml").write_text("zone: Mars\n")
    assert run(capsys, two_ways, "check")[0] == 3
