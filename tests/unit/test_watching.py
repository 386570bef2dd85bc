"""Alerts and dashboard as they are shipped: metrics and labels that there are, in well-formed PromQL."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from gateway.cli.main import parser
from gateway.observability import metrics
from tests.test_docs import commands

CONFIG = Path(__file__).resolve().parents[2] / "config"
ALERTS = [
    one
    for group in yaml.safe_load((CONFIG / "prometheus-alerts.yaml").read_text())["groups"]
    for one in group["rules"]
]
BOARD = json.loads((CONFIG / "grafana-dashboard.json").read_text())

FUNCTIONS = {"absent", "histogram_quantile", "increase", "max", "min", "rate", "sort", "sum", "time"}
WORDS = FUNCTIONS | {"and", "by", "on", "group_left", "or", "unless"}
_TOKEN = re.compile(r'\s*("(?:[^"\\]|\\.)*"|\d+[smhd]|[\d.]+|[a-zA-Z_]\w*|[=!<>]=|=~|!~|[-+*/<>=(){}\[\],])')


def labels() -> dict[str, set[str]]:
    """The labels of each metric, by the names of its samples."""
    found = {name: set(said[1]) for name, said in metrics.GAUGES.items()}
    for one in (metrics.MESSAGES, metrics.ATTEMPTS):
        found[f"{one._name}_total"] = set(one._labelnames)
    found["edigw_translation_seconds_bucket"] = {"le"}
    found["edigw_build_info"] = {"version", "revision", "python"}
    return found | {one: set() for one in ("process_resident_memory_bytes", "process_cpu_seconds_total")}


METRICS = labels()
TARGET = {"instance", "job"}
"""Labels that Prometheus gives to everything it asks."""


def expressions() -> Iterator[tuple[str, str]]:
    for one in ALERTS:
        yield one["alert"], one["expr"]
    for panel in BOARD["panels"]:
        for target in panel["targets"]:
            yield panel["title"], target["expr"]


def tokens(expression: str) -> list[str]:
    found, at = [], 0
    while at < len(expression.rstrip()):
        match = _TOKEN.match(expression, at)
        assert match, f"not PromQL from here on: {expression[at:]!r}"
        found.append(match[1])
        at = match.end()
    return found


def wrong(expression: str) -> list[str]:
    """What is wrong with an expression, as far as can be told without Prometheus."""
    found, open_, told = tokens(expression), list[str](), list[str]()
    named = {one for one in found if one in METRICS}
    known = set().union(*(METRICS[one] for one in named)) | TARGET
    grouped = False
    for before, one, after in zip(["", *found], found, [*found[1:], ""]):
        if one in "({[":
            open_.append(one)
            grouped = before in ("by", "on", "group_left")
        elif one in ")}]":
            told += [] if open_ and open_.pop() + one in ("()", "{}", "[]") else [f"{one} closes nothing"]
            grouped = False
        elif re.match("[a-zA-Z_]", one):
            if grouped or (open_ and open_[-1] == "{"):
                told += [] if one in known else [f"no metric of it has the label {one}"]
            elif one not in WORDS and one not in METRICS:
                told.append(f"there is no {one}")
            elif one in FUNCTIONS and after not in ("(", "by"):
                told.append(f"{one} is a function")
        elif one == "[" and before not in METRICS and before != "}":
            told.append("a range of nothing")
    return told + [f"{one} stays open" for one in open_] + ([] if named else ["it names no metric"])


@pytest.mark.parametrize(("name", "expression"), [*expressions()], ids=lambda one: one[:24])
def test_expressions_are_well_formed(name: str, expression: str) -> None:
    assert wrong(expression) == [], name


@pytest.mark.parametrize(
    "expression",
    ["max(edigw_job)", "max(edigw_jobs", "sum by (partner) (edigw_jobs)", 'edigw_jobs{kind="due"}', "1 + 1",
     "max edigw_jobs", "edigw_jobs)"],
)  # fmt: skip
def test_what_is_wrong_is_found(expression: str) -> None:
    assert wrong(expression)


def test_every_alert_says_what_to_do_by_commands_that_there_are() -> None:
    assert len(ALERTS) > 10
    assert len({one["alert"] for one in ALERTS}) == len(ALERTS)
    known = dict(commands(parser()))
    for one in ALERTS:
        said = one["annotations"]
        assert set(said) == {"summary", "runbook"}
        assert len(said["runbook"].split()) > 8
        assert one["labels"]["severity"] in ("warning", "critical")
        labels_of = set(re.findall(r"\$labels\.(\w+)", said["summary"]))
        assert labels_of <= set(tokens(one["expr"]))
        for command in re.findall(r"`edigw ([^`]+)`", said["runbook"]):
            named = next(one for one in known if f"edigw {command} ".startswith(f"{one} "))
            assert set(re.findall(r"--[a-z]+", command)) <= known[named], command


def test_panels_have_places_of_their_own() -> None:
    cells: set[tuple[int, int]] = set()
    for panel in BOARD["panels"]:
        at = panel["gridPos"]
        mine = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not cells & mine, panel["title"]
        assert max(x for x, _ in mine) < 24
        cells |= mine
    assert len({panel["id"] for panel in BOARD["panels"]}) == len(BOARD["panels"])
    shown = {
        one for panel in BOARD["panels"] for target in panel["targets"] for one in tokens(target["expr"])
    }
    assert set(METRICS) - shown == set()
