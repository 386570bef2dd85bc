"""A customer's own JSON, read and written by JSONata expressions (https://jsonata.org).

Expressions come from shape files, data from outside. Both are bounded by steps and sizes, not by the clock;
what depends on clock or chance, or runs text of the data (``$now``, ``$random``, ``$eval``), is switched
off: the same input always gives the same result.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from functools import cache, partial
from typing import Any

from gateway.documents.schema import Node, form, resolved
from gateway.documents.validation import explain
from gateway.errors import ConfigurationError, DocumentError
from gateway.shapes.form import Problems
from gateway.shapes.model import Shape

MAX_STEPS = 2_000_000
"""Evaluations of a part of an expression, some ten seconds; an order of 1,000 lines takes 50,000."""
MAX_DEPTH = 200
MAX_SIZE = 5_000_000
"""Characters of a text and entries of a list, anywhere on the way, and values of the result."""

_OFF = ("now", "millis", "random", "shuffle", "eval")


class _BoundError(Exception):
    pass


def read(shape: Shape, values: Iterable[Any]) -> Iterator[dict[str, Any]]:
    """The documents of JSON values: what ``read`` makes of each, one document or a list of them.

    Raises:
        DocumentError: at the end, with everything that is wrong, each with its JSON pointer.
    """
    problems, schema = Problems("The JSON is not right"), form(shape.document)
    for result, name in _results(shape, "read", values, "Value", problems):
        for index, one in enumerate(result if isinstance(result, list) else [result], 1):
            where = f"{name}, document {index}" if isinstance(result, list) else name
            if not isinstance(one, dict):
                given = "nothing" if one is None else type(one).__name__
                problems.tell(
                    "SHAPE-JSONATA", where, f"read: gives {given}, not an object or a list of objects."
                )
                continue
            document = {"document_type": shape.document, "schema_version": "1"} | _listed(schema, schema, one)
            problems.model(explain(document), partial(_at, where))
            if not problems.found:
                yield document
    problems.check()


def write(shape: Shape, documents: Iterable[dict[str, Any]]) -> Iterator[Any]:
    """What ``write`` makes of each document, as JSON values.

    Raises:
        DocumentError: at the end; the expression failed.
    """
    problems, made = Problems("The documents cannot be written"), False
    for result, where in _results(shape, "write", documents, "Document", problems):
        if result is None:
            problems.tell("SHAPE-JSONATA", where, "write: gives nothing.")
        elif not problems.found:
            made = True
            yield result
    problems.check()
    if not made:
        raise DocumentError("There is no document to write.")


def _at(where: str, at: str) -> tuple[str, None]:
    return f"{where}, {at or '/'}", None


def _results(
    shape: Shape, way: str, values: Iterable[Any], name: str, problems: Problems
) -> Iterator[tuple[Any, str]]:
    """What the expression makes of each value, with the name and number of the value."""
    for number, value in enumerate(values, 1):
        if not (text := getattr(shape, way)):
            what = f"The shape has no {way}: expression, so it goes one way only."
            raise ConfigurationError(what, code="SHAPE")
        expression, where = _expression(text), f"{name} {number}"
        try:
            result = _evaluated(expression, value)
        except Exception as error:  # noqa: BLE001 -- whatever such a library raises is a fault of expression or data
            said = " ".join(str(error).split()) or type(error).__name__
            problems.tell("SHAPE-JSONATA", where, f"{way}: failed: {said}.")
        else:
            yield result, where


def _evaluated(expression: Any, value: Any) -> Any:
    """The result as JSON values.

    Raises:
        Exception: the expression failed, or took too much.
    """
    steps = depth = 0

    def enter(*_: Any) -> None:
        nonlocal steps, depth
        steps += 1
        depth += 1
        if steps > MAX_STEPS:
            raise _BoundError(f"it takes more than {MAX_STEPS:,} steps")
        if depth > MAX_DEPTH:
            raise _BoundError(f"it calls itself more than {MAX_DEPTH} levels deep")

    def leave(_expression: Any, _input: Any, _frame: Any, result: Any) -> None:
        nonlocal depth
        depth -= 1
        if isinstance(result, str | list) and len(result) > MAX_SIZE:
            raise _BoundError(f"a text or list has more than {MAX_SIZE:,} parts")

    expression.environment.set_evaluate_entry_callback(enter)
    expression.environment.set_evaluate_exit_callback(leave)
    # Functions find their expression through this; by itself it names the one compiled last.
    type(expression).CURRENT.jsonata = expression
    return _plain(expression.evaluate(value), [0])


@cache
def _expression(text: str) -> Any:
    """A compiled expression.

    Raises:
        ConfigurationError: it is no JSONata.
    """
    limit = sys.getrecursionlimit()
    import jsonata

    # The import raises the limit of the whole process tenfold, which costs others their protection.
    sys.setrecursionlimit(limit)

    def off(name: str, *_: Any) -> None:
        raise _BoundError(f"${name} is switched off: the same input must give the same result")

    try:
        made = jsonata.Jsonata(text)
    except jsonata.JException as error:
        raise ConfigurationError(
            f"This is no JSONata: {error}. It reads: {text[:60]!r}", code="SHAPE"
        ) from None
    for name in _OFF:
        made.register_lambda(name, partial(off, name))
    return made


def _plain(value: Any, seen: list[int]) -> Any:
    """The result as JSON values: lists of the library's own kinds become lists."""
    seen[0] += 1
    if seen[0] > MAX_SIZE:
        raise _BoundError(f"the result has more than {MAX_SIZE:,} values")
    if isinstance(value, dict):
        return {str(key): _plain(inner, seen) for key, inner in value.items()}
    if isinstance(value, list):
        return [_plain(value[index], seen) for index in range(len(value))]
    if value is None or isinstance(value, str | bool | int | float):
        return value
    raise _BoundError(f"the result holds a function ({type(value).__name__})")


def _listed(schema: Node, node: Node, value: Any) -> Any:
    """JSONata makes one out of a list of one; where the document has a list, a single value is put in one."""
    node = resolved(schema, node)
    if node.get("type") == "array":
        return [
            _listed(schema, node["items"], one) for one in (value if isinstance(value, list) else [value])
        ]
    if isinstance(value, dict) and "properties" in node:
        fields = node["properties"]
        return {key: _listed(schema, fields.get(key, {}), inner) for key, inner in value.items()}
    return value
