"""The generator of the benchmarks: its figures mean nothing if its files are not what it says."""

from __future__ import annotations

import io
from itertools import islice

import pytest

import gateway
from benchmarks import generate


def written(profile: str, set_id: str = "850", documents: int = 60, seed: int = 1) -> bytes:
    target = io.BytesIO()
    count = generate.write(target, profile=profile, set_id=set_id, seed=seed, documents=documents)
    assert count == documents
    return target.getvalue()


@pytest.mark.parametrize("set_id", generate.SETS)
@pytest.mark.parametrize("profile", generate.PROFILES)
def test_same_arguments_give_the_same_bytes(profile: str, set_id: str) -> None:
    assert written(profile, set_id) == written(profile, set_id)
    assert written(profile, set_id) != written(profile, set_id, seed=2)


def test_size_is_reached_with_the_last_set() -> None:
    target = io.BytesIO()
    count = generate.write(target, profile="regular", size=50_000)
    assert 50_000 <= len(target.getvalue()) < 54_000
    assert target.getvalue().count(b"~ST*850*") == count


@pytest.mark.parametrize("set_id", generate.SETS)
@pytest.mark.parametrize("profile", ["regular", "irregular"])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_clean_profiles_are_clean(profile: str, seed: int, set_id: str) -> None:
    result = gateway.validate(written(profile, set_id, seed=seed))
    assert result["problems"] == []
    assert result["verdict"] == "accepted"


@pytest.mark.parametrize("set_id", generate.SETS)
def test_mappings_leave_nothing_of_regular_over(set_id: str) -> None:
    documents = list(gateway.translate(written("regular", set_id)))
    assert len(documents) == 60
    assert not any("extensions" in document for document in documents)


@pytest.mark.parametrize("set_id", generate.SETS)
def test_every_twentieth_document_of_bad5_is_rejected(set_id: str) -> None:
    result = gateway.validate(written("bad5", set_id, documents=200))
    sets = result["interchanges"][0]["groups"][0]["transaction_sets"]
    rejected = [number for number, one in enumerate(sets, 1) if one["verdict"] == "rejected"]
    assert rejected == list(range(20, 201, 20))


@pytest.mark.parametrize("set_id", generate.SETS)
def test_each_mistake_of_bad5_is_another(set_id: str) -> None:
    wrong = list(islice(generate.bodies("bad5", set_id=set_id), 200))[19::20]
    right = list(islice(generate.bodies("regular", set_id=set_id), 200))[19::20]
    assert all(one != other for one, other in zip(wrong, right, strict=True))
    assert len(generate.SETS[set_id].mistakes) == 10


def test_ship_notices_have_the_levels_they_claim() -> None:
    notices = list(gateway.translate(written("regular", "856")))
    pallets = [bool(order.get("pallets")) for one in notices for order in one["orders"]]
    assert pallets == [True, False] * 30
    found = {
        "".join(level for level in "SOTPI" if f"**{level}" in text or f"*{level}*" in text)
        for text in written("irregular", "856").decode("ascii").split("~ST*")[1:]
    }
    assert {"SOPI", "SOTPI", "SOI"} <= found
