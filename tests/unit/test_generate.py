"""The generator of the benchmarks: its figures mean nothing if its files are not what it says."""

from __future__ import annotations

import io
from itertools import islice

import pytest

import gateway
from benchmarks import generate


def written(profile: str, documents: int = 60, seed: int = 1) -> bytes:
    target = io.BytesIO()
    assert generate.write(target, profile=profile, seed=seed, documents=documents) == documents
    return target.getvalue()


@pytest.mark.parametrize("profile", generate.PROFILES)
def test_same_arguments_give_the_same_bytes(profile: str) -> None:
    assert written(profile) == written(profile)
    assert written(profile) != written(profile, seed=2)


def test_size_is_reached_with_the_last_set() -> None:
    target = io.BytesIO()
    count = generate.write(target, profile="regular", size=50_000)
    assert 50_000 <= len(target.getvalue()) < 54_000
    assert target.getvalue().count(b"~ST*850*") == count


@pytest.mark.parametrize("profile", ["regular", "irregular"])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_clean_profiles_are_clean(profile: str, seed: int) -> None:
    result = gateway.validate(written(profile, seed=seed))
    assert result["problems"] == []
    assert result["verdict"] == "accepted"


def test_every_twentieth_order_of_bad5_is_rejected() -> None:
    result = gateway.validate(written("bad5", documents=200))
    sets = result["interchanges"][0]["groups"][0]["transaction_sets"]
    rejected = [number for number, one in enumerate(sets, 1) if one["verdict"] == "rejected"]
    assert rejected == list(range(20, 201, 20))


def test_each_mistake_of_bad5_is_another() -> None:
    wrong = list(islice(generate.bodies("bad5"), 200))[19::20]
    right = list(islice(generate.bodies("regular"), 200))[19::20]
    assert all(one != other for one, other in zip(wrong, right, strict=True))
    assert len(generate.MISTAKES) == 10
