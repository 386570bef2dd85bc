"""``edigw explain``: every code that can be met has an explanation."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from gateway.services.explain import entries
from tests.unit.cli.support import Runner

PACKAGE = Path(__file__).resolve().parents[3] / "gateway"
CODE = re.compile(r'"((?:X12|MAP|DOC|HOME|HTTP)-[A-Z0-9]+(?:-[A-Z0-9]+)*)"')


def codes() -> set[str]:
    """All codes that stand in the source."""
    return {code for path in PACKAGE.rglob("*.py") for code in CODE.findall(path.read_text("utf-8"))}


def test_every_code_in_the_source_is_explained() -> None:
    assert codes() - set(entries()) == set()


@pytest.mark.parametrize("code", entries())
def test_an_explanation_says_something(edigw: Runner, code: str) -> None:
    done = edigw("explain", code)
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith(code)
    assert len(done.out.splitlines()) >= 3
    assert "{<" not in done.out
    assert "!r}" not in done.out


def test_acknowledgment_codes_are_explained(edigw: Runner) -> None:
    out = edigw("explain", "x12-element-date").out
    assert "In a 997: AK403 = 8, the element is not a valid date" in out
    assert (
        "In a TA1: TA105 = 021, the number of functional groups differs"
        in edigw("explain", "X12-IEA-COUNT").out
    )


def test_json(edigw: Runner) -> None:
    one = json.loads(edigw("explain", "X12-SE-COUNT", "--json").out)
    assert set(one) == {
        "code", "about", "severity", "level", "fault", "message", "explanation", "hint", "ack",
    }  # fmt: skip
    assert one["ack"] == [
        {"element": "AK502", "code": "4", "meaning": "the number of segments differs from SE01"}
    ]
    every = json.loads(edigw("explain", "--json").out)["codes"]
    assert [entry["code"] for entry in every] == list(entries())


def test_the_list(edigw: Runner) -> None:
    done = edigw("explain")
    assert done.code == 0
    assert [line.split()[0] for line in done.out.splitlines()] == list(entries())
    assert all(len(line) <= 120 for line in done.out.splitlines())


@pytest.mark.parametrize(("code", "near"), [("X12-SE-CONT", "X12-SE-COUNT"), ("SE-COUNT", "X12-SE-COUNT")])
def test_an_unknown_code_has_neighbours(edigw: Runner, code: str, near: str) -> None:
    done = edigw("explain", code)
    assert (done.code, done.out) == (4, "")
    assert near in done.err
    assert "lists all" in edigw("explain", "%%%").err
