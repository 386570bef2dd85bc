"""What fuzzing has found, what it begins with, and some damage to that: the targets take all of it."""

from __future__ import annotations

import time
from random import Random

import pytest

from gateway.as2 import mime
from tests.fuzz import mutations, run, targets
from tests.fuzz.seeds import seeds
from tests.fuzz.targets import TARGETS, Slow, check


def test_what_was_found_does_not_come_back() -> None:
    for file in sorted(run.FINDINGS.glob("*-*")):
        check(file.name.partition("-")[0], file.read_bytes())


@pytest.mark.parametrize("name", TARGETS)
def test_seeds_and_what_is_near_them(name: str) -> None:
    random = Random(name)
    for data in seeds(name):
        check(name, data)
        first, rest = (data[:1], data[1:]) if name == "message" else (b"", data)
        for _ in range(25):
            check(name, first + mutations.of_any(rest, random))
        check(name, data[: random.randrange(len(data))])


def test_the_runner_knows_every_target() -> None:
    assert list(TARGETS) == list(run.NAMES)


def test_an_encoding_comes_back_from_its_elements() -> None:
    for data in seeds("cms"):
        assert b"".join(node.encoded() for node in mutations.parse(data)) == data


def test_what_a_target_raises_is_a_finding_and_so_is_what_takes_too_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fails(data: bytes) -> None:
        mime.canonical(None, None)  # type: ignore[arg-type]

    def takes_long(data: bytes) -> None:
        end = time.process_time() + 2 * (targets.BASE + targets.PER_BYTE * len(data))
        while time.process_time() < end:
            pass

    monkeypatch.setitem(TARGETS, "mime", fails)
    with pytest.raises(AttributeError) as raised:
        check("mime", b"")
    assert run.place(raised.value).startswith("AttributeError-mime-")
    monkeypatch.setitem(TARGETS, "mime", takes_long)
    with pytest.raises(Slow) as slow:
        check("mime", b"x")
    assert run.place(slow.value) == "Slow"


def test_a_finding_is_kept_without_what_it_does_not_need() -> None:
    assert (
        run.shorter(b"x" * 1_000 + b"a" + b"y" * 77 + b"b", lambda data: b"a" in data and b"b" in data)
        == b"ab"
    )
