# ruff: noqa: T201 - in an audit export this file is a program of its own, and it tells its findings by printing
"""Checks an audit export of the EDI gateway. Needs Python 3.8 or newer and nothing else.

    python3 verify.py [FOLDER-OR-ZIP] [--fingerprint HEX | --key HEX]

Every file is listed with its SHA-256 in ``manifest.json``, which is signed. Every entry of the gateway's log
is a link of a chain: its hash covers what it says and the hash of the entry before it, so no entry can be
changed, added or removed without changing all hashes after it. Signed checkpoints hold some of these hashes.
Entries that are not part of the export are there as hashes only, so the chain stays whole.

Who forges an export can also forge the ``verify.py`` in it. To be sure, take this file from where the gateway
is published, and compare the fingerprint of the key with the one that the supplier publishes.

The gateway makes its hashes with this same file. Sources: RFC 8032 (Ed25519), FIPS 180-4 (SHA-256, SHA-512).
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import os
import re
import struct
import sys
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import IO, Any, NamedTuple
from zipfile import BadZipFile

FORMAT = "edi-gateway audit export 1"
MANIFEST, SIGNATURE = "manifest.json", "manifest.sig"
ENTRIES, CHECKPOINTS, CHAIN = "entries.jsonl", "checkpoints.json", "chain/"
GENESIS = "0" * 64
"""What stands for the hash before entry 1."""

_CHUNK = 1 << 20
_MAX_JSON = 128 << 20  # bytes of a file that is read as a whole
_MAX_LINE = 4 << 20
_MAX_PROBLEMS = 1000
_FROM = re.compile("# from (0|[1-9][0-9]{0,17}) ([0-9a-f]{64})")
_ROW = re.compile("([1-9][0-9]{0,17}),([0-9a-f]{64})")
# What json, zipfile and the system raise for bad input. RuntimeError: nested too deep, or encrypted.
_BAD = (OSError, ValueError, EOFError, RuntimeError, OverflowError, struct.error, zlib.error, BadZipFile)


class UnreadableError(ValueError):
    """Something is not what it should be, so it cannot be read further; says why in a sentence."""


# The chain


class Entry(NamedTuple):
    """One entry of the log, all text but its number; ``''`` for what it does not have, no line feeds.

    Attributes:
        seq: 1 for the first, no gaps. facts: JSON, kept and hashed as it was written.
    """

    seq: int
    at: str
    event: str
    message_id: str
    document_id: str
    partner: str
    actor: str
    facts: str


class Link(NamedTuple):
    """An entry as a link of the chain.

    Attributes:
        content: its content hash, made from its fields; ``''`` if they cannot be hashed.
        hash, previous: entry hashes stored with it, of itself and of the one before; None where not stored.
    """

    seq: int
    content: str
    hash: str | None = None
    previous: str | None = None


class Checkpoint(NamedTuple):
    """The entry hash of one entry, signed; entry 0 with :data:`GENESIS` is the empty log.

    Attributes:
        at: when it was signed. signature: Ed25519 over :func:`checkpoint_text`, as hex.
    """

    seq: int
    hash: str
    at: str
    signature: str


def content_hash(entry: Entry) -> str:
    """SHA-256 of what an entry says, as hex.

    Raises:
        ValueError: a field holds a line feed, which would blur where it ends, or is no proper Unicode.
    """
    text = "\n".join((str(entry[0]), *entry[1:]))
    if text.count("\n") != 7:
        raise ValueError(f"entry {entry[0]} has a line feed in a field")
    return hashlib.sha256(text.encode()).hexdigest()


def entry_hash(previous: str, content: str) -> str:
    """SHA-256 of the hash before and the content hash, as hex; this is what chains the entries.

    Raises:
        ValueError: one of them is not hex.
    """
    return hashlib.sha256(bytes.fromhex(previous) + bytes.fromhex(content)).hexdigest()


def checkpoint_text(seq: int, digest: str, at: str) -> bytes:
    """The bytes that are signed for a checkpoint; ``digest`` is the entry hash."""
    return f"edi-gateway checkpoint 1\n{seq}\n{digest}\n{at}".encode()


def checkpoint_signed(checkpoint: Checkpoint, public: bytes) -> bool:
    """Whether the checkpoint has a right signature of this key (32 bytes)."""
    if not re.fullmatch("[0-9a-f]{128}", checkpoint.signature):
        return False
    return ed25519_verify(public, checkpoint_text(*checkpoint[:3]), bytes.fromhex(checkpoint.signature))


class Chain:
    """Follows the chain through any number of entries and keeps only where it is.

    Args:
        seq, digest: the entry to start after, and its entry hash.
        checkpoints: entry hashes that are known for sure, by number.

    Attributes:
        seq, hash: the last entry that was followed, and its entry hash.
    """

    def __init__(
        self, seq: int = 0, digest: str = GENESIS, checkpoints: Mapping[int, str] | None = None
    ) -> None:
        self.seq, self.hash = seq, digest
        self._checkpoints = checkpoints or {}

    def check(self, links: Iterable[Link], reach: int = 0) -> Iterator[str]:
        """Yields a sentence for each fault and goes on with the stored hash: one change is told once.

        Args:
            reach: the number that must at least be reached, such as that of the newest checkpoint.
        """
        for seq, content, stored, previous in links:
            if seq <= self.seq:
                yield f"Entry {seq} stands after entry {self.seq}: the order is wrong."
                continue
            gap = seq - self.seq - 1
            if gap:
                yield f"Entry {seq} follows entry {self.seq}: {gap} missing between them."
            elif previous is not None and previous != self.hash:
                yield f"Entry {seq} does not follow the entry {self.seq} that is here: that one was replaced."
            try:
                computed = entry_hash(self.hash if previous is None else previous, content)
            except ValueError:
                computed = ""
            # After a gap only a stored previous tells what the entry was chained to.
            if stored is not None and stored != computed and not (gap and previous is None):
                either = f", or the hash of entry {self.seq} was" if previous is None else ""
                yield f"Entry {seq} was changed{either}: its content does not give its hash."
            self.seq, self.hash = seq, computed if stored is None else stored
            if self._checkpoints.get(seq, self.hash) != self.hash:
                yield f"Entry {seq} has another hash than its signed checkpoint: the log was changed."
        if self.seq < reach:
            yield f"The log ends with entry {self.seq} but had at least {reach}: its end was cut off."


# Ed25519 (RFC 8032, section 5.1). A point is (X, Y, Z, T) with x = X/Z, y = Y/Z, xy = T/Z.

_P = 2**255 - 19
_L = 2**252 + 27742317777372353535851937790883648493
_D = -121665 * pow(121666, -1, _P) % _P
_ROOT = pow(2, (_P - 1) // 4, _P)  # of -1


def ed25519_verify(public: bytes, message: bytes, signature: bytes) -> bool:
    """Whether this is a right signature: RFC 8032 section 5.1.7, the check without cofactor.

    Args:
        public: 32 bytes. signature: 64 bytes. Of any other length they are wrong, not an error.
    """
    if len(public) != 32 or len(signature) != 64:
        return False
    key, commitment, scalar = _point(public), _point(signature[:32]), int.from_bytes(signature[32:], "little")
    if key is None or commitment is None or scalar >= _L:
        return False
    challenge = int.from_bytes(hashlib.sha512(signature[:32] + public + message).digest(), "little") % _L
    x, y, z, _ = _times(scalar, _BASE)
    x2, y2, z2, _ = _add(commitment, _times(challenge, key))
    return (x * z2 - x2 * z) % _P == 0 and (y * z2 - y2 * z) % _P == 0


def _point(encoded: bytes) -> tuple[int, int, int, int] | None:
    """Section 5.1.3: y with the lowest bit of x on top; None if that is no point or not reduced."""
    number = int.from_bytes(encoded, "little")
    sign, y = number >> 255, number & (1 << 255) - 1
    square = (y * y - 1) * pow(_D * y * y + 1, -1, _P) % _P
    x = pow(square, (_P + 3) // 8, _P)
    if x * x % _P != square:
        x = x * _ROOT % _P
    if y >= _P or x * x % _P != square or (x == 0 and sign):
        return None
    x = x if x & 1 == sign else _P - x
    return x, y, 1, x * y % _P


def _add(one: tuple[int, int, int, int], other: tuple[int, int, int, int]) -> tuple[int, int, int, int]:
    """Section 5.1.4; right for all points, equal ones too."""
    x1, y1, z1, t1 = one
    x2, y2, z2, t2 = other
    a, b = (y1 - x1) * (y2 - x2) % _P, (y1 + x1) * (y2 + x2) % _P
    c, d = 2 * t1 * t2 * _D % _P, 2 * z1 * z2 % _P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % _P, g * h % _P, f * g % _P, e * h % _P


def _times(scalar: int, point: tuple[int, int, int, int]) -> tuple[int, int, int, int]:
    total = (0, 1, 1, 0)
    while scalar:
        if scalar & 1:
            total = _add(total, point)
        point = _add(point, point)
        scalar >>= 1
    return total


_BASE = _point((4 * pow(5, -1, _P) % _P).to_bytes(32, "little")) or (0, 1, 1, 0)


# The export


def verify(path: Path, fingerprint: str = "") -> list[str]:
    """Checks an export and returns its problems in words, none if all is right.

    Args:
        path: the folder or the zip file.
        fingerprint: SHA-256 of the public key as hex, if known; otherwise the key is taken as it is there.

    Raises:
        UnreadableError: the path is neither a folder nor a zip file.
    """
    return _examine(path, fingerprint).problems


def fingerprint_of(public: bytes) -> str:
    """SHA-256 of a public key, as hex in groups of four."""
    return " ".join(re.findall("....", hashlib.sha256(public).hexdigest()))


class _File(NamedTuple):
    """A file of the export; size -1 for what is not simply bytes."""

    name: str
    size: int
    open: Callable[[], IO[bytes]]


def _in_folder(root: Path) -> Iterator[_File]:
    for folder, _, names in os.walk(root):
        for path in map(Path(folder).joinpath, names):
            size = path.stat().st_size if path.is_file() and not path.is_symlink() else -1
            yield _File(path.relative_to(root).as_posix(), size, partial(_open, path))


def _open(path: Path) -> IO[bytes]:
    return path.open("rb")


def _in_zip(packed: zipfile.ZipFile) -> Iterator[_File]:
    """Nothing is unpacked to disk, and reading a file ends at the size that is given here."""
    for one in packed.infolist():
        plain = one.compress_type in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
        if not one.is_dir() or one.file_size:
            yield _File(one.filename, one.file_size if plain else -1, partial(packed.open, one))


class _Examination:
    """One look through an export: its problems, and what was checked."""

    def __init__(self, files: list[_File], fingerprint: str) -> None:
        self.problems: list[str] = []
        self._expected, self._fingerprint, self._public = fingerprint, "", b""
        self._files = {file.name: file for file in files}
        self._manifest: dict[str, Any] = {}
        self._listed: dict[str, dict[str, Any]] = {}
        self._checkpoints: dict[int, Checkpoint] = {}
        self._covered: list[str] = []
        self._shown = self._chained = 0
        self._period = ("", "")
        for name, count in Counter(file.name for file in files).items():
            if count > 1 or not _safe(name):
                self._tell(f"{name!r} is in it {count} times, or is not a safe name: nothing was read.")
        if not self.problems:
            with self._reading(MANIFEST):
                self._check_manifest()
                self._check_files()
                self._check_checkpoints()
                self._check_chain()

    def _tell(self, problem: str) -> None:
        if len(self.problems) < _MAX_PROBLEMS:
            self.problems.append(problem)

    @contextmanager
    def _reading(self, name: str) -> Iterator[None]:
        """What is wrong with a file ends the reading of that file, not of the others."""
        try:
            yield
        except _BAD as error:
            self._tell(f"{name!r} cannot be read: {str(error) or type(error).__name__}.")

    def _text(self, name: str) -> str:
        if name not in self._files or not 0 <= self._files[name].size <= _MAX_JSON:
            raise UnreadableError(f"{name} is missing or too large")
        with self._files[name].open() as file:
            return file.read(_MAX_JSON).decode()

    def _lines(self, name: str) -> Iterator[str]:
        with self._files[name].open() as file:
            while line := file.readline(_MAX_LINE):
                if not line.endswith(b"\n"):
                    raise UnreadableError("a line is too long or has no end")
                yield line[:-1].decode()

    def _check_manifest(self) -> None:
        text, signature = self._text(MANIFEST), self._text(SIGNATURE)
        texts = dict.fromkeys(("format", "made_at", "gateway", "scope", "public_key"), str)
        manifest = _object(_json(text), **texts, files=list, deleted=list)
        if manifest["format"] != FORMAT:
            raise UnreadableError(f"its format is not {FORMAT!r}")
        for file in manifest["files"]:
            name = _object(file, path=str, sha256=str, size=int)["path"]
            if name in self._listed or name in (MANIFEST, SIGNATURE):
                raise UnreadableError(f"{name!r} is listed twice or must not be listed")
            self._listed[name] = file
        for one in manifest["deleted"]:
            _object(one, sha256=str, reason=str)
        self._public = _hex(manifest["public_key"], 32)
        self._fingerprint, self._manifest = hashlib.sha256(self._public).hexdigest(), manifest
        if not ed25519_verify(self._public, text.encode(), _hex(re.sub(r"\n\Z", "", signature), 64)):
            self._tell(f"{MANIFEST} or {SIGNATURE} was changed: they do not belong together.")
        if self._expected not in ("", self._fingerprint):
            self._tell("The export is signed with another key than the one you expect.")

    def _check_files(self) -> None:
        """Whether exactly the listed files are here, each as it was. One that is too large is never read."""
        for name in sorted({*self._files} - {*self._listed, MANIFEST, SIGNATURE}):
            self._tell(f"{name!r} is here but not listed in {MANIFEST}.")
        for name, said in self._listed.items():
            with self._reading(name):
                file = self._files.get(name)
                if not file:
                    self._tell(f"{name!r} is missing.")
                elif file.size != said["size"]:
                    self._tell(f"{name!r} was changed: its size is {file.size}, not {said['size']}.")
                    if not 0 <= file.size <= said["size"]:
                        del self._files[name]
                elif self._sha256(file) != said["sha256"]:
                    self._tell(f"{name!r} was changed: it has another SHA-256.")

    def _sha256(self, file: _File) -> str:
        digest = hashlib.sha256()
        with file.open() as opened:
            while chunk := opened.read(_CHUNK):
                digest.update(chunk)
        return digest.hexdigest()

    def _check_checkpoints(self) -> None:
        with self._reading(CHECKPOINTS):
            found = _json(self._text(CHECKPOINTS))
            for one in found if isinstance(found, list) else [found]:
                checkpoint = Checkpoint(**_object(one, seq=int, hash=str, at=str, signature=str))
                if not checkpoint_signed(checkpoint, self._public):
                    self._tell(f"The checkpoint of entry {checkpoint.seq} has a wrong signature.")
                elif self._checkpoints.setdefault(checkpoint.seq, checkpoint).hash != checkpoint.hash:
                    self._tell(f"Entry {checkpoint.seq} has two different checkpoints: the log was forked.")

    def _check_chain(self) -> None:
        """Follows the chain and the entries shown of it side by side; both go by their numbers."""
        shown = self._entries()
        entry = next(shown, None)

        def links(lines: Iterator[str]) -> Iterator[Link]:
            nonlocal entry
            for line in lines:
                found = _ROW.fullmatch(line)
                if not found:
                    raise UnreadableError("a line is not 'NUMBER,HASH'")
                link = Link(int(found[1]), found[2])
                while entry and entry.seq <= link.seq:
                    if entry.seq < link.seq:
                        self._tell(f"Entry {entry.seq} is shown but in no range of the chain.")
                    elif content_hash(entry) != link.content:
                        self._tell(f"Entry {entry.seq} was changed: it does not give its hash in the chain.")
                    entry = next(shown, None)
                self._chained += 1
                yield link

        sure = {**{seq: one.hash for seq, one in self._checkpoints.items()}, 0: GENESIS}
        ranges = (name for name in self._files if name.startswith(CHAIN) and name in self._listed)
        last = 0
        for name in sorted(ranges, key=lambda name: (len(name), name)):
            with self._reading(name):
                lines = self._lines(name)
                begin = _FROM.fullmatch(next(lines, ""))
                if not begin:
                    raise UnreadableError("its first line is not '# from NUMBER HASH'")
                start = int(begin[1])
                if start < last or sure.get(start) != begin[2]:
                    self._tell(f"{name!r} does not begin at a checkpoint, or not after the range before.")
                chain = Chain(start, begin[2], sure)
                for problem in chain.check(links(lines)):
                    self._tell(f"{name!r}: {problem}")
                if sure.get(chain.seq) != chain.hash:
                    self._tell(f"{name!r} ends with entry {chain.seq}, which no checkpoint confirms.")
                self._covered.append(f"{start + 1} to {chain.seq}")
                last = chain.seq
        while entry:
            self._tell(f"Entry {entry.seq} is shown but in no range of the chain.")
            entry = next(shown, None)

    def _entries(self) -> Iterator[Entry]:
        """The shown entries; looks whether the payloads they name are here, or stated as deleted."""
        kinds = {name: int if name == "seq" else str for name in Entry._fields}
        payloads = {one["sha256"] for one in self._manifest["files"] + self._manifest["deleted"]}
        last = 0
        with self._reading(ENTRIES):
            if ENTRIES not in self._listed or ENTRIES not in self._files:
                raise UnreadableError("it is not listed, missing or too large")
            for line in self._lines(ENTRIES):
                entry = Entry(**_object(_json(line), **kinds))
                content_hash(entry)
                if entry.seq <= last:
                    raise UnreadableError(f"entry {entry.seq} stands after entry {last}, the order is wrong")
                last, self._shown = entry.seq, self._shown + 1
                self._period = (self._period[0] or entry.at, entry.at)
                names = bool(entry.facts and (entry.message_id or entry.document_id))
                facts = _json(entry.facts) if names else None
                payload = facts.get("sha256") if isinstance(facts, dict) else None
                if payload is not None and str(payload) not in payloads:
                    self._tell(f"The payload {payload!r:.80} of entry {entry.seq} is missing.")
                yield entry

    def words(self) -> Iterator[str]:
        """What was checked; nothing if the manifest cannot be read."""
        if not self._manifest:
            return
        about, newest = self._manifest, max(self._checkpoints.values(), default=None)
        yield f"Audit export {about['scope']!r}, made {about['made_at']!r} by gateway {about['gateway']!r}."
        yield f"Files: {len(self._listed)} listed; {len(about['deleted'])} payloads are stated as deleted."
        ranges = f"{len(self._covered)} ranges ({', '.join(self._covered[:20])})"
        yield f"Chain: {self._shown} entries shown of {self._chained} in {ranges}."
        yield f"Period of the shown entries: {self._period[0]!r} to {self._period[1]!r}."
        yield f"Checkpoints with a right signature: {len(self._checkpoints)}."
        if newest:
            yield f"  The newest is of entry {newest.seq}, {newest.at!r}: {newest.hash}"
        yield f"Fingerprint of the key: {fingerprint_of(self._public)}"
        if self._fingerprint != self._expected:
            yield "  This is proof only if the key is the supplier's. Compare the fingerprint with the one"
            yield "  that the supplier publishes, not with one that came with the export."


def _examine(path: Path, fingerprint: str) -> _Examination:
    expected = re.sub("[ :]", "", fingerprint).lower()
    try:
        if path.is_dir():
            return _Examination([*_in_folder(path)], expected)
        packed = zipfile.ZipFile(path)
    except _BAD as error:
        raise UnreadableError(f"{str(path)!r} is no folder and no readable zip file: {error}") from None
    with closing(packed):
        return _Examination([*_in_zip(packed)], expected)


def _safe(name: str) -> bool:
    """Whether a name stays within the export: not absolute, no ``..``, nothing special to Windows."""
    return not re.search(r"[\\:\0]", name) and not {"", ".", ".."} & {*name.split("/")}


def _json(text: str) -> Any:
    """Reads JSON but no name that stands twice in an object: readers differ in which of them counts."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(dict(pairs)) < len(pairs):
            raise UnreadableError("a name stands twice in a JSON object")
        return dict(pairs)

    return json.loads(text, object_pairs_hook=once)


def _object(value: Any, **kinds: type) -> dict[str, Any]:
    """A JSON object with exactly these fields."""
    if type(value) is not dict or {name: type(field) for name, field in value.items()} != kinds:
        raise UnreadableError(f"it should have the fields {', '.join(kinds)} of the right kinds, no others")
    return value


def _hex(text: str, size: int) -> bytes:
    if not re.fullmatch(f"[0-9a-f]{{{2 * size}}}", text):
        raise UnreadableError(f"{text[:200]!r} should be {2 * size} hex digits")
    return bytes.fromhex(text)


def main(arguments: list[str] | None = None) -> int:
    """The command; returns 0 if all is right, 1 if there are problems, 2 if nothing could be checked."""
    parser = argparse.ArgumentParser(description="Checks an audit export of the EDI gateway.")
    here = Path(__file__).absolute().parent
    parser.add_argument("path", nargs="?", type=Path, default=here, metavar="FOLDER-OR-ZIP")
    known = parser.add_mutually_exclusive_group()
    known.add_argument("--key", metavar="HEX", help="the public key as the supplier publishes it")
    known.add_argument("--fingerprint", metavar="HEX", help="or its fingerprint, as it is printed here")
    options = parser.parse_args(arguments)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        expected = options.fingerprint or ""
        if options.key is not None:
            expected = fingerprint_of(_hex(options.key.lower(), 32))
        elif options.fingerprint is not None:
            _hex(re.sub("[ :]", "", expected).lower(), 32)
        found = _examine(options.path, expected)
    except UnreadableError as error:
        print(f"Nothing was checked: {error}.")
        return 2
    for line in found.words():
        print(line)
    count = f"{len(found.problems)}{' or more' if len(found.problems) == _MAX_PROBLEMS else ''}"
    print(f"\nPROBLEMS: {count}" if found.problems else "\nNo problems were found.")
    for problem in found.problems:
        print(f"- {problem}")
    return 1 if found.problems else 0


if __name__ == "__main__":
    sys.exit(main())
