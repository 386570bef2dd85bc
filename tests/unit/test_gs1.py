"""SSCCs, check digits and element strings of GS1."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.partners.gs1 import Gs1Prefix, check_digit, is_right, postal, readable, sscc


@pytest.mark.parametrize(
    ("digits", "check"),
    [("629104150021", "3"), ("37610425002123456", "9"), ("10614141000000001", "9"), ("0000000", "0")],
)
def test_the_check_digit_is_that_of_gs1(digits: str, check: str) -> None:
    assert check_digit(digits) == check


def test_an_sscc_is_extension_prefix_serial_and_check_digit() -> None:
    assert Gs1Prefix(prefix="0614141", extension=1).sscc(1) == "106141410000000019"
    assert Gs1Prefix(prefix="0614141234").sscc(999_999) == "006141412349999996"
    assert Gs1Prefix(prefix="0614141234").serials == 1_000_000


@given(
    st.from_regex(r"[0-9]{7,10}", fullmatch=True),
    st.integers(0, 9),
    st.integers(0, 999_999),
    st.integers(0, 16),
)
def test_one_wrong_digit_is_always_seen(prefix: str, extension: int, serial: int, place: int) -> None:
    made = Gs1Prefix(prefix=prefix, extension=extension).sscc(serial)
    assert len(made) == 18
    assert is_right(made)
    wrong = made[:place] + str((int(made[place]) + 1) % 10) + made[place + 1 :]
    assert not is_right(wrong)


def test_an_sscc_is_known_with_and_without_its_identifier() -> None:
    assert sscc("00106141410000000019") == sscc("106141410000000019") == "106141410000000019"
    assert [
        sscc(one) for one in (None, "", "10614141000000001", "01106141410000000019", "1061414100000000x9")
    ] == [None] * 5


@pytest.mark.parametrize(
    "wrong",
    [{"prefix": "061414"}, {"prefix": "06141412345"}, {"prefix": "06x4141"}, {"extension": 10}, {"first": -1},
     {"prefix": "0614141234", "first": 1_000_000}],
)  # fmt: skip
def test_what_is_no_prefix_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(iter(reversed(wrong)))):
        Gs1Prefix(**{"prefix": "0614141", **wrong})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("code", "country", "element", "shown"),
    [
        ("89506", "US", "42089506", "(420) 89506"),
        ("89506-1234", "USA", "420895061234", "(420) 895061234"),
        ("89506", "", "42089506", "(420) 89506"),
        ("sw1a 1aa", "GB", "421826SW1A1AA", "(421) 826SW1A1AA"),
        ("10115", "DEU", "42127610115", "(421) 27610115"),
        ("K1A 0B1", "ca", "421124K1A0B1", "(421) 124K1A0B1"),
    ],
)
def test_a_postal_code_is_written_with_its_country(code: str, country: str, element: str, shown: str) -> None:
    assert postal(code, country) == element
    assert readable(element) == shown


@pytest.mark.parametrize(("code", "country"), [("", "US"), ("10115", "XX"), ("1" * 13, "DE"), ("〒100", "")])
def test_of_what_cannot_be_written_so_there_is_no_element(code: str, country: str) -> None:
    assert postal(code, country) == ("420100" if "100" in code and not country else "")
