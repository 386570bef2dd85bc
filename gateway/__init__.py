"""EDI gateway: X12 documents of retailers in and out, checked, translated and acknowledged."""

from __future__ import annotations

__version__ = "0.1.0"
