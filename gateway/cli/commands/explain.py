"""``edigw explain``: what a problem code means, what it does to an acknowledgment, and what to do."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from difflib import get_close_matches
from textwrap import fill, shorten

from gateway import errors
from gateway.cli import inputs
from gateway.cli.exit_codes import ExitCode
from gateway.cli.output import say, show, table, write_json
from gateway.errors import EdiError

_ACK = {"ta1": "TA105", "ak3": "AK304", "ak4": "AK403", "ak5": "AK502", "ak9": "AK905"}
_IMPLEMENTATION_ACK = {"ak3": "IK304", "ak4": "IK403", "ak5": "IK502"}

_OTHERS = {
    "DOC-DIFFERENT": (
        "A field would not come back as it is: its value is not in the form that its rule writes.",
        "Write the value as the message says.",
    ),
    "DOC-ENVELOPE": (
        "Sender, receiver or a control number is missing, too long, or holds a separator.",
        "Correct `control` in the document, or the identifiers of the partner or of yourself.",
    ),
    "DOC-EXTENSION": (
        "An entry of `extensions` has no place in the guide, or not the form of an extension.",
        "Keep extensions as they were received, or leave them out.",
    ),
    "DOC-FONT": (
        "A text of a label has letters that no font at hand has, or that must be joined to be read.",
        "Name a TrueType font that has them in `labels.fonts` or `--font`, or write in Latin letters.",
    ),
    "DOC-LABEL": (
        "A ship notice lacks what a label must show: an SSCC, or where the shipment goes.",
        "Correct the ship notice; `labels.sscc: fill` of a partner gives SSCCs to all cartons and pallets.",
    ),
    "DOC-LOST": (
        "A field is in no rule of the mapping, or in no place that the mapping writes, so it would be lost.",
        "Correct its name or place, or add a rule to the mapping.",
    ),
    "DOC-SEPARATOR": (
        "A text holds a separator of this interchange or a control character, and would be cut apart.",
        "Take the character out, or agree on other separators with the partner.",
    ),
    "DOC-TYPE": (
        "There is a list where an object or value is needed, or the other way round.",
        "Give the field the form the message asks for.",
    ),
    "SHAPE": (
        "A shape file (mappings/erp/...) cannot be read, or does not fit its document.",
        "Correct what the messages name; docs/reference/shapes.md has the keys.",
    ),
    "RESOURCE-NOT-FOUND": (
        "A guide, mapping or configuration file is in none of the places where it is looked for.",
        "Check the name, and the folders in the message.",
    ),
}
"""Codes without a table of their own: of documents on their way to X12, and of some exceptions."""

_WHOSE = {
    "partner": "the partner's",
    "us": "yours",
    "configuration": "yours: settings, guides or mappings",
    "network": "nobody's yet: try again",
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


def register(commands: inputs.Commands) -> None:
    """Adds the command of this module."""
    explain = inputs.command(commands, "explain", run, json="print JSON")
    explain.add_argument("code", metavar="CODE", nargs="?", help="for example X12-SE-COUNT")


def run(args: argparse.Namespace) -> int:
    """What a problem code means and what to do.

    Explains a problem code; without one, lists all.
    """
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
        say(f"edigw explain: there is no code {args.code!r}.{hint}")
        return ExitCode.NOT_FOUND
    if args.json:
        write_json(asdict(known[code]))
    else:
        show(_words(known[code]))
    return ExitCode.FINE


def entries() -> dict[str, Entry]:
    """Every code, in the order of its table."""
    from gateway.as2 import problems as as2
    from gateway.documents import validation
    from gateway.documents.assist import lists
    from gateway.mapping import problems as mapping
    from gateway.rules import RULES
    from gateway.services import problems as services
    from gateway.shapes.form import EXPLANATIONS
    from gateway.transports import problems as sftp
    from gateway.transports import sp_api_problems as sp_api
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
            hint, message = (_plain(template) for template in (kind.hint, kind.message))
            weight = (kind.severity.value, kind.level.value, kind.fault.value)
            found.append(Entry(code, about, kind.explanation, hint, message, *weight, ack))
    for code, told in (as2.CATALOGUE | sp_api.CATALOGUE).items():
        ack = (
            ({"element": "Disposition", "code": told.disposition, "meaning": ""},) if told.disposition else ()
        )
        about, message = ("AS2" if code in as2.CATALOGUE else "SP-API"), _plain(told.message)
        fault = told.fault.value
        found.append(Entry(code, about, told.explanation, told.hint, message, fault=fault, ack=ack))
    for code, one in sftp.CATALOGUE.items():
        message, hint = _plain(one.message), _plain(one.hint) if "{line}" in one.hint else one.hint
        found.append(Entry(code, "SFTP", one.explanation, hint, message, fault=one.fault.value))
    for rule in RULES.values():
        text = f"{rule.what} Why: {rule.why} Source: {rule.source}."
        text += f" Done by {rule.elsewhere}." if rule.elsewhere else ""
        heavy = "error" if rule.severity == "block" else "warning"
        found.append(Entry(rule.code, "rule", text, rule.hint, severity=heavy, fault=rule.fault.value))
    for code, words in EXPLANATIONS.items():
        severity = "info" if code == "SHAPE-UNWRITTEN" else "error"
        found.append(Entry(code, "shape", *words, severity=severity, fault="us"))
    hint = "The message names the field and what it should hold."
    texts = {code: (text, hint) for code, text in validation.EXPLANATIONS.items()}
    kinds = [one for one in vars(errors).values() if isinstance(one, type) and issubclass(one, EdiError)]
    texts |= {code: (why, hint) for code, (hint, why) in lists.CATALOGUE.items()}
    texts |= _OTHERS | {kind.code: ((kind.__doc__ or "").partition("\n")[0], kind.hint) for kind in kinds}
    for code, words in texts.items():
        about, fault = ("document", "us") if code.startswith(("DOC-", "MADE-")) else ("edigw", "")
        found.append(Entry(code, about, *words, fault=fault))
    return {entry.code: entry for entry in found}


def _plain(template: str) -> str:
    """A message with its blanks shown as names: ``{value!r}`` becomes ``<value>``."""
    named = re.sub(r"(?<!\{)\{(\w+)[^{}]*\}", r"<\1>", template)
    return named.replace("{{", "{").replace("}}", "}")


def _first(text: str) -> str:
    """The first sentence, cut to a line."""
    return shorten(text.split(". ", maxsplit=1)[0].rstrip("."), 80, placeholder=" …")


def _words(entry: Entry) -> Iterator[str]:
    level = f", about the {entry.level.replace('_', ' ')}" if entry.level else ""
    yield f"{entry.code}: {entry.severity}{level}\n"
    if entry.message:
        yield fill(entry.message, 100, initial_indent="  ", subsequent_indent="  ") + "\n"
    yield fill(entry.explanation, 100) + "\n"
    if entry.hint:
        yield fill(entry.hint, 100, initial_indent="What to do: ", subsequent_indent="  ")
    if entry.fault:
        yield f"Whose move: {_WHOSE[entry.fault]}"
    for said in entry.ack:
        where = {"T": "TA1", "A": "997", "I": "999", "D": "receipt (MDN)"}[said["element"][0]]
        words = said["meaning"]
        yield f"In a {where}: {said['element']} = {said['code']}{words and f', {words}'}"
