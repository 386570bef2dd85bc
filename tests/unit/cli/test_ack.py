"""``edigw x12 ack``: what would be sent, without sending it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import gateway
from tests.acceptance import edi
from tests.unit.cli.support import Runner

FIXED = ("--date", "20260106", "--time", "0915", "--control-number", "42")


def test_it_is_the_same_every_time_when_asked(edigw: Runner, good: Path) -> None:
    done = edigw("x12", "ack", *FIXED, good)
    assert (done.code, done.err) == (0, "")
    assert done.out == (
        "ISA*00*          *00*          *ZZ*SUPPLIER       *ZZ*NORTHWIND      "
        "*260106*0915*U*00401*000000042*0*P*>~GS*FA*SUPPLIERPO*NORTHWINDPO*20260106*0915*42*X*004010~"
        "ST*997*0001~AK1*PO*11~AK2*850*0001~AK5*A~AK9*A*1*1*1~SE*6*0001~GE*1*42~IEA*1*000000042~"
    )
    assert edigw("x12", "ack", *FIXED, "-", stdin=good.read_bytes()).out == done.out


def test_date_and_time_are_now_by_default(edigw: Runner, good: Path) -> None:
    out = edigw("x12", "ack", good).out
    assert re.search(r"\*2[0-9]{5}\*[0-2][0-9][0-5][0-9]\*U\*00401\*000000001\*0\*P\*>~", out)


def test_a_rejected_file_is_exit_code_one(edigw: Runner, bad: Path) -> None:
    done = edigw("x12", "ack", bad)
    assert done.code == 1
    assert "AK9*P*2*2*1" in done.out


@pytest.mark.parametrize(
    ("kind", "found"),
    [
        ("997", "ST*997*0001~"),
        ("999", "ST*999*0001*005010X231A1~AK1*PO*11*004010~AK2*850*0001~IK5*A~AK9*A*1*1*1~"),
        ("ta1", "TA1*000000101*260105*0830*A*000"),
    ],
)
def test_kinds(edigw: Runner, good: Path, kind: str, found: str) -> None:
    done = edigw("x12", "ack", "--type", kind, good)
    assert done.code == 0
    assert found in done.out
    assert done.out.count("ISA*") == 1
    assert gateway.validate(done.out.encode())["verdict"] == "accepted"


def test_what_is_due(edigw: Runner, tmp_path: Path) -> None:
    path = tmp_path / "asked.edi"
    path.write_bytes(edi.clean(ack_requested="1").to_bytes())
    out = edigw("x12", "ack", *FIXED, path).out
    assert out.index("TA1*") < out.index("ST*997")
    assert "IEA*0*000000042~" in out
    assert "IEA*1*000000043~" in out


@pytest.mark.parametrize(
    ("agreed", "kind", "answer"),
    [
        ("true", (), "ST*997"),
        ("997", (), "ST*997"),
        ("999", (), "ST*999"),
        ("999", ("--type", "997"), "ST*997"),
        ("false", ("--type", "999"), "ST*999"),
        ("false", (), ""),
    ],
)
def test_the_agreement_with_the_partner_counts_and_type_goes_before_it(
    edigw: Runner, good: Path, tmp_path: Path, agreed: str, kind: tuple[str, ...], answer: str
) -> None:
    home = tmp_path / "home"
    assert edigw("init", home).code == 0
    file = home / "partners" / "acme-retail.yaml"
    file.write_text(file.read_text().replace("acknowledge: true ", f"acknowledge: {agreed} "))
    done = edigw("x12", "ack", *kind, "--config", home, "--partner", "acme-retail", good)
    assert re.findall(r"ST\*99[79]", done.out) == ([answer] if answer else [])
    assert done.err == "" if answer else "nothing to acknowledge" in done.err


def test_nothing_to_acknowledge(edigw: Runner, tmp_path: Path) -> None:
    path = tmp_path / "prose.txt"
    path.write_bytes(b"Dear Sir or Madam,")
    done = edigw("x12", "ack", path)
    assert (done.code, done.out) == (1, "")
    assert "nothing to acknowledge" in done.err
    assert edigw("x12", "ack", tmp_path / "none.edi").code == 4


@pytest.mark.parametrize(
    "option",
    [
        ("--control-number", "0"),
        ("--control-number", "1234567890"),
        ("--date", "20260231"),
        ("--date", "260101"),
        ("--time", "2460"),
    ],
)
def test_wrong_options(edigw: Runner, good: Path, option: tuple[str, str]) -> None:
    done = edigw("x12", "ack", *option, good)
    assert done.code == 2
    assert option[1] in done.err
