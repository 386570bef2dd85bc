"""Writes ``docs/reference/samples.md``: what becomes of each retail document among the real samples, and why.

Usage: ``python -m tests.sample_table``. The samples are no part of the project; see :mod:`tests.samples`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import gateway
from gateway.errors import Problem
from gateway.x12.envelope import InterchangeAcknowledgment, TransactionSet
from gateway.x12.parser import TECHNICAL
from tests import samples

PAGE = Path(__file__).resolve().parents[1] / "docs" / "reference" / "samples.md"

SETS = ("850", "855", "856", "810", "820", "860", "865", "846", "824", "864", "997", "999", TECHNICAL)
"""The sets of which every one is to be translated or rejected for a right reason."""

_HEAD = """\
# The samples: what is translated, what is rejected, and why

Documents that others wrote, collected from public sources: many are tests of other translators and wrong on
purpose. They are not part of the project. Sets of other releases than 004010 and 005010 are read with the
nearest guide before them. `python -m tests.sample_table` writes this page.
""".splitlines()

_NO_GUIDE = """
No guide serves releases before 004010, whose dates have six digits, nor sets outside a functional group, nor
what is no release at all (`00403`, `999999`).
""".splitlines()

OUTCOMES = ("translated", "rejected", "no guide")

#: Why files are rejected, judged by reading them: words, then the names of the files without ``.edi``.
WHY: dict[str, str] = {
    "SE01 counts other segments than there are, so that some may be missing": """
        820_005010X218_apimeister-x12-types_1 846_004010_eskrano-php-edi-coedition_1
        850_004010_pypi-x12-doctor_10 850_005010_akhil63422-agentic-edi-platform_4
        850_005010_apimeister-x12-types_4 855_005010_prendleman-sterling-edi-app_2
        855_005010_prendleman-sterling-edi-app_3 856_004010_apimeister-x12-types_2
        856_004010_apimeister-x12-types_3 864_004060_roserocket-roserocket-edi-template_1""",
    "The control number of SE is not that of ST; made so on purpose": """
        810_004010_pypi-x12-doctor_8""",
    "The set ends without SE; made so on purpose": """
        850_004010_pypi-x12-doctor_8""",
    "Two sets of one group have the same control number, and a third has filler for codes": """
        997_004010VICS_bots-edi-bots-plugins_2""",
    "Lines of comment stand where segments belong": """
        malformed_00401_forworddash-edi-parser_1""",
    "A fragment for the test of an editor: no lines, or no BEG": """
        850_004010_hellooops-vscode-edi-support_1 850_004010_hellooops-vscode-edi-support_10
        850_004010_hellooops-vscode-edi-support_12 850_004010_hellooops-vscode-edi-support_13
        850_004010_hellooops-vscode-edi-support_14 850_004010_indice-co-edi-net_5
        850_004010_joeoakes-javaedi850_1 856_004010_apimeister-x12-types_1""",
    "The count of lines in CTT01 is wrong; made so on purpose": """
        810_004010_pypi-x12-doctor_12""",
    "A charge without its code (SAC02), half an agency code, and CTT01 counts too few lines": """
        850_004010_hellooops-vscode-edi-support_2 850_004010_hellooops-vscode-edi-support_3""",
    "Segments in another order than that of the standard: ISS before TDS": """
        810_004010_inteligenz-x12parser_5""",
    "Segments in another order than that of the standard: TD5 before TD1": """
        856_004010_pypi-x12-doctor_2 856_004010_pypi-x12-doctor_6 856_004010_pypi-x12-doctor_7
        856_004010_pypi-x12-doctor_8 856_004010_pypi-x12-doctor_11 856_004010_pypi-x12-doctor_16""",
    "Segments in another order than that of the standard, and dates of six digits": """
        856_004010_pypi-x12-doctor_13""",
    "A quantity and a price without unit of measure, which the standard demands together": """
        810_004010_kputnam-stupidedi_1""",
    "Written by somebody without the standard at hand: the order number where the order date belongs": """
        810_004010_sinchanagv24-invoice-agent-x12-starter_2
        810_004010_sinchanagv24-invoice-agent-x12-starter_6
        810_004010_sinchanagv24-invoice-agent-x12-starter_8 810_005010_prendleman-sterling-edi-app_2
        810_005010_prendleman-sterling-edi-app_3""",
    "Elements are one place off: a product id qualifier stands in the place of another element": """
        850_004010_davidcoles-medici_1 850_005010_prendleman-sterling-edi-app_2
        855_004010_apimeister-x12-types_1""",
    "CUR without the party whose currency it is": """
        850_004010_jogro-code-shopify-edi-app_1""",
    "Filler in the place of codes: AA for a trailer, 19 for a date format, XX for a product id": """
        850_004010_bots-edi-bots-plugins_7 850_004010_bots-edi-bots-plugins_8
        850_004010_bots-edi-bots-plugins_9 856_004010_bots-edi-bots-plugins_3""",
    "The name of a state is written out where a code of two letters belongs": """
        850_004010_indice-co-edi-net_4""",
    "Units of measure in words, which is its point, and BAK without its date": """
        855_004010_pypi-x12-doctor_11""",
    "BAK has no date (BAK04), which the standard demands": """
        855_004010_pypi-x12-doctor_5 855_004010_pypi-x12-doctor_7 855_004010_pypi-x12-doctor_9
        855_004010_pypi-x12-doctor_13 855_004010_pypi-x12-doctor_15""",
    "Separators and segment ends are mixed up inside segments": """
        846_004010_inteligenz-x12parser_2 856_004010_freight-trust-libedi_1
        856_004010_kputnam-stupidedi_1""",
    "A segment id that does not exist: TX1, meant is TXI": """
        820_004010_inteligenz-x12parser_1""",
    "REF and DTM directly below ENT, where the 820 of the standard has no place for them": """
        820_004010UCS_bots-edi-bots-plugins_1 820_004010UCS_bots-edi-bots-plugins_2
        820_004010VICS_bots-edi-bots-plugins_1 820_004030VICS_bots-edi-bots-plugins_2
        820_004030_bots-edi-bots-plugins_2 820_004030_bots-edi-bots-plugins_4""",
    "AK4 has an element more than its release knows": """
        997_004010X098_inteligenz-x12parser_1""",
    "An acknowledgment that does not say what it acknowledges": """
        997_004010_pypi-x12-doctor_4""",
    "Made wrong on purpose: values outside codes and lengths": """
        997_005010X230_xlate-staedi_3 999_005010X231_xlate-staedi_1""",
    "It names a set control number of three digits; four are the least": """
        999_005010X231_inteligenz-x12parser_1""",
    "TA1 has an element more than it may": """
        ta1_00501_inteligenz-x12parser_1""",
}


@dataclass(frozen=True)
class Outcome:
    """What became of one transaction set; ``release`` is empty for a TA1 and outside groups."""

    file: str
    set_id: str
    version: str
    outcome: str
    problems: tuple[Problem, ...]

    @property
    def release(self) -> str:
        return self.version[:6]


def outcomes(directory: Path) -> Iterator[Outcome]:
    """What becomes of all sets of :data:`SETS` in the samples."""
    for file in sorted(samples.index(directory)):
        for event in gateway.read(directory / file):
            if isinstance(event, TransactionSet):
                set_id, version = event.set_id, event.group.version if event.group else ""
            elif isinstance(event, InterchangeAcknowledgment):
                set_id, version = TECHNICAL, ""
            else:
                continue
            if set_id in SETS:
                errors = tuple(one for one in event.problems if one.is_error)
                unknown = isinstance(event, TransactionSet) and event.guide is None
                outcome = "no guide" if unknown else "rejected" if event.document is None else "translated"
                yield Outcome(file.removesuffix(".edi"), set_id, version, outcome, errors)


def reasons() -> dict[str, str]:
    """The words of :data:`WHY` by file."""
    return {file: words for words, files in WHY.items() for file in files.split()}


def told(found: list[Outcome]) -> str:
    """The problems of a file in short, the most frequent first."""
    counts = Counter((one.code, one.location.address) for outcome in found for one in outcome.problems)
    shown = [
        f"{code.removeprefix('X12-')} {address}".rstrip() + (f" ({count} times)" if count > 1 else "")
        for (code, address), count in counts.most_common(4)
    ]
    more = len(counts) - len(shown)
    return "; ".join([*shown, *([f"{more} more"] if more else [])])


def page(directory: Path) -> str:
    """The text of the page."""
    found = list(outcomes(directory))
    total = Counter(one.outcome for one in found)
    lines = [
        *_HEAD,
        "",
        f"{len(found)} sets: {', '.join(f'{total[name]} {name}' for name in OUTCOMES)}.",
        "",
        "| set | release | sets | translated | rejected | no guide |",
        "| --- | --- | ---: | ---: | ---: | ---: |",
    ]
    counts: dict[tuple[str, str], Counter[str]] = {}
    for one in found:
        counts.setdefault((one.set_id, one.release), Counter())[one.outcome] += 1
    for (set_id, release), count in sorted(
        counts.items(), key=lambda row: (SETS.index(row[0][0]), row[0][1])
    ):
        shown = " | ".join(str(count[name] or "") for name in OUTCOMES)
        place = release or ("any" if set_id == TECHNICAL else "outside a group")
        lines.append(f"| {set_id} | {place} | {count.total()} | {shown} |")
    rejected: dict[str, list[Outcome]] = {}
    for one in found:
        if one.outcome == "rejected":
            rejected.setdefault(one.file, []).append(one)
    words = reasons()
    lines += [
        *_NO_GUIDE,
        "",
        f"## Rejected: {len(rejected)} files",
        "",
        "Problem codes are those of [the table](problem-codes.md) without `X12-`.",
    ]
    files: dict[str, list[str]] = {}
    for file in rejected:
        files.setdefault(words.get(file, "Not judged yet"), []).append(file)
    for why in [*(one for one in WHY if one in files), *(one for one in files if one not in WHY)]:
        lines += ["", f"**{why}.**", "", "| file | sets | problems |", "| --- | --- | --- |"]
        for file in files[why]:
            named = ", ".join(dict.fromkeys(f"{one.set_id} {one.version}".rstrip() for one in rejected[file]))
            lines.append(f"| `{file}` | {named} | {told(rejected[file])} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Write the page."""
    directory = samples.directory()
    if directory is None:
        raise SystemExit(samples.ABSENT)
    PAGE.write_text(page(directory), "utf-8")


if __name__ == "__main__":
    main()
