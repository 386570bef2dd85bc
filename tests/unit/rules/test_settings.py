"""Profiles, changes of a partner, and rules of one's own: what is wrong in them is told in words."""

from __future__ import annotations

import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from gateway.cli.commands.home import make_home
from gateway.errors import ConfigurationError
from gateway.rules import RULES
from gateway.rules.rule import Applied, Facts, check
from gateway.settings import all_rules, load
from tests.homes import PARTNER
from tests.rules import PROFILES, TIMES, story
from tests.rules import put as changed


def rules_of(home: Path, text: str) -> dict[str, Applied]:
    if not home.exists():
        make_home(home)
    file = home / f"partners/{PARTNER}.yaml"
    kept = file.read_text().partition("\nrules:")[0]
    file.write_text(f"{kept}\nrules:{text}\n")
    return {one.rule.id: one for one in load(home).rules.get(PARTNER, ())}


def wrong(home: Path, text: str) -> str:
    with pytest.raises(ConfigurationError) as caught:
        rules_of(home, text)
    return "\n".join(f"{one.message} {one.hint}" for one in caught.value.problems)


@pytest.mark.parametrize("profile", PROFILES)
def test_shipped_profiles_are_right(profile: str, tmp_path: Path) -> None:
    assert set(rules_of(tmp_path / "home", f" {{profile: {profile}}}")) == set(RULES)


def test_shipped_profiles_are_all_tested() -> None:
    shipped = {path.stem for path in (Path(__file__).resolve().parents[3] / "config/rules").glob("*.yaml")}
    assert shipped == set(PROFILES)


def test_no_rules_hold_by_default(tmp_path: Path) -> None:
    make_home(tmp_path / "home")
    assert load(tmp_path / "home").rules == {}


def test_a_partner_changes_single_rules_of_its_profile(tmp_path: Path) -> None:
    changed_ = "S4W: off, I4: {tolerance: '0.01', severity: warn}, S7: {override: true}"
    text = f" {{profile: amazon-na, change: {{{changed_}}}}}"
    found = rules_of(tmp_path / "home", text)
    assert found["S4W"].severity == "off"
    assert (found["I4"].severity, found["I4"].parameters) == ("warn", {"tolerance": Decimal("0.01")})
    assert found["S7"].override
    assert found["I7"].parameters["allowed"]["CA"] == ("gst", "provincial", "gst+provincial")


def test_without_a_profile_only_what_is_named_holds(tmp_path: Path) -> None:
    found = rules_of(tmp_path / "home", " {change: {I5: {tolerance: 0.02}}}")
    assert {name for name, one in found.items() if one.severity != "off"} == {"I5"}


def test_a_profile_of_the_home_goes_before_a_shipped_one(tmp_path: Path) -> None:
    home = tmp_path / "home"
    make_home(home)
    (home / "config/rules").mkdir(parents=True)
    (home / "config/rules/retailer.yaml").write_text("description: mine\nrules: {S1: off}\n")
    assert rules_of(home, " {profile: retailer}")["S1"].severity == "off"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (" {profile: amazonna}", "there is no profile 'amazonna'"),
        (" {profile: A/b}", "'A/b' is no usable name"),
        (" {profil: retailer}", "Did you mean 'profile'?"),
        (" {change: {S99: off}}", "S99 is no rule. Did you mean S9?"),
        (" {change: {S9: of}}", "S9.severity 'of': choose one of block, warn, off"),
        (" {change: {S9: [a]}}", "S9: write block, warn, off, or settings in braces"),
        (
            " {change: {S9: {carrier: [a]}}}",
            "S9.carrier ['a']: is no parameter; known are severity, override",
        ),
        (" {change: {S9: {carriers: a}}}", "S9.carriers 'a': write a list"),
        (" {change: {S9: {carriers: [[a]]}}}", "S9.carriers [['a']]: write a list of texts"),
        (" {change: {S1: {days: many}}}", "S1.days 'many': write a whole number from 0"),
        (" {change: {S1: {days: -1}}}", "S1.days '-1': write a whole number from 0"),
        (" {change: {S1: {days: 1.5}}}", "S1.days '1.5': write a whole number"),
        (" {change: {S1: {days: 9999999999}}}", "write a whole number from 0 to 1000000"),
        (" {change: {I4: {tolerance: NaN}}}", "I4.tolerance 'NaN': write a number"),
        (" {change: {S10: {always: 7}}}", "S10.always '7': write true or false"),
        (" {change: {S10: {override: 7}}}", "S10.override '7': write true or false"),
        (" {change: {S10: {pattern: '['}}}", "S10.pattern '[': pattern '['"),
        (" {change: {I8: {tax_id: {DE: '('}}}}", "I8.tax_id"),
        (" {change: {I7: {allowed: [a]}}}", "I7.allowed ['a']: write a list for each name"),
        (
            " {own: [{id: MINE, document: invoice, message: m, must: {field: a, operator: exists}}]}",
            "id 'MINE': write X- and capitals",
        ),
        (" {own: [{id: X-A}]}", "own.1.must is missing"),
        (
            "ONE must: {field: a, operator: is}}]}",
            "operator 'is'",
        ),
        (
            " {own: [{id: X-A, document: bill, message: m, must: {field: a, operator: exists}}]}",
            "document 'bill'",
        ),
        (
            "ONE must: {field: 'a b', operator: exists}}]}",
            "'a b'",
        ),
        (
            "ONE must: {field: a, operator: '='}}]}",
            "needs a value",
        ),
        (
            "ONE must: {field: a, operator: exists, value: b}}]}",
            "goes without a value",
        ),
        (
            "ONE must: {field: a, operator: matches, value: '('}}]}",
            "pattern '('",
        ),
        (
            "ONE must: {field: a, operator: in, value: b}}]}",
            "a list goes with the operator in",
        ),
        (
            "ONE severity: no, must: {field: a, operator: exists}}]}",
            "severity 'no'",
        ),
    ],
)
def test_what_is_wrong_is_told_in_words(text: str, told: str, tmp_path: Path) -> None:
    one = " {own: [{id: X-A, document: invoice, message: m,"
    assert told in wrong(tmp_path / "home", text.replace("ONE", one))


def test_everything_wrong_is_told_at_once(tmp_path: Path) -> None:
    words = wrong(tmp_path / "home", " {change: {S99: off, S1: {days: x}}, own: [{id: MINE}]}")
    assert all(one in words for one in ("S99", "S1.days", "own"))
    assert f"partners/{PARTNER}.yaml: rules.change: S99" in words


# --- rules of one's own ----------------------------------------------------------------------------------

OWN = """
  own:
    - id: X-UPC
      document: invoice
      when: [{field: po_number, operator: matches, value: "7.*"}]
      must: {field: "lines[].ids.upc", operator: exists}
      message: This partner wants the UPC of every item.
      hint: Add it.
    - id: X-UNITS
      document: invoice
      must: {field: "sum(lines[].quantity.value)", operator: "<=", value: "144"}
      severity: warn
      message: At most 144 units.
    - id: X-COUNT
      document: invoice
      must: {field: "count(lines[].ids.asin)", operator: "=", value_of: line_count}
      when: [{field: line_count, operator: exists}]
      message: A line has no ASIN.
    - id: X-DATE
      document: invoice
      must: {field: invoice_date, operator: ">=", value: "2026-01-01"}
      message: Too old.
    - id: X-UNIT
      document: invoice
      must: {field: "lines[].quantity.uom", operator: in, value: [EA, CA]}
      message: Only EA and CA.
    - id: X-KIND
      document: invoice
      must: {field: kind, operator: "!=", value: consolidated}
      message: No collected invoices.
    - id: X-NO-DEAL
      document: invoice
      must: {field: credit, operator: missing}
      message: No credit here.
"""


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"/lines/0/ids/upc": "012345678905"}, [("RULE-X-UPC", "/lines/1/ids/upc", None)]),
        ({"/po_number": "8", "/lines/0/quantity/value": "121"}, [("RULE-X-UNITS", "/lines", "145")]),
        ({"/po_number": "8", "/line_count": 3}, [("RULE-X-COUNT", "/lines", "2")]),
        ({"/po_number": "8", "/line_count": 2}, []),
        (
            {"/po_number": "8", "/invoice_date": "2025-12-31"},
            [("RULE-X-DATE", "/invoice_date", "2025-12-31")],
        ),
        (
            {"/po_number": "8", "/lines/1/quantity/uom": "DZ"},
            [("RULE-X-UNIT", "/lines/1/quantity/uom", "DZ")],
        ),
        ({"/po_number": "8", "/kind": "consolidated"}, [("RULE-X-KIND", "/kind", "consolidated")]),
        ({"/po_number": "8", "/credit": {"rma": "1"}}, [("RULE-X-NO-DEAL", "/credit", "{'rma': '1'}")]),
    ],
)
def test_own_rules(changes: dict[str, Any], told: list[tuple[str, str, str | None]], tmp_path: Path) -> None:
    applied = rules_of(tmp_path / "home", OWN).values()
    found = check(changed(story("invoice"), changes), Facts(), TIMES["invoice"], applied)
    assert [(one.code, one.location.pointer, one.value) for one in found] == told
    assert all(one.is_error == (one.code != "RULE-X-UNITS") for one in found)


PACKAGE = """
from gateway.rules.rule import Found, Rule

def _short(case, most: int = 2):
    "No invoice has more than `most` lines."
    if len(case.document["lines"]) > most:
        yield Found("/lines", None, "Too many lines.")

ACME = Rule("ACME-1", ("invoice",), "block", _short, "why", "Acme", "Write two invoices.")
TAKEN = [Rule("I5", ("invoice",), "block", _short, "", "", "")]
NONE = ["no rule"]
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Installs a package with an entry point."""

    def install(what: str) -> None:
        site = tmp_path / "site"
        info = site / "acme_rules-1.0.dist-info"
        info.mkdir(parents=True)
        (site / "acme_rules.py").write_text(PACKAGE)
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-rules\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[edigw.rules]\nacme = acme_rules:{what}\n")
        monkeypatch.syspath_prepend(str(site))
        monkeypatch.delitem(sys.modules, "acme_rules", raising=False)

    return install


def test_rules_of_an_installed_package(package: Callable[[str], None], tmp_path: Path) -> None:
    package("ACME")
    found = rules_of(tmp_path / "home", " {profile: retailer, change: {ACME-1: {most: 1}}}")
    told = check(story("invoice"), Facts(), TIMES["invoice"], [found["ACME-1"]])
    assert [(one.code, one.message) for one in told] == [("RULE-ACME-1", "Too many lines.")]


@pytest.mark.parametrize("what", ["TAKEN", "NONE"])
def test_a_package_cannot_take_the_name_of_another_rule(what: str, package: Callable[[str], None]) -> None:
    package(what)
    with pytest.raises(ConfigurationError, match="has a rule whose name is taken"):
        all_rules()
