"""``edigw rule``: lists and checks without a home."""

from __future__ import annotations

import json
from pathlib import Path

from gateway.rules import RULES
from tests.rules import put, story
from tests.unit.cli.support import Runner


def test_the_list_names_every_rule_and_what_it_does(edigw: Runner) -> None:
    done = edigw("rule", "list")
    assert done.code == 0
    names = [line.split()[0] for line in done.out.splitlines()[1:]]
    assert names == list(RULES)
    assert [one[0] for one in names] == sorted((one[0] for one in names), key="GPASI".index)


def test_a_profile_needs_no_home(edigw: Runner) -> None:
    told = {
        one["id"]: one for one in json.loads(edigw("rule", "list", "--partner", "amazon-eu", "--json").out)
    }
    assert told["S10"]["parameters"] == {"always": True, "shortest": 8, "pattern": "[A-Za-z0-9]+"}
    assert told["G2"]["elsewhere"]
    assert set(told["I4"]) == {
        *("id", "code", "documents", "severity", "override", "what", "why"),
        *("source", "hint", "elsewhere", "parameters"),
    }
    assert told["I4"]["parameters"] == {"tolerance": "0.00"}
    done = edigw("rule", "list", "--partner", "amazon-xx")
    assert done.code == 3
    assert "Known: amazon-eu, amazon-jp, amazon-na, retailer" in done.err


def test_a_document_is_checked_without_a_home(edigw: Runner, tmp_path: Path) -> None:
    file = tmp_path / "invoice.json"
    file.write_text(json.dumps(put(story("invoice"), {"/total/amount": "1.00"})))
    done = edigw("rule", "check", str(file), "--partner", "amazon-na")
    assert done.code == 1
    assert "[RULE-I5 at /total/amount]" in done.out
    assert "order 7KX2M41Q is not known" in done.out
    file.write_text(json.dumps([{"document_type": "invoice"}]))
    done = edigw("rule", "check", str(file), "--partner", "amazon-na")
    assert done.code == 1
    assert "DOC-MISSING" in done.out
    file.write_text("[1]")
    assert edigw("rule", "check", str(file), "--partner", "amazon-na").code == 1
    assert edigw("rule", "check", str(tmp_path / "none"), "--partner", "amazon-na").code == 4
