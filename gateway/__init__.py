"""EDI gateway: X12 documents of retailers in and out, checked, translated and acknowledged.

The engine in four functions::

    import gateway

    report = gateway.validate(open("po.edi", "rb"))  # verdict and all problems of a file
    for event in gateway.read(Path("po.edi")):
        ...  # headers, sets with .document, trailers
    orders = list(gateway.translate(Path("po.edi")))  # the internal documents alone
    data = gateway.write(orders)  # documents back to X12
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from gateway.engine import library as library
    from gateway.engine import read as read
    from gateway.engine import translate as translate
    from gateway.engine import validate as validate
    from gateway.engine import write as write

_ENGINE = ("library", "read", "translate", "validate", "write")

__all__ = ["__version__", "library", "read", "translate", "validate", "write"]


def __getattr__(name: str) -> Any:
    # Loaded on first use: the command line asks for the version far more often than for the engine.
    if name in _ENGINE:
        from gateway import engine

        return getattr(engine, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
