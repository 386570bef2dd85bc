"""Payload bytes, named by their sha256: written once, compressed, never changed.

Files suit one machine, or several that share a folder; an object store (S3 and its like) suits nodes that
share nothing else.
"""

from __future__ import annotations

import gzip
import hashlib
import threading
import zlib
from collections.abc import Callable
from contextlib import suppress
from io import BufferedReader
from itertools import count
from pathlib import Path
from tempfile import NamedTemporaryFile, SpooledTemporaryFile
from typing import Any, BinaryIO, Protocol, cast
from uuid import uuid4

from gateway.errors import ConfigurationError, NotFoundError
from gateway.files import sync_files

_CHUNK = 1 << 20
_TEMPORARY = ".writing-"
_IN_MEMORY = 1 << 20


class Payloads(Protocol):
    """Where payloads are kept. One contract suite in ``tests/contract`` holds for all."""

    def put(self, source: BinaryIO) -> tuple[str, int]:
        """Keeps everything ``source`` yields; returns sha256 and size. To be flushed before it counts.

        Raises:
            OSError: it cannot be kept now.
        """

    def flush(self) -> None:
        """Returns when what this thread put cannot be lost any more. Raises OSError."""

    def open(self, sha256: str) -> BinaryIO:
        """The bytes again.

        Raises:
            NotFoundError: they are not there.
            OSError: they cannot be read now.
        """

    def delete(self, sha256: str, before: float) -> None:
        """Forgets them if they were put before that time (seconds since 1970); harmless if they are gone."""

    def location(self, sha256: str) -> str:
        """Where they are, for a person."""

    def probe(self) -> None:
        """Writes something and takes it away. Raises OSError: nothing could be kept now."""


def open_payloads(url: str, folder: Path) -> Payloads:
    """The payloads at an address such as ``s3://bucket/prefix``; those of the folder if it is empty.

    Raises:
        ConfigurationError: the address cannot be used.
    """
    return PayloadObjects(url) if url else PayloadFiles(folder)


class PayloadFiles:
    """A folder of payloads, two levels deep, each compressed by itself.

    A file gets its final name only when its bytes are on disk, so what has a name is complete.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._own = uuid4().hex  # in containers, nodes that share the folder have the same process id
        self._numbers = count()
        self._folders: set[Path] = set()
        self._local = threading.local()
        root.mkdir(mode=0o700, parents=True, exist_ok=True)

    def clean(self, before: float) -> None:
        """Removes what killed processes left half-written before that time, in seconds since 1970."""
        for path in self._root.glob(f"{_TEMPORARY}*"):
            with suppress(FileNotFoundError):
                if path.stat().st_mtime < before:
                    path.unlink()

    def put(self, source: BinaryIO) -> tuple[str, int]:
        temporary = self._root / f"{_TEMPORARY}{self._own}-{next(self._numbers)}"
        try:
            with temporary.open("wb") as out:
                sha256, size = _compress(source, out.write)
        except BaseException:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise
        self._written.append((temporary, self._path(sha256)))
        return sha256, size

    @property
    def _written(self) -> list[tuple[Path, Path]]:
        """What this thread put and did not flush: temporary and final names."""
        if not hasattr(self._local, "written"):
            self._local.written = []
        written: list[tuple[Path, Path]] = self._local.written
        return written

    def flush(self) -> None:
        written, self._local.written = self._written, []
        try:
            sync_files([temporary for temporary, _ in written])
            folders = {final.parent for _, final in written}
            if new := folders - self._folders:
                # Made now, or by a process that may not have brought its name to disk.
                for folder in new:
                    folder.mkdir(mode=0o700, exist_ok=True)
                sync_files([self._root])
                self._folders |= new
            for temporary, final in written:
                temporary.rename(final)
            sync_files(folders)
        finally:
            for temporary, _ in written:
                with suppress(OSError):
                    temporary.unlink(missing_ok=True)

    def open(self, sha256: str) -> BinaryIO:
        try:
            return cast(BinaryIO, gzip.open(self._path(sha256), "rb"))
        except FileNotFoundError:
            raise NotFoundError(f"The payload {sha256} is gone.") from None

    def delete(self, sha256: str, before: float) -> None:
        path = self._path(sha256)
        with suppress(FileNotFoundError):
            if path.stat().st_mtime < before:
                path.unlink()

    def location(self, sha256: str) -> str:
        return "/".join(self._path(sha256).parts[-3:])

    def probe(self) -> None:
        with NamedTemporaryFile(dir=self._root, prefix=_TEMPORARY) as file:
            file.write(b"probe")

    def _path(self, sha256: str) -> Path:
        return self._root / sha256[:2] / f"{sha256[2:]}.gz"


class PayloadObjects:
    """An object store, by the library ``obstore``; credentials come from its environment variables.

    Args:
        url: for example ``s3://bucket/prefix``.
        options: further settings of the library, such as ``endpoint``.
    """

    def __init__(self, url: str, **options: Any) -> None:
        try:
            import obstore
            from obstore.exceptions import BaseError
            from obstore.store import from_url
        except ModuleNotFoundError:
            raise ConfigurationError("Object stores need: pip install 'edi-gateway[objects]'") from None
        self._library: Any = obstore
        self._error = BaseError
        self._url = url.rstrip("/")
        try:
            self._store: Any = from_url(url, **options)
        except (BaseError, ValueError) as error:
            raise ConfigurationError(f"payloads: {url} cannot be used: {error}") from None

    def put(self, source: BinaryIO) -> tuple[str, int]:
        with SpooledTemporaryFile(max_size=_IN_MEMORY) as kept:
            sha256, size = _compress(source, kept.write)
            kept.seek(0)
            try:
                self._library.put(self._store, self._path(sha256), kept)
            except (FileNotFoundError, self._error) as error:  # the bucket is not there
                raise OSError(f"the object store does not answer as it should: {_brief(error)}") from error
        return sha256, size

    def flush(self) -> None:
        """Nothing is left to do: a store that answered has it."""

    def open(self, sha256: str) -> BinaryIO:
        kept = SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115 -- who reads it closes it
        try:
            for chunk in self._library.get(self._store, self._path(sha256)).stream():
                kept.write(chunk)
        except BaseException as error:
            kept.close()
            if isinstance(error, FileNotFoundError):
                raise NotFoundError(f"The payload {sha256} is gone.") from None
            if isinstance(error, self._error):
                raise OSError(f"the object store does not answer as it should: {_brief(error)}") from error
            raise
        kept.seek(0)
        unpacked = gzip.GzipFile(fileobj=cast(Any, kept), mode="rb")
        unpacked.myfileobj = cast(Any, kept)  # closed with it
        return cast(BinaryIO, BufferedReader(cast(Any, unpacked)))

    def delete(self, sha256: str, before: float) -> None:
        try:
            if self._library.head(self._store, self._path(sha256))["last_modified"].timestamp() < before:
                self._library.delete(self._store, self._path(sha256))
        except FileNotFoundError:
            pass
        except self._error as error:
            raise OSError(f"the object store does not answer as it should: {_brief(error)}") from error

    def location(self, sha256: str) -> str:
        return f"{self._url}/{self._path(sha256)}"

    def probe(self) -> None:
        try:
            self._library.put(self._store, "probe", b"probe")
            self._library.delete(self._store, "probe")
        except (FileNotFoundError, self._error) as error:
            raise OSError(f"the object store does not answer as it should: {_brief(error)}") from error

    @staticmethod
    def _path(sha256: str) -> str:
        return f"{sha256[:2]}/{sha256[2:]}.gz"


def _compress(source: BinaryIO, write: Callable[[bytes], object]) -> tuple[str, int]:
    """Writes what ``source`` yields as a gzip file (RFC 1952); returns sha256 and size of what it was."""
    digest, size, packer = hashlib.sha256(), 0, zlib.compressobj(1, zlib.DEFLATED, 31)
    while chunk := source.read(_CHUNK):
        digest.update(chunk)
        size += len(chunk)
        write(packer.compress(chunk))
    write(packer.flush())
    return digest.hexdigest(), size


def _brief(error: BaseException) -> str:
    return str(error).splitlines()[0][:200]
