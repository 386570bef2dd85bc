"""``edigw init`` and ``edigw run-once``: a home for a gateway, and one pass over its channels."""

from __future__ import annotations

import argparse
import json
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.errors import RefusedError

if TYPE_CHECKING:
    from gateway.app import Pass

EXAMPLE = ("config/partners/example.yaml", "acme-retail")
"""The partner a new home begins with: shipped file, partner id."""

_NEXT = f"""\
{{home}} is ready.

  gateway.yaml                   who you are; begin here
  partners/{EXAMPLE[1]}.yaml      a made-up partner: copy it for each of yours
  folders/{EXAMPLE[1]}/inbox      files from the partner (X12)
  folders/{EXAMPLE[1]}/outbox     files for the partner (X12, acknowledgments)
  folders/erp/outbox             documents for your own system (JSON)
  folders/erp/inbox              documents from your own system (JSON)
  folders/*/quarantine           files that need a person, each with its .problem.txt

Put a file into an inbox and run:  edigw run-once --config {{home}}
See it at work first:              edigw demo
"""


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the commands of this module."""
    init = subparsers.add_parser(
        "init",
        help="make a home: settings, an example partner, folders",
        description="Makes a home for a gateway: commented settings, an example partner and the folders. "
        "Files that are there are never overwritten.",
    )
    init.add_argument("dir", metavar="DIR", type=Path, help="where; made if it is not there")
    init.set_defaults(run=run_init)
    once = subparsers.add_parser(
        "run-once",
        help="one pass over all inboxes, then exit",
        description="Takes every complete file from the inboxes, translates it, acknowledges it and delivers "
        "the results. Exit code 1 tells that files went to quarantine, 5 that a folder could not be used.",
    )
    once.add_argument("--config", metavar="DIR", type=Path, help="the home (default: EDIGW_HOME)")
    once.add_argument("--json", action="store_true", help="print what was done as JSON")
    once.set_defaults(run=run_once)


def make_home(home: Path) -> None:
    """Makes a home.

    Raises:
        RefusedError: there is one already.
    """
    from gateway import resources
    from gateway.app import DATA, FOLDERS, KEYS
    from gateway.settings import GATEWAY_FILE, PARTNERS_FOLDER, load
    from gateway.transports.folder import Folder

    if (home / GATEWAY_FILE).exists():
        raise RefusedError(f"{home} is a home already; nothing was changed.")
    (home / PARTNERS_FOLDER).mkdir(parents=True, exist_ok=True)
    for name in (DATA, KEYS):
        (home / name).mkdir(mode=0o700, exist_ok=True)
    source, partner = EXAMPLE
    # The settings come last: without them a home that was only half made can be made again.
    for resource, path in (
        (source, home / PARTNERS_FOLDER / f"{partner}.yaml"),
        ("config/gateway.yaml", home / GATEWAY_FILE),
    ):
        if not path.exists():
            path.write_bytes(resources.find(resource).read_bytes())
    for channel in load(home).channels:
        Folder(home / FOLDERS / channel, 0).make()


def run_init(args: argparse.Namespace) -> int:
    """``edigw init DIR``."""
    make_home(args.dir)
    print(_NEXT.format(home=args.dir), end="")  # noqa: T201
    return 0


def run_once(args: argparse.Namespace) -> int:
    """``edigw run-once``."""
    home = args.config or (Path(os.environ["EDIGW_HOME"]) if os.environ.get("EDIGW_HOME") else None)
    if home is None:
        print("edigw run-once: name the home with --config DIR or EDIGW_HOME.", file=sys.stderr)  # noqa: T201
        return 2
    from gateway.app import Gateway
    from gateway.observability.logging import configure
    from gateway.services.x12 import X12
    from gateway.settings import load

    settings = load(home)
    configure()
    with Gateway(home, settings, X12(home)) as gateway:
        done = gateway.run_once()
    print(json.dumps(asdict(done)) if args.json else _words(done))  # noqa: T201
    if done.trouble or done.unfinished:
        return 5
    return 1 if done.quarantined else 0


def _words(done: Pass) -> str:
    def count(number: int, one: str) -> str:
        return f"{number} {one}{'' if number == 1 else 's'}"

    text = (
        f"{count(done.received, 'file')} received, {count(done.documents, 'document')} translated, "
        f"{count(done.acknowledgments, 'acknowledgment')} written, "
        f"{count(done.delivered, 'file')} delivered, {done.quarantined} in quarantine."
    )
    return text + (f" {done.unfinished} to be tried again." if done.unfinished else "")
