"""``edigw label print`` without a home and with one."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from gateway.cli.commands.home import make_home
from gateway.cli.main import main
from tests.homes import demo_home
from tests.labels import NAMELESS, address, notice, picture, read, sscc
from tests.unit.cli.support import Runner


@pytest.fixture
def ship(tmp_path: Path) -> Path:
    path = tmp_path / "ship.json"
    path.write_text(json.dumps(notice()))
    return path


def test_a_file_is_printed_without_a_home(edigw: Runner, ship: Path, tmp_path: Path) -> None:
    done = edigw("label", "print", str(ship), "-o", str(tmp_path / "all.zpl"))
    assert (done.code, done.err) == (0, f"3 labels written to {tmp_path / 'all.zpl'}.\n")
    zpl = (tmp_path / "all.zpl").read_text()
    assert [zpl.count(sscc(number)) for number in (1, 2, 3)] == [1, 1, 1]
    assert "Mixed SKUs" not in zpl, "generic, unless asked for"


@pytest.mark.parametrize(("form", "begins"), [("pdf", b"%PDF-"), ("png", b"\x89PNG"), ("zpl", b"^XA")])
def test_a_folder_gets_a_file_for_each(
    edigw: Runner, ship: Path, tmp_path: Path, form: str, begins: bytes
) -> None:
    (tmp_path / "out").mkdir()
    done = edigw(
        "label", "print", str(ship), "--format", form, "--layout", "amazon", "-o", str(tmp_path / "out")
    )
    assert done.code == 0
    wanted = [
        f"SHIP0042_{kind}_{sscc(n)[2:]}.{form}"
        for n, kind in enumerate(("pallet-1", "carton-1", "carton-2"), 1)
    ]
    assert sorted(one.name for one in (tmp_path / "out").iterdir()) == sorted(wanted)
    assert all(one.read_bytes().startswith(begins) for one in (tmp_path / "out").iterdir())


def test_one_carton_or_pallet_can_be_asked_for(edigw: Runner, ship: Path, tmp_path: Path) -> None:
    for option, number in (("--carton", 2), ("--pallet", 1)):
        out = tmp_path / "one.png"
        assert edigw("label", "print", str(ship), option, str(number), "-o", str(out)).code == 0
        serial = {"--carton": 3, "--pallet": 1}[option]
        assert (f"(00){sscc(serial)[2:]}", "GS1") in read(picture(out.read_bytes()))
    done = edigw("label", "print", str(ship), "--carton", "3")
    assert (done.code, done.err) == (4, "edigw: The shipment has no carton 3 with an SSCC.\n")


def test_several_pictures_need_a_folder(edigw: Runner, ship: Path, tmp_path: Path) -> None:
    done = edigw("label", "print", str(ship), "-o", str(tmp_path / "all.png"))
    assert done.code == 2
    assert "a picture shows one label" in done.err
    assert not (tmp_path / "all.png").exists()


@pytest.mark.parametrize(
    ("content", "code", "words"),
    [
        ("{", 1, "is not JSON"),
        ("[]", 1, "is no ship notice"),
        ('{"document_type": "invoice"}', 1, "is no ship notice"),
        (
            json.dumps(notice(parties=[NAMELESS])),
            1,
            "DOC-LABEL at /parties: The notice has no party `ship_to`",
        ),
        (json.dumps(notice(parties=[address("東京")])), 1, "DOC-FONT: '東京' cannot be printed"),
    ],
)
def test_what_cannot_be_printed_is_told(
    edigw: Runner, tmp_path: Path, content: str, code: int, words: str
) -> None:
    (tmp_path / "wrong.json").write_text(content)
    done = edigw("label", "print", str(tmp_path / "wrong.json"), "-o", str(tmp_path / "out.pdf"))
    assert done.code == code
    assert words in done.err
    assert not (tmp_path / "out.pdf").exists()


def test_the_stored_notice_is_printed_with_the_layout_of_the_partner(edigw: Runner, tmp_path: Path) -> None:
    home = demo_home(tmp_path / "home")
    with (home / "partners/acme-retail.yaml").open("a") as file:
        file.write("\nlabels: {layout: amazon}\n")
    done = edigw("label", "print", "ES-SHIP-77", "--format", "zpl", "--config", str(home))
    assert done.code == 0
    assert ">;>800106141410000000019" in done.out
    assert ">:7KX2M41Q" in done.out, "the order as bars, as amazon has it"
    assert "Example Supplier" in done.out, "the notice says nobody else"
    done = edigw("label", "print", "ES-SHIP-78", "--config", str(home))
    assert (done.code, done.out) == (4, "")
    assert "no ship notice of that number was sent" in done.err


def test_a_font_that_is_not_there_is_told(edigw: Runner, ship: Path, tmp_path: Path) -> None:
    assert edigw("label", "print", str(ship), "--font", str(tmp_path / "no.ttf")).code == 4
    (tmp_path / "no.ttf").write_bytes(b"nothing")
    assert edigw("label", "print", str(ship), "--font", str(tmp_path / "no.ttf")).code == 3


def test_without_the_packages_it_is_told_what_to_install(
    edigw: Runner, ship: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [one for one in sys.modules if one.startswith(("reportlab", "gateway.labels"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "reportlab", None)
    done = edigw("label", "print", str(ship))
    assert done.code == 3
    assert "pip install 'edi-gateway[labels]'" in done.err


@pytest.mark.parametrize(
    ("file", "line", "words"),
    [
        ("partners/acme-retail.yaml", "labels: {sscc: always}", "sscc 'always': choose given or fill"),
        (
            "partners/acme-retail.yaml",
            "labels: {layout: round}",
            "layout 'round': choose one of generic, amazon",
        ),
        ("partners/acme-retail.yaml", "labels: {to_erp: png}", "to_erp 'png': choose pdf or zpl"),
        ("partners/acme-retail.yaml", "labels: {sscc: fill}", "labels: there is no such prefix"),
        ("partners/acme-retail.yaml", "labels: {gs1_prefix: '0614141'}", "labels: there is no such prefix"),
        ("gateway.yaml", "labels: {fonts: ['']}", "fonts: names of at most eight TrueType files"),
    ],
)
def test_settings_are_checked_in_words(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], file: str, line: str, words: str
) -> None:
    make_home(tmp_path / "home")
    with (tmp_path / "home" / file).open("a") as settings:
        settings.write(f"\n{line}\n")
    assert main(["run-once", "--config", str(tmp_path / "home")]) == 3
    assert words in capsys.readouterr().err
