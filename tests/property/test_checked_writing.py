"""Writing asks the model of a document only where it has to, and yet refuses whatever the model refuses."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from gateway import engine
from gateway.errors import DocumentError, NotFoundError, Problem

DATA = Path(__file__).resolve().parents[1] / "data" / "x12"
VALUES: tuple[Any, ...] = (
    True,
    0,
    1,
    1.0,
    -5,
    "",
    " ",
    "x",
    "0",
    "2026-02-31",
    None,
    [],
    {},
    ["x"],
    [None],
    {"x": "y"},
)


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every container in a document with each of its keys."""
    for key, inner in list(value.items() if isinstance(value, dict) else enumerate(value)):
        yield value, key
        if isinstance(inner, dict | list):
            yield from places(inner)


def spoiled(document: dict[str, Any], choices: Random) -> dict[str, Any]:
    """The document with one thing taken out, put in, or given another value."""
    made = copy.deepcopy(document)
    holder, key = choices.choice(list(places(made)))
    match choices.randrange(4):
        case 0:
            del holder[key]
        case 1 if isinstance(holder, dict):
            holder["unheard_of"] = choices.choice(VALUES)
        case _:
            holder[key] = choices.choice(VALUES)
    return made


def refusal(document: dict[str, Any]) -> tuple[Problem, ...] | None:
    """Why a document is not written, without problems where it has no mapping; None if it is written."""
    try:
        assert b"".join(engine.written(document, checked=True))
    except NotFoundError:
        return ()
    except DocumentError as error:
        return error.problems
    return None


@pytest.mark.parametrize(
    "path", sorted(DATA.glob("*/*/*.json")), ids=lambda path: f"{path.parent.name}-{path.stem}"
)
def test_what_the_model_refuses_is_not_written(path: Path) -> None:
    choices = Random(path.stem)
    given = json.loads(path.read_text("utf-8"))
    for document in given if isinstance(given, list) else [given]:
        assert refusal(document) is None
        for _ in range(60):
            wrong = spoiled(document, choices)
            problems, told = engine.explain(wrong), refusal(wrong)
            if told is None:
                # What is computed may be missing: the writer fills it in.
                assert not [one for one in problems if one.code != "DOC-MISSING"], wrong
            else:
                assert not problems or not told or told == problems
