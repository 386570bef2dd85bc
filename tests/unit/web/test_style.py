"""The stylesheet: small, from nowhere else, and readable in both colours."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

STATIC = Path(__file__).resolve().parents[3] / "gateway/web/static"
CSS = (STATIC / "edigw.css").read_text(encoding="utf-8")
TONES = ("ok", "busy", "wait", "warn", "error", "refused", "off")
TEXT_ON = [
    *((text, ground) for text in ("text", "muted", "accent") for ground in ("bg", "surface", "raised")),
    *((tone, f"{tone}-soft") for tone in (*TONES, "accent")),
    *((tone, ground) for tone in TONES for ground in ("surface", "bg")),
    *(("text", f"{tone}-soft") for tone in TONES),
    ("error", "raised"),
    ("solid-text", "solid"),
    ("solid-text", "danger"),
]


def tokens(which: int) -> dict[str, str]:
    return {m[1]: m[2 + which] for m in re.finditer(r"--([\w-]+): light-dark\((#\w{6}), (#\w{6})\)", CSS)}


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """WCAG 2.2, contrast ratio."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("which", [0, 1], ids=["light", "dark"])
def test_contrast_of_text_and_fields(which: int) -> None:
    known = tokens(which)
    weak = {pair: contrast(known[pair[0]], known[pair[1]]) for pair in TEXT_ON}
    assert {pair: round(ratio, 2) for pair, ratio in weak.items() if ratio < 4.5} == {}
    assert contrast(known["edge"], known["surface"]) >= 3, "borders of fields (WCAG 1.4.11)"


def test_contrast_is_computed_as_defined() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


def test_nothing_comes_from_elsewhere_and_all_is_small() -> None:
    assert not re.search(r"url\(|@import|@font-face", CSS)
    sizes = {path.name: path.stat().st_size for path in STATIC.iterdir()}
    assert sizes["edigw.css"] < 34_000
    assert sizes["edigw.js"] < 8_000
    assert sum(sizes.values()) < 90_000
    for name in ("edigw.js", "icons.svg", "icon.svg"):
        text = (STATIC / name).read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
        assert "//" not in re.sub(r"(?m)^\s*//.*$", "", text)
        assert "style=" not in text


def test_every_variable_is_defined_and_motion_and_print_are_minded() -> None:
    defined = set(re.findall(r"--([\w-]+):", CSS))
    assert set(re.findall(r"var\(--([\w-]+)", CSS)) <= defined
    for media in ("prefers-reduced-motion", "print", "forced-colors", "max-width: 40rem"):
        assert f"@media ({media})" in CSS or f"@media {media}" in CSS or f"({media}:" in CSS


def test_the_script_of_others_is_the_one_that_was_checked() -> None:
    licence = (STATIC / "htmx.LICENSE").read_text(encoding="utf-8")
    assert "htmx.org@4.0.1" in licence
    assert "Zero-Clause BSD" in licence
    assert 'version="4.0.1"' in (STATIC / "htmx.min.js").read_text(encoding="utf-8").replace("'", '"')
