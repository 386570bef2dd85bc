"""Peers for a whole test session, and a trading partner for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.interop.environments import Unavailable
from tests.interop.mockedi import MockEdi, started
from tests.interop.peers import Peers


@pytest.fixture(scope="session")
def peers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Peers]:
    found = Peers(tmp_path_factory.mktemp("peers"))
    yield found
    found.close()


@pytest.fixture
def mockedi() -> Iterator[MockEdi]:
    """A mock-edi of this test alone."""
    try:
        with started() as mock:
            yield mock
    except Unavailable as error:
        pytest.skip(f"no mock-edi: {error}")
