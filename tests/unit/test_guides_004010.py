"""The guides of release 004010: whole in themselves, and the same to pyx12 as to us."""

from __future__ import annotations

import io
import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

RELEASE = Path(__file__).parents[2] / "schemas" / "x12" / "004010"
OWN = "{urn:edi-gateway:guide:1}"
MAPS = ["850.004010.xml", "997.004010.xml", "x12.control.00401.xml", "x12.control.00501.xml"]
SETS = MAPS[:2]


def _root(name: str) -> Any:
    return etree.parse(RELEASE / name, etree.XMLParser(resolve_entities=False, no_network=True)).getroot()


def _data_elements() -> dict[str, Any]:
    return {node.get("ele_num"): node for node in _root("dataele.xml").iter("data_ele")}


def _code_lists() -> dict[str, list[str]]:
    return {
        node.findtext("id"): [code.text for code in node.iter("code")]
        for node in _root("codes.xml").iter("codeset")
    }


def _parts(segment: Any) -> list[Any]:
    return [child for child in segment if child.tag in ("element", "composite")]


def test_the_index_names_every_map_and_no_other() -> None:
    indexed = {node.text for node in _root("maps.xml").iter("map")}
    assert indexed == set(SETS)
    controls = {f"x12.control.{node.get('icvn')}.xml" for node in _root("maps.xml").iter("version")}
    assert controls == set(MAPS) - indexed
    assert {path.name for path in RELEASE.iterdir()} == {*MAPS, "maps.xml", "dataele.xml", "codes.xml"}


@pytest.mark.parametrize("name", SETS)
def test_a_map_says_which_set_it_is_for(name: str) -> None:
    root = _root(name)
    assert name == f"{root.get(OWN + 'set')}.{root.get(OWN + 'release')}.xml"
    listed = {
        (node.get("abbr"), node.get("fic")) for node in _root("maps.xml").iter("map") if node.text == name
    }
    assert listed == {(root.get(OWN + "set"), root.get(OWN + "group"))}


def test_data_elements_are_sound_and_all_used() -> None:
    elements = _data_elements()
    for number, node in elements.items():
        assert re.fullmatch(r"AN|ID|DT|TM|R|N\d|B", node.get("data_type")), number
        assert 1 <= int(node.get("min_len")) <= int(node.get("max_len")), number
        assert node.get("name"), number
    used = {node.get("data_ele") for name in MAPS for node in _root(name).iter("element")}
    assert used == set(elements)


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        ("127", ("AN", 1, 30)),
        ("324", ("AN", 1, 22)),
        ("364", ("AN", 1, 80)),
        ("355", ("ID", 2, 2)),
        ("212", ("R", 1, 17)),
        ("330", ("R", 1, 15)),
        ("234", ("AN", 1, 48)),
        ("373", ("DT", 8, 8)),
        ("337", ("TM", 4, 8)),
        ("352", ("AN", 1, 80)),
        ("93", ("AN", 1, 60)),
        ("67", ("AN", 2, 80)),
        ("610", ("N2", 1, 15)),
        ("782", ("R", 1, 18)),
        ("933", ("AN", 1, 264)),
        ("I12", ("N0", 9, 9)),
    ],
)
def test_lengths_of_the_release(number: str, expected: tuple[str, int, int]) -> None:
    node = _data_elements()[number]
    assert (node.get("data_type"), int(node.get("min_len")), int(node.get("max_len"))) == expected


def test_code_lists_fit_their_elements() -> None:
    elements = _data_elements()
    used = {node.get("external") for name in MAPS for node in _root(name).iter("valid_codes")} - {None}
    lists = _code_lists()
    assert used == set(lists)
    for node in _root("codes.xml").iter("codeset"):
        codes = lists[node.findtext("id")]
        assert codes, node.findtext("id")
        assert len(codes) == len(set(codes)), node.findtext("id")
        data = elements[node.findtext("data_ele")]
        for code in codes:
            assert int(data.get("min_len")) <= len(code) <= int(data.get("max_len")), (
                node.findtext("id"),
                code,
            )
        for code in node.iter("code"):
            assert code.get(OWN + "name") != "", (node.findtext("id"), code.text)


def test_an_element_is_checked_by_the_list_of_its_number() -> None:
    for name in MAPS:
        for node in _root(name).iter("element"):
            codes = node.find("valid_codes")
            external = None if codes is None else codes.get("external")
            if external is not None and not external.startswith("set."):
                assert external == node.get("data_ele"), node.get("xid")


@pytest.mark.parametrize("name", SETS)
def test_no_inline_codes(name: str) -> None:
    """An inline code on a first element becomes pyx12's key of the segment, and errors get the wrong code."""
    assert [
        node.get("xid") for node in _root(name).iter("element") if node.find("valid_codes/code") is not None
    ] == []


@pytest.mark.parametrize("name", MAPS)
def test_positions_rise_and_a_segment_stands_once_in_a_loop(name: str) -> None:
    for loop in _root(name).iter("loop"):
        children = [child for child in loop if child.tag in ("segment", "loop")]
        positions = [int(child.get("pos")) for child in children]
        assert positions == sorted(set(positions)), loop.get("xid")
        triggers = [(child if child.tag == "segment" else child[0]).get("xid") for child in children]
        assert len(triggers) == len(set(triggers)), loop.get("xid")
        assert children[0].tag == "segment", loop.get("xid")
        assert children[0].get("usage") == "R", loop.get("xid")
        assert children[0].get("max_use") == "1", loop.get("xid")


@pytest.mark.parametrize("name", MAPS)
def test_usages_and_repeats(name: str) -> None:
    root = _root(name)
    for node in root.iter("loop", "segment", "element", "composite"):
        assert node.get("usage") in ("R", "S"), node.get("xid")
        assert node.get("name"), node.get("xid")
    for node, attribute in [(n, "repeat") for n in root.iter("loop")] + [
        (n, "max_use") for n in root.iter("segment")
    ]:
        assert re.fullmatch(r">1|[1-9]\d*", node.get(attribute) or ""), node.get("xid")


@pytest.mark.parametrize("name", MAPS)
def test_elements_are_numbered_without_gaps(name: str) -> None:
    for segment in _root(name).iter("segment"):
        for number, part in enumerate(_parts(segment), 1):
            assert (part.get("xid"), int(part.get("seq"))) == (f"{segment.get('xid')}{number:02d}", number)
            for inner, component in enumerate(part.findall("element"), 1):
                assert (component.get("xid"), int(component.get("seq"))) == (
                    f"{part.get('xid')}-{inner}",
                    inner,
                )


@pytest.mark.parametrize("name", MAPS)
def test_syntax_notes_name_elements_that_exist(name: str) -> None:
    for segment in _root(name).iter("segment", "composite"):
        for note in segment.findall("syntax"):
            assert re.fullmatch(r"[PRCLE](\d\d){2,}", note.text), segment.get("xid")
            places = [int(place) for place in re.findall(r"\d\d", note.text)]
            assert max(places) <= len(_parts(segment)), segment.get("xid")
            assert len(places) == len(set(places)), segment.get("xid")


def test_a_segment_is_the_same_everywhere() -> None:
    def shape(segment: Any) -> Iterator[tuple[str, ...]]:
        for node in segment.iter("element", "composite", "syntax"):
            codes = node.find("valid_codes")
            yield (
                node.text or "" if node.tag == "syntax" else "",
                node.get("xid", ""),
                node.get("data_ele", ""),
                node.get("usage", ""),
                "" if codes is None else codes.get("external", ""),
            )

    seen: dict[str, tuple[tuple[str, ...], ...]] = {}
    for name in MAPS:
        for segment in _root(name).iter("segment"):
            identifier = segment.get("xid")
            if identifier in ("ISA", "ST"):  # differ by version and by set
                continue
            assert seen.setdefault(identifier, tuple(shape(segment))) == tuple(shape(segment)), (
                name,
                identifier,
            )


def test_totals_say_what_they_count() -> None:
    root = _root("850.004010.xml")
    segments = {node.get("xid") for node in root.iter("segment")}
    elements = {node.get("xid") for node in root.iter("element")}
    counts = {
        node.get("xid"): node.get(OWN + "count") for node in root.iter("element") if node.get(OWN + "count")
    }
    sums = {
        node.get("xid"): node.get(OWN + "hash") for node in root.iter("element") if node.get(OWN + "hash")
    }
    assert counts == {"CTT01": "PO1"}
    assert sums == {"CTT02": "PO102"}
    assert set(counts.values()) <= segments
    assert set(sums.values()) <= elements


ORDER = [
    "BEG*00*SA*4500012345**20240315",
    "CUR*BY*USD",
    "REF*IA*778899",
    "REF*DP*042*Garden",
    "PER*BD*Pat Jones*TE*5555550100*EM*pat@shop.example",
    "FOB*CC*OR*Reno NV",
    "CSH*N",
    "SAC*A*C000*VI*DFAL**2*5.5*****02***Defective allowance",
    "ITD*01*3*2**10**30",
    "DTM*037*20240401",
    "DTM*001*20240415",
    "PKG*S*68*VI*TKT",
    "TD5*B*2*UPSN*M",
    "N9*L1*notes",
    "MSG*Call before delivery",
    "N1*BY*Shop Inc*9*0079123450000",
    "N1*ST*Store 12*92*0012",
    "N2*Receiving",
    "N3*12 High Street*Dock 4",
    "N4*Reno*NV*89501*US",
    "PER*RE*Dock clerk*TE*5555550101",
    "PO1*1*24*EA*12.5*WE*UP*012345678905*VN*AB-1",
    "CTP*RS*RES*19.99",
    "PID*F*08***Garden chair",
    "PO4*6*1*CA",
    "SAC*C*D240***1500",
    "SDQ*EA*92*0012*12*0013*12",
    "DTM*002*20240410",
    "SCH*24*EA***002*20240410",
    "N9*L1*more",
    "MSG*Wrap singly",
    "SLN*1**I*2*EA*3.10*PE**UP*012345678912",
    "PID*F****Cushion",
    "PO1*2*10*CA*5*PE*UP*012345678929",
    "CTP***4.5*10*CA",
    "LS*LDT",
    "LDT*AF*10*DA",
    "QTY*38*10*EA",
    "LE*LDT",
    "CTT*2*34",
    "AMT*TT*350",
]
ACKNOWLEDGMENT = [
    "AK1*PO*101",
    "AK2*850*0001",
    "AK3*N1*7*N1*8",
    "AK4*3*66*7*XY",
    "AK4*1:2**1",
    "AK5*R*5",
    "AK2*850*0002",
    "AK5*A",
    "AK9*P*2*2*1",
]


def _interchange(set_id: str, group: str, body: list[str]) -> str:
    header = ["ISA", "00", " " * 10, "00", " " * 10, "08", "9251110000".ljust(15), "ZZ", "SELLER".ljust(15)]
    header += ["240315", "1200", "U", "00401", "000000001", "0", "P", ":"]
    lines = [
        "*".join(header),
        f"GS*{group}*BUYER*SELLER*20240315*1200*1*X*004010",
        f"ST*{set_id}*0001",
        *body,
    ]
    lines += [f"SE*{len(body) + 2}*0001", "GE*1*1", "IEA*1*000000001"]
    return "".join(f"{line}~\n" for line in lines)


def _pyx12(text: str) -> tuple[bool, list[str]]:
    """The verdict of pyx12 on these guides, and its AK3, AK4 and AK5."""
    document = pytest.importorskip("pyx12.x12n_document")
    params = pytest.importorskip("pyx12.params")
    answer = io.StringIO()
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        accepted = document.x12n_document(
            params.params(), io.StringIO(text), answer, None, map_path=str(RELEASE)
        )
    finally:
        logging.disable(before)
    return bool(accepted), re.findall(r"AK[345]\*[^~]*", answer.getvalue())


def _with(old: str, new: str) -> str:
    assert old in ORDER
    return _interchange("850", "PO", [new if line == old else line for line in ORDER])


def test_pyx12_accepts_a_clean_order() -> None:
    assert _pyx12(_interchange("850", "PO", ORDER)) == (True, ["AK5*A"])


def test_pyx12_accepts_a_clean_acknowledgment() -> None:
    assert _pyx12(_interchange("997", "FA", ACKNOWLEDGMENT))[0]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("BEG*00*SA*4500012345**20240315", "BEG*00*XX*4500012345**20240315", "AK4*2*92*7*XX"),
        ("BEG*00*SA*4500012345**20240315", "BEG*ZY*SA*4500012345**20240315", "AK4*1*353*7*ZY"),
        ("BEG*00*SA*4500012345**20240315", f"BEG*00*SA*{'1' * 23}**20240315", f"AK4*3*324*5*{'1' * 23}"),
        ("BEG*00*SA*4500012345**20240315", "BEG*00*SA*4500012345**20240231", "AK4*5*373*8*20240231"),
        ("N1*BY*Shop Inc*9*0079123450000", "N1*Q0*Shop Inc*9*0079123450000", "AK4*1*98*7*Q0"),
        ("REF*IA*778899", "REF*?9*778899", "AK4*1*128*7*?9"),
        ("REF*IA*778899", f"REF*IA*{'7' * 31}", f"AK4*2*127*5*{'7' * 31}"),
        ("CTT*2*34", "CTT*two*34", "AK4*1*354*6*two"),
    ],
)
def test_pyx12_finds_a_wrong_element(old: str, new: str, expected: str) -> None:
    accepted, notes = _pyx12(_with(old, new))
    assert not accepted
    assert expected in notes
    assert any(note.startswith(f"AK3*{old.partition('*')[0]}*") and note.endswith("*8") for note in notes)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("PO1*2*10*CA*5*PE*UP*012345678929", "PO1*2**CA*5*PE*UP*012345678929", "AK3*PO1*35**8"),
        ("PO1*2*10*CA*5*PE*UP*012345678929", "PO1*2*10*CA*5*PE*UP", "AK3*PO1*35**8"),
        ("REF*IA*778899", "REF*IA", "AK3*REF*4**8"),
        ("CUR*BY*USD", "CUR*BY*USD~\nCUR*BY*USD", "AK3*CUR*4**5"),
        ("CUR*BY*USD", "ZA*BY*USD", "AK3*ZA*3**1"),
    ],
)
def test_pyx12_finds_a_wrong_segment(old: str, new: str, expected: str) -> None:
    accepted, notes = _pyx12(_with(old, new))
    assert not accepted
    assert expected in notes


def test_pyx12_does_not_take_another_set_for_an_order() -> None:
    """With the set as an inline code of ST01 pyx12 skips the whole set and reports it as accepted."""
    assert not _pyx12(_interchange("850", "PO", ORDER).replace("ST*850", "ST*855"))[0]
