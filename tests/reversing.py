"""``make test ARGS="-p tests.reversing"``: all tests the other way round; none may need one before it."""

from __future__ import annotations

import pytest


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.reverse()
