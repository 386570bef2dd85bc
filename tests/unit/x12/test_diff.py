from __future__ import annotations

import random
import time
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.engine import library
from gateway.x12.diff import Difference, diff, matches
from gateway.x12.reader import Piece, Reader
from tests.acceptance import edi
from tests.acceptance.edi import Interchange


def pieces(data: bytes) -> Iterator[Piece]:
    reader = Reader()
    yield from reader.feed(data)
    yield from reader.close()


def compared(
    before: Interchange | bytes, after: Interchange | bytes, *, ignore_control: bool = False
) -> list[Difference]:
    one, other = (data if isinstance(data, bytes) else data.to_bytes() for data in (before, after))
    return list(diff(pieces(one), pieces(other), library(), ignore_control=ignore_control))


def told(found: list[Difference]) -> list[tuple[str, str]]:
    return [(one.kind, one.segment) for one in found]


FORMS = {
    "newlines": {"newline": "\r\n"},
    "other separators": {"element": "|", "component": ":", "terminator": "!"},
    "a line end as terminator": {"terminator": "\n"},
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_the_outer_form_is_no_difference(form: dict[str, str]) -> None:
    data = edi.clean().after("REF", ["REF", "ZZ", "A1", "", ("SE", "77")]).recount()
    assert compared(data, data.with_form(**form)) == []


def test_trailing_empty_elements_and_components_are_no_difference() -> None:
    data = edi.clean().after("REF", ["REF", "ZZ", "A1", "", ("SE", "77")]).recount()
    other = data.copy().put("REF", 4, ("SE", "77", "", ""), nth=2).put("CTT", 4, "")
    assert compared(data, other) == []


def test_a_changed_element_is_named() -> None:
    (found,) = compared(edi.clean(), edi.clean().put("PO1", 4, "13"))
    assert (found.kind, found.level, found.segment, found.loop) == ("changed", "segment", "PO1", "PO1")
    assert found.number_before == found.number_after == 9
    (change,) = found.changes
    assert (change.ref, change.before, change.after) == ("PO104", "12.5", "13")
    assert change.name
    assert found.place.endswith("850 0001")


def test_a_changed_component_is_named() -> None:
    data = edi.clean().after("REF", ["REF", "ZZ", "A1", "", ("SE", "77")]).recount()
    (found,) = compared(data, data.copy().put("REF", 4, ("SE", "78"), nth=2))
    assert [(c.ref, c.before, c.after) for c in found.changes] == [("REF04-2", "77", "78")]


def test_added_and_removed_segments() -> None:
    more = edi.clean().after("REF", ["REF", "IA", "9"])
    assert told(compared(edi.clean(), more)) == [("added", "REF")]
    assert told(compared(more, edi.clean())) == [("removed", "REF")]


def test_a_qualifier_tells_segments_apart() -> None:
    other = edi.clean().put("REF", 1, "IA")
    assert told(compared(edi.clean(), other)) == [("removed", "REF"), ("added", "REF")]
    # A segment that may stand once only is the same one whatever its qualifier says.
    (found,) = compared(edi.clean(), edi.clean().put("BEG", 1, "05"))
    assert [change.ref for change in found.changes] == ["BEG01"]


def test_a_line_taken_out_of_the_middle_is_one_loop_removed() -> None:
    three = Interchange.of(edi.group([edi.transaction(edi.order_body(lines=3))]))
    two = three.copy().drop("PO1", nth=2).drop("PID", nth=2)
    assert told(compared(three, two)) == [("removed", "PO1"), ("removed", "PID")]


def test_sets_are_found_by_their_control_number() -> None:
    body = [edi.order_body(f"PO-{n}") for n in range(4)]
    four = Interchange.of(edi.group([edi.transaction(b, control=f"000{n}") for n, b in enumerate(body)]))
    three = Interchange.of(
        edi.group([edi.transaction(b, control=f"000{n}") for n, b in enumerate(body) if n != 1])
    )
    found = compared(four, three)
    assert told(found) == [("removed", "ST"), ("changed", "GE")]
    assert found[0].level == "transaction_set"


def test_sets_without_usable_control_numbers_are_found_by_their_content() -> None:
    body = [edi.order_body(f"PO-{n}") for n in range(4)]
    four = Interchange.of(edi.group([edi.transaction(b, control=f"000{n}") for n, b in enumerate(body)]))
    three = Interchange.of(edi.group([edi.transaction(body[n], control=f"900{n}") for n in (0, 2, 3)]))
    found = compared(four, three, ignore_control=True)
    assert told(found) == [("removed", "ST")]
    assert "PO-1" not in found[0].before
    assert found[0].place.endswith("850 0001")


def test_control_numbers_dates_and_counts_can_be_ignored() -> None:
    other = edi.clean().put("ISA", 9, "270101").put("ISA", 13, "000000999").put("IEA", 2, "000000999")
    other.put("GS", 4, "20270101").put("GS", 6, "77").put("GE", 2, "77")
    other.put("ST", 2, "0077").put("SE", 2, "0077").put("SE", 1, "99")
    assert compared(edi.clean(), other, ignore_control=True) == []
    assert {segment for _, segment in told(compared(edi.clean(), other))} >= {
        "ISA",
        "GS",
        "ST",
        "SE",
        "GE",
        "IEA",
    }
    sender = other.put("ISA", 6, "SOMEBODY".ljust(15))
    assert [d.changes[0].ref for d in compared(edi.clean(), sender, ignore_control=True)] == ["ISA06"]


def test_whole_interchanges_and_groups() -> None:
    one = edi.clean().to_bytes()
    assert [(d.kind, d.level) for d in compared(one, one + one)] == [("added", "interchange")]
    two = Interchange.of(edi.group([edi.transaction(edi.order_body())]), edi.group([], control="12"))
    found = compared(edi.clean(), two)
    assert ("added", "group") in [(d.kind, d.level) for d in found]


def test_foreign_text_and_lost_trailers_are_differences() -> None:
    one = edi.clean().to_bytes()
    assert [(d.kind, d.level) for d in compared(one, b"hello " + one)] == [("added", "text")]
    assert told(compared(edi.clean(), edi.clean().drop("IEA"))) == [("removed", "IEA")]


def test_segments_outside_sets_are_compared() -> None:
    ta1: edi.Segment = ["TA1", "000000001", "260101", "1200", "A", "000"]
    assert told(compared(edi.clean(), edi.clean().before("GS", ta1))) == [("added", "TA1")]


def test_a_set_without_guide_is_compared_by_its_segments() -> None:
    one = edi.clean().put("ST", 1, "100")
    (found,) = compared(one, one.copy().put("PO1", 4, "9"))
    assert (found.segment, found.name, found.changes[0].ref) == ("PO1", "", "PO104")


def test_a_file_is_equal_to_itself_and_changes_swap_sides() -> None:
    one, other = edi.two_sets().put("BEG", 3, "A"), edi.two_sets().drop("REF").put("N1", 2, "B")
    assert compared(one, one.copy()) == []
    swapped = {"added": "removed", "removed": "added", "changed": "changed"}
    there, back = compared(one, other), compared(other, one)
    assert sorted(told(there)) == sorted((swapped[kind], segment) for kind, segment in told(back))


@given(st.lists(st.integers(0, 5), max_size=30), st.lists(st.integers(0, 5), max_size=30))
def test_matches_are_true_and_in_order(before: list[int], after: list[int]) -> None:
    *found, end = matches(before, after)
    assert end == (len(before), len(after), 0)
    i = j = 0
    for a, b, size in found:
        assert a >= i
        assert b >= j
        assert before[a : a + size] == after[b : b + size] != []
        i, j = a + size, b + size


def test_a_large_set_is_compared_in_bounded_time() -> None:
    chance = random.Random(1)
    one, other = ([chance.randrange(9) for _ in range(20_000)] for _ in range(2))
    begin = time.perf_counter()
    assert sum(size for _, _, size in matches(one, other)) > 2_000
    numbers = list(range(20_000))
    changed = [-number if number % 2 else number for number in numbers]
    assert sum(size for _, _, size in matches(numbers, changed)) == 10_000
    assert sum(size for _, _, size in matches([-1] * 100 + numbers, numbers)) == 20_000
    assert time.perf_counter() - begin < 20
