"""The outer forms in which interchanges arrive: what is read, what is said of it, that no set is lost."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import pytest

import gateway
from gateway.x12.parser import Parser
from tests.acceptance import edi


def validate(data: bytes) -> dict[str, Any]:
    """Validate, and check what holds for every input: no set is lost, every problem is complete."""
    result = gateway.validate(data, path="form.edi")
    assert len(edi.transaction_sets(result)) >= edi.count_sets(data)
    for problem in result["problems"]:
        assert problem["message"]
        assert problem["hint"]
        assert problem["severity"] in {"error", "warning", "info"}
    if result["verdict"] in {"rejected", "unreadable"}:
        assert edi.codes(result, "error"), "a rejection without a reason"
    elif result["verdict"] == "accepted_with_errors":
        assert edi.codes(result, "error", "warning"), "a reservation without a reason"
    else:
        assert not edi.codes(result, "error"), "accepted in spite of an error"
    return result


def accepted(data: bytes, *remarks: str, sets: int = 1) -> dict[str, Any]:
    """The file is accepted with exactly these remarks, and holds that many accepted transaction sets."""
    result = validate(data)
    assert edi.codes(result) == list(remarks)
    assert not edi.problems(result, "error")
    assert result["verdict"] == "accepted"
    assert [one["verdict"] for one in edi.transaction_sets(result)] == ["accepted"] * sets
    return result


def refused(data: bytes, *errors: str, verdict: str = "rejected", sets: int | None = None) -> dict[str, Any]:
    """The file has exactly these errors and this verdict."""
    result = validate(data)
    assert edi.codes(result, "error") == list(errors)
    assert result["verdict"] == verdict
    if sets is not None:
        assert len(edi.transaction_sets(result)) == sets
    return result


def documents(data: bytes) -> list[dict[str, Any]]:
    return list(gateway.translate(data))


PLAIN = edi.clean().to_bytes()


def test_plain() -> None:
    result = accepted(PLAIN)
    assert result["path"] == "form.edi"
    (interchange,) = result["interchanges"]
    assert interchange["control_number"] == "000000101"
    assert interchange["sender"] == {"qualifier": "ZZ", "id": "NORTHWIND"}
    assert interchange["receiver"] == {"qualifier": "ZZ", "id": "SUPPLIER"}
    assert interchange["version"] == "00401"
    assert interchange["usage"] == "P"
    assert interchange["verdict"] == "accepted"
    (group,) = interchange["groups"]
    assert group["functional_id"] == "PO"
    assert group["control_number"] == "11"
    assert group["version"] == "004010"
    assert group["verdict"] == "accepted"
    (one,) = group["transaction_sets"]
    assert one["set_id"] == "850"
    assert one["control_number"] == "0001"
    assert one["segments"] == 14
    assert one["guide"]


# What stands before and after


def test_utf8_byte_order_mark() -> None:
    accepted(b"\xef\xbb\xbf" + PLAIN, "X12-BOM")


def test_blanks_before_isa() -> None:
    accepted(b"   \t " + PLAIN, "X12-BLANKS")


def test_blank_lines_before_isa() -> None:
    accepted(b"\r\n\n  \r\n" + PLAIN, "X12-BLANKS")


def test_byte_order_mark_then_blank_lines() -> None:
    accepted(b"\xef\xbb\xbf\r\n\r\n" + PLAIN, "X12-BOM", "X12-BLANKS")


@pytest.mark.parametrize("tail", [b"\n", b"\r\n", b"\r\n\r\n  \n", b"\x1a", b"\r\n\x1a", b"\x00" * 64])
def test_line_ends_and_fill_characters_after_iea(tail: bytes) -> None:
    result = validate(PLAIN + tail)
    assert result["verdict"] == "accepted"
    assert not edi.problems(result, "error", "warning")


def test_last_terminator_missing() -> None:
    accepted(PLAIN[:-1])


def test_last_terminator_missing_with_a_line_end() -> None:
    accepted(PLAIN[:-1] + b"\r\n")


def test_foreign_text_before_isa() -> None:
    letter = b"From: orders@northwind.example\r\nSubject: PO\r\n\r\n"
    result = refused(letter + PLAIN, "X12-FOREIGN-TEXT", verdict="accepted_with_errors", sets=1)
    assert [i["verdict"] for i in result["interchanges"]] == ["accepted"]


def test_foreign_text_between_interchanges() -> None:
    second = edi.clean(control="000000102").to_bytes()
    data = PLAIN + b"--- page 2 ---\n" + second
    result = refused(data, "X12-FOREIGN-TEXT", verdict="accepted_with_errors", sets=2)
    (problem,) = edi.problems(result, "error")
    assert problem["location"]["offset"] == len(PLAIN)
    assert [i["verdict"] for i in result["interchanges"]] == ["accepted", "accepted"]


def test_foreign_text_after_iea() -> None:
    data = PLAIN + b"\r\nend of file, 1 order\r\n"
    refused(data, "X12-FOREIGN-TEXT", verdict="accepted_with_errors", sets=1)


# Separators and line ends

FORMS = {
    "line feed as terminator": edi.Form(terminator="\n"),
    "carriage return and line feed as terminator": edi.Form(terminator="\r\n"),
    "carriage return as terminator": edi.Form(terminator="\r"),
    "line feed after the terminator": edi.Form(newline="\n"),
    "carriage return and line feed after the terminator": edi.Form(newline="\r\n"),
    "control characters 0x1D 0x1E 0x1F": edi.Form(element="\x1d", terminator="\x1e", component="\x1f"),
    "control characters 0x1C 0x1D 0x1F": edi.Form(element="\x1d", terminator="\x1c", component="\x1f"),
    "EBCDIC newline 0x15 as terminator": edi.Form(terminator="\x15"),
    "0x7F as element separator, 0x15 as terminator": edi.Form(element="\x7f", terminator="\x15"),
    "vertical bars": edi.Form(element="|", terminator="\n"),
    "carets": edi.Form(element="^"),
    "tildes between elements": edi.Form(element="~", terminator="\n"),
    "asterisk as terminator": edi.Form(element="~", terminator="*"),
    "full stop as terminator": edi.Form(terminator="!", component="."),
    "apostrophe and plus": edi.Form(element="+", component=":", terminator="'"),
    "backslash as component separator": edi.Form(component="\\"),
    "backslash as terminator": edi.Form(terminator="\\"),
    "bracket as terminator": edi.Form(terminator="]", element="["),
    "NUL as terminator": edi.Form(terminator="\x00"),
    "tab between elements": edi.Form(element="\t"),
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS.keys())
def test_separators(form: edi.Form) -> None:
    data = edi.clean(form=form).to_bytes()
    if "." in (form.element, form.component, form.terminator):
        data = data.replace(b"12.5", b"1250")
    accepted(data)


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS.keys())
def test_offsets_do_not_depend_on_the_separators(form: edi.Form) -> None:
    bad = edi.clean(form=form).put("BEG", 5, "20261332")
    if form.component == ".":
        bad.put("PO1", 4, "12").put("PO1", 4, "12", nth=2)
    result = validate(bad.to_bytes())
    (problem,) = result["problems"]
    assert problem["code"] == "X12-ELEMENT-DATE"
    assert problem["location"]["offset"] == bad.offset(bad.index("BEG"), 5)
    assert problem["location"]["segment"] == 2


def test_line_numbers() -> None:
    bad = edi.clean(form=edi.Form(newline="\r\n")).put("BEG", 5, "20261332")
    (problem,) = validate(bad.to_bytes())["problems"]
    assert problem["location"]["line"] == bad.index("BEG") + 1


def test_two_byte_utf8_character_as_terminator() -> None:
    result = validate(edi.clean(form=edi.Form(terminator="\xc3\x96")).to_bytes())
    assert result["verdict"] == "accepted"
    assert set(edi.codes(result)) <= {"X12-CHARSET"}
    assert len(edi.transaction_sets(result)) == 1
    assert edi.transaction_sets(result)[0]["segments"] == 14


def test_three_byte_utf8_character_as_terminator() -> None:
    result = validate(edi.clean(form=edi.Form(terminator="\xe2\x80\xa6")).to_bytes())
    assert result["verdict"] == "accepted"
    assert set(edi.codes(result)) <= {"X12-CHARSET"}
    assert edi.transaction_sets(result)[0]["segments"] == 14


def test_two_byte_utf8_character_as_component_separator() -> None:
    result = validate(edi.clean(form=edi.Form(component="\xc2\xa6")).to_bytes())
    assert result["verdict"] == "accepted"
    assert set(edi.codes(result)) <= {"X12-CHARSET"}
    assert edi.transaction_sets(result)[0]["segments"] == 14


def test_segments_indented_by_blanks() -> None:
    lines = edi.clean(form=edi.Form(newline="\n")).to_bytes().split(b"\n")
    result = validate(b"\n".join(b"    " + line for line in lines if line))
    assert result["verdict"] == "accepted"
    assert set(edi.codes(result)) <= {"X12-BLANKS"}
    assert edi.transaction_sets(result)[0]["segments"] == 14


def test_hard_wrapped_at_80_columns() -> None:
    wrapped = b"\r\n".join(PLAIN[at : at + 80] for at in range(0, len(PLAIN), 80))
    accepted(wrapped, "X12-WRAPPED")
    assert documents(wrapped) == documents(PLAIN)


@pytest.mark.parametrize("width", [79, 80, 128, 132])
@pytest.mark.parametrize("line_end", [b"\n", b"\r\n"])
def test_hard_wrapped_says_the_same_as_unwrapped(width: int, line_end: bytes) -> None:
    wrapped = line_end.join(PLAIN[at : at + width] for at in range(0, len(PLAIN), width)) + line_end
    result = validate(wrapped)
    assert result["verdict"] == "accepted"
    assert set(edi.codes(result)) <= {"X12-WRAPPED", "X12-BLANKS"}
    assert edi.transaction_sets(result)[0]["segments"] == 14


def test_hard_wrapped_with_offsets_of_the_wrapped_file() -> None:
    bad = edi.clean().put("BEG", 5, "20261332")
    data, offset = bad.to_bytes(), bad.offset(bad.index("BEG"), 5)
    wrapped = b"\n".join(data[at : at + 80] for at in range(0, len(data), 80))
    result = validate(wrapped)
    assert edi.codes(result, "error") == ["X12-ELEMENT-DATE"]
    (problem,) = edi.problems(result, "error")
    assert problem["location"]["offset"] == offset + offset // 80


def test_line_feed_terminator_with_an_empty_line() -> None:
    data = edi.clean(form=edi.Form(terminator="\n")).to_bytes().replace(b"\nCTT", b"\n\nCTT")
    result = validate(data)
    assert len(edi.transaction_sets(result)) == 1
    assert set(edi.codes(result, "error")) <= {"X12-SEGMENT-EMPTY"}


# Several interchanges, groups and sets


def test_two_interchanges_with_the_same_separators() -> None:
    result = accepted(PLAIN + edi.clean(control="000000102").to_bytes(), sets=2)
    assert [i["control_number"] for i in result["interchanges"]] == ["000000101", "000000102"]


def test_two_interchanges_with_different_separators() -> None:
    other = edi.Form(element="|", component=":", terminator="\n")
    result = accepted(PLAIN + edi.clean(control="000000102", form=other).to_bytes(), sets=2)
    assert [i["control_number"] for i in result["interchanges"]] == ["000000101", "000000102"]


def test_each_interchange_has_its_own_separators() -> None:
    forms = list(FORMS.values())
    forms = [form for form in forms if form.component != "."]
    parts = [edi.clean(control=f"{i:09d}", form=form).to_bytes() for i, form in enumerate(forms, 1)]
    accepted(b"".join(parts), sets=len(parts))


def test_separator_of_the_first_interchange_is_data_in_the_second() -> None:
    second = edi.clean(control="000000102", form=edi.Form(element="|", component=":", terminator="\n"))
    second.put("PID", 5, "Lamp *large* ~40 W>")
    data = PLAIN + second.to_bytes()
    result = accepted(data, sets=2)
    assert len(result["interchanges"]) == 2


def test_interchanges_separated_by_blank_lines() -> None:
    result = validate(PLAIN + b"\r\n\r\n" + edi.clean(control="000000102").to_bytes() + b"\r\n")
    assert result["verdict"] == "accepted"
    assert set(edi.codes(result)) <= {"X12-BLANKS"}


def test_several_sets_in_a_group() -> None:
    sets = [edi.transaction(edi.order_body(f"PO-{i}", i), control=f"{i:04d}") for i in range(1, 6)]
    result = accepted(edi.Interchange.of(edi.group(sets)).to_bytes(), sets=5)
    assert [one["control_number"] for one in edi.transaction_sets(result)] == [
        f"{i:04d}" for i in range(1, 6)
    ]


def test_several_groups() -> None:
    groups = [edi.group([edi.transaction(edi.order_body())], control=str(i)) for i in (11, 12, 13)]
    result = accepted(edi.Interchange.of(*groups).to_bytes(), sets=3)
    assert [g["control_number"] for g in result["interchanges"][0]["groups"]] == ["11", "12", "13"]


def test_second_isa_without_iea_before_it() -> None:
    first = edi.clean().drop("IEA")
    second = edi.clean(control="000000102")
    result = validate(first.to_bytes() + second.to_bytes())
    assert edi.codes(result, "error") == ["X12-IEA-MISSING"]
    assert [i["verdict"] for i in result["interchanges"]] == ["rejected", "accepted"]


def test_second_isa_in_the_middle_of_a_set() -> None:
    first = edi.clean().to_bytes()
    cut = first[: first.index(b"PO1*2")]
    result = validate(cut + edi.clean(control="000000102").to_bytes())
    assert edi.codes(result, "error") == ["X12-SE-MISSING", "X12-GE-MISSING", "X12-IEA-MISSING"]
    assert [i["verdict"] for i in result["interchanges"]] == ["rejected", "accepted"]


def test_segment_cut_by_the_next_isa() -> None:
    first = edi.clean().to_bytes()
    cut = first[: first.index(b"2*VN*SKU-2")]
    result = validate(cut + edi.clean(control="000000102").to_bytes())
    assert len(edi.transaction_sets(result)) == 2
    assert result["interchanges"][-1]["verdict"] == "accepted"


@pytest.mark.parametrize("marker", [b"PO1*2", b"2*VN*SKU-2", b"SE*14", b"GE*1", b"IEA*1", b"GS*PO"])
def test_cut_off_before_an_isa_with_other_separators(marker: bytes) -> None:
    cut = PLAIN[: PLAIN.index(marker)]
    second = edi.clean(control="000000102", form=edi.Form("|", ":", "\n")).to_bytes()
    result = validate(cut + second)
    assert [i["control_number"] for i in result["interchanges"]] == ["000000101", "000000102"]
    assert [i["verdict"] for i in result["interchanges"]] == ["rejected", "accepted"]


# TA1


TA1: edi.Segment = ["TA1", "000000077", "260104", "1200", "A", "000"]


def test_ta1_between_isa_and_gs() -> None:
    accepted(edi.clean().after("ISA", TA1).to_bytes())


def test_ta1_only() -> None:
    accepted(edi.Interchange([edi.isa(), TA1, ["IEA", "0", "000000101"]]).to_bytes(), sets=0)


def test_ta1_only_counted_in_iea01() -> None:
    accepted(edi.Interchange([edi.isa(), TA1, ["IEA", "1", "000000101"]]).to_bytes(), sets=0)


def test_interchange_without_anything() -> None:
    refused(edi.Interchange([edi.isa(), ["IEA", "0", "000000101"]]).to_bytes(), "X12-NO-GROUPS")


# Characters


def test_latin1_bytes() -> None:
    data = edi.clean().put("N1", 2, "Caf\xe9 Nord").to_bytes()
    accepted(data, "X12-CHARSET")
    (document,) = documents(data)
    assert "Caf\xe9 Nord" in str(document)


def test_utf8_bytes() -> None:
    accepted(edi.clean().put("N1", 2, "Café Nord".encode().decode("latin-1")).to_bytes(), "X12-CHARSET")


def test_u_in_isa11_is_not_a_separator() -> None:
    data = edi.clean().put("PO1", 7, "B005UO5D12").put("N1", 2, "UUU Utica").to_bytes()
    accepted(data)
    (document,) = documents(data)
    assert "B005UO5D12" in str(document)
    assert "UUU Utica" in str(document)


def test_letter_in_isa11_is_not_a_separator_in_later_versions_either() -> None:
    result = validate(edi.clean(version="00403").put("PO1", 7, "B005UO5D12").to_bytes())
    assert not edi.problems(result, "error")


def test_caret_in_isa11_before_version_00402_is_data() -> None:
    data = edi.clean(standards="^").put("PO1", 7, "A^B").to_bytes()
    result = validate(data)
    assert not [p for p in edi.problems(result, "error") if p["level"] == "element"]
    assert len(edi.transaction_sets(result)) == 1
    (document,) = documents(data)
    assert "A^B" in str(document)


def test_repetition_separator_in_an_element_that_does_not_repeat() -> None:
    one = edi.clean(standards="^", version="00403").put("PID", 5, "Lamp^large")
    result = validate(one.to_bytes())
    (problem,) = edi.problems(result, "error")
    assert problem["level"] == "element"
    assert problem["location"]["offset"] in range(
        one.offset(one.index("PID"), 5), one.offset(one.index("PID"), 6)
    )
    assert problem["ack"]["ak4"]


def test_component_separator_that_is_the_element_separator() -> None:
    result = validate(PLAIN.replace(b"*P*>~", b"*P**~"))
    assert edi.codes(result, "error") == ["X12-ISA-SEPARATOR"]


def test_interchange_version_need_not_agree_with_the_group() -> None:
    accepted(edi.clean(version="00400").to_bytes())
    accepted(edi.clean(version="00403", standards="U").to_bytes())


# Missing parts


@pytest.mark.parametrize("before", [b" ", b"  \t", b"\n", b"\r\n   "])
def test_missing_se_before_an_indented_st(before: bytes) -> None:
    data = edi.two_sets().drop("SE").to_bytes().replace(b"~ST*850*0002", b"~" + before + b"ST*850*0002")
    result = validate(data)
    assert len(edi.transaction_sets(result)) == 2
    assert "X12-SE-MISSING" in edi.codes(result, "error")
    assert edi.transaction_sets(result)[1]["verdict"] == "accepted"


def test_missing_set_identifier() -> None:
    result = validate(edi.clean().put("ST", 1, "").to_bytes())
    assert result["verdict"] == "rejected"
    assert [p["ack"]["ak5"] for p in edi.problems(result, "error")] == ["6"]


def test_missing_iea() -> None:
    result = refused(edi.clean().drop("IEA").to_bytes(), "X12-IEA-MISSING", sets=1)
    (problem,) = result["problems"]
    assert problem["ack"]["ta1"] == "023"


def test_missing_ge() -> None:
    result = refused(edi.clean().drop("GE").to_bytes(), "X12-GE-MISSING", sets=1)
    (problem,) = result["problems"]
    assert problem["ack"]["ak9"] == "3"
    assert result["interchanges"][0]["groups"][0]["verdict"] == "rejected"


def test_missing_ge_before_the_next_group() -> None:
    groups = [edi.group([edi.transaction(edi.order_body())], control=str(i)) for i in (11, 12)]
    result = validate(edi.Interchange.of(*groups).drop("GE").to_bytes())
    assert edi.codes(result) == ["X12-GE-MISSING"]
    assert [g["verdict"] for g in result["interchanges"][0]["groups"]] == ["rejected", "accepted"]


def test_missing_se_before_the_next_st() -> None:
    result = validate(edi.two_sets().drop("SE").to_bytes())
    assert edi.codes(result) == ["X12-SE-MISSING"]
    assert [one["verdict"] for one in edi.transaction_sets(result)] == ["rejected", "accepted"]
    assert result["interchanges"][0]["groups"][0]["verdict"] == "accepted_with_errors"
    assert result["verdict"] == "accepted_with_errors"


def test_missing_se_at_the_end() -> None:
    result = validate(edi.two_sets().drop("SE", nth=2).to_bytes())
    assert edi.codes(result) == ["X12-SE-MISSING"]
    assert [one["verdict"] for one in edi.transaction_sets(result)] == ["accepted", "rejected"]


def test_sets_without_group() -> None:
    bare = edi.clean().drop("GS").drop("GE")
    bare.put("IEA", 1, "0")
    result = validate(bare.to_bytes())
    assert "X12-NO-GS" in edi.codes(result, "error")
    assert result["verdict"] == "rejected"


def test_no_isa_but_gs() -> None:
    bare = edi.clean().drop("ISA").drop("IEA").to_bytes()
    result = validate(bare)
    assert "X12-NO-ISA" in edi.codes(result, "error")
    assert result["verdict"] in {"rejected", "unreadable"}
    assert all(one["verdict"] == "rejected" for one in edi.transaction_sets(result))


def test_no_isa_but_st() -> None:
    bare = edi.Interchange(edi.transaction(edi.order_body())).to_bytes()
    result = validate(bare)
    assert "X12-NO-ISA" in edi.codes(result, "error")
    assert result["verdict"] in {"rejected", "unreadable"}
    assert len(edi.transaction_sets(result)) == 1


@pytest.mark.parametrize("length", [4, 50, 103, 104, 105])
def test_truncated_isa(length: int) -> None:
    refused(PLAIN[:length], "X12-ISA-TRUNCATED", verdict="unreadable", sets=0)


def test_three_letters_are_no_isa() -> None:
    refused(b"ISA", "X12-NOT-X12", verdict="unreadable", sets=0)


def test_isa_alone() -> None:
    result = validate(PLAIN[:106])
    assert "X12-IEA-MISSING" in edi.codes(result, "error")
    assert result["verdict"] == "rejected"
    assert result["interchanges"][0]["control_number"] == "000000101"


def test_truncated_second_isa() -> None:
    result = validate(PLAIN + edi.clean(control="000000102").to_bytes()[:60])
    assert edi.codes(result, "error") == ["X12-ISA-TRUNCATED"]
    assert result["interchanges"][0]["verdict"] == "accepted"
    assert result["verdict"] != "accepted"


def test_isa_too_narrow() -> None:
    narrow = edi.clean()
    narrow.segments[0] = [part.strip() if isinstance(part, str) else part for part in narrow.segments[0]]
    result = refused(narrow.to_bytes(), "X12-ISA-WIDTH", sets=1)
    (problem,) = result["problems"]
    assert problem["ack"]["ta1"] == "022"
    assert problem["location"]["segment_id"] == "ISA"
    assert result["interchanges"][0]["sender"] == {"qualifier": "ZZ", "id": "NORTHWIND"}
    assert edi.transaction_sets(result)[0]["segments"] == 14


def test_isa_too_wide() -> None:
    wide = edi.clean()
    wide.segments[0][6] = "NORTHWIND".ljust(17)
    refused(wide.to_bytes(), "X12-ISA-WIDTH", sets=1)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"*000000101*0", b"*000*00101*0"),
        (b"*260105*0830*", b"*2630*"),
        (b"*U*00401*", b"*U00401*"),
        (b"*0*P*>", b"*0*P*>*"),
    ],
    ids=["a separator too many", "an element lost", "a separator lost", "a separator after ISA16"],
)
@pytest.mark.parametrize("form", [edi.PLAIN, edi.Form(terminator="\n"), edi.Form(newline="\r\n")])
def test_isa_with_the_wrong_number_of_elements(old: bytes, new: bytes, form: edi.Form) -> None:
    """The interchange is refused, but what it holds is not lost."""
    result = validate(edi.clean(form=form).to_bytes().replace(old, new, 1))
    assert result["verdict"] in {"rejected", "unreadable"}
    assert len(edi.transaction_sets(result)) == 1


def test_isa_without_component_separator() -> None:
    data = PLAIN.replace(b"*P*>~", b"*P*~", 1)
    result = validate(data)
    assert "X12-ISA-SEPARATOR" in edi.codes(result, "error")
    assert result["verdict"] == "rejected"
    assert len(edi.transaction_sets(result)) == 1


# No X12 at all


def test_empty_file() -> None:
    refused(b"", "X12-EMPTY", verdict="unreadable", sets=0)


@pytest.mark.parametrize("data", [b" ", b"\r\n \t\n", b"\n" * 10_000, b"\xef\xbb\xbf", b"\xef\xbb\xbf\r\n"])
def test_only_blanks(data: bytes) -> None:
    refused(data, "X12-EMPTY", verdict="unreadable", sets=0)


def test_one_megabyte_of_random_bytes() -> None:
    data = random.Random(20260105).randbytes(1 << 20)
    result = validate(data)
    assert result["verdict"] == "unreadable"
    assert edi.codes(result, "error") == ["X12-NOT-X12"]


def test_pdf() -> None:
    data = (
        b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<< /Type /Catalog /Pages 2 0 R >>\nendobj\n"
        b"2 0 obj\n<< /Type /Pages /Kids [] /Count 0 >>\nendobj\nxref\n0 3\n0000000000 65535 f \n"
        b"trailer\n<< /Size 3 /Root 1 0 R >>\nstartxref\n120\n%%EOF\n"
    )
    refused(data, "X12-NOT-X12", verdict="unreadable", sets=0)


@pytest.mark.parametrize(
    "text",
    [
        "Paid by VISA* last week, see the LISA~ list.\n" * 20,
        "ISABELLA wrote this letter. " * 20,
        "ISA is short for international standards on auditing. " * 20,
        "ISA, GS and ST are segments; ISA has sixteen elements. " * 20,
        "We ship by ISA*Lines.\n",
    ],
    ids=["visa", "isabella", "isa with blanks", "isa with commas", "isa with one separator"],
)
def test_text_with_isa_in_it(text: str) -> None:
    refused(text.encode(), "X12-NOT-X12", verdict="unreadable", sets=0)


@pytest.mark.parametrize(
    "data",
    [
        b"UNA:+.? 'UNB+UNOC:3+SENDER:14+RECEIVER:14+260105:0830+1'UNZ+0+1'",
        b'{"document_type": "purchase_order"}',
        b'<?xml version="1.0"?><Orders/>',
        b"PK\x03\x04" + b"\x00" * 200,
        "ISA*00*".encode("utf-16"),
    ],
    ids=["edifact", "json", "xml", "zip", "utf-16"],
)
def test_other_formats(data: bytes) -> None:
    refused(data, "X12-NOT-X12", verdict="unreadable", sets=0)


# Inside


@pytest.mark.parametrize(
    ("segment", "version"),
    [
        (["BIN", "26", "one~two*three>ST*850*0009~"], "005010"),
        (["BIN", "17", "SE*3*0001~GE*1*1~"], "004010"),
        (["BIN", "10", "\x00\x01\r\n\xff\xfe~~**"], "004010"),
        (["BIN", "0", ""], "004010"),
    ],
)
def test_binary_segment_without_guide(segment: edi.Segment, version: str) -> None:
    body: list[edi.Segment] = [["BGN", "00", "1", "20260105"], segment, ["REF", "ZZ", "X"]]
    one = edi.Interchange.of(
        edi.group([edi.transaction(body, set_id="275")], functional_id="PI", version=version)
    )
    result = gateway.validate(one.to_bytes())
    assert edi.codes(result, "error") == []
    assert "X12-NO-GUIDE" in edi.codes(result)
    assert edi.transaction_sets(result)[0]["segments"] == 5


def test_binary_data_segment_without_guide() -> None:
    body: list[edi.Segment] = [["BGN", "00", "1", "20260105"], ["BDS", "ASC", "9", "a~b~SE*1~"]]
    one = edi.Interchange.of(edi.group([edi.transaction(body, set_id="102")], functional_id="AD"))
    result = gateway.validate(one.to_bytes())
    assert edi.codes(result, "error") == []
    assert edi.transaction_sets(result)[0]["segments"] == 4


def test_binary_length_beyond_the_end_of_the_file() -> None:
    body: list[edi.Segment] = [["BGN", "00", "1", "20260105"], ["BIN", "99999999", "short"]]
    one = edi.Interchange.of(edi.group([edi.transaction(body, set_id="275")], functional_id="PI"))
    result = validate(one.to_bytes())
    assert result["verdict"] == "rejected"
    assert len(edi.transaction_sets(result)) == 1


@pytest.mark.parametrize("length", ["", "x", "-5", "1e9", "999999999999999999999"])
def test_binary_length_that_is_none(length: str) -> None:
    body: list[edi.Segment] = [["BIN", length, "short"], ["REF", "ZZ", "X"]]
    one = edi.Interchange.of(edi.group([edi.transaction(body, set_id="275")], functional_id="PI"))
    assert len(edi.transaction_sets(validate(one.to_bytes()))) == 1


@pytest.mark.parametrize(
    "length", ["3", "200", "99999"], ids=["too small", "into the next set", "beyond the end"]
)
def test_binary_length_that_is_wrong_hides_no_set(length: str) -> None:
    """A length is believed only if a terminator stands where it ends."""
    binary = edi.transaction([["BIN", length, "short"]], set_id="275")
    one = edi.Interchange.of(edi.group([binary, edi.transaction(edi.order_body(), control="0002")]))
    result = validate(one.to_bytes())
    assert [s["set_id"] for s in edi.transaction_sets(result)] == ["275", "850"]
    assert edi.transaction_sets(result)[1]["verdict"] == "accepted"
    told = [p for p in result["problems"] if p["location"]["segment_id"] == "BIN"]
    assert told, "a wrong length goes by without a word"


def test_unknown_release() -> None:
    data = edi.Interchange.of(
        edi.group([edi.transaction(edi.order_body())], version="009999"), header=edi.isa(version="00999")
    ).to_bytes()
    result = validate(data)
    assert edi.codes(result) == ["X12-NO-GUIDE"]
    (problem,) = result["problems"]
    assert problem["severity"] == "warning"
    assert problem["ack"]["ak5"] == "1"
    assert edi.transaction_sets(result)[0]["guide"] is None


def test_set_without_guide() -> None:
    body: list[edi.Segment] = [["ZAP", "1"], ["ZIP", "2", "3"]]
    data = edi.Interchange.of(edi.group([edi.transaction(body, set_id="199")], functional_id="XX")).to_bytes()
    result = validate(data)
    assert "X12-NO-GUIDE" in edi.codes(result)
    assert not edi.problems(result, "error")
    assert edi.transaction_sets(result) == [
        {
            "set_id": "199",
            "control_number": "0001",
            "segments": 4,
            "guide": None,
            "verdict": edi.transaction_sets(result)[0]["verdict"],
        }
    ]


def test_set_without_guide_is_still_checked_structurally() -> None:
    body: list[edi.Segment] = [["ZAP", "1"]]
    one = edi.Interchange.of(edi.group([edi.transaction(body, set_id="199")], functional_id="XX"))
    result = validate(one.put("SE", 1, "9").put("SE", 2, "0002").to_bytes())
    assert sorted(edi.codes(result, "error")) == ["X12-SE-CONTROL", "X12-SE-COUNT"]


def test_set_without_guide_beside_one_with() -> None:
    sets = [edi.transaction([["ZAP", "1"]], set_id="199"), edi.transaction(edi.order_body(), control="0002")]
    result = validate(edi.Interchange.of(edi.group(sets)).to_bytes())
    first, second = edi.transaction_sets(result)
    assert first["guide"] is None
    assert second["guide"]
    assert second["verdict"] == "accepted"


def test_lower_case_segment_id() -> None:
    result = refused(edi.clean().put("REF", 0, "ref").to_bytes(), "X12-SEGMENT-UNKNOWN", sets=1)
    (problem,) = result["problems"]
    assert problem["location"]["segment"] == 4
    assert problem["ack"]["ak3"] == "1"


def test_lower_case_st_is_not_lost_in_silence() -> None:
    one = edi.clean()
    one.segments[one.index("ST")][0] = "st"
    result = validate(one.to_bytes())
    assert edi.codes(result, "error")
    assert result["verdict"] == "rejected"


def test_empty_segment() -> None:
    one = edi.clean().after("REF", [""])
    result = refused(one.to_bytes(), "X12-SEGMENT-EMPTY", sets=1)
    (problem,) = result["problems"]
    assert problem["location"]["offset"] == one.offset(one.index("REF") + 1)
    assert problem["location"]["line"] == 1


def test_empty_segments_between_control_segments() -> None:
    result = validate(PLAIN.replace(b"~GE", b"~~~GE"))
    assert len(edi.transaction_sets(result)) == 1
    assert edi.codes(result), "an empty segment goes by without a word"


def test_stray_segments_are_told() -> None:
    one = edi.clean().after("GS", ["REF", "ZZ", "lost"]).before("IEA", ["NTE", "", "lost too"])
    result = validate(one.to_bytes())
    assert edi.codes(result, "error") == ["X12-STRAY-SEGMENT", "X12-STRAY-SEGMENT"]
    assert [p["location"]["segment_id"] for p in result["problems"]] == ["REF", "NTE"]
    assert result["verdict"] == "rejected"


def test_group_of_another_kind() -> None:
    one = edi.clean().put("GS", 1, "IN")
    result = validate(one.to_bytes())
    assert edi.codes(result) == ["X12-GS-SET"]
    assert not edi.problems(result, "error")


def test_control_numbers_equal_as_numbers() -> None:
    one = edi.clean().put("GE", 2, "000011").put("IEA", 2, "101")
    result = validate(one.to_bytes())
    assert not edi.problems(result, "error")
    assert edi.codes(result, "warning") == ["X12-GE-CONTROL", "X12-IEA-CONTROL"]


# Feeding in pieces

PIECES = {
    "plain": PLAIN,
    "two interchanges": PLAIN
    + b"\r\n"
    + edi.clean(control="000000102", form=edi.Form("|", ":", "\n")).to_bytes(),
    "byte order mark and blank lines": b"\xef\xbb\xbf\r\n\r\n" + PLAIN,
    "cr lf terminator": edi.clean(form=edi.Form(terminator="\r\n")).to_bytes(),
    "cr lf after the terminator": edi.clean(form=edi.Form(newline="\r\n")).to_bytes(),
    "two-byte terminator": edi.clean(form=edi.Form(terminator="\xc3\x96")).to_bytes(),
    "wrapped": b"\r\n".join(PLAIN[at : at + 80] for at in range(0, len(PLAIN), 80)),
    "no last terminator": PLAIN[:-1],
    "cut in a segment": PLAIN[: PLAIN.index(b"PO1*2") + 6],
    "cut in isa": PLAIN[:60],
    "missing se": edi.two_sets().drop("SE").to_bytes(),
    "narrow isa": PLAIN.replace(b" ", b""),
    "foreign text": b"hello\n" + PLAIN + b"and more\n" + edi.clean(control="000000102").to_bytes() + b"bye",
    "no isa": edi.clean().drop("ISA").to_bytes(),
    "binary": edi.Interchange.of(
        edi.group([edi.transaction([["BIN", "14", "~SE*1*1~GE*1*1"]], set_id="275")], functional_id="PI")
    ).to_bytes(),
    "not x12": b"Paid by VISA* last week, see the LISA~ list.\n" * 5,
    "latin-1": edi.clean().put("N1", 2, "Caf\xe9 Nord").to_bytes(),
    "empty": b"",
    "errors": edi.two_sets().put("BEG", 5, "20261332").put("SE", 1, "99", nth=2).to_bytes(),
    "empty segments": PLAIN.replace(b"~", b"~~"),
}


def events(data: bytes, size: int | None) -> list[Any]:
    """All events of a parser fed in pieces of the given size."""
    parser = Parser(gateway.library(), documents=True)

    def feed() -> Iterator[Any]:
        if size is None:
            yield from parser.feed(data)
        else:
            for at in range(0, len(data), size):
                yield from parser.feed(data[at : at + size])
        yield from parser.close()

    return list(feed())


@pytest.mark.parametrize("size", [1, 2, 7, 64])
@pytest.mark.parametrize("data", PIECES.values(), ids=PIECES.keys())
def test_pieces_of_any_size_give_the_same_events(data: bytes, size: int) -> None:
    assert events(data, size) == events(data, None)


@pytest.mark.parametrize("at", range(1, len(PLAIN), 37))
def test_two_pieces_cut_anywhere(at: int) -> None:
    parser = Parser(gateway.library(), documents=True)
    got = [*parser.feed(PLAIN[:at]), *parser.feed(PLAIN[at:]), *parser.close()]
    assert got == events(PLAIN, None)
