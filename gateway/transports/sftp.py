"""A partner's SFTP server: files are fetched from its folders and put into one of them.

Nothing is shared between jobs: each makes a connection of its own, in a ``with`` block, and ends it. Of many
small files the first is dealt with at once, so that a server that is away is noticed before more is done; the
others go together, and what became of them shows at the next ``sync`` or ``arrivals``, or at the end.

Where the server lets us, a file is claimed by moving it into a folder of its own and known by the name it has
there. Elsewhere it is known by path, size and time: one that was received and could not be removed gets the
same id when it is fetched again, and so is no second message.
"""

from __future__ import annotations

import hashlib
import io
import posixpath
import shutil
import stat
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatch
from tempfile import SpooledTemporaryFile
from typing import BinaryIO, Self, cast

from paramiko import Message, SFTPAttributes
from paramiko.sftp import (
    CMD_CLOSE,
    CMD_EXTENDED,
    CMD_FSETSTAT,
    CMD_LSTAT,
    CMD_MKDIR,
    CMD_OPEN,
    CMD_READ,
    CMD_REMOVE,
    CMD_RENAME,
    CMD_WRITE,
    SFTP_FLAG_CREATE,
    SFTP_FLAG_READ,
    SFTP_FLAG_TRUNC,
    SFTP_FLAG_WRITE,
    int64,
)

from gateway.partners.sftp import Sftp
from gateway.transports.base import Arrival, Look, UnreadableError
from gateway.transports.folder import OUTBOX, SPLIT, harmless, is_unfinished, kind_of
from gateway.transports.problems import LostError, SftpError, TakenError, refused
from gateway.transports.ssh import CHUNK, Link, Watch, attributes, path_of, pieces

_AT_ONCE = 64
"""Small files that go together."""

_RESUMES = 3
"""Connections made for a file without getting any further."""

_ASIDE = "unreadable-"
_WRITE = SFTP_FLAG_WRITE | SFTP_FLAG_CREATE | SFTP_FLAG_TRUNC
_POSIX = b"posix-rename@openssh.com"

_Seen = tuple[int | None, int | None, int | None]


@dataclass(frozen=True, slots=True)
class _Found:
    """A remote file: where it is, what it looked like, and what says that it is complete."""

    path: str
    inbox: str
    name: str
    seen: _Seen
    marker: str = ""

    @property
    def size(self) -> int | None:
        return self.seen[1]


class _Job(threading.local):
    """What the job of this thread has on its way."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        self.link: Link | None = None
        self.lost: SftpError | None = None
        self.uploads: list[tuple[str, bytes]] = []
        self.sizes: dict[str, int] = {}
        self.kept: dict[tuple[str, str], BinaryIO] = {}
        self.released: list[tuple[str, str]] = []
        self.is_releasing = False
        self.names: dict[str, set[str] | None] = {}
        self.claims: list[tuple[_Found, str]] = []
        self.is_claiming = False
        self.refused: OSError | None = None
        self.coming: deque[str] = deque()
        self.contents: dict[str, bytes | OSError | UnreadableError] = {}
        self.looks: dict[str, _Seen | None] = {}
        self.settled: list[_Found] = []


class SftpFolders:
    """The folders of a partner on its server; a ``Remote`` of ``gateway.transports.base``.

    Args:
        terms: what was agreed.
        channel: makes ids that are those of this partner.
        secret: finds what a reference stands for. home: where names of files in settings begin.
        stable_seconds: how long a file must look the same before it is taken.
        boxes: remote folders, by the names services have for them.
        aside: what the path begins with of a file that can never be read.
    """

    def __init__(
        self,
        terms: Sftp,
        channel: str,
        secret: Callable[[str], str],
        stable_seconds: float,
        *,
        home: str = ".",
        boxes: Mapping[str, str] | None = None,
        aside: str = "",
    ) -> None:
        self._terms, self._channel, self._secret, self._home = terms, channel, secret, home
        self._stable = stable_seconds
        own = {f"{OUTBOX}/{set_id}": folder for set_id, folder in terms.outboxes.items()}
        self._boxes = boxes or {OUTBOX: terms.outbox, **own}
        self._aside = aside
        self._last: dict[str, tuple[_Seen, float]] = {}
        self._ready: dict[str, _Found] = {}
        self._mine: dict[str, _Found] = {}
        self._left: dict[str, _Found] = {}  # received, but the server does not remove it
        self._unread: dict[str, _Seen] = {}
        self._job = _Job()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        try:
            if exc[0] is None:
                self._settle_all()
                if self._job.refused is not None:
                    raise self._job.refused
        finally:
            link = self._job.link
            self._job.clear()
            if link is not None:
                link.close()

    @property
    def _link(self) -> Link:
        if self._job.lost is not None:
            raise self._job.lost
        if self._job.link is None:
            try:
                self._job.link = self.connect(lambda _step, _words: None)
            except SftpError as error:  # one login a job: accounts get locked
                self._job.lost = error
                raise
        return self._job.link

    def connect(self, watch: Watch) -> Link:
        """A connection of its own. Raises SftpError."""
        return Link(self._terms, self._secret, self._home, watch)

    @contextmanager
    def _using(self) -> Iterator[Link]:
        """The link; once it is lost, this job does not wait for it again."""
        try:
            yield self._link
        except LostError as error:
            self._job.lost = error
            raise

    # --- receiving -----------------------------------------------------------------------------------

    def look(self, now: float, tick: float) -> Look:
        ready: list[tuple[int, str]] = []
        unsure: list[str] = []
        ignored: list[tuple[str, str]] = []
        looks: dict[str, tuple[_Seen, float]] = {}
        self._ready = {}
        if not self._terms.claim:
            self._mine = {}  # what an earlier job did not get to is found again, if it is still there
        with self._using() as link:
            for inbox in self._terms.inboxes:
                entries = dict(link.entries(inbox))
                for name, found in entries.items():
                    shown = name if len(self._terms.inboxes) == 1 else posixpath.join(inbox, name)
                    path, seen = posixpath.join(inbox, name), _seen(found)
                    if not self._is_wanted(name, found) or self._unread.get(path) == seen:
                        continue
                    if self._is_left(path, seen):
                        continue
                    if not _is_file(found):
                        ignored.append((harmless(shown), kind_of(found.st_mode or 0)))
                        continue
                    marker = name + self._terms.marker
                    one = _Found(path, inbox, name, seen, posixpath.join(inbox, marker))
                    before, since = self._last.get(path, (None, tick))
                    looks[path] = (seen, since if before == seen else tick)
                    if self._terms.marker:
                        is_ready = marker in entries
                    elif found.st_size is None:
                        ignored.append((harmless(shown), _NO_SIZE))
                        continue
                    else:
                        still = found.st_mtime is not None and now - found.st_mtime >= self._stable
                        is_ready = still or (before == seen and tick - since >= self._stable)
                    if is_ready:
                        self._ready[shown] = one
                        ready.append((found.st_mtime or 0, shown))
                    else:
                        unsure.append(shown)
        self._last = looks
        return Look(tuple(name for _, name in sorted(ready)), tuple(sorted(unsure)), tuple(sorted(ignored)))

    def _is_left(self, path: str, seen: _Seen) -> bool:
        """Whether it was received already; then it is removed once more."""
        left = self._left.get(path)
        if left is None or left.seen != seen:
            return False
        self._job.settled.append(left)
        return True

    def _is_wanted(self, name: str, found: SFTPAttributes) -> bool:
        marker = self._terms.marker
        if is_unfinished(name) or (marker and name.endswith(marker)):
            return False
        if stat.S_ISDIR(found.st_mode or 0):
            ours = filter(None, (self._terms.claim, self._terms.archive))
            return name not in {one.partition("/")[0] for one in ours}
        return any(fnmatch(name, pattern) for pattern in self._terms.patterns)

    def claim(self, name: str, arrival_id: str) -> Arrival | None:
        found = self._ready.pop(name, None)
        if found is None:
            return None
        if not self._terms.claim:
            arrival_id = self._id_of(found)
            self._mine[arrival_id] = found
        else:
            self._job.claims.append((found, arrival_id))
            if not self._job.is_claiming and not self._claim_all():
                return None
            self._job.is_claiming = True
        return Arrival(arrival_id, harmless(found.name))

    def _id_of(self, found: _Found) -> str:
        at = datetime.fromtimestamp(found.seen[2] or 0, UTC)
        told = repr((self._channel, found.path, found.seen)).encode("utf-8", "surrogateescape")
        return f"{at:%Y%m%dT%H%M%S}-{hashlib.sha256(told).hexdigest()[:16]}"

    def _claim_all(self) -> list[str]:
        """Moves what is to be claimed; returns where it is."""
        claims, self._job.claims = self._job.claims, []
        pairs = [
            (one.path, self._claimed(one.inbox, Arrival(arrival_id, harmless(one.name))))
            for one, arrival_id in claims
        ]
        done: list[str] = []
        with self._using() as link:
            answers = link.many([(CMD_RENAME, old, path_of(new)) for old, new in pairs])
            for folder in {posixpath.dirname(new) for _, new in pairs} if _failed(answers) else ():
                with suppress(OSError):  # it may be there
                    link.one(CMD_MKDIR, folder, SFTPAttributes())
            for index, (old, new) in enumerate(pairs):
                if isinstance(answers[index], Exception):
                    answers[index] = _try(link, CMD_RENAME, old, path_of(new))
            there = self._stat([new for _, new in pairs])
            for (one, _), (old, new), answer, now in zip(claims, pairs, answers, there):
                if isinstance(answer, Exception):
                    if not isinstance(answer, FileNotFoundError):
                        self._job.refused = refused(old, answer, "SFTP-RENAME", new=new)
                elif now is not None and _seen(now) != one.seen and self._stat([old])[0] is None:
                    link.one(CMD_RENAME, new, path_of(old))  # it was written to: its writer finds it again
                else:
                    done.append(new)
                    if self._terms.marker:
                        _try(link, CMD_REMOVE, one.marker)
        return done

    def _claimed(self, inbox: str, arrival: Arrival) -> str:
        return posixpath.join(inbox, self._terms.claim, f"{arrival.id}{SPLIT}{arrival.name}")

    def arrivals(self) -> list[Arrival]:
        self._settle_all()
        if self._terms.claim:
            self._mine = {}
            if self._job.claims:
                self._claim_all()
            with self._using() as link:
                for inbox in self._terms.inboxes:
                    folder = posixpath.join(inbox, self._terms.claim)
                    with suppress(FileNotFoundError):  # nothing was ever claimed
                        for name, found in list(link.entries(folder)):
                            id_, split, rest = name.partition(SPLIT)
                            path = posixpath.join(folder, name)
                            if not split or name.startswith(_ASIDE):
                                continue
                            if not self._is_left(path, _seen(found)):
                                self._mine[id_] = _Found(path, inbox, rest, _seen(found))
        self._job.is_claiming = False
        self._job.contents, self._job.looks = {}, {}
        order = sorted(self._mine) if self._terms.claim else list(self._mine)
        self._job.coming = deque(order)
        return [Arrival(one, harmless(self._mine[one].name)) for one in order]

    def open(self, arrival: Arrival) -> BinaryIO:
        if arrival.id not in self._mine:
            self.arrivals()
        found = self._mine[arrival.id]
        if found.seen[0] is not None and not stat.S_ISREG(found.seen[0]):
            raise UnreadableError("not a regular file")
        if found.size is not None and found.size <= CHUNK:
            if arrival.id not in self._job.contents:
                self._fetch_ahead(arrival.id)
            content = self._job.contents.pop(arrival.id, None)
            if isinstance(content, Exception):
                raise content
            if content is not None:
                return io.BytesIO(content)
        try:
            return cast("BinaryIO", io.BufferedReader(_Resumed(self, found), 4 * CHUNK))
        except PermissionError as error:
            raise UnreadableError(str(error)) from error

    def _fetch_ahead(self, first: str) -> None:
        """Fetches a small file, and those that come after it."""
        wanted = [first]
        while self._job.coming and len(wanted) < _AT_ONCE:
            one = self._job.coming.popleft()
            size = self._mine[one].size if one in self._mine else None
            mode = self._mine[one].seen[0] if one in self._mine else None
            if one != first and size is not None and size <= CHUNK and (mode is None or stat.S_ISREG(mode)):
                wanted.append(one)
        files = [self._mine[one] for one in wanted]
        with self._using() as link:
            opened = link.many([(CMD_OPEN, one.path, SFTP_FLAG_READ, SFTPAttributes()) for one in files])
            handles = [one.get_binary() if isinstance(one, Message) else None for one in opened]
            got = link.many(
                [(CMD_READ, one, int64(0), CHUNK) if one is not None else None for one in handles]
            )
            link.many([(CMD_CLOSE, one) if one is not None else None for one in handles])
        for id_, file, handle, answer in zip(wanted, files, opened, got):
            if isinstance(handle, PermissionError):
                self._job.contents[id_] = UnreadableError(handle.strerror or str(handle))
            elif isinstance(handle, Exception):
                self._job.contents[id_] = refused(file.path, handle)
            elif isinstance(answer, EOFError) and file.size == 0:
                self._job.contents[id_] = b""
            elif isinstance(answer, Message):
                content = answer.get_string()
                if len(content) == file.size:  # else it is read piece by piece
                    self._job.contents[id_] = content
            self._job.looks[id_] = None

    def unchanged(self, arrival: Arrival, stream: BinaryIO, size: int) -> bool:  # noqa: ARG002 -- of folders
        found, looks = self._mine[arrival.id], self._job.looks
        if looks.get(arrival.id) is None:
            waiting = [one for one, seen in looks.items() if seen is None and one in self._mine]
            asked = list(dict.fromkeys([arrival.id, *waiting]))
            for one, now in zip(asked, self._stat([self._mine[one].path for one in asked])):
                looks[one] = _seen(now) if now is not None else (None, -1, None)
        seen = looks.pop(arrival.id)
        return found.size in (None, size) and seen == found.seen

    def settle(self, arrival: Arrival) -> None:
        if (found := self._mine.pop(arrival.id, None)) is not None:
            self._job.settled.append(found)
            if len(self._job.settled) >= _AT_ONCE:
                self._settle_all()

    def _settle_all(self) -> None:
        """Removes or archives what the gateway has."""
        settled, self._job.settled = self._job.settled, []
        if not settled:
            return
        left: OSError | None = None
        with self._using() as link:
            if not self._terms.claim:  # unless somebody wrote a new file of the name meanwhile
                now = self._stat([one.path for one in settled])
                settled = [one for one, found in zip(settled, now) if found and _seen(found) == one.seen]
            answers = link.many([self._ending(one) for one in settled])
            if self._terms.marker and not self._terms.claim:
                link.many([(CMD_REMOVE, one.marker) for one in settled])
            for one, answer in zip(settled, answers):
                self._left.pop(one.path, None)
                if isinstance(answer, Exception) and self._stat([one.path])[0] is not None:
                    self._left[one.path] = one
                    left = refused(one.path, answer, "SFTP-REMOVE")
        if left is not None:
            raise left

    def _ending(self, found: _Found) -> tuple[object, ...]:
        if not self._terms.archive:
            return CMD_REMOVE, found.path
        name = (
            posixpath.basename(found.path) if self._terms.claim else self._id_of(found) + SPLIT + found.name
        )
        return CMD_RENAME, found.path, path_of(posixpath.join(found.inbox, self._terms.archive, name))

    def set_aside(self, arrival: Arrival) -> str:
        name = f"{arrival.id}{SPLIT}{arrival.name}"
        found = self._mine.pop(arrival.id, None)
        if found is not None:
            self._unread[found.path] = found.seen
            if self._terms.claim:
                aside = self._aside or posixpath.join(found.inbox, self._terms.claim, _ASIDE)
                with self._using() as link:
                    link.one(CMD_RENAME, found.path, path_of(aside + name))
        return name

    # --- sending -------------------------------------------------------------------------------------

    @property
    def is_direct(self) -> bool:
        return self._terms.upload.rename == "none"

    def exists(self, box: str, name: str) -> bool:
        exists, folder = self._terms.upload.exists, self._folder(box)
        if exists == "overwrite":
            return False
        names = self._job.names
        if folder in names and names[folder] is None:  # not the first: look at all of them at once
            with self._using() as link, suppress(PermissionError):
                names[folder] = {one for one, _ in link.entries(folder)}
        known = names.setdefault(folder, None)
        there = name in known if known is not None else self._is_there(posixpath.join(folder, name))
        if there and exists == "fail":
            raise TakenError("SFTP-EXISTS", path=posixpath.join(folder, name))
        return there

    def stage(self, box: str, key: str, source: BinaryIO) -> None:
        job, path = self._job, self._hidden(box, key)
        if self.is_direct:
            kept = job.kept[box, key] = cast("BinaryIO", SpooledTemporaryFile(CHUNK))  # noqa: SIM115 -- until it is released
            shutil.copyfileobj(source, kept, 1 << 20)
            self._visible(box)
            return
        content = source.read(CHUNK + 1)
        if len(content) <= CHUNK and job.sizes and path not in job.sizes:
            job.uploads.append((path, content))
            job.sizes[path] = len(content)
            if len(job.uploads) >= _AT_ONCE:
                self._upload_all()
        else:
            job.sizes[path] = self._put(path, pieces(content, source))

    def _put(self, path: str, content: Iterator[bytes]) -> int:
        with self._using() as link:
            handle = link.one(CMD_OPEN, path, _WRITE, SFTPAttributes()).get_binary()
            try:
                size = link.write(handle, content)
                if (mode := self._mode) is not None:
                    link.raw(CMD_FSETSTAT, handle, mode)
                link.raw(CMD_CLOSE, handle)
            except LostError:
                raise
            except (OSError, EOFError) as error:
                with suppress(OSError, EOFError):
                    link.raw(CMD_CLOSE, handle)
                raise _unwritten(link, path, error) from None
        return size

    def _upload_all(self) -> None:
        """Writes the small files that wait."""
        uploads, self._job.uploads = self._job.uploads, []
        if not uploads:
            return
        with self._using() as link:
            opened = link.many([(CMD_OPEN, path, _WRITE, SFTPAttributes()) for path, _ in uploads])
            handles = [one.get_binary() if isinstance(one, Message) else None for one in opened]
            said = [opened]
            for requests in (
                [
                    (CMD_WRITE, handle, int64(0), content) if handle is not None and content else None
                    for handle, (_, content) in zip(handles, uploads)
                ],
                [(CMD_FSETSTAT, one, mode) if one is not None else None for one in handles]
                if (mode := self._mode) is not None
                else [],
                [(CMD_CLOSE, one) if one is not None else None for one in handles],
            ):
                said.append(link.many(requests))
        for answers in said:
            for (path, _), answer in zip(uploads, answers):
                if isinstance(answer, Exception):
                    raise _unwritten(link, path, answer)

    @property
    def _mode(self) -> SFTPAttributes | None:
        if not self._terms.upload.mode:
            return None
        wanted = SFTPAttributes()
        wanted.st_mode = int(self._terms.upload.mode, 8)
        return wanted

    def staged(self, box: str, key: str) -> bool:
        if self.is_direct:
            return False
        self._upload_all()
        if self._is_there(self._hidden(box, key)):
            return True
        self._visible(box)  # a folder that is away must not look like one whose files were shown
        return False

    def landed(self, box: str, name: str, size: int) -> bool:
        if not self.is_direct:
            return True
        found = self._stat([posixpath.join(self._folder(box), name)])[0]
        return found is not None and found.st_size == size

    def discard(
        self, boxes: Sequence[str], keys: Mapping[int, str], keep: AbstractSet[str] = frozenset()
    ) -> None:
        def is_meant(key: str) -> bool:
            number = key.partition("-")[0]
            wanted = keys.get(int(number)) if number.isdecimal() else None
            return wanted is not None and wanted in ("", key) and key not in keep

        for place in [one for one in self._job.kept if one[0] in boxes and is_meant(one[1])]:
            self._job.kept.pop(place).close()
        if self._job.lost or self.is_direct:
            return
        for box in boxes:
            with suppress(OSError):
                self._upload_all()
                folder, name = posixpath.split(self._hidden(box, "{key}"))
                before, _, after = name.partition("{key}")
                with self._using() as link:
                    for entry in [one for one, _ in link.entries(folder)]:
                        key = entry[len(before) : len(entry) - len(after)]
                        if entry == before + key + after and is_meant(key):
                            path = posixpath.join(folder, entry)
                            self._job.sizes.pop(path, None)
                            link.one(CMD_REMOVE, path)

    def release(self, box: str, key: str, name: str) -> None:
        old, new = self._hidden(box, key), posixpath.join(self._folder(box), name)
        if self.is_direct:
            with self._job.kept.pop((box, key)) as kept:
                kept.seek(0)
                self._job.sizes[new] = self._put(new, pieces(kept.read(CHUNK), kept))
            return
        self._job.released.append((old, new))
        if not self._job.is_releasing:
            self._job.is_releasing = True
            self._release_all()

    def _release_all(self) -> None:
        pairs, self._job.released = self._job.released, []
        if pairs:
            with self._using() as link:
                kinds = [self._renaming, self._renaming_posix]
                if self._terms.upload.rename == "posix" or self._terms.upload.exists == "overwrite":
                    kinds.reverse()
                answers = link.many([kinds[0](*pair) for pair in pairs])
                for (old, new), answer in zip(pairs, answers):
                    if isinstance(answer, Exception):
                        self._insist(link, old, new, kinds[1], answer)

    def _insist(
        self,
        link: Link,
        old: str,
        new: str,
        renaming: Callable[[str, str], tuple[object, ...]],
        error: Exception,
    ) -> None:
        """Gives a file its name where the server refused the first way."""
        if not self._is_there(old):  # whoever took over released it
            return
        if self._is_there(new):
            if self._terms.upload.exists != "overwrite":
                raise TakenError("SFTP-EXISTS", path=new)
            link.one(CMD_REMOVE, new)
        (answer,) = link.many([renaming(old, new)])
        if isinstance(answer, Exception):
            raise refused(old, error, "SFTP-RENAME", new=new)

    @staticmethod
    def _renaming(old: str, new: str) -> tuple[object, ...]:
        return CMD_RENAME, old, path_of(new)

    @staticmethod
    def _renaming_posix(old: str, new: str) -> tuple[object, ...]:
        return CMD_EXTENDED, _POSIX, path_of(old), path_of(new)

    def sync(self, boxes: Sequence[str]) -> None:
        job = self._job
        try:
            self._upload_all()
            if self._terms.upload.verify and job.sizes:
                for (path, size), found in zip(job.sizes.items(), self._stat(list(job.sizes))):
                    # A file that is not there was discarded; what was written in its place may be taken.
                    if found is not None and found.st_size is None:
                        raise SftpError("SFTP-SIZE", path=path, what="the server tells no size")
                    if found is not None and found.st_size != size:
                        said = f"the server has {found.st_size} bytes of {size}"
                        raise SftpError("SFTP-SIZE", path=path, what=said)
            self._release_all()
        finally:
            job.uploads, job.sizes, job.released = [], {}, []
            job.is_releasing, job.names = False, {}
        for box in boxes:
            self._visible(box)

    def _visible(self, box: str) -> None:
        """Raises FileNotFoundError if a folder is away."""
        with self._using() as link, suppress(PermissionError):
            link.one(CMD_LSTAT, self._folder(box))

    def _folder(self, box: str) -> str:
        return self._boxes.get(box) or self._boxes[OUTBOX]  # a set may have lost its own

    def _hidden(self, box: str, key: str) -> str:
        return posixpath.join(self._folder(box), self._terms.upload.temporary.replace("{key}", key))

    # --- both ----------------------------------------------------------------------------------------

    def _stat(self, paths: Sequence[str]) -> list[SFTPAttributes | None]:
        """What files look like, None for those that are not there; by lists where a server hides it."""
        lists: dict[str, dict[str, SFTPAttributes]] = {}
        found: list[SFTPAttributes | None] = []
        with self._using() as link:
            for path, answer in zip(paths, link.many([(CMD_LSTAT, one) for one in paths])):
                if isinstance(answer, Message):
                    found.append(attributes(answer))
                elif isinstance(answer, FileNotFoundError):
                    found.append(None)
                else:
                    folder, name = posixpath.split(path)
                    if folder not in lists:
                        lists[folder] = dict(link.entries(folder))
                    found.append(lists[folder].get(name))
        return found

    def _is_there(self, path: str) -> bool:
        return self._stat([path])[0] is not None

    def again(self) -> None:
        """Makes a new connection in the place of a lost one. Raises SftpError."""
        link, self._job.link, self._job.lost = self._job.link, None, None
        if link is not None:
            link.close()
        _ = self._link

    def reading(self, found: _Found, offset: int) -> BinaryIO:
        with self._using() as link:
            return cast("BinaryIO", link.reading(found.path, offset))

    def is_same(self, found: _Found) -> bool:
        now = self._stat([found.path])[0]
        return now is not None and _seen(now) == found.seen

    def probe(self, told: Watch, *, send: bool) -> None:
        with self:
            self._job.link = self.connect(told)
            for inbox in self._terms.inboxes:
                number = sum(_is_file(found) for _, found in self._link.entries(inbox))
                told("folders", f"{inbox} has {number} {'file' if number == 1 else 'files'}")
            for box in self._boxes if self._terms.outbox else ():
                self._visible(box)
                told("folders", f"{self._folder(box)} is there")
            if send and self._terms.outbox:
                key, name = "0-test", ".edigw-test"
                self.stage(OUTBOX, key, io.BytesIO(b"This is a test of the connection.\r\n"))
                self.sync([OUTBOX])
                told("upload", "a small file was written and has the right size")
                self.release(OUTBOX, key, name)
                self.sync([OUTBOX])
                self._link.one(CMD_REMOVE, posixpath.join(self._terms.outbox, name))
                told("rename", "it was renamed and removed again")


class _Resumed(io.RawIOBase):
    """A file read over as many connections as it takes, as long as it stays the same."""

    def __init__(self, remote: SftpFolders, found: _Found) -> None:
        self._remote, self._found = remote, found
        self._offset = self._failed_at = 0
        self._failures = 0
        self._reading = remote.reading(found, 0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        while True:
            try:
                number: int = self._reading.readinto(buffer)  # type: ignore[attr-defined]
            except LostError as error:
                self._resume(error)
            else:
                self._offset += number
                return number

    def _resume(self, error: LostError) -> None:
        self._failures = self._failures + 1 if self._offset == self._failed_at else 1
        self._failed_at = self._offset
        if self._failures > _RESUMES or self._found.size is None:
            raise error
        self._remote.again()
        if not self._remote.is_same(self._found):
            raise LostError(f"{self._found.path} changed while the connection was gone") from error
        self._reading = self._remote.reading(self._found, self._offset)

    def close(self) -> None:
        if not self.closed:
            self._reading.close()
        super().close()


_NO_SIZE = "the server tells no size, so nobody can see when it is complete; agree on a `marker`"


def _seen(found: SFTPAttributes) -> _Seen:
    return found.st_mode, found.st_size, found.st_mtime


def _is_file(found: SFTPAttributes) -> bool:
    return found.st_mode is None or stat.S_ISREG(found.st_mode)


def _failed(answers: Sequence[object]) -> bool:
    return any(isinstance(one, Exception) for one in answers)


def _try(link: Link, kind: int, path: str, *args: object) -> Message | Exception | None:
    (answer,) = link.many([(kind, path, *args)])
    return answer


def _unwritten(link: Link, path: str, error: Exception) -> SftpError:
    """Why something was not written."""
    full = getattr(error, "errno", None) is None and link.is_full(posixpath.dirname(path) or ".")
    return refused(path, error, "SFTP-NO-SPACE" if full else "")
