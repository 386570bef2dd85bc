"""Settings of Amazon's API: every value is checked in words; the end of the client secret is told in time."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

from gateway.app import Gateway
from gateway.cli.commands.home import make_home
from gateway.cli.main import main
from gateway.errors import ConfigurationError
from gateway.partners.sp_api import SpApi
from gateway.services.attend import expiring
from gateway.settings import load

PARTNER = "amazon-us"
PLAIN: dict[str, Any] = {
    "region": "na",
    "vendor_code": "ABCDE",
    "client_id": "env:AMAZON_ID",
    "client_secret": "file:keys/amazon-secret",
    "refresh_token": "env:AMAZON_REFRESH",
    "secret_made_on": "2026-11-01",
}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    make_home(tmp_path / "home")
    return tmp_path / "home"


def say(home: Path, others: dict[str, Any] | None = None, **changes: Any) -> SpApi:
    said = {name: one for name, one in {**PLAIN, **changes}.items() if one is not None}
    file = home / f"partners/{PARTNER}.yaml"
    file.write_text(yaml.safe_dump({"name": "Amazon", "sp_api": said, **(others or {})}))
    terms = load(home).partners[PARTNER].sp_api
    assert terms is not None
    return terms


def test_little_needs_to_be_said_and_no_identifier_of_edi(home: Path) -> None:
    terms = say(home)
    assert terms.base == "https://sellingpartnerapi-na.amazon.com"
    assert (terms.poll_seconds, terms.poll_changes_seconds, terms.marketplace) == (900, 3600, "")
    assert load(home).partners[PARTNER].ways == ("api",)


@pytest.mark.parametrize(
    ("changes", "base"),
    [
        ({"region": "eu"}, "https://sellingpartnerapi-eu.amazon.com"),
        ({"region": "fe", "sandbox": True}, "https://sandbox.sellingpartnerapi-fe.amazon.com"),
        ({"base_url": "http://127.0.0.1:8480/"}, "http://127.0.0.1:8480"),
        ({"base_url": "http://[::1]:8480"}, "http://[::1]:8480"),
        ({"base_url": "https://proxy.example/amazon"}, "https://proxy.example/amazon"),
    ],
)
def test_region_and_sandbox_say_which_host(home: Path, changes: dict[str, Any], base: str) -> None:
    assert say(home, **changes).base == base


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"region": "us"}, "choose of na, eu, fe"),
        ({"vendor_code": "abc"}, "as Vendor Central does"),
        ({"client_id": "amzn1.secret words"}, "a secret does not belong into this file"),
        ({"client_secret": "secret words"}, "a secret does not belong into this file"),
        ({"refresh_token": "secret words"}, "a secret does not belong into this file"),
        ({"secret_made_on": None}, "secret_made_on is missing"),
        ({"secret_made_on": "soon"}, "date"),
        ({"marketplace": "US"}, "ATVPDKIKX0DER"),
        ({"base_url": "http://example.com"}, "only https, or http to 127.0.0.1"),
        ({"base_url": "http://localhost:80"}, "only https"),
        ({"token_url": "http://127.0.0.1.example.com"}, "only https"),
        ({"token_url": "https://a@b.example/"}, "is no URL"),
        ({"base_url": "https://b.example/?a=1"}, "is no URL"),
        ({"base_url": "ftp://127.0.0.1"}, "is no URL"),
        ({"base_url": "http://[::1"}, "only https"),
        ({"poll_seconds": 1}, "60 to 86400"),
        ({"timeout_seconds": 0}, "timeout_seconds is 1 to 600"),
        ({"connections": 17}, "connections 1 to 16"),
        ({"regoin": "na"}, "Did you mean 'region'?"),
    ],
)
def test_what_is_wrong_is_said(home: Path, changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigurationError) as told:
        say(home, **changes)
    said = " ".join(f"{one.message} {one.hint}" for one in told.value.problems)
    assert words in said
    assert "secret words" not in said


def test_sets_of_edi_need_an_identifier(home: Path) -> None:
    with pytest.raises(ConfigurationError) as told:
        say(home, {"receive": [{"set": "850"}]})
    assert "identifiers: at least one is needed" in told.value.problems[0].message


def _same(at: datetime) -> datetime:
    return at


def test_the_end_of_a_secret_is_told_60_30_14_7_and_1_days_before_each_once(home: Path) -> None:
    say(home, secret_made_on="2026-01-01")
    made = datetime(2026, 1, 1, tzinfo=UTC)
    with Gateway(home, load(home)) as gateway:
        told = []
        for day in range(190):
            at = made + timedelta(days=day)
            told += [180 - day] * expiring(replace(gateway.services, clock=partial(_same, at)))
        assert told == [60, 30, 14, 7, 1]


def test_a_new_secret_is_told_anew_and_the_latest_alarm_alone_after_a_stop() -> None:
    terms = SpApi(**{**PLAIN, "secret_made_on": date(2026, 1, 1)})
    end = datetime(2026, 6, 30, tzinfo=UTC)
    assert terms.secret_ends == end
    days = {left: terms.alarm(end - timedelta(days=left)) for left in (61, 60, 31, 30, 5, 1, 0, -9)}
    assert days == {61: 0, 60: 60, 31: 60, 30: 30, 5: 7, 1: 1, 0: 1, -9: 1}


@pytest.mark.parametrize(("days", "code"), [(0, 0), (155, 1)])
def test_the_doctor_looks_at_it(home: Path, days: int, code: int, capsys: pytest.CaptureFixture[str]) -> None:
    say(home, secret_made_on=f"{datetime.now(UTC) - timedelta(days=days):%Y-%m-%d}")
    with Gateway(home, load(home)):
        capsys.readouterr()
    assert main(["doctor", "--json", "--config", str(home)]) == code
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    (one,) = (row for row in found if "client secret of amazon-us" in row["words"])
    assert (one["state"] == "ok") == (code == 0)
