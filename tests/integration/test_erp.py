"""Each profile of the ERP's files in a home, both ways: a file in, the right X12 out, and the reverse."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from gateway import resources
from gateway.cli.commands.demo import drop, segments_of
from gateway.cli.commands.home import make_home
from gateway.cli.main import main
from gateway.errors import ConfigurationError
from gateway.settings import load
from gateway.shapes import xml
from tests.homes import LINE, PARTNER, acknowledgment, put, rows, set_in, work
from tests.integration.killing import agree_on_orders
from tests.orders import interchange, order

ROOT = Path(__file__).resolve().parents[2]
PROFILES = sorted(path.stem for path in (ROOT / "config/erp").glob("*.yaml"))


def erp_home(path: Path, *channels: str) -> Path:
    """A home whose ERP has these channels, each a line of YAML."""
    make_home(path)
    set_in(path, "gateway.yaml", "stable_seconds: 1 ", "stable_seconds: 0 ")
    listed = "".join(f"\n    - {one}" for one in channels)
    set_in(path, "gateway.yaml", "  channel: erp                # default erp", f"  channels:{listed}")
    for one in load(path).channels:
        for box in ("inbox", "outbox", "quarantine", ".claimed"):
            (path / "folders" / one / box).mkdir(parents=True, exist_ok=True)
    return path


def outbox(home: Path, channel: str = "erp") -> dict[str, bytes]:
    return {one.name: one.read_bytes() for one in (home / "folders" / channel / "outbox").iterdir()}


def the_file(home: Path, channel: str = "erp") -> bytes:
    (content,) = outbox(home, channel).values()
    return content


def problems(home: Path, channel: str = "erp") -> list[str]:
    """What the reports in a quarantine say is wrong."""
    found = sorted((home / "folders" / channel / "quarantine").glob("*.problem.json"))
    told = [one for path in found for one in json.loads(path.read_bytes())["problems"]]
    return [one["message"] for one in told if one["severity"] == "error"]


def sent(home: Path, set_id: str) -> list[list[list[str]]]:
    """What went to the partner of a kind of set."""
    return [segments_of(one) for one in sorted((home / f"folders/{PARTNER}/outbox").glob(f"{set_id}_*"))]


def elements(segments: list[list[str]], name: str) -> list[list[str]]:
    return [one[1:] for one in segments if one[0] == name]


def demo(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(resources.find(f"config/demo/{name}.json").read_bytes())
    return found


def plain_xml(name: str) -> bytes:
    return b"".join(xml.write([demo(name)]))


# --- orders to the ERP -----------------------------------------------------------------------------------


def read_json(content: bytes) -> dict[str, str]:
    found = json.loads(content)
    line = found["lines"][0]
    return {"po": found["po_number"], "quantity": line["quantity"]["value"], "sku": line["ids"]["vendor_sku"]}


def read_plain_xml(content: bytes) -> dict[str, str]:
    tree = etree.fromstring(content)
    etree.XMLSchema(file=str(ROOT / "schemas/xml/purchase_order.xsd")).assertValid(tree)
    (found,) = xml.read(io.BytesIO(content))
    return read_json(json.dumps(found).encode())


def read_csv(content: bytes) -> dict[str, str]:
    assert content.startswith(b"\xef\xbb\xbf"), "Excel takes it for UTF-8"
    row = next(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))
    assert row["Partner"] == PARTNER
    assert row["Description"] == "'=STEEL KETTLE", "no formula"
    return {"po": row["PO"], "quantity": row["Quantity"], "sku": row["SKU"]}


def read_idoc(content: bytes) -> dict[str, str]:
    tree = etree.fromstring(content)
    etree.XMLSchema(file=str(ROOT / "mappings/erp/sap_orders.xsd")).assertValid(tree)
    assert tree.findtext("IDOC/E1EDKA1[PARVW='AG']/PARTN") == PARTNER.upper()
    item = tree.find("IDOC/E1EDP01")
    assert item is not None
    sku = item.findtext("E1EDP19[QUALF='002']/IDTNR") or ""
    return {
        "po": tree.findtext("IDOC/E1EDK02[QUALF='001']/BELNR") or "",
        "quantity": item.findtext("MENGE") or "",
        "sku": sku,
    }


def read_flat(content: bytes) -> dict[str, str]:
    lines = content.decode("latin-1").splitlines()
    first = next(one for one in lines if one.startswith("E1EDP01"))
    item = next(one for one in lines if one.startswith("E1EDP19"))
    po = next(one for one in lines if one.startswith("E1EDK01"))[13:48].strip()
    return {"po": po, "quantity": first[16:31].lstrip("0").removesuffix(".000"), "sku": item[10:45].strip()}


ORDERS: dict[str, tuple[str, Callable[[bytes], dict[str, str]]]] = {
    "plain-json": ("purchase_order_7KX2M41Q_*.json", read_json),
    "plain-xml": ("purchase_order_7KX2M41Q_*.xml", read_plain_xml),
    "generic-csv": ("order_7KX2M41Q_*.csv", read_csv),
    "sap-idoc": ("ORDERS05_7KX2M41Q_*.xml", read_idoc),
    "flat-file": ("order_7KX2M41Q_*.txt", read_flat),
}


def test_every_profile_has_its_tests() -> None:
    assert set(PROFILES) == set(ORDERS) == set(ANSWERS)


@pytest.mark.parametrize("profile", ORDERS)
def test_an_order_becomes_a_file_of_the_erp(tmp_path: Path, profile: str) -> None:
    home = erp_home(tmp_path, f"{{channel: erp, profile: {profile}}}")
    line = LINE.replace("|STEEL", "|=STEEL")
    put(home, "po.edi", interchange(1001, [order(1, "7KX2M41Q", [line, LINE])]))
    done = work(home)
    assert (done.documents, done.quarantined, done.trouble) == (1, 0, [])
    name, reads = ORDERS[profile]
    (path,) = (home / "folders/erp/outbox").iterdir()
    assert path.match(name)
    assert reads(path.read_bytes()) == {"po": "7KX2M41Q", "quantity": "120", "sku": "EX-KT-17"}
    (answer,) = sent(home, "997")
    assert elements(answer, "AK5") == [["A"]]
    for command in (["audit", "verify"], ["db", "check"]):
        assert main([*command, "--config", str(home)]) == 0


BOTH_WAYS = [
    *(f"profile: {name}" for name in ORDERS),
    "forms: [{shape: own_json_order}]",
    "forms: [{shape: csv_order}]",
    "forms: [{shape: x12}]",
]


@pytest.mark.parametrize("form", BOTH_WAYS)
def test_what_was_written_is_read(tmp_path: Path, form: str) -> None:
    """The ERP hands an order on as it came, as one of its own: the lines are the same."""
    home = erp_home(tmp_path, f"{{channel: erp, partner: {PARTNER}, {form}}}")
    agree_on_orders(home)
    put(home, "po.edi", interchange(1001, [order(1, "7KX2M41Q", [LINE, LINE.replace("120", "24")])]))
    work(home)
    ((name, content),) = outbox(home).items()
    if form.endswith("x12}]"):  # it is from the partner, and goes to it
        sides = b"ACMERETAIL     *ZZ*EXAMPLESUPPLIER", b"EXAMPLESUPPLIER*ZZ*ACMERETAIL     "
        content = content.replace(*sides).replace(
            b"ACMERETAIL*EXAMPLESUPPLIER", b"EXAMPLESUPPLIER*ACMERETAIL"
        )
    put(home, name, content, "erp")
    work(home)
    assert problems(home) == []
    (back,) = sent(home, "850")
    assert elements(back, "BEG")[0][2] == "7KX2M41Q"
    assert [(float(one[1]), one[2], float(one[3])) for one in elements(back, "PO1")] == [
        (120.0, "EA", 18.4),
        (24.0, "EA", 18.4),
    ]
    assert all("EX-KT-17" in one for one in elements(back, "PO1"))


# --- answers from the ERP --------------------------------------------------------------------------------

_SHIPMENT = (
    "acme-retail,ES-SHIP-77,2026-03-12 16:30,2026-03-12,2026-03-16,ABFS,402118834,ES77,2,,,buyer_assigned"
)
SHIP_ROWS = f"""\
Partner,Shipment,Created,Shipped,Arrives,SCAC,PRO,BOL,Cartons,Weight,WeightUnit,ShipToType,ShipTo,\
ShipToName,PO,SSCC,Line,SKU,ASIN,UPC,EAN,Quantity,Unit
{_SHIPMENT},RNO4,ACME,7KX2M41Q,00106141410000000019,1,EX-KT-17,,,,120,EA
{_SHIPMENT},RNO4,ACME,7KX2M41Q,00106141410000000026,2,EX-MG-04,,,,24,CA
"""
INVOICE_ROWS = """\
Partner,Invoice,Date,PO,Terms,NetDays,RemitTo,Freight,Total,Line,SKU,ASIN,UPC,EAN,Quantity,Unit,Price
acme-retail,ES-1077,2026-03-12,7KX2M41Q,basic,30,,,2956.80,1,EX-KT-17,B0C1KETTL3,,,120,EA,18.40
acme-retail,ES-1077,2026-03-12,7KX2M41Q,basic,30,,,2956.80,2,EX-MG-04,B0C1MUGS4X,,,24,CA,31.20
"""


def flat(*fields: tuple[str, int] | str) -> str:
    return "".join(one if isinstance(one, str) else one[0].ljust(one[1]) for one in fields).rstrip() + "\n"


def flat_ship() -> str:
    head: list[tuple[str, int] | str] = [
        (PARTNER, 41),
        ("ES-SHIP-77", 30),
        "202603121630",
        "20260312",
        "20260316",
        ("ABFS", 4),
    ]
    lines = [
        flat(
            "SHP",
            *head,
            ("402118834", 30),
            ("ES77", 30),
            "    2",
            ("buyer_assigned", 15),
            ("RNO4", 17),
            "ACME",
        )
    ]
    lines.append(flat("ORD", "7KX2M41Q"))
    for number, (sscc, sku, quantity, unit) in enumerate(
        (("19", "EX-KT-17", "120", "EA"), ("26", "EX-MG-04", "24", "CA")), 1
    ):
        lines.append(flat("CTN", f"001061414100000000{sscc}"))
        lines.append(flat("ITM", f"{number:6d}", (sku, 30), ("", 10), quantity.rjust(12), unit))
    return "".join(lines) + f"END{len(lines) + 1:06d}\n"


def flat_invoice() -> str:
    head: list[tuple[str, int] | str] = [
        (PARTNER, 41),
        ("ES-1077", 22),
        "20260312",
        ("7KX2M41Q", 22),
        ("basic", 10),
        " 30",
    ]
    return (
        flat("INV", *head, "000000000295680")
        + flat("LIN", "     1", ("EX-KT-17", 30), "B0C1KETTL3", "120".rjust(12), "EA", "000000000184000")
        + flat("LIN", "     2", ("EX-MG-04", 30), "B0C1MUGS4X", "24".rjust(12), "CA", "000000000312000")
        + "END000002\n"
    )


def element(name: str, *inner: str, **texts: str) -> str:
    return (
        f"<{name}>{''.join(f'<{key}>{text}</{key}>' for key, text in texts.items())}{''.join(inner)}</{name}>"
    )


def idoc(kind: str, message: str, *inner: str) -> str:
    control = element(
        "EDI_DC40", TABNAM="EDI_DC40", IDOCTYP=kind, MESTYP=message, CREDAT="20260312", CRETIM="163000"
    )
    head = '<?xml version="1.0" encoding="UTF-8"?>'
    return f'{head}<{kind}><IDOC BEGIN="1">{control}{"".join(inner)}</IDOC></{kind}>'


def delivery_idoc() -> str:
    items, units = [], []
    for number, (sscc, sku, quantity, unit) in enumerate(
        (("19", "EX-KT-17", "120.000", "PCE"), ("26", "EX-MG-04", "24.000", "CS")), 1
    ):
        posnr = f"{number * 10:06d}"
        buyer = element("E1EDL41", QUALI="001", BSTNR="7KX2M41Q", POSEX=str(number))
        item = {"POSNR": posnr, "MATNR": sku, "LFIMG": quantity, "VRKME": unit}
        items.append(element("E1EDL24", buyer, **item))
        packed = element("E1EDL44", POSNR=posnr, VEMNG=quantity, VEMEH=unit)
        units.append(element("E1EDL37", packed, EXIDV=f"001061414100000000{sscc}"))
    partners = (("AG", PARTNER.upper(), "ACME"), ("WE", "RNO4", "ACME RNO4"), ("SP", "ABFS", "ABF FREIGHT"))
    who = [element("E1ADRM1", PARTNER_Q=q, PARTNER_ID=i, NAME1=n) for q, i, n in partners]
    when = [element("E1EDT13", QUALF=q, NTANF=d) for q, d in (("006", "20260312"), ("007", "20260316"))]
    head = {"VBELN": "ES-SHIP-77", "BTGEW": "340.500", "GEWEI": "LBR", "BOLNR": "ES77"}
    return idoc("DELVRY07", "DESADV", element("E1EDL20", *who, *when, *items, *units, **head))


def invoice_idoc() -> str:
    lines = [
        element(
            "E1EDP01",
            element("E1EDP26", QUALF="003", BETRG=net),
            element("E1EDP19", QUALF="001", IDTNR=asin),
            element("E1EDP19", QUALF="002", IDTNR=sku),
            POSEX=f"{number:06d}",
            MENGE=quantity,
            MENEE=unit,
        )
        for number, (net, asin, sku, quantity, unit) in enumerate(
            (
                ("2208.00", "B0C1KETTL3", "EX-KT-17", "120.000", "PCE"),
                ("748.80", "B0C1MUGS4X", "EX-MG-04", "24.000", "CS"),
            ),
            1,
        )
    ]
    return idoc(
        "INVOIC02",
        "INVOIC",
        element("E1EDK01", CURCY="USD", BSART="INVO", BELNR="ES-1077"),
        element("E1EDKA1", PARVW="AG", PARTN=PARTNER.upper()),
        element("E1EDK02", QUALF="001", BELNR="7KX2M41Q"),
        element("E1EDK03", IDDAT="012", DATUM="20260312"),
        *lines,
        element("E1EDS01", SUMID="010", SUMME="2956.80"),
        element("E1EDS01", SUMID="011", SUMME="2956.80"),
    )


ANSWERS: dict[str, dict[str, bytes]] = {
    "plain-json": {
        "ship.json": json.dumps(demo("ship-7KX2M41Q")).encode(),
        "invoice.json": json.dumps(demo("invoice-7KX2M41Q")).encode(),
    },
    "plain-xml": {"ship.xml": plain_xml("ship-7KX2M41Q"), "invoice.xml": plain_xml("invoice-7KX2M41Q")},
    "generic-csv": {"Ship 77.CSV": SHIP_ROWS.encode(), "invoices.csv": INVOICE_ROWS.encode()},
    "sap-idoc": {"DESADV_1.xml": delivery_idoc().encode(), "invoic_1.xml": invoice_idoc().encode()},
    "flat-file": {"ship.txt": flat_ship().encode(), "invoice.txt": flat_invoice().encode()},
}


@pytest.mark.parametrize("profile", ANSWERS)
def test_files_of_the_erp_become_x12(tmp_path: Path, profile: str) -> None:
    home = erp_home(tmp_path, f"{{channel: erp, profile: {profile}}}")
    for name, content in ANSWERS[profile].items():
        put(home, name, content, "erp")
    done = work(home)
    assert problems(home) == []
    assert (done.documents, done.quarantined) == (2, 0)
    (ship,), (invoice,) = sent(home, "856"), sent(home, "810")
    assert elements(ship, "BSN")[0][1] == "ES-SHIP-77"
    assert [one[0] for one in elements(ship, "PRF")] == ["7KX2M41Q"]
    marks = [one[1][-20:] for one in elements(ship, "MAN")]
    assert marks == ["00106141410000000019", "00106141410000000026"]
    assert [one[1:3] for one in elements(ship, "SN1")] in (
        [["120", "EA"], ["24", "CA"]],
        [["120.000", "EA"], ["24.000", "CA"]],
    )
    assert elements(invoice, "BIG")[0][:4] == ["20260312", "ES-1077", "", "7KX2M41Q"]
    assert [float(one[3]) for one in elements(invoice, "IT1")] == [18.4, 31.2]
    assert elements(invoice, "TDS") == [["295680"]]
    for path in (home / f"folders/{PARTNER}/outbox").iterdir():
        assert main(["x12", "validate", str(path)]) == 0


# --- channels and forms ----------------------------------------------------------------------------------


def test_a_document_goes_to_the_first_channel_that_takes_it(tmp_path: Path) -> None:
    home = erp_home(
        tmp_path,
        "{channel: finance, direction: to_erp, forms: [{documents: [invoice, remittance_advice]}]}",
        "{channel: wms, forms: [{shape: xml, documents: [purchase_order], "
        'name: "{partner}-{number}-{counter}.xml"}]}',
        "{channel: rest}",
        "{channel: trial, test: true, forms: [{documents: [purchase_order]}]}",
    )
    trial = interchange(1002, [order(1, "TEST-1", [LINE])]).replace(b"*P*>", b"*T*>")
    put(home, "po.edi", interchange(1001, [order(1, "A-1", [LINE]), order(2, "A-2", [LINE])]))
    put(home, "test.edi", trial)
    assert work(home).quarantined == 0
    assert sorted(outbox(home, "wms")) == ["acme-retail-A-1-1.xml", "acme-retail-A-2-2.xml"]
    assert [name.startswith("purchase_order_TEST-1") for name in outbox(home, "trial")] == [True]
    assert outbox(home, "finance") == outbox(home, "rest") == {}
    put(home, "invoice.json", json.dumps(demo("invoice-7KX2M41Q")).encode(), "trial")
    put(home, "invoice.json", json.dumps(demo("invoice-7KX2M41Q")).encode(), "finance")
    work(home)
    assert problems(home, "finance") == ["No form of the channel finance reads a file of this name."]
    assert "this form takes purchase_order" in problems(home, "trial")[0]


def test_what_no_channel_takes_is_told_and_comes_when_one_does(tmp_path: Path) -> None:
    home = erp_home(tmp_path, "{channel: erp, forms: [{documents: [invoice]}]}")
    put(home, "po.edi", interchange(1001, [order(1, "A-1", [LINE])]))
    assert work(home).quarantined == 1
    assert problems(home, PARTNER) == [
        "No channel of your own system takes purchase order, so the purchase order A-1 is not delivered."
    ]
    (answer,) = sent(home, "997")
    assert elements(answer, "AK5") == [["A"]], "the partner did nothing wrong"
    assert rows(home, "SELECT count(*) FROM documents") == [(0,)]
    set_in(home, "gateway.yaml", "documents: [invoice]", "documents: [invoice, purchase_order]")
    ((message,),) = rows(home, "SELECT id FROM messages WHERE direction = 'in'")
    assert main(["message", "reprocess", message, "--reason", "form added", "--config", str(home)]) == 0
    assert work(home).quarantined == 0
    assert len(outbox(home)) == 1
    assert len(sent(home, "997")) == 1, "it was acknowledged already"


def test_what_has_no_room_in_the_form_is_told(tmp_path: Path) -> None:
    home = erp_home(tmp_path, "{channel: erp, profile: flat-file}")
    good, wrong = order(1, "A-1", [LINE]), order(2, "A-2", [LINE.replace("|EA|", "|KG|")])
    put(home, "po.edi", interchange(1001, [good, wrong]))
    work(home)
    (name,) = outbox(home)
    assert name.startswith("order_A-1")
    (told,) = problems(home, PARTNER)
    assert told.startswith("850 A-2 for erp: Document 1, column MENEE: 'KG' is in no code table")


def test_names_that_are_the_same_cover_nothing(tmp_path: Path) -> None:
    home = erp_home(tmp_path, '{channel: erp, forms: [{name: "{partner}.json"}]}')
    put(home, "po.edi", interchange(1001, [order(n, f"A-{n}", [LINE]) for n in (1, 2, 3)]))
    work(home)
    found = outbox(home)
    assert sorted(json.loads(one)["po_number"] for one in found.values()) == ["A-1", "A-2", "A-3"]
    assert min(found) == "acme-retail.json"


def test_x12_as_it_is_both_ways(tmp_path: Path) -> None:
    home = erp_home(tmp_path, "{channel: erp, forms: [{shape: x12}]}")
    first, second = order(1, "A-1", [LINE]), order(2, "A-2", [LINE])
    put(home, "po.edi", interchange(1001, [first, second]))
    assert work(home).quarantined == 0
    files = outbox(home)
    assert len(files) == 2
    assert sorted(files.values()) == sorted(interchange(1001, [one]) for one in (first, second))
    put(home, "invoice.json", json.dumps(demo("invoice-7KX2M41Q")).encode(), "erp")
    work(home)
    assert "X12" in problems(home)[0]
    # What our own system writes has our identifier as its sender, and gets the next control number.
    mine = the_810(tmp_path).replace(b"000000001", b"000004711")
    put(home, "mine.edi", mine, "erp")
    work(home)
    (invoice,) = sent(home, "810")
    assert elements(invoice, "BIG")[0][1] == "ES-1077"
    assert elements(invoice, "IEA") == [["1", "000000002"]], "1 was the acknowledgment"


def the_810(tmp_path: Path) -> bytes:
    other = erp_home(tmp_path / "other", "{channel: erp}")
    put(other, "invoice.json", json.dumps(demo("invoice-7KX2M41Q")).encode(), "erp")
    work(other)
    (path,) = (other / f"folders/{PARTNER}/outbox").iterdir()
    return path.read_bytes()


def test_a_file_of_many_documents(tmp_path: Path) -> None:
    """What is right goes out, what is not is told with its number; what was sent is not sent again."""
    home = erp_home(tmp_path, "{channel: erp, partner: acme-retail, profile: generic-csv}")
    lines = INVOICE_ROWS.replace("acme-retail,", ",").splitlines(keepends=True)
    bad = [one.replace("ES-1077", "ES-1079").replace(",EX-KT-17,", ",EX~KT,") for one in lines[1:2]]
    more = [one.replace("ES-1077", "ES-1078") for one in lines[1:]]
    put(home, "invoices.csv", "".join([*lines, *bad, *more]).encode(), "erp")
    assert work(home).documents == 2
    assert len(sent(home, "810")) == 2
    (told,) = problems(home)
    assert told.startswith("Document 2 of 3 (ES-1079): ")
    assert "~" in told
    put(home, "invoices.csv", "".join([*lines, *more]).encode(), "erp")
    work(home)
    assert len(sent(home, "810")) == 2


def test_nothing_is_sent_of_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    home = erp_home(tmp_path, "{channel: erp, profile: generic-csv}")
    put(home, "invoices.csv", INVOICE_ROWS.replace("24,CA,31.20", "1,234,CA").encode(), "erp")
    put(home, "invoice2.csv", INVOICE_ROWS.replace(",24,CA", ",viele,CA").encode(), "erp")
    work(home)
    assert sent(home, "810") == []
    assert max(problems(home)).startswith("Line 3, column Quantity: 'viele' is no number")
    put(home, "invoices.csv", INVOICE_ROWS.encode(), "erp")
    work(home)
    assert len(sent(home, "810")) == 1


def test_a_list_of_json_documents(tmp_path: Path) -> None:
    home = erp_home(tmp_path, "{channel: erp}")
    both = [demo("invoice-7KX2M41Q"), demo("ship-7KX2M41Q")]
    put(home, "all.json", json.dumps(both).encode(), "erp")
    assert work(home).documents == 2
    assert problems(home) == []


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"document_type": 7}, "document_type is 7; this form takes purchase_order"),
        ({"document_type": "invoice", "control": 5}, "does not say whom it is for"),
        ({"document_type": "functional_acknowledgment"}, "'functional_acknowledgment'; this form takes"),
        ([{"document_type": "invoice"}, {}], "document 2 of the file: it has no document_type"),
        ([], "it is not an object in braces"),
    ],
)
def test_json_that_is_no_document(tmp_path: Path, content: Any, words: str) -> None:
    home = erp_home(tmp_path, "{channel: erp}")
    put(home, "x.json", json.dumps(content).encode(), "erp")
    assert work(home).quarantined == 1
    assert words in problems(home)[0]


def test_a_wrong_idoc_names_the_element(tmp_path: Path) -> None:
    home = erp_home(tmp_path, "{channel: erp, profile: sap-idoc}")
    put(home, "invoic.xml", invoice_idoc().replace("24.000<", "24.0x0<").encode(), "erp")
    put(home, "invoic2.xml", invoice_idoc().replace("748.80", "700.00").encode(), "erp")
    put(home, "desadv.xml", invoice_idoc().encode(), "erp")
    work(home)
    told = " ".join(problems(home))
    assert "Line 000002: the quantity 24.0x0 (MENGE) is no number." in told
    assert "Line 000002: the net value 700.00 by the quantity 24.000 is no price" in told
    assert "makes no document" in told
    assert sent(home, "810") == []


PACKED = "<E1EDL44><POSNR>000020</POSNR><VEMNG>24.000</VEMNG><VEMEH>CS</VEMEH></E1EDL44>"


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        (PACKED, "", "item 000020 (EX-MG-04) is in no handling unit (E1EDL37); pack it in SAP"),
        (PACKED, PACKED.replace("24.000", "23.000"), "24.000 are delivered, and 23 are in handling units"),
        (PACKED, PACKED.replace("000020", "000099"), "item 000020 (EX-MG-04) is in no handling unit"),
        (PACKED, PACKED + PACKED.replace("000020", "000099"), "holds item 000099, which"),
        ("<POSEX>2</POSEX>", "", ""),
        ("<QUALI>001</QUALI>", "<QUALI>002</QUALI>", "names no order of the customer"),
        ("CS<", "KAR<", "unit KAR is not known; write its X12 code into the stylesheet"),
        ("LBR<", "TNE<", "unit TNE is not known"),
    ],
)
def test_nothing_of_a_delivery_is_left_out(tmp_path: Path, before: str, after: str, words: str) -> None:
    home = erp_home(tmp_path, "{channel: erp, profile: sap-idoc}")
    assert before in delivery_idoc()
    put(home, "desadv.xml", delivery_idoc().replace(before, after).encode(), "erp")
    assert work(home).quarantined == bool(words)
    assert words in " ".join(problems(home))
    assert len(sent(home, "856")) == (not words)


def test_items_of_no_quantity_need_no_handling_unit(tmp_path: Path) -> None:
    home = erp_home(tmp_path, "{channel: erp, profile: sap-idoc}")
    main = "<E1EDL24><POSNR>000001</POSNR><MATNR>EX-MG-04</MATNR><LFIMG>0.000</LFIMG></E1EDL24>"
    put(home, "desadv.xml", delivery_idoc().replace("<E1EDL37>", main + "<E1EDL37>", 1).encode(), "erp")
    assert work(home).quarantined == 0
    assert len(sent(home, "856")) == 1


def test_an_unknown_unit_of_an_invoice_is_told_as_that(tmp_path: Path) -> None:
    home = erp_home(tmp_path, "{channel: erp, profile: sap-idoc}")
    put(home, "invoic.xml", invoice_idoc().replace("CS<", "KAR<").encode(), "erp")
    assert work(home).quarantined == 1
    assert "Line 000002: unit KAR is not known" in " ".join(problems(home))


HOSTILE = {
    "laughs": '<!DOCTYPE a [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]><INVOIC02>&b;</INVOIC02>',
    "entity": '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><INVOIC02>&x;</INVOIC02>',
    "dtd": '<!DOCTYPE a SYSTEM "http://127.0.0.1:9/a.dtd"><INVOIC02/>',
    "include": '<INVOIC02><x:include xmlns:x="http://www.w3.org/2001/XInclude" href="file:///etc/passwd"/></INVOIC02>',
    "deep": "<a>" * 5000 + "</a>" * 5000,
    "text": "<INVOIC02>" + "x" * 11_000_000 + "</INVOIC02>",
}


@pytest.mark.parametrize("profile", ["sap-idoc", "plain-xml"])
def test_hostile_xml_is_refused_with_words(tmp_path: Path, profile: str) -> None:
    home = erp_home(tmp_path, f"{{channel: erp, profile: {profile}}}")
    for name, content in HOSTILE.items():
        put(home, f"invoic-{name}.xml", content.encode(), "erp")
    assert work(home).quarantined == len(HOSTILE)
    told = problems(home)
    assert len(told) == len(HOSTILE)
    words = ("DTD", "XInclude", "this is not XML", "no document", "makes no document", "characters")
    assert all(any(word in one for word in words) for one in told), told
    assert not any("root:" in one for one in told)


# --- settings --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("channel", "words"),
    [
        ("{channel: erp, profile: sap}", "there is no profile 'sap'. Known: flat-file, generic-csv"),
        ("{channel: erp, direction: in}", "direction 'in': choose of both, to_erp, from_erp"),
        ("{channel: erp, partner: nobody}", "there is no partner 'nobody'"),
        ("{channel: erp, marker: done}", "marker 'done': write a dot and an ending"),
        ('{channel: erp, forms: [{name: "x.csv"}]}', "it would be the same for every file"),
        ('{channel: erp, forms: [{name: "{po}.csv"}]}', "there is no {po}; known: advice_number"),
        ('{channel: erp, forms: [{name: "{number/x"}]}', "there is no {{}"),
        ("{channel: erp, forms: [{documents: [order]}]}", "'order' is no type of document"),
        ("{channel: erp, form: [{documents: [order]}]}", "Did you mean 'forms'?"),
        ("{channel: acme-retail}", "the channel 'acme-retail' is in use already"),
    ],
)
def test_settings_that_are_wrong(tmp_path: Path, channel: str, words: str) -> None:
    make_home(tmp_path)
    set_in(
        tmp_path, "gateway.yaml", "  channel: erp                # default erp", f"  channels: [{channel}]"
    )
    with pytest.raises(ConfigurationError) as caught:
        load(tmp_path)
    assert words in " ".join(f"{one.message} {one.hint}" for one in caught.value.problems)


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ("{shape: nowhere}", "mappings/erp/nowhere.yaml was not found"),
        ("{shape: json, encoding: cp1252}", "encoding 'cp1252': for shape files"),
        ("{shape: generic_order, encoding: klingon}", "encoding 'klingon'"),
        ("{shape: broken}", "there is no document type"),
    ],
)
def test_shape_files_that_are_wrong(
    tmp_path: Path, form: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    home = erp_home(tmp_path, f"{{channel: erp, forms: [{form}]}}")
    (home / "mappings/erp").mkdir(parents=True)
    (home / "mappings/erp/broken.yaml").write_text("shape: csv\ndocument: order\ncolumns: {A: ~}\n")
    with pytest.raises(ConfigurationError) as caught:
        work(home)
    assert words in " ".join(one.message for one in caught.value.problems)
    assert main(["doctor", "--config", str(home)]) == 3
    assert words in capsys.readouterr().out


def test_a_shape_and_profile_of_the_home(tmp_path: Path) -> None:
    home = erp_home(tmp_path, "{channel: erp, forms: [{shape: mine, encoding: cp1252}]}")
    (home / "mappings/erp").mkdir(parents=True)
    columns = '{PO: po_number, NAME: "parties[role=ship_to].name"}'
    (home / "mappings/erp/mine.yaml").write_text(
        f"shape: csv\ndocument: purchase_order\ncolumns: {columns}\n"
    )
    content = interchange(1001, [order(1, "A-1", [LINE])]).replace(b"ACME RETAIL FULFILMENT", b"CAF\xc9")
    put(home, "po.edi", content)
    work(home)
    assert the_file(home) == b"PO,NAME\nA-1,CAF\xc9 RNO4\n"
    (home / "config/erp").mkdir(parents=True)
    (home / "config/erp/own.yaml").write_text("description: ours\nforms: [{shape: mine}]\n")
    set_in(home, "gateway.yaml", "forms: [{shape: mine, encoding: cp1252}]", "profile: own")
    assert work(home).trouble == []


def test_a_997_still_finds_what_a_form_sent(tmp_path: Path) -> None:
    home = erp_home(tmp_path, "{channel: erp, profile: generic-csv}")
    put(home, "invoices.csv", INVOICE_ROWS.encode(), "erp")
    work(home)
    drop(home / f"folders/{PARTNER}/inbox", "997.edi", acknowledgment(2001, 1, "R"))
    work(home)
    assert "ES-1077" in problems(home)[0]


@pytest.mark.parametrize("profile", ["plain-xml", "generic-csv"])
def test_a_document_that_waited_is_written_in_its_form_with_the_names_it_waited_for(
    tmp_path: Path, profile: str
) -> None:
    home = erp_home(tmp_path / "home", f"{{channel: erp, profile: {profile}}}")
    with (home / f"partners/{PARTNER}.yaml").open("a") as file:
        file.write("\nitems: {mode: require}\n")
    put(home, "po.edi", interchange(1, [order(1, "7KX2M41Q", [LINE])]))
    work(home)
    assert outbox(home) == {}
    arguments = ["item", "add", "--erp-sku", "OURS-1", "--partner", PARTNER, "--vendor-sku", "EX-KT-17"]
    assert main([*arguments, "--asin", "B0C1KETTL3", "--config", str(home)]) == 0
    work(home)
    content = the_file(home)
    assert b"EX-KT-17" in content
    if profile == "plain-xml":
        assert b'<id type="erp_sku">OURS-1</id>' in content
