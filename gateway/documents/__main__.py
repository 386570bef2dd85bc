"""Writes the JSON Schema of a document type to standard output.

``python -m gateway.documents purchase_order``
"""

from __future__ import annotations

import sys

from gateway.documents import document_types
from gateway.documents.schema import json_schema_text
from gateway.errors import NotFoundError


def main(arguments: list[str]) -> int:
    """Write the schema of the named document type and return the exit code."""
    if len(arguments) != 1:
        sys.stderr.write(f"usage: python -m gateway.documents {{{','.join(document_types())}}}\n")
        return 2
    try:
        sys.stdout.write(json_schema_text(arguments[0]))
    except NotFoundError as error:
        sys.stderr.write(f"{error}\n")
        return 4
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
