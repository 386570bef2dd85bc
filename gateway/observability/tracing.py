"""Traces by OpenTelemetry: one for each message, across receive, translate and deliver, on whatever node.

Off unless it is asked for; then nothing is imported and nothing costs anything. The ids of a trace and of its
first span are made of the message's id, so that processes which share nothing but the database agree.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from gateway import __version__
from gateway.errors import ConfigurationError

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
_NOTHING: AbstractContextManager[None] = nullcontext()
_first: ContextVar[str] = ContextVar("first", default="")
_tracer: Any = None


def configure(endpoint: str = "") -> None:
    """Switches traces on if an endpoint of OTLP over HTTP is named here or by the environment.

    Raises:
        ConfigurationError: the packages for it are missing.
    """
    if not (endpoint or os.environ.get(ENDPOINT)):
        return
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ModuleNotFoundError as error:
        words = f"Traces need the extra packages: pip install 'edi-gateway[otel]' ({error})."
        raise ConfigurationError(words) from None
    made = provider()
    url = f"{endpoint.rstrip('/')}/v1/traces" if endpoint else None
    made.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=url)))
    use(made)


def provider() -> TracerProvider:
    """A provider whose first span of a message has the ids that others know."""
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.id_generator import RandomIdGenerator

    class Ids(RandomIdGenerator):
        def generate_trace_id(self) -> int:
            return ids(first)[0] if (first := _first.get()) else super().generate_trace_id()

        def generate_span_id(self) -> int:
            return ids(first)[1] if (first := _first.get()) else super().generate_span_id()

    named = {"service.name": os.environ.get("OTEL_SERVICE_NAME", "edi-gateway")}
    about = Resource.create({**named, "service.version": __version__})
    return TracerProvider(resource=about, id_generator=Ids())


def use(made: TracerProvider | None) -> None:
    """Traces by this provider from now on, or no longer."""
    global _tracer  # noqa: PLW0603 - one for the process, as the log
    _tracer = made.get_tracer("gateway", __version__) if made else None


def ids(message_id: str) -> tuple[int, int]:
    """Trace id and id of the first span of a message; never zero, which OpenTelemetry forbids."""
    digest = sha256(message_id.encode()).digest()
    return int.from_bytes(digest[:16]) or 1, int.from_bytes(digest[16:24]) or 1


def span(
    name: str, message_id: str, *, first: bool = False, origin: str | None = None, **facts: str
) -> AbstractContextManager[None]:
    """A span in the trace of a message, for as long as the block runs; an exception marks it as failed.

    Args:
        first: it is the one that all others of the message belong to.
        origin: the message this one was made of, whose trace it is linked to.
        facts: names and numbers, never content.
    """
    return _NOTHING if _tracer is None else _begun(name, message_id, first, origin, facts)


@contextmanager
def _begun(
    name: str, message_id: str, first: bool, origin: str | None, facts: dict[str, str]
) -> Iterator[None]:
    from opentelemetry import trace
    from opentelemetry.context import Context

    def context(about: str) -> trace.SpanContext:
        return trace.SpanContext(*ids(about), is_remote=True, trace_flags=trace.TraceFlags(1))

    above = Context() if first else trace.set_span_in_context(trace.NonRecordingSpan(context(message_id)))
    links = [trace.Link(context(origin))] if origin else []
    known = {f"edigw.{key}": value for key, value in {"message_id": message_id, **facts}.items() if value}
    token = _first.set(message_id if first else "")
    try:
        begun = _tracer.start_span(name, context=above, links=links, attributes=known)
    finally:
        _first.reset(token)
    with trace.use_span(begun, end_on_exit=True):
        yield
