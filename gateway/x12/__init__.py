"""X12: bytes to checked transaction sets and back; no input or output of its own."""
