"""What all tests share: sample documents, a clean environment, hypothesis profiles, no silent skips in CI."""

from __future__ import annotations

import io
import os
import signal
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
import structlog
import structlog.testing
from hypothesis import HealthCheck, settings

from gateway.observability import logging
from tests import samples as sample_documents
from tests.databases import _postgres, postgres, postgres_url  # noqa: F401 -- fixtures

# Read once: the fixture below takes all EDIGW_ variables away.
SAMPLES = sample_documents.directory()
REQUIRE_ALL = os.environ.get("EDIGW_REQUIRE_ALL") == "1"

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # So begins what a shell starts in the background: what a test starts and interrupts would go on for ever.
    signal.signal(signal.SIGINT, signal.default_int_handler)

settings.register_profile("dev", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("dev"), derandomize=True, database=None, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") else "dev")


@pytest.fixture(scope="session", autouse=True)
def _clean_environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep the settings of the person who runs the tests out of them."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("EDIGW_")]:
            patch.delenv(name)
        patch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.mktemp("user-config")))
        patch.setenv("EDIGW_WEB_LISTEN", "")  # several gateways at a time would want one port
        yield


@pytest.fixture(autouse=True)
def _plain_logging() -> None:
    """Each test begins with logging as a new process has it: commands change it for good.

    Until it is set up nothing is written: threads of a gateway would write into what a test captures.
    """
    structlog.reset_defaults()
    structlog.configure(logger_factory=structlog.testing.ReturnLoggerFactory())
    structlog.contextvars.clear_contextvars()


@pytest.fixture
def log() -> io.StringIO:
    """What is logged from now on, as JSON lines."""
    stream = io.StringIO()
    logging.configure(stream)
    return stream


@pytest.fixture(scope="session")
def samples() -> Path:
    """The directory of the shared sample documents; the test is skipped where it is absent."""
    if SAMPLES is None:
        pytest.skip(sample_documents.ABSENT)
    return SAMPLES


def pytest_xdist_auto_num_workers() -> int:
    """One more than there are cores: many tests wait until processes that were killed are missed."""
    return (os.cpu_count() or 1) + 1


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("needs_samples") and SAMPLES is None:
        pytest.skip(sample_documents.ABSENT)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """With EDIGW_REQUIRE_ALL=1 a skipped test that needs a system package is a failure."""
    report = yield
    if REQUIRE_ALL and report.skipped and item.get_closest_marker("needs_system"):
        report.outcome = "failed"
        report.longrepr = f"skipped although EDIGW_REQUIRE_ALL=1: {call.excinfo and call.excinfo.value}"
    return report
