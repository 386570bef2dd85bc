"""Bytes as answers: files that a browser keeps and never shows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from starlette.responses import StreamingResponse

_CHUNK = 1 << 18


def attachment(name: str) -> dict[str, str]:
    """Headers of bytes that a browser keeps as a file and never shows."""
    safe = "".join(one if one.isascii() and (one.isalnum() or one in "._-") else "_" for one in name)[-150:]
    said = f'attachment; filename="{safe or "message"}"'
    return {"Content-Type": "application/octet-stream", "Content-Disposition": said}


def sent(file: BinaryIO, name: str, **headers: str) -> StreamingResponse:
    """An open file as an answer, a part at a time; it is closed then."""

    def chunks() -> Iterator[bytes]:
        with file:
            while chunk := file.read(_CHUNK):
                yield chunk

    return StreamingResponse(chunks(), headers=attachment(name) | headers)
