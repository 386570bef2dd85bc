"""Every rule has an example that passes and one that fails, and without it, or any finding of it, a test
fails.
"""

from __future__ import annotations

import ast
import importlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gateway.documents.validation import explain
from gateway.errors import Severity
from gateway.rules import RULES
from gateway.rules.own import values
from gateway.rules.rule import Applied, check
from tests.rules import BEFORE, DATA, Example, examples, story

EXAMPLES = list(examples())
HERE = [one.id for one in RULES.values() if not one.elsewhere]
"""Rules that are checked here, and not by another part of the gateway."""

MODULES = ("any_document", "order", "acknowledgment", "shipment", "invoice")


def test_every_rule_has_both_examples_and_every_example_a_rule() -> None:
    for passes in (True, False):
        assert [
            one for one in HERE if one not in {two.rule for two in EXAMPLES if two.passes == passes}
        ] == []
    assert {path.stem for path in DATA.glob("*.yaml")} == set(HERE)


@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_examples(example: Example) -> None:
    assert explain(example.document) == ()
    assert [one for past in example.known.past for one in explain(past.document)] == []
    example.assert_told()


@pytest.mark.parametrize("example", [one for one in EXAMPLES if not one.passes], ids=str)
def test_a_problem_says_where_and_what_to_do(example: Example) -> None:
    for found in example.found():
        assert found.code == f"RULE-{example.rule}"
        assert found.is_error == (RULES[example.rule].severity == "block")
        assert found.hint
        assert found.message.endswith(".")
        pointer = found.location.pointer or ""
        assert pointer == "" or pointer.startswith("/")
        # The place, or what should hold it, is there.
        path, node = pointer.split("/")[1:], example.document
        for part in path[:1]:
            assert part in node or found.value is None or part in ("orders", "parties"), pointer


@pytest.mark.parametrize("name", BEFORE)
def test_the_story_is_right_by_every_rule(name: str) -> None:
    told = Example("I5", True, 1, {}, name)
    applied = [Applied(one, one.severity) for one in RULES.values() if one.id != "I13"]
    assert check(story(name), told.known, told.now, applied) == []


@pytest.mark.parametrize("rule", HERE)
def test_without_a_rule_its_failing_examples_have_no_problem(
    rule: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = [one for one in EXAMPLES if one.rule == rule and not one.passes]
    monkeypatch.setitem(RULES, rule, replace(RULES[rule], check=_nothing))
    for one in mine:
        one = replace(one, said={name: value for name, value in one.said.items() if name != "parameters"})
        with pytest.raises(AssertionError):
            one.assert_told()
        assert one.found() == []


def _nothing(_: Any) -> Iterator[Any]:
    yield from ()


def _findings() -> Iterator[tuple[str, int]]:
    """Every place in the source where something is found: module and number."""
    for module in MODULES:
        path = Path(importlib.import_module(f"gateway.rules.{module}").__file__ or "")
        count = sum(map(_is_finding, ast.walk(ast.parse(path.read_text("utf-8")))))
        yield from ((module, number) for number in range(count))


def _is_finding(node: ast.AST) -> bool:
    is_yield = isinstance(node, ast.Expr) and isinstance(node.value, ast.Yield)
    return is_yield and "Found(" in ast.unparse(node)


class _Without(ast.NodeTransformer):
    """Takes one finding out."""

    def __init__(self, number: int) -> None:
        self.left = number
        self.taken = ""

    def visit_Expr(self, node: ast.Expr) -> ast.AST:
        if not _is_finding(node):
            return node
        self.left -= 1
        if self.left != -1:
            return node
        self.taken = ast.unparse(node)
        return ast.copy_location(ast.parse("yield from ()").body[0], node)


@pytest.mark.parametrize(("module", "number"), list(_findings()))
def test_without_any_finding_an_example_fails(
    module: str, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = importlib.import_module(f"gateway.rules.{module}")
    change = _Without(number)
    tree = change.visit(ast.parse(Path(real.__file__ or "").read_text("utf-8")))
    for name in list(RULES):
        monkeypatch.setitem(RULES, name, RULES[name])  # put back afterwards
    before = {name: one.check for name, one in RULES.items()}
    code = compile(ast.fix_missing_locations(tree), real.__file__ or "", "exec")
    exec(code, {"__name__": real.__name__, "__file__": real.__file__})
    changed = {name for name, one in RULES.items() if one.check is not before[name]}
    failed = []
    for one in EXAMPLES:
        if one.rule in changed and not one.passes:
            try:
                one.assert_told()
            except AssertionError:
                failed.append(one)
    assert failed, change.taken


def test_a_rule_that_is_off_or_of_another_document_says_nothing() -> None:
    one = next(one for one in EXAMPLES if one.rule == "I5" and not one.passes)
    off = [replace(two, severity="off") for two in one.applied()]
    assert check(one.document, one.known, one.now, off) == []
    assert check(story("order"), one.known, one.now, one.applied()) == []


def test_a_warning_is_no_error() -> None:
    one = next(one for one in EXAMPLES if one.rule == "I5" and not one.passes)
    (found,) = check(
        one.document, one.known, one.now, [replace(two, severity="warn") for two in one.applied()]
    )
    assert found.severity is Severity.WARNING


def test_paths_lead_to_what_is_there_and_say_what_is_not() -> None:
    document = {"a": [{"b": "1"}, {"c": "2"}, {"b": {"d": "3"}}], "e": {}}
    assert list(values(document, "a[].b")) == [("/a/0/b", "1"), ("/a/1/b", None), ("/a/2/b", {"d": "3"})]
    assert list(values(document, "a[].b.d"))[-1] == ("/a/2/b/d", "3")
    assert list(values(document, "e.f.g")) == [("/e/f/g", None)]
    assert list(values(document, "x[].y")) == []
