"""``edigw explain``: what a problem code means, what it does to an acknowledgment, and what to do."""

from __future__ import annotations

import argparse
from dataclasses import asdict, dataclass, replace
from difflib import get_close_matches

from gateway.cli.exit_codes import ExitCode

_ACK = {"ta1": "TA105", "ak3": "AK304", "ak4": "AK403", "ak5": "AK502", "ak9": "AK905"}
_IMPLEMENTATION_ACK = {"ak3": "IK304", "ak4": "IK403", "ak5": "IK502"}


# Codes of documents on their way to X12 that have no table of their own, and those of exceptions.
_OTHERS: dict[str, tuple[str, str]] = {
    "DOC-DIFFERENT": (
        (
            "A field would not come back as it is: what is written is read again and compared before it "
            "leaves. Usually a value is not in the form its rule writes, such as a number with a "
            "superfluous zero."
        ),
        "Write the value as the message says.",
    ),
    "DOC-ENVELOPE": (
        (
            "The interchange cannot be addressed: sender, receiver or a control number is missing, too "
            "long, or holds a separator."
        ),
        "Correct `control` in the document, or the identifiers of the partner or of yourself.",
    ),
    "DOC-EXTENSION": (
        (
            "An entry of `extensions` cannot be written back: its address has no place in the guide, or "
            "its form is not that of an extension."
        ),
        "Keep extensions as they were received, or leave them out.",
    ),
    "DOC-LOST": (
        "A field is in no rule of the mapping, or in no place that the mapping writes, so it would be lost.",
        "Correct its name or place, or add a rule to the mapping.",
    ),
    "DOC-SEPARATOR": (
        (
            "A text holds a character that separates elements, components or segments in this "
            "interchange, or a control character. The receiver would cut it apart."
        ),
        "Take the character out, or agree on other separators with the partner.",
    ),
    "DOC-TYPE": (
        "There is a list where an object or value is needed, or the other way round.",
        "Give the field the form the message asks for.",
    ),
    "CONFIG": (
        "A setting, a guide, a mapping or a partner file is wrong; the message names the file and the key.",
        "Correct the file; `edigw` checks all of them before it does anything.",
    ),
    "GUIDE": (
        "A guide (schemas/x12/...) cannot be read or contradicts itself.",
        "Correct the guide, or remove it so that the one that came with edigw is used.",
    ),
    "MAPPING": (
        "A mapping (mappings/x12/...) cannot be read or does not fit its guide.",
        "Run `edigw map check`, which names every fault with its line.",
    ),
    "SHAPE": (
        "A shape file (mappings/erp/...) cannot be read, or does not fit its document.",
        "Correct what the messages name; docs/reference/shapes.md has the keys.",
    ),
    "DOCUMENT": (
        "A document cannot be written as X12; each reason is told with its place in the document.",
        "Correct the fields that are named.",
    ),
    "NOT-FOUND": ("What was asked for does not exist.", "Check the name."),
    "RESOURCE-NOT-FOUND": (
        "A guide, mapping or configuration file is in none of the places where it is looked for.",
        "Check the name, and the folders in the message.",
    ),
    "REFUSED": (
        "The state of a message, or an earlier one like it, forbids the action. Nothing was changed.",
        "Read the reason; what was sent once is not sent again in silence.",
    ),
    "TRANSPORT": ("The other side or the network failed.", "Try again; if it stays, ask whom it belongs to."),
    "INTERNAL": ("A promise of this software is broken.", "Please report it with the command and the file."),
    "EDIGW-ERROR": ("An error without a name of its own; its message says more.", "Read the message."),
}


@dataclass(frozen=True, slots=True)
class Entry:
    """What is known of one code."""

    code: str
    about: str
    explanation: str
    hint: str
    message: str = ""
    severity: str = "error"
    level: str = ""
    fault: str = ""
    ack: tuple[dict[str, str], ...] = ()


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command of this module."""
    explain = subparsers.add_parser(
        "explain",
        help="what a problem code means and what to do",
        description="Explains a problem code; without one, lists all.",
    )
    explain.add_argument("code", metavar="CODE", nargs="?", help="for example X12-SE-COUNT")
    explain.add_argument("--json", action="store_true", help="print JSON")
    explain.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """``edigw explain``."""
    import sys

    from gateway.cli.output import say, table, visible, write_json

    known = entries()
    if args.code is None:
        if args.json:
            write_json({"codes": [asdict(entry) for entry in known.values()]})
        else:
            rows = [(entry.code, entry.severity, _first(entry.explanation)) for entry in known.values()]
            sys.stdout.write(table(rows))
        return ExitCode.FINE
    code = args.code.upper()
    if code not in known:
        near = get_close_matches(code, known, n=3, cutoff=0.5)
        near = near or [name for name in known if code.removeprefix("X12-") in name][:3]
        hint = f" The nearest: {', '.join(near)}." if near else " `edigw explain` lists all."
        say(visible(f"edigw explain: there is no code {args.code!r}.{hint}"))
        return ExitCode.NOT_FOUND
    if args.json:
        write_json(asdict(known[code]))
    else:
        sys.stdout.write(_words(known[code]))
    return ExitCode.FINE


def entries() -> dict[str, Entry]:
    """Every code, in the order of its table."""
    from gateway.documents import validation
    from gateway.mapping import problems as mapping
    from gateway.services import problems as services
    from gateway.x12 import problems as x12
    from gateway.x12.acknowledgment import exact
    from gateway.x12.answer import meaning

    found: list[Entry] = []
    catalogues = {"X12": x12.CATALOGUE, "mapping": mapping.CATALOGUE, "home": services.CATALOGUE}
    for about, catalogue in catalogues.items():
        for code, kind in catalogue.items():
            said = kind.ack.to_dict()
            # A 999 is told of only where it says something else.
            other = {k: v for k, v in exact(code, kind.ack).to_dict().items() if v != said[k]}
            ack = tuple(
                {"element": names[place], "code": value, "meaning": meaning(place, value)}
                for names, given in ((_ACK, said), (_IMPLEMENTATION_ACK, other))
                for place, value in given.items()
                if value and place in names
            )
            weight = (kind.severity.value, kind.level.value, kind.fault.value)
            found.append(Entry(code, about, kind.explanation, kind.hint, kind.message, *weight, ack))
    from gateway.shapes.form import EXPLANATIONS

    weights = {"SHAPE-UNWRITTEN": "info"}
    found += [
        Entry(code, "shape", *texts, severity=weights.get(code, "error"), fault="us")
        for code, texts in EXPLANATIONS.items()
    ]
    hint = "The message names the field and what it should hold."
    found += [
        Entry(code, "document", text, hint, fault="us") for code, text in validation.EXPLANATIONS.items()
    ]
    for code, texts in _OTHERS.items():
        about, fault = ("document", "us") if code.startswith("DOC-") else ("edigw", "")
        found.append(Entry(code, about, *texts, fault=fault))
    return {one.code: replace(one, hint=_plain(one.hint), message=_plain(one.message)) for one in found}


def _plain(template: str) -> str:
    """A message with its blanks shown as names: ``{value!r}`` becomes ``<value>``."""
    import re

    named = re.sub(r"(?<!\{)\{(\w+)[^{}]*\}", r"<\1>", template)
    return named.replace("{{", "{").replace("}}", "}")


def _first(text: str) -> str:
    """The first sentence, cut to a line."""
    sentence = text.split(". ", maxsplit=1)[0].rstrip(".")
    return sentence if len(sentence) <= 80 else sentence[:79].rsplit(" ", 1)[0] + " …"


_WHOSE = {
    "partner": "the partner's",
    "us": "yours",
    "configuration": "yours: settings, guides or mappings",
    "network": "nobody's yet: try again",
}


def _words(entry: Entry) -> str:
    from textwrap import fill

    level = f", about the {entry.level.replace('_', ' ')}" if entry.level else ""
    lines = [f"{entry.code}: {entry.severity}{level}", ""]
    if entry.message:
        lines += [fill(entry.message, 100, initial_indent="  ", subsequent_indent="  "), ""]
    lines += [fill(entry.explanation, 100), ""]
    if entry.hint:
        lines.append(fill(entry.hint, 100, initial_indent="What to do: ", subsequent_indent="  "))
    if entry.fault:
        lines.append(f"Whose move: {_WHOSE[entry.fault]}")
    for said in entry.ack:
        where = {"T": "TA1", "A": "997", "I": "999"}[said["element"][0]]
        words = said["meaning"]
        lines.append(f"In a {where}: {said['element']} = {said['code']}{words and f', {words}'}")
    return "\n".join(lines) + "\n"
