"""Labels as they are printed, read by zxing: the same data in PDF and picture, at both resolutions."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from PIL import ImageChops
from pypdfium2 import PdfDocument

from gateway.errors import ConfigurationError, DocumentError
from gateway.labels.fonts import Fonts
from gateway.labels.label import labels
from gateway.labels.layout import DOTS, LAYOUTS, PAGES, Bars, Page
from gateway.labels.output import printed
from gateway.partners.agreement import LAYOUTS as NAMES
from tests.labels import HOW_TO, address, notice, picture, pictures, read, sscc

GREEK = Path("/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf")


def wanted(layout: str, number: int) -> set[tuple[str, str]]:
    """What a label's bars must say."""
    said = {("(420)89506", "GS1"), (f"(00){sscc(number)[2:]}", "GS1")}
    return said | ({("7KX2M41Q", "Text")} if layout == "amazon" else set())


def made(
    form: str = "pdf", layout: str = "amazon", dpi: int = 203, size: str = "4x6", **changes: Any
) -> bytes:
    return printed(labels(notice(**changes)), form, layout=layout, size=size, dpi=dpi, fonts=Fonts())


def texts(pdf: bytes) -> list[str]:
    with PdfDocument(pdf) as document:
        return [page.get_textpage().get_text_bounded() for page in document]


def test_every_layout_can_be_chosen() -> None:
    assert set(NAMES) == set(LAYOUTS)


@pytest.mark.parametrize("size", PAGES)
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dpi", DOTS)
@pytest.mark.parametrize("printer", DOTS)
def test_bars_of_a_pdf_are_read_at_either_resolution(printer: int, dpi: int, layout: str, size: str) -> None:
    found = pictures(made("pdf", layout, dpi, size), printer)
    assert [read(one) for one in found] == [wanted(layout, number) for number in (1, 2, 3)]


@pytest.mark.parametrize("dpi", DOTS)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_picture_shows_the_first_label(layout: str, dpi: int) -> None:
    found = picture(made("png", layout, dpi))
    assert abs(found.width - 4 * dpi) <= 1
    assert abs(found.height - 6 * dpi) <= 1
    assert read(found) == wanted(layout, 1)


@pytest.mark.parametrize("dpi", DOTS)
def test_bars_are_whole_dots_and_as_wide_as_gs1_wants(dpi: int) -> None:
    page = Page(*PAGES["4x6"], DOTS[dpi])
    for layout in LAYOUTS.values():
        bars = [one for one in layout(labels(notice())[0], page) if isinstance(one, Bars)]
        assert {one.data for one in bars if one.gs1} == {"42089506", sscc(1)}
        for one in bars:
            for module in one.modules:
                assert module * page.dots == pytest.approx(round(module * page.dots))
                assert module >= (0.495 if one.gs1 else 0.25)
    assert page.modules(0.495) == ((4 / 8,) if dpi == 203 else (pytest.approx(6 * 25.4 / 300),))


def test_a_pdf_of_the_same_notice_is_the_same_file() -> None:
    assert made() == made()


def test_what_people_read_stands_on_it() -> None:
    pallet, mixed, single = texts(made())
    for text in (pallet, mixed, single):
        for said in ("SHIP FROM", "EXAMPLE SUPPLIER LLC", "RENO NV 89506", "RNO4", "PRO: 402118834"):
            assert said in text
        for said in (
            "Carrier: ABFS ABF FREIGHT",
            "BOL: ES00000077",
            "PO 7KX2M41Q",
            "(420) 89506",
            "SHIP0042",
        ):
            assert said in text
    assert "PALLET 1 OF 1" in pallet
    assert "CARTON 1 OF 2" in mixed
    assert "Mixed SKUs" in mixed
    assert "ASIN" not in mixed
    assert "Qty" not in mixed
    for said in ("CARTON 2 OF 2", "ASIN B0C1KETTL3", "Qty 12 EA", "Lot L26-118", "Exp 2026-09-30"):
        assert said in single
    assert f"(00) {sscc(3)[2:]}" in single


def test_the_generic_layout_lists_the_items() -> None:
    _, mixed, single = texts(made(layout="generic"))
    assert "12 EA · ASIN B0C1KETTL1 · SKU EX-KT-11" in mixed
    assert "6 EA · ASIN B0C1KETTL2 · SKU EX-KT-12" in mixed
    assert "Tea, 40 bags" in single
    orders = notice()["orders"]
    carton = orders[0]["pallets"][0]["cartons"][0]
    carton["items"] = [
        {**carton["items"][0], "line_no": str(n), "ids": {"upc": f"{n:012}"}} for n in range(9)
    ]
    many = texts(made(layout="generic", orders=orders))[1]
    assert "UPC 000000000003" in many
    assert "UPC 000000000004" not in many
    assert "and 5 more items" in many


@pytest.mark.parametrize("form", ["pdf", "zpl"])
def test_long_texts_are_fitted_and_never_leave_the_label(form: str) -> None:
    long = "THE ACME RETAIL AND WHOLESALE FULFILMENT AND RETURNS CENTRE OF NORTHERN NEVADA NUMBER FOUR"
    changes: dict[str, Any] = {"parties": [address(long, lines=[long] * 9)], "bill_of_lading": long}
    content = made(form, **changes)
    if form == "pdf":
        with PdfDocument(content) as document:
            page = document[0]
            width, height = page.get_size()
            for box in (one.get_bounds() for one in page.get_objects()):
                assert box[0] >= -0.1
                assert box[2] <= width + 0.1
                assert box[1] >= -0.1
                assert box[3] <= height + 0.1
        assert "THE ACME RETAIL AND" in texts(content)[0]
    else:
        fields = re.findall(r"\^FO(\d+),(\d+)\^A0N,(\d+)", content.decode())
        assert len(fields) > 30
        assert all(int(x) < 812 and int(y) + int(high) <= 1219 for x, y, high in fields)


def test_a_postal_code_of_another_country_is_told_with_it() -> None:
    british = address(postal_code="SW1A 1AA", country="GB", state="", city="LONDON")
    bars = read(pictures(made(parties=[british]), 203)[0])
    assert ("(421)826SW1A1AA", "GS1") in bars


def test_without_a_postal_code_there_are_no_bars_for_it() -> None:
    nowhere = address(postal_code="", country="")
    assert ("(00)" + sscc(1)[2:], "GS1") in (bars := read(pictures(made(parties=[nowhere]), 203)[0]))
    assert len(bars) == 2


def test_an_order_number_too_long_for_bars_stands_as_text() -> None:
    long = "PO-" + "X" * 40
    orders = notice()["orders"]
    orders[0]["po_number"] = long
    content = made(orders=orders)
    assert read(pictures(content, 203)[0]) == wanted("generic", 1)
    assert "PO PO-XXX" in texts(content)[0]


# --- letters ---------------------------------------------------------------------------------------------


def test_latin_letters_need_no_font() -> None:
    text = texts(made(parties=[address("Müller & Söhne, Straße 1, Ærø, Ñandú")]))[0]
    assert "Müller & Söhne, Straße 1, Ærø, Ñandú" in text


@pytest.mark.parametrize(
    ("name", "letter"), [("Ακρόπολις", "greek"), ("東京倉庫", "cjk"), ("Склад", "cyrillic")]
)
def test_letters_no_font_has_are_told_and_not_left_out(name: str, letter: str) -> None:
    with pytest.raises(DocumentError) as refused:
        made(parties=[address(name)])
    (found,) = refused.value.problems
    assert (found.code, found.value) == ("DOC-FONT", name)
    assert letter in found.message
    assert "no font has it" in found.message


@pytest.mark.parametrize("name", ["שלום", "مخزن", "गोदाम"])
def test_scripts_that_must_be_shaped_are_refused_rather_than_printed_wrong(name: str) -> None:
    font = GREEK.read_bytes() if GREEK.exists() else b""
    fonts = Fonts([("font", font)] if font else [])
    with pytest.raises(DocumentError) as refused:
        printed(labels(notice(parties=[address(name)])), "pdf", layout="amazon", fonts=fonts)
    assert "joined or run from right to left" in refused.value.problems[0].message


@pytest.mark.needs_system
@pytest.mark.skipif(not GREEK.exists(), reason="needs DejaVu Sans (Debian: fonts-dejavu-core)")
def test_a_font_of_ones_own_has_other_letters() -> None:
    fonts = Fonts([("DejaVuSans.ttf", GREEK.read_bytes())])
    found = labels(notice(parties=[address("Ακρόπολις Склад")]))
    assert "Ακρόπολις Склад" in texts(printed(found, "pdf", layout="amazon", fonts=fonts))[0]
    zpl = printed(found, "zpl", layout="amazon", fonts=fonts).decode()
    assert "Ακρόπολις" not in zpl  # a printer may not have it: it is a picture
    total, row, bits = re.findall(r"\^GFA,\d+,(\d+),(\d+),([0-9A-F]+)", zpl)[0]
    assert len(bits) == 2 * int(total)
    assert int(total) % int(row) == 0
    assert int(bits, 16) > 0


def test_what_is_no_font_is_told() -> None:
    with pytest.raises(ConfigurationError, match=r"labels.fonts: x.ttf cannot be used"):
        Fonts([("x.ttf", b"no font")])


# --- ZPL -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("dpi", "wide", "module"), [(203, 813, 4), (300, 1200, 6)])
def test_zpl_chooses_dots_and_code_sets(dpi: int, wide: int, module: int) -> None:
    zpl = made("zpl", dpi=dpi).decode()
    assert zpl.count("^XA^CI28") == zpl.count("^XZ") == 3
    assert f"^PW{wide}" in zpl
    assert f"^BY{module}^BCN,{round(33 * DOTS[dpi])},N,N,N^FD>;>8{sscc(1)}^FS" in zpl
    assert "^FD>;>842089506^FS" in zpl
    assert "^FD>:7KX2M41Q^FS" in zpl


def test_letters_change_the_code_set() -> None:
    british = address(postal_code="SW1A 1AA", country="GB")
    assert "^FD>;>8421826>6SW1A1AA^FS" in made("zpl", parties=[british]).decode()


def test_a_text_cannot_give_orders_to_the_printer() -> None:
    zpl = made("zpl", parties=[address("A^XZ~JA_1\\B")]).decode()
    assert "^FDA_5EXZ_7EJA_5F1_5CB^FS" in zpl
    assert zpl.count("^XZ") == 3
    assert "~" not in zpl


def test_control_characters_and_bars_in_an_order_number_do_no_harm() -> None:
    orders = notice()["orders"]
    orders[0]["po_number"] = "A^B>8\n~C東"
    with pytest.raises(DocumentError, match="No label"):
        made(orders=orders)
    orders[0]["po_number"] = "A^B>8\n~Cä"
    assert read(pictures(made(orders=orders), 203)[0]) == wanted("generic", 1)
    zpl = made("zpl", orders=orders).decode()
    assert "~" not in zpl
    assert zpl.count("^XZ") == 3


@pytest.mark.parametrize(("layout", "number"), [("amazon", 3), ("generic", 2)])
def test_the_pictures_of_the_documentation_are_such_labels(layout: str, number: int) -> None:
    shown = picture((HOW_TO / f"label-{layout}.png").read_bytes())
    assert read(shown) == wanted(layout, number)
    some = labels(notice())[number - 1 : number]
    now = picture(printed(some, "png", layout=layout, fonts=Fonts()))
    different = sum(ImageChops.difference(shown.convert("L"), now.convert("L")).histogram()[64:])
    assert different < 0.002 * now.width * now.height, "run python -m tests.labels"
