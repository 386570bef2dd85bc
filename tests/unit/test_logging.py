from __future__ import annotations

import json
from collections.abc import Iterator
from io import StringIO

import pytest
import structlog

from gateway.observability.logging import configure, get_logger


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    yield
    structlog.reset_defaults()


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


def test_lines_are_json_with_time_and_level() -> None:
    stream = StringIO()
    configure(stream)
    get_logger().info("file.received", file="a.edi")
    get_logger().debug("not shown")
    (line,) = stream.getvalue().splitlines()
    found = json.loads(line)
    assert found.pop("timestamp").endswith("Z")
    assert found == {"event": "file.received", "file": "a.edi", "level": "info"}


def test_an_error_has_its_traceback_without_the_values_of_variables() -> None:
    stream = StringIO()
    configure(stream)
    secret_of_the_partner = "price" + "list"
    try:
        raise ValueError("broken")
    except ValueError as error:
        get_logger().error("message.failed", exc_info=error)
    assert "ValueError: broken" in json.loads(stream.getvalue())["exception"]
    assert secret_of_the_partner not in stream.getvalue()


def test_a_terminal_gets_readable_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    stream = Terminal()
    configure(stream)
    get_logger().info("file.received", file="a.edi")
    assert "file.received" in stream.getvalue()
    assert "file=a.edi" in stream.getvalue()
    assert "\x1b" not in stream.getvalue()
