"""``edigw x12 inspect``, ``diff``, ``format`` and ``split``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gateway.cli.main import main
from gateway.engine import library, validate
from gateway.x12.diff import diff
from gateway.x12.reader import Piece, Reader
from tests.acceptance import edi
from tests.unit.cli.support import Runner


def same_content(one: bytes, other: bytes) -> bool:
    def pieces(data: bytes) -> list[Piece]:
        reader = Reader()
        return [*reader.feed(data), *reader.close()]

    return not list(diff(pieces(one), pieces(other), library()))


# --- inspect ---------------------------------------------------------------------------------------------


def test_inspect_shows_names_meanings_and_problems_in_place(edigw: Runner, good: Path, bad: Path) -> None:
    done = edigw("x12", "inspect", good)
    assert done.code == 0
    assert "Beginning of purchase order" in done.out
    assert "5 January 2026" in done.out
    assert "accepted" in done.out
    done = edigw("x12", "inspect", bad)
    assert done.code == 1
    lines = done.out.splitlines()
    at = next(i for i, line in enumerate(lines) if "X12-ELEMENT-DATE" in line)
    assert "BEG05" in lines[at - 1]
    assert "rejected" in done.out
    assert done.err == ""


def test_inspect_as_json(edigw: Runner, bad: Path) -> None:
    done = edigw("x12", "inspect", bad, "-", "--json", stdin=edi.clean().to_bytes())
    first, second = json.loads(done.out)["files"]
    assert (first["path"], first["verdict"]) == (str(bad), "accepted_with_errors")
    assert (second["path"], second["verdict"]) == ("-", "accepted")
    kinds = [part["kind"] for part in first["parts"]]
    assert kinds == ["segment", "segment", "transaction_set", "transaction_set", "segment", "segment"]
    begin = first["parts"][2]["segments"][1]
    (problem,) = [p for element in begin["elements"] for p in element["problems"]]
    assert (begin["segment_id"], problem["code"]) == ("BEG", "X12-ELEMENT-DATE")
    assert problem["location"]["element"] == 5


@pytest.mark.parametrize("data", [b"", b"hello", b"ISA*00"])
def test_inspect_of_what_is_no_x12(edigw: Runner, data: bytes) -> None:
    done = edigw("x12", "inspect", "-", stdin=data)
    assert (done.code, "X12-" in done.out) == (1, True)
    (file,) = json.loads(edigw("x12", "inspect", "-", "--json", stdin=data).out)["files"]
    assert file["verdict"] == "unreadable"


def test_inspect_shows_no_control_characters_of_the_data(edigw: Runner) -> None:
    data = edi.clean().put("N1", 2, "\x1b[31mred").to_bytes()
    done = edigw("x12", "inspect", "-", stdin=data)
    assert "\x1b" not in done.out


@pytest.mark.parametrize("verb", ["inspect", "format"])
def test_a_missing_file_is_not_found(edigw: Runner, tmp_path: Path, verb: str) -> None:
    done = edigw("x12", verb, tmp_path / "absent.edi")
    assert done.code == 4
    assert "absent.edi" in done.err


# --- diff ------------------------------------------------------------------------------------------------


def test_diff_tells_what_changed(edigw: Runner, good: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.edi"
    other.write_bytes(edi.clean().put("PO1", 4, "13").with_form(newline="\n").to_bytes())
    done = edigw("x12", "diff", good, other)
    assert done.code == 1
    assert "PO104" in done.out
    assert "12.5 -> 13" in done.out
    done = edigw("x12", "diff", good, other, "--json")
    found = json.loads(done.out)
    assert found["equal"] is False
    assert found["differences"][0]["changes"][0]["ref"] == "PO104"


def test_diff_of_equal_files(edigw: Runner, good: Path) -> None:
    done = edigw("x12", "diff", good, "-", stdin=good.read_bytes())
    assert (done.code, done.out) == (0, "")
    assert json.loads(edigw("x12", "diff", good, good, "--json").out)["equal"] is True


def test_diff_can_ignore_control_numbers(edigw: Runner, good: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.edi"
    other.write_bytes(edi.clean(control="000000999").to_bytes())
    assert edigw("x12", "diff", good, other).code == 1
    assert edigw("x12", "diff", good, other, "--ignore-control").code == 0


def test_diff_needs_two_x12_files(edigw: Runner, good: Path, tmp_path: Path) -> None:
    assert edigw("x12", "diff", good, tmp_path / "absent").code == 4
    assert edigw("x12", "diff", "-", "-").code == 2
    done = edigw("x12", "diff", good, "-", stdin=b"hello")
    assert done.code == 1
    assert "no X12 file" in done.err


# --- format ----------------------------------------------------------------------------------------------


def test_format_puts_each_segment_on_a_line(edigw: Runner, good: Path) -> None:
    done = edigw("x12", "format", good)
    assert done.code == 0
    assert done.out == edi.clean().with_form(newline="\n").to_bytes().decode()
    assert edigw("x12", "format", "-", "--no-newline", stdin=done.out.encode()).out == good.read_text()


def test_format_with_other_separators_states_them_in_isa(edigw: Runner, good: Path) -> None:
    done = edigw("x12", "format", good, "--delimiters", "|:!")
    assert done.code == 0
    wanted = edi.clean().with_form(element="|", component=":", terminator="!", newline="\n")
    assert done.out == wanted.to_bytes().decode()
    back = edigw("x12", "format", "-", "--delimiters", "*>~", "--no-newline", stdin=done.out.encode())
    assert back.out == good.read_text()


def test_format_keeps_composites_and_understands_escapes(edigw: Runner) -> None:
    data = edi.clean().after("REF", ["REF", "ZZ", "A1", "", ("SE", "77")]).recount()
    done = edigw("x12", "format", "-", "--delimiters", r"\x1d:\n", stdin=data.to_bytes())
    assert done.out == data.with_form(element="\x1d", component=":", terminator="\n").to_bytes().decode()
    assert validate(done.out.encode())["verdict"] == "accepted"


def test_format_refuses_separators_that_occur_in_data(edigw: Runner) -> None:
    data = edi.clean().put("N3", 1, "12|14 Harbour Road").to_bytes()
    done = edigw("x12", "format", "-", "--delimiters", "|:!", stdin=data)
    assert (done.code, done.out) == (1, "")
    assert "N301" in done.err
    assert "nothing was written" in done.err
    assert edigw("x12", "format", "-", "--delimiters", "!:^", stdin=data).code == 0


def test_format_knows_the_repetition_separator(edigw: Runner) -> None:
    header = edi.isa(version="00501", standards="^")
    body = edi.order_body()
    body[2] = ["REF", "DP", "a^b"]
    data = edi.Interchange.of(edi.group([edi.transaction(body)]), header=header).to_bytes()
    done = edigw("x12", "format", "-", "--delimiters", "|:~%", stdin=data)
    assert done.code == 0
    assert "REF|DP|a%b~" in done.out
    assert done.out[82] == "%"
    assert same_content(data, done.out.encode())
    assert edigw("x12", "format", "-", "--delimiters", "|^~", stdin=data).code == 1
    done = edigw("x12", "format", "-", "--delimiters", "|:~%", stdin=edi.clean().to_bytes())
    assert done.code == 1
    assert "repetition" in done.err


@pytest.mark.parametrize("text", ["*>", "**~", "*A~", "* ~", "*>~^!", "*>€"])
def test_format_refuses_what_cannot_separate(edigw: Runner, good: Path, text: str) -> None:
    assert edigw("x12", "format", good, "--delimiters", text).code == 2


def test_format_tells_what_it_leaves_out(edigw: Runner) -> None:
    done = edigw("x12", "format", "-", stdin=b"hello " + edi.clean().to_bytes())
    assert done.code == 1
    assert "hello" in done.err
    assert done.out.startswith("ISA*")
    assert edigw("x12", "format", "-", stdin=b"").code == 1


def test_format_keeps_broken_files_as_they_are(edigw: Runner) -> None:
    data = edi.two_sets().drop("SE").put("BEG", 5, "x").before("GE", ["QQQ", "", "1", ""]).to_bytes()
    done = edigw("x12", "format", "-", "--no-newline", stdin=data)
    assert (done.code, done.out.encode()) == (0, data)


def test_format_keeps_bytes_beyond_ascii(
    edigw: Runner, tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:

    path = tmp_path / "latin.edi"
    path.write_bytes(edi.clean().put("N1", 2, "Caf\xe9").with_form(newline="\n").to_bytes())
    assert main(["x12", "format", str(path)]) == 0
    assert capfdbinary.readouterr().out == path.read_bytes()


# --- split -----------------------------------------------------------------------------------------------


def test_split_writes_valid_interchanges(edigw: Runner, tmp_path: Path) -> None:
    path = tmp_path / "two.edi"
    path.write_bytes(edi.two_sets().with_form(newline="\n").to_bytes())
    done = edigw("x12", "split", path, "-o", tmp_path / "out" / "deep")
    files = sorted((tmp_path / "out" / "deep").iterdir())
    assert done.code == 0
    assert len(files) == 2
    assert done.out.split() == [str(file) for file in files]
    for file in files:
        report = validate(file)
        assert report["verdict"] == "accepted"
        assert report["problems"] == []
        (group,) = report["interchanges"][0]["groups"]
        assert len(group["transaction_sets"]) == 1
        assert b"\n" in file.read_bytes()
        assert file.name.startswith(f"850-{group['transaction_sets'][0]['control_number']}")


def test_split_never_overwrites(edigw: Runner, good: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    for _ in range(2):
        assert edigw("x12", "split", good, "-o", out).code == 0
    assert sorted(file.name for file in out.iterdir()) == ["850-0001-2.edi", "850-0001.edi"]


def test_split_makes_safe_names(edigw: Runner, tmp_path: Path) -> None:
    data = edi.clean().put("ST", 2, "../../x").to_bytes()
    assert edigw("x12", "split", "-", "-o", tmp_path / "out", stdin=data).code == 0
    assert [file.name for file in (tmp_path / "out").iterdir()] == ["850-x.edi"]


def test_split_tells_what_is_in_no_file(edigw: Runner, tmp_path: Path) -> None:
    data = edi.two_sets().drop("SE", nth=2).to_bytes()
    done = edigw("x12", "split", "-", "-o", tmp_path / "out", "--json", stdin=data)
    found = json.loads(done.out)
    assert done.code == 1
    assert len(found["files"]) == 1
    assert found["files"][0]["set_id"] == "850"
    assert [one["reason"] for one in found["left_out"]] == ["it has no SE segment"]
    assert "it has no SE segment" in done.err


@pytest.mark.parametrize("data", [b"", b"hello", b"ST*850*0001~SE*2*0001~"])
def test_split_of_nothing(edigw: Runner, tmp_path: Path, data: bytes) -> None:
    assert edigw("x12", "split", "-", "-o", tmp_path / "out", stdin=data).code == 1


def test_split_into_a_file_is_a_usage_error(edigw: Runner, good: Path) -> None:
    assert edigw("x12", "split", good, "-o", good).code == 2


@pytest.mark.parametrize("options", [(), ("--delimiters", "|:!")])
def test_format_keeps_binary_data_to_the_byte(edigw: Runner, options: tuple[str, ...]) -> None:
    data = edi.clean().put("ST", 1, "841").before("CTT", ["BIN", "9", "a~b*c>d\r\n"]).recount().to_bytes()
    done = edigw("x12", "format", "-", *options, stdin=data)
    separator, terminator = ("|", "!") if options else ("*", "~")
    assert done.code == 0
    assert f"BIN{separator}9{separator}a~b*c>d\r\n{terminator}\nCTT" in done.out
    assert same_content(data, done.out.encode())
