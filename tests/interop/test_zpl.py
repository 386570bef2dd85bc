"""ZPL drawn by zebrash, which is nobody's printer but read the same manual, and its bars read by zxing."""

from __future__ import annotations

import subprocess
from base64 import b64decode
from pathlib import Path

import pytest
from PIL import Image

from gateway.labels.fonts import Fonts
from gateway.labels.label import labels
from gateway.labels.layout import LAYOUTS, PAGES
from gateway.labels.output import printed
from tests.interop.environments import ENVIRONMENT, Unavailable, zebrash
from tests.labels import address, notice, picture, read, sscc
from tests.unit.labels.test_output import GREEK, wanted

DPMM = {203: 8, 300: 12}
"""The dots a millimetre that the renderer knows: a printer of 300 dpi has 11.8."""


def drawn(zpl: bytes, folder: Path, dpi: int, size: str) -> list[Image.Image]:
    try:
        command = zebrash()
    except Unavailable as error:
        pytest.skip(f"no zebrash: {error}")
    (folder / "labels.zpl").write_bytes(zpl)
    told = [folder / "labels.zpl", *map(str, PAGES[size]), str(DPMM[dpi])]
    done = subprocess.run(
        [str(one) for one in (*command, *told)], env=ENVIRONMENT, check=True, capture_output=True, timeout=120
    )
    return [picture(b64decode(line)) for line in done.stdout.split()]


@pytest.mark.slow
@pytest.mark.needs_system
@pytest.mark.parametrize("size", PAGES)
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dpi", DPMM)
def test_bars_of_zpl_say_what_those_of_the_pdf_say(dpi: int, layout: str, size: str, tmp_path: Path) -> None:
    zpl = printed(labels(notice()), "zpl", layout=layout, size=size, dpi=dpi, fonts=Fonts())
    found = drawn(zpl, tmp_path, dpi, size)
    assert [read(one) for one in found] == [wanted(layout, number) for number in (1, 2, 3)]


@pytest.mark.needs_system
def test_letters_in_bars_and_texts_that_would_be_orders_come_through(tmp_path: Path) -> None:
    british = address("A^XZ~JA_1\\B", postal_code="SW1A 1AA", country="GB")
    zpl = printed(labels(notice(parties=[british])), "zpl", layout="amazon", fonts=Fonts())
    found = drawn(zpl, tmp_path, 203, "4x6")
    assert len(found) == 3
    said = {("(421)826SW1A1AA", "GS1"), (f"(00){sscc(1)[2:]}", "GS1"), ("7KX2M41Q", "Text")}
    assert read(found[0]) == said


@pytest.mark.needs_system
@pytest.mark.skipif(not GREEK.exists(), reason="needs DejaVu Sans (Debian: fonts-dejavu-core)")
def test_other_letters_are_drawn_as_pictures(tmp_path: Path) -> None:
    fonts = Fonts([("DejaVuSans.ttf", GREEK.read_bytes())])
    dark = []
    for name in ("Ακρόπολις", "I"):
        zpl = printed(labels(notice(parties=[address(name)])), "zpl", layout="amazon", fonts=fonts)
        zone = drawn(zpl, tmp_path, 203, "4x6")[0].convert("L").crop((370, 40, 812, 72))
        dark.append(sum(zone.histogram()[:128]))
    assert dark[0] > 3 * dark[1] > 0
