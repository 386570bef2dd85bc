"""Measures one peer and prints the result as JSON; started by run.py in the environment of the peers.

Usage: ``python measure.py PEER FILE REPEAT [MAPS]``. Time is processor time, from opening the file to the
peer's last result; starting Python and importing the peer are left out. Of the result, ``sets`` says how many
transaction sets the peer saw and ``findings`` how many faults it told.
"""

from __future__ import annotations

import io
import json
import logging
import resource
import sys
import time
from pathlib import Path


def bots(path, _maps):
    """Strict reading with the peer's own grammars; the result is a tree of dictionaries."""
    from edi_parser import parse_edi_file_path

    logging.disable(logging.CRITICAL)
    options = {"charset": "latin-1", "field_validation_mode": "strict"}

    def count(result):
        segments = list((result["data"] or {}).get("children", []))
        for _ in ("GS", "ST"):
            segments = [child for segment in segments for child in segment.get("_children", [])]
        return sum(segment["BOTSID"] == "ST" for segment in segments), len(result["errors"])

    return lambda: parse_edi_file_path(str(path), "x12", "x12", **options), count


def mock_edi(path, _maps):
    """Parse and validate with the peer's own dictionary."""
    from mockedi import validate, x12

    def count(report):
        return len(report.messages), sum(len(message.findings) for message in report.messages)

    return lambda: validate.validate(x12.parse(path.read_text("latin-1"))), count


def pyx12(path, maps):
    """Validate with this project's guides, a map directory of the peer's; the 997 goes to memory."""
    from pyx12.params import ParamsBase
    from pyx12.x12n_document import x12n_document

    logging.disable(logging.CRITICAL)

    def run():
        acknowledgment = io.StringIO()
        with path.open(encoding="latin-1") as source:
            x12n_document(ParamsBase(), source, acknowledgment, None, map_path=maps)
        return acknowledgment.getvalue()

    return run, lambda text: (text.count("AK5*"), text.count("AK3*"))


PEERS = {"bots": bots, "mock-edi": mock_edi, "pyx12": pyx12}


def main():
    """Print ``times`` (seconds), ``peak_mib`` (after the first run), ``sets`` and ``findings``."""
    name, path, repeat, *maps = sys.argv[1:]
    run, count = PEERS[name](Path(path), *(maps or [None]))
    times, peak = [], 0.0
    for _ in range(int(repeat)):
        start = time.process_time()
        result = run()
        times.append(time.process_time() - start)
        peak = peak or resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        sets, findings = count(result)
        del result
    print(json.dumps({"times": times, "peak_mib": peak, "sets": sets, "findings": findings}))


if __name__ == "__main__":
    main()
