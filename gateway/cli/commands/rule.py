"""``edigw rule …``: the rules of vendors, and a document held against them before it is sent."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any

from gateway.cli import inputs
from gateway.cli.exit_codes import ExitCode
from gateway.cli.output import cut, say, show, table, visible, write_json
from gateway.errors import ConfigurationError, DocumentError, NotFoundError, Problem

if TYPE_CHECKING:
    from gateway.rules.rule import Applied


def register(commands: inputs.Commands) -> None:
    """Adds the commands of this noun."""
    verbs = inputs.noun(
        commands, "rule", "what partners check, checked before it is sent", "Rules of vendors."
    )
    listed = inputs.command(verbs, "list", run_list, json="one JSON list, with explanations")
    checked = inputs.command(verbs, "check", run_check, json="one JSON object: documents with their problems")
    checked.add_argument("file", metavar="FILE", help="documents as JSON; - for standard input")
    for parser in (listed, checked):
        words = "a partner of the home, or without one a profile, as amazon-na"
        parser.add_argument("--partner", metavar="P", required=parser is checked, help=words)
        inputs.home_option(parser)


def _applied(args: argparse.Namespace) -> tuple[Applied, ...]:
    """The rules of the partner or profile that is named; without one all as they are by themselves."""
    from gateway.partners.agreement import Rules
    from gateway.partners.partner import Identifier, Partner
    from gateway.settings import load, rules_of

    home = inputs.home_of(args)
    if home is not None and args.partner:
        settings = load(home)
        if args.partner not in settings.partners:
            near = settings.partners.nearest(args.partner)
            advice = f" Did you mean {near}?" if near else ""
            raise NotFoundError(f"{home} has no partner {args.partner!r}.{advice}")
        return settings.rules.get(args.partner, ())
    if not args.partner:
        from gateway.rules.rule import Applied
        from gateway.settings import all_rules

        return tuple(Applied(one, one.severity) for one in all_rules().values())
    problems: list[Problem] = []
    somebody = Partner(
        id="nobody",
        name="nobody",
        identifiers=(Identifier(qualifier="ZZ", id="X"),),
        rules=Rules(profile=args.partner),
    )
    found = rules_of(home, somebody, problems)
    if problems:
        raise ConfigurationError(f"There is no usable profile {args.partner!r}.", problems=tuple(problems))
    return found


def run_list(args: argparse.Namespace) -> int:
    """List the rules: what they check, and what they do for a partner."""
    from gateway.services.rules import told

    applied = _applied(args)
    if args.json:
        write_json([told(one) for one in applied])
        return ExitCode.FINE
    rows = [
        (
            one.rule.id,
            "elsewhere" if one.rule.elsewhere else one.severity,
            cut(one.rule.what, 90),
            _given(one),
        )
        for one in applied
    ]
    sys.stdout.write(table(rows, ("RULE", "DOES", "WHAT", "PARAMETERS")))
    if not rows:
        say(f"No rules hold for {args.partner}; `rules` in its file names a profile.")
    return ExitCode.FINE


def _given(one: Applied) -> str:
    from gateway.services.rules import plain

    return " ".join(f"{name}={plain(value)}" for name, value in one.parameters.items())


def run_check(args: argparse.Namespace) -> int:
    """Hold documents against the rules of a partner, without sending them.

    With a home it is known what came and was sent before; without one only the documents themselves are
    looked at, and orders that rules ask for are not known.

    exit code: 0 nothing is wrong, 1 something is
    """
    from datetime import UTC, datetime

    from gateway import engine
    from gateway.documents.validation import explain
    from gateway.rules.rule import Facts, check

    applied = _applied(args)
    told: list[dict[str, Any]] = []
    with inputs.opened(args.file) as file:
        documents = list(engine.json_values(file))
    for one in documents:
        if not isinstance(one, dict):
            raise DocumentError("A document is an object in braces.")
        body = {
            "schema_version": "1",
            **{name: one[name] for name in one if name not in ("partner", "control")},
        }
        problems = list(explain(body))
        if not problems and inputs.home_of(args) is not None:
            problems = _with_store(args, body)
        elif not problems:
            problems = check(body, Facts(), datetime.now(UTC), applied)
        told.append({"document_type": one.get("document_type"), "problems": problems})
    if args.json:
        shown = [one | {"problems": [two.to_dict() for two in one["problems"]]} for one in told]
        write_json({"documents": shown})
    else:
        show(visible(line) for one in told for line in _lines(one))
    return ExitCode.PROBLEMS if any(one["problems"] for one in told) else ExitCode.FINE


def _with_store(args: argparse.Namespace, body: dict[str, Any]) -> list[Problem]:
    """What the rules say with what the home knows; our own numbers are filled in as when it is sent."""
    from gateway.cli.commands.audit import gateway_of
    from gateway.services import rules

    with gateway_of(args) as gateway:
        return rules.tried(gateway.services, args.partner, body)


def _lines(one: dict[str, Any]) -> list[str]:
    if not one["problems"]:
        return [f"{one['document_type']}: nothing is wrong by the rules of this partner."]
    found = []
    for two in one["problems"]:
        place = two.location.pointer or "the document"
        found += [f"{two.severity.value}  {two.message}  [{two.code} at {place}]", f"  -> {two.hint}"]
    return found
