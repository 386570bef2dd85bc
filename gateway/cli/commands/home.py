"""``edigw init`` and ``edigw run-once``: a home for a gateway, and one pass over its channels."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path

from gateway.cli import inputs
from gateway.cli.exit_codes import ExitCode
from gateway.cli.output import count, show
from gateway.errors import RefusedError

EXAMPLE = "acme-retail"
"""The partner a new home begins with."""

_NEXT = f"""\
{{home}} is ready.

  gateway.yaml                   who you are; begin here
  partners/{EXAMPLE}.yaml      a made-up partner: copy it for each of yours
  routes.yaml                    which way documents go, where a partner has several
  folders/{EXAMPLE}/inbox      files from the partner (X12)
  folders/{EXAMPLE}/outbox     files for the partner (X12, acknowledgments)
  folders/erp/outbox             documents for your own system (JSON)
  folders/erp/inbox              documents from your own system (JSON)
  folders/*/quarantine           files that need a person, each with its .problem.txt

Start it, with its page:           edigw up --config {{home}}
Or work once on what is there:     edigw run-once --config {{home}}
See it at work first:              edigw demo
"""


def register(commands: inputs.Commands) -> None:
    """Adds the commands of this module."""
    init = inputs.command(commands, "init", run_init)
    init.add_argument("dir", metavar="DIR", type=Path, help="where; made if it is not there")
    once = inputs.command(commands, "run-once", run_once, json="print what was done as JSON")
    inputs.home_option(once)


def make_home(home: Path) -> None:
    """Makes a home.

    Raises:
        RefusedError: there is one already.
    """
    from gateway import resources
    from gateway.settings import DATA, FOLDERS, GATEWAY_FILE, KEYS, PARTNERS_FOLDER, ROUTES_FILE, load
    from gateway.transports.folder import Folder

    if (home / GATEWAY_FILE).exists():
        raise RefusedError(f"{home} is a home already; nothing was changed.")
    (home / PARTNERS_FOLDER).mkdir(parents=True, exist_ok=True)
    for name in (DATA, KEYS):
        (home / name).mkdir(mode=0o700, exist_ok=True)
    # The settings come last: without them a home that was only half made can be made again.
    partner = home / PARTNERS_FOLDER / f"{EXAMPLE}.yaml"
    files = {"partners/example": partner, "routes": home / ROUTES_FILE, "gateway": home / GATEWAY_FILE}
    for resource, path in files.items():
        if not path.exists():
            path.write_bytes(resources.find(f"config/{resource}.yaml").read_bytes())
    for channel in load(home).channels:
        Folder(home / FOLDERS / channel, 0).make()


def run_init(args: argparse.Namespace) -> int:
    """Make a home: settings, an example partner, folders.

    Makes a home for a gateway: commented settings, an example partner and the folders. Files that are
    there are never overwritten.
    """
    make_home(args.dir)
    sys.stdout.write(_NEXT.format(home=args.dir))
    return ExitCode.FINE


def run_once(args: argparse.Namespace) -> int:
    """One pass over all inboxes, then exit.

    Takes every complete file from the inboxes, translates it, acknowledges it and delivers the results. Exit
    code 1 tells that files went to quarantine, 5 that a folder could not be used.
    """
    home = inputs.home_named(args)
    from gateway.app import Gateway
    from gateway.observability import tracing
    from gateway.observability.logging import configure
    from gateway.settings import load

    settings = load(home)
    configure()
    tracing.configure(settings.gateway.observability.traces)
    with Gateway(home, settings) as gateway:
        done = gateway.run_once()
    if args.json:
        show([json.dumps(asdict(done))])
    else:
        words = (
            f"{count(done.received, 'file')} received, {count(done.documents, 'document')} translated, "
            f"{count(done.acknowledgments, 'acknowledgment')} written, "
            f"{count(done.delivered, 'file')} delivered, {done.quarantined} in quarantine."
        )
        show([words + (f" {done.unfinished} to be tried again." if done.unfinished else "")])
    if done.trouble or done.unfinished:
        return ExitCode.REMOTE
    return ExitCode(bool(done.quarantined))
