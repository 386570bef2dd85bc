"""Audit exports: complete, readable, safe to open, and whatever was changed in one is found by itself."""

from __future__ import annotations

import csv
import hashlib
import json
import re
import shutil
import subprocess
import sys
import tracemalloc
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from gateway.app import Gateway
from gateway.cli.main import main
from gateway.services.export import export
from gateway.services.scope import Scope
from gateway.settings import load
from gateway.store import verifier
from gateway.store.audit import Seal
from gateway.store.records import Entry
from gateway.store.verifier import verify
from tests.homes import ORDER, PARTNER, change, demo_home, exchanged, expire, put, put_order, rows, work
from tests.orders import interchange, order

LINE = "1|EA|1.00|B0C1KETTL3|EX-KT-17|KETTLE"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return demo_home(tmp_path_factory.mktemp("made") / "home")


@pytest.fixture
def home(made: Path, tmp_path: Path) -> Path:
    return shutil.copytree(made, tmp_path / "home")


def exported(home: Path, *options: str, name: str = "export") -> Path:
    """The folder of an export that was unpacked."""
    file = home.parent / f"{name}.zip"
    words = ["audit", "export", "--config", str(home), "--out", str(file), "--reason", "test", *options]
    assert main(words) == 0
    with zipfile.ZipFile(file) as packed:
        packed.extractall(home.parent / name)
    return home.parent / name


def alone(path: Path, *options: str) -> tuple[int, str]:
    """What the verifier of an export says, as a program of its own: no packages, no environment."""
    program = path / "verify.py" if path.is_dir() else path.with_suffix("") / "verify.py"
    command = [sys.executable, "-I", "-S", str(program), str(path), *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=path.parent)
    return done.returncode, done.stdout


def entries(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "entries.jsonl").read_text().splitlines()]


def index(folder: Path) -> list[dict[str, str]]:
    with (folder / "index.csv").open(newline="") as file:
        return list(csv.DictReader(file))


# --- what is in it ---------------------------------------------------------------------------------------


def test_an_export_of_everything_is_complete_and_verifies_alone(home: Path) -> None:
    folder = exported(home, "--all")
    code, said = alone(folder)
    assert (code, "No problems were found." in said) == (0, True)
    assert alone(folder.with_suffix(".zip"))[0] == 0
    last = rows(home, "SELECT max(seq) FROM audit")[0][0]
    assert [one["seq"] for one in entries(folder)] == [*range(1, last + 1)]
    assert entries(folder)[-1]["event"] == "audit.exported"
    for name, payload in rows(home, "SELECT name, payload FROM messages"):
        (found,) = [path for path in folder.glob(f"messages/*/{name}") if _sha(path) == payload]
        assert found.parent.name in {one["id"] for one in index(folder)}
    for document, sha256 in rows(home, "SELECT id, sha256 FROM documents"):
        (path,) = folder.glob(f"documents/*_{document[:8]}.json")
        assert _sha(path) == sha256
    listed = json.loads((folder / "manifest.json").read_text())
    assert {one["path"] for one in listed["files"]} >= {"index.csv", "report.html", "README.txt", "verify.py"}
    assert (folder / "verify.py").read_bytes() == Path(verifier.__file__).read_bytes()
    assert [path.name for path in folder.glob("chain/*")] == ["000000000001.csv"]


def _sha(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_the_fingerprint_is_that_of_the_key(home: Path) -> None:
    folder = exported(home, "--all")
    key = Seal.of(home / "keys/audit.pem").public_key
    assert alone(folder, "--key", key)[0] == 0
    assert alone(folder, "--key", "ab" * 32)[0] == 1


def test_one_purchase_order_has_its_whole_chain_and_nothing_else(home: Path) -> None:
    put_order(home, 1009, "7KX2M99Z")
    work(home)
    folder = exported(home, "--po", ORDER)
    assert alone(folder)[0] == 0
    assert len({one["type"] for one in index(folder) if one["kind"] == "document"}) == 5
    names = {path.name for path in folder.glob("messages/*/*")}
    assert names >= {
        "orders-1001.edi",
        f"invoice-{ORDER}.json",
        "remittance.edi",
        "997-810.edi",
        "997-855.edi",
    }
    assert not names & {"orders-1003.edi", "po-1009.edi", "scan-0007.pdf"}
    assert any(name.startswith("810_") for name in names)
    events = [one["event"] for one in entries(folder)]
    assert events.count("acknowledgment.received") == 3
    assert events[-1] == "audit.exported"
    assert "7KX2M99Z" not in (folder / "report.html").read_text()


def test_of_a_file_with_several_orders_only_the_wanted_documents_are_shown(home: Path) -> None:
    sets = [order(1, "FIRST", [LINE]), order(2, "SECOND", [LINE])]
    put(home, "two.edi", interchange(1010, sets))
    work(home)
    folder = exported(home, "--po", "SECOND", "--partner", PARTNER)
    assert [path.name.split("_")[2] for path in folder.glob("documents/*")] == ["SECOND"]
    assert "FIRST" not in (folder / "entries.jsonl").read_text()
    assert alone(folder)[0] == 0


def test_a_message_comes_with_its_answers(home: Path) -> None:
    ((message,),) = rows(home, "SELECT id FROM messages WHERE name = 'orders-1003.edi'")
    folder = exported(home, "--message", message)
    names = {path.name for path in folder.glob("messages/*/*")}
    assert {"orders-1003.edi", "orders-1003.edi.problem.txt", "orders-1003.edi.problem.json"} <= names
    assert any(name.startswith("997_") for name in names)
    assert alone(folder)[0] == 0


def test_a_period_and_a_partner_select(home: Path) -> None:
    folder = exported(home, "--partner", PARTNER, "--since", "2020-01-01", "--until", "2100-01-01")
    assert alone(folder)[0] == 0
    assert {one["partner"] for one in index(folder)} <= {PARTNER, ""}
    words = ["audit", "export", "--config", str(home), "--out", str(home.parent / "no.zip"), "--reason", "x"]
    assert main([*words, "--until", "2020-01-01"]) == 4
    assert main([*words, "--message", "none"]) == 4
    assert not (home.parent / "no.zip").exists()
    assert rows(home, "SELECT count(*) FROM audit WHERE event = 'audit.exported'") == [(1,)]
    assert main([*words, "--all", "--po", "1"]) == 2


def test_ranges_of_the_chain_go_from_checkpoint_to_checkpoint(home: Path) -> None:
    marks = []
    for number in range(4):
        main(["audit", "checkpoint", "--config", str(home)])
        marks.append(rows(home, "SELECT max(seq) FROM audit")[0][0])
        put_order(home, 1100 + number, f"RANGE{number}")
        work(home)
    folder = exported(home, "--partner", PARTNER, name="all")
    assert len([*folder.glob("chain/*")]) == 1  # ranges next to each other are one
    folder = exported(home, "--po", "RANGE1")
    assert alone(folder)[0] == 0
    ends = [path.read_text().splitlines() for path in sorted(folder.glob("chain/*"))]
    found = [(int(lines[0].split()[2]), int(lines[-1].split(",")[0])) for lines in ends]
    assert found[0] == (marks[1], marks[2])
    assert len(found) == 2  # the second is that of the export itself
    folder = exported(home, "--po", "RANGE2", name="next")
    assert alone(folder)[0] == 0
    assert len([*folder.glob("chain/*")]) == 2


def test_the_same_scope_gives_the_same_files_but_for_times(home: Path) -> None:
    first, second = exported(home, "--po", ORDER), exported(home, "--po", ORDER, name="second")
    for name in _names(first):
        if name.startswith(("messages/", "documents/")) or name in ("index.csv", "verify.py", "README.txt"):
            assert (first / name).read_bytes() == (second / name).read_bytes()
    assert entries(first)[:-1] == entries(second)[:-1]


def _names(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_the_report_tells_the_story_in_words(home: Path) -> None:
    page = (exported(home, "--po", ORDER) / "report.html").read_text()
    text = re.sub(r"<[^>]+>", " ", page)
    for words in (
        f"Purchase order {ORDER} of {PARTNER}",
        "Received through acme-retail: orders-1001.edi",
        "group 1001 accepted (1)",
        "The partner accepts functional group",
        "810_ES-1077_",
        "every entry follows from the one before it",
        "python3 verify.py",
        verifier.fingerprint_of(bytes.fromhex(Seal.of(home / "keys/audit.pem").public_key)),
    ):
        assert words in text, words
    assert not re.search("<script|http|src=", page)


def test_names_and_numbers_from_outside_are_harmless(home: Path) -> None:
    put(home, "=cmd|' !A0'.edi", interchange(1011, [order(1, "=1+1", [LINE])]))
    put(home, "<script>alert(1)<.edi", interchange(1012, [order(1, "@SUM(A1)", [LINE])]))
    put(home, "..\\up.edi", interchange(1013, [order(1, "<b>bold", [LINE])]))
    work(home)
    folder = exported(home, "--all", "--reason", "<img src=x>")
    assert alone(folder)[0] == 0
    cells = [cell for row in index(folder) for cell in row.values()]
    assert {"'=1+1", "'@SUM(A1)"} <= set(cells)
    assert not [cell for cell in cells if re.match(r"\s*[=+@\t\r-]", cell)]
    page = (folder / "report.html").read_text()
    assert not re.search("<script|<img|<b>bold", page)
    assert all(re.fullmatch(r"[\w. /-]+", name) for name in _names(folder))


def test_deleted_bytes_are_stated_with_the_reason(home: Path) -> None:
    expire(home)
    assert main(["audit", "retain", "--config", str(home)]) == 0
    folder = exported(home, "--po", ORDER)
    code, said = alone(folder)
    assert (code, "payloads are stated as deleted" in said) == (0, True)
    deleted = json.loads((folder / "manifest.json").read_text())["deleted"]
    assert len(deleted) > 5
    assert all(
        re.search("end of its retention, .*, entry [0-9]+ of the log", one["reason"]) for one in deleted
    )
    assert not [*folder.glob("documents/*")]


def test_the_proof_of_an_exchange_lies_beside_its_message(home: Path) -> None:
    ((name,),) = rows(home, "SELECT name FROM messages WHERE name LIKE '810_%'")
    made = exchanged(home, name)
    folder = exported(home, "--po", ORDER)
    assert alone(folder)[0] == 0
    ((beside,),) = ({path.parent for path in folder.glob("messages/*/20260302.1*")},)
    assert (beside / name).exists()
    assert (beside / "20260302.1_us_.._x.signed").read_text() == f"signed of {name}"
    assert (beside / "20260302.1_us_.._x.mdn").read_text() == f"receipt of {name}"
    listed = [one for one in index(folder) if one["kind"] == "exchange"]
    assert [one["sha256"] for one in listed] == [made.signed, made.receipt]
    assert {(one["number"], one["delivery"], one["partner"]) for one in listed} == {
        (made.as2_id, "confirmed", PARTNER)
    }
    assert all((folder / one["path"]).is_file() for one in listed)
    assert "2 exchanges" in (folder / "report.html").read_text()
    expire(home)
    assert main(["audit", "retain", "--config", str(home)]) == 0
    folder = exported(home, "--po", ORDER, name="later")
    assert alone(folder)[0] == 0
    deleted = json.loads((folder / "manifest.json").read_text())["deleted"]
    assert {made.signed, made.receipt} <= {one["sha256"] for one in deleted}
    assert not (home / "data/payloads" / str(made.receipt)[:2] / f"{str(made.receipt)[2:]}.gz").exists()
    assert main(["audit", "verify", "--config", str(home)]) == 0


@pytest.mark.parametrize("part", ["signed", "receipt", "wire"])
def test_bytes_of_an_exchange_that_were_changed_are_found(
    home: Path, part: str, capsys: pytest.CaptureFixture[str]
) -> None:
    sha256 = str(getattr(exchanged(home, "997_1.edi"), part.replace("wire", "signed")))
    change(home, f"UPDATE exchanges SET signed = NULL, {part} = ?", sha256)
    path = home / "data/payloads" / sha256[:2] / f"{sha256[2:]}.gz"
    path.write_bytes(path.read_bytes()[:-9] + bytes(9))
    assert main(["audit", "verify", "--config", str(home)]) == 1
    assert f"The payload {sha256} of message" in capsys.readouterr().out


def test_a_receipt_that_was_exchanged_for_another_is_found(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = exchanged(home, "997_1.edi")
    assert main(["audit", "verify", "--config", str(home)]) == 0
    change(home, "UPDATE exchanges SET receipt = signed")
    assert main(["audit", "verify", "--config", str(home)]) == 1
    assert f"names the SHA-256 {made.receipt} of message" in capsys.readouterr().out


def test_bytes_that_are_gone_without_a_reason_are_not_excused(home: Path) -> None:
    change(home, "UPDATE messages SET erased_at = '2026' WHERE name = 'orders-1001.edi'")
    code, said = alone(exported(home, "--po", ORDER))
    assert (code, "is missing" in said) == (1, True)


# --- what is changed is found ----------------------------------------------------------------------------


def test_a_changed_byte_of_any_file_of_an_export_is_found(home: Path) -> None:
    folder = exported(home, "--po", ORDER)
    for name in sorted(_names(folder)):
        whole = (folder / name).read_bytes()
        for place in {0, len(whole) // 2, len(whole) - 1}:
            (folder / name).write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
            assert verify(folder) or whole[place:] == b"\n", (name, place)
        (folder / name).unlink()
        assert verify(folder), name
        (folder / name).write_bytes(whole)
    (folder / "messages" / "more.edi").write_bytes(b"ISA")
    assert alone(folder)[0] == 1
    (folder / "messages" / "more.edi").unlink()
    assert verify(folder) == []


def signed_anew(folder: Path, home: Path) -> None:
    """The manifest as somebody with the key would write it after a change, which nobody else can."""
    manifest = json.loads((folder / "manifest.json").read_text())
    names = _names(folder) - {"manifest.json", "manifest.sig"}
    manifest["files"] = [
        {"path": name, "sha256": _sha(folder / name), "size": (folder / name).stat().st_size}
        for name in names
    ]
    text = json.dumps(manifest).encode()
    (folder / "manifest.json").write_bytes(text)
    (folder / "manifest.sig").write_text(Seal.of(home / "keys/audit.pem").sign(text))


@pytest.mark.parametrize(
    "column", ["seq", "at", "event", "message_id", "document_id", "partner", "actor", "facts"]
)
def test_a_changed_field_of_an_exported_entry_is_found_even_under_a_new_manifest(
    home: Path, column: str
) -> None:
    folder = exported(home, "--all")
    found = entries(folder)
    one = found[7]
    one[column] = 900 if column == "seq" else f"{one[column]} " if column == "facts" else f"{one[column]}x"
    (folder / "entries.jsonl").write_text("".join(json.dumps(entry) + "\n" for entry in found))
    signed_anew(folder, home)
    assert alone(folder)[0] == 1


@pytest.mark.parametrize("number", [1, 2, 7])
def test_removed_last_entries_of_an_export_are_found_even_under_a_new_manifest(
    home: Path, number: int
) -> None:
    folder = exported(home, "--all")
    chain = folder / "chain" / "000000000001.csv"
    for file in (chain, folder / "entries.jsonl"):
        file.write_text("".join(file.read_text().splitlines(keepends=True)[:-number]))
    assert verify(folder)
    signed_anew(folder, home)
    code, said = alone(folder)
    assert (code, "which no checkpoint confirms" in said) == (1, True)


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE audit SET facts = replace(facts, '1001', '1002') WHERE seq = 2",
        "UPDATE audit SET actor = 'x' WHERE seq = 4",
        "UPDATE audit SET hash = (SELECT hash FROM audit WHERE seq = 3) WHERE seq = 5",
        "UPDATE audit SET event = 'a' || char(10) || 'b' WHERE seq = 5",
        "DELETE FROM audit WHERE seq = 6",
        "DELETE FROM audit WHERE seq > (SELECT max(seq) - 3 FROM audit)",
        "UPDATE documents SET body = (SELECT body FROM documents WHERE seq = 2) WHERE seq = 1",
        "UPDATE documents SET body = x'00' WHERE seq = 1",
    ],
)
def test_what_was_changed_in_the_store_is_found_in_an_export(home: Path, sql: str) -> None:
    change(home, sql)
    folder = exported(home, "--all")
    assert main(["audit", "verify", "--config", str(home)]) == 1
    assert alone(folder)[0] == (0 if "SET hash" in sql else 1)  # an export holds no stored hashes
    if "audit" in sql:
        assert "<b>No.</b>" in (folder / "report.html").read_text()


def test_a_changed_payload_of_the_store_is_found_in_an_export(home: Path) -> None:
    ((payload,),) = rows(home, "SELECT payload FROM messages WHERE name = 'orders-1001.edi'")
    path = home / "data/payloads" / payload[:2] / f"{payload[2:]}.gz"
    whole = path.read_bytes()
    path.write_bytes(whole[:40] + bytes([whole[40] ^ 1]) + whole[41:])
    folder = exported(home, "--po", ORDER)
    code, said = alone(folder)
    assert (code, payload in said) == (1, True)


# --- size, PostgreSQL ------------------------------------------------------------------------------------


def test_memory_does_not_grow_with_the_number_of_entries(home: Path) -> None:
    seal, now = Seal.of(home / "keys/audit.pem"), datetime.now(UTC)

    def grow(number: int) -> None:
        with closing_gateway(home) as gateway, gateway.engine.begin() as connection:
            for _ in range(number // 1000):
                seal.add(connection, [Entry(now, "delivery.delayed", None, {"files": 1})] * 1000)

    def peak() -> int:
        with closing_gateway(home) as gateway, (home.parent / "big.zip").open("wb") as out:
            tracemalloc.start()
            export(gateway.services, Scope(), "test", out, home / "data/checkpoints.jsonl", seal)
            _, most = tracemalloc.get_traced_memory()
            tracemalloc.stop()
            return most

    grow(2_000)
    before = peak()
    grow(20_000)
    assert peak() < before + 3_000_000
    assert verify(home.parent / "big.zip") == []


def closing_gateway(home: Path) -> Gateway:
    return Gateway(home, load(home), works=False)


def test_an_export_from_postgresql(
    tmp_path: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDIGW_DATABASE_URL", postgres_url)
    home = demo_home(tmp_path / "home")
    assert alone(exported(home, "--po", ORDER))[0] == 0
    folder = exported(home, "--all", name="all")
    assert alone(folder)[0] == 0
    assert "every entry follows" in (folder / "report.html").read_text()
