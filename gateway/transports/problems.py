"""What can go wrong with a partner's SFTP server: a table of words, whose move it is, and what to do."""

from __future__ import annotations

import errno
import re
from dataclasses import dataclass

from gateway.errors import Fault, TransportError


@dataclass(frozen=True, slots=True)
class Kind:
    """An entry of the table.

    Attributes:
        step: how far ``edigw partner test`` came; empty for where it just is.
        fault: whose move it is.
        message: with ``{names}`` for words. hint: what to do.
        explanation: for ``edigw explain``.
    """

    step: str
    fault: Fault
    message: str
    hint: str
    explanation: str


_P, _C, _N = Fault.PARTNER, Fault.CONFIGURATION, Fault.NETWORK

# fmt: off
CATALOGUE: dict[str, Kind] = {
    "SFTP-SECRET": Kind("settings", _C,
        "{what}",
        "Put it where the partner's file says (`password`, `key`, `key_password`).",
        "A password or key is not where its reference (env:NAME, file:PATH, credential:NAME) says."),
    "SFTP-KEY": Kind("settings", _C,
        "{key} is no private key that can be used: {what}",
        "Keys are Ed25519, ECDSA or RSA, as ssh-keygen makes them; one with a password needs `key_password`.",
        "Our private key, or its certificate, cannot be read. The server was not asked for anything yet."),
    "SFTP-DNS": Kind("dns", _C,
        "{host} is not known: {what}",
        "Check `host` in the partner's file, and the name service of this machine.",
        "The name of the server has no address here."),
    "SFTP-CONNECT": Kind("tcp", _N,
        "{host}:{port} does not take connections: {what}",
        "Check `port`, and ask whether the firewalls on both sides let you through.",
        "The address is known, and nobody takes the connection: the server is down, a firewall is between, "
        "or the partner admits only addresses it knows. With `proxy_jump` the server in between says so."),
    "SFTP-PROTOCOL": Kind("hostkey", _C,
        "{host} cannot be spoken to: {what}",
        "Is this the port of an SFTP server?",
        "Somebody takes the connection and does not speak SSH, or ends it before it is secure. Some servers "
        "do so with addresses they do not know, or when they have too many connections."),
    "SFTP-OLD-SERVER": Kind("hostkey", _P,
        "{host} offers only {what}",
        "Ask the partner to allow aes256-ctr or AES-GCM, hmac-sha2-256, curve25519 or ecdh-sha2-nistp256.",
        "What the server offers is too weak to be used: host keys that sign with SHA-1 (`ssh-rsa`) or DSA "
        "can be forged; CBC, 3DES, MD5 and SHA-1 can be attacked. There is no setting to allow them."),
    "SFTP-HOST-KEY-UNKNOWN": Kind("hostkey", _C,
        "{host} has the key {key}, and your file says none: nothing was sent",
        "Have the partner confirm this fingerprint, not by the same way. Then write under `host_keys`: - "
        '"{line}"',
        "A host key is never accepted by itself: whoever stands in between could show one. It is tried again "
        "with growing pauses, and at once by `edigw partner test`."),
    "SFTP-HOST-KEY": Kind("hostkey", _P,
        "{host} has the key {key}, but your file says {known}: nothing was sent",
        "Either the partner changed it, or somebody stands in between. Ask the partner, not by the same way. "
        'Only if it confirms the new fingerprint, add under `host_keys`: - "{line}"',
        "The server is not the one it was. It is tried again with growing pauses, and at once by "
        "`edigw partner test`."),
    "SFTP-LOGIN": Kind("login", _P,
        "{host} refuses {user} with {what}",
        "Ask the partner whether this key is registered for your user, and whether the user is locked.",
        "The server does not let us in. As many servers lock a user after some refusals, it is tried again "
        "with growing pauses of up to an hour, and at once by `edigw partner test`."),
    "SFTP-NO-SFTP": Kind("folders", _P,
        "{host} lets us in, but opens no SFTP",
        "Ask the partner to allow SFTP (subsystem sftp) for your user.",
        "The login is right, and the server runs no SFTP for this user."),
    "SFTP-LOST": Kind("", _N,
        "{what}",
        "It is tried again by itself. If it stays, ask the partner what its server says.",
        "The connection ended or fell silent in the middle. What was not complete was not shown to anybody."),
    "SFTP-FOLDER": Kind("", _C,
        "{path}: {what}",
        "Compare `inboxes`, `outbox` and the folders of `claim`, `archive` and `upload` with the partner.",
        "A folder or file is not there. Paths are those your user sees, often from / on, whatever the "
        "server's disk looks like."),
    "SFTP-DENIED": Kind("", _P,
        "{path}: {what}",
        "Ask the partner to give your user the right to read, write, rename and remove there.",
        "The server says that we may not. A server that allows no renaming: `upload: {rename: none}`; no "
        "removing: agree on who removes."),
    "SFTP-NO-SPACE": Kind("", _P,
        "{path}: {what}; its disk is full, or your quota",
        "Ask the partner to make room. The files wait and go by themselves.",
        "The server says so, or has no room left when it refuses to write."),
    "SFTP-EXISTS": Kind("", _P,
        "{path} is there already",
        "Ask the partner to take it, or write `upload: {exists: number}` for another name.",
        "A file of this name is in the outbox, and `exists: fail` was agreed, or it appeared in between."),
    "SFTP-RENAME": Kind("rename", _P,
        "the server refuses to rename {path} to {new}: {what}",
        "Ask the partner to allow it. If it allows none: `upload: {rename: none}`, and no `claim`.",
        "A file is written under a temporary name and then renamed, so that nobody sees half of it; with "
        "`claim` one is renamed before it is fetched."),
    "SFTP-SIZE": Kind("", _P,
        "{path}: {what}",
        "Ask the partner. If the server hides sizes, or moves files at once: `upload: {verify: false}`.",
        "After an upload the server is asked how many bytes it has, before the file gets its name."),
    "SFTP-REMOVE": Kind("", _P,
        "{path} was received and cannot be removed: {what}",
        "Agree with the partner on who removes; `archive` moves files in place of it.",
        "The file is here, and is not fetched again while it stays as it is."),
    "SFTP-REFUSED": Kind("", _P,
        "{path}: {what}",
        "Ask the partner what its server's log says at this time.",
        "The server refused something and gave no reason that it has a number for; its own words are shown."),
}
# fmt: on

_BY_ERRNO = {
    errno.ENOENT: "SFTP-FOLDER",
    errno.EACCES: "SFTP-DENIED",
    errno.EEXIST: "SFTP-EXISTS",
    errno.ENOSPC: "SFTP-NO-SPACE",
}


class SftpError(TransportError, OSError):
    """A server cannot be used now, or refuses something.

    Args:
        code: of the table. hint: in place of that of the table. words: for its sentences.

    Attributes:
        step: how far it came, empty for where it just is.
    """

    def __init__(self, code: str, *, hint: str = "", **words: object) -> None:
        kind = CATALOGUE[code]
        super().__init__(kind.message.format(**words), code=code)
        self.step = kind.step
        self.hint = hint or (kind.hint.format(**words) if "line" in words else kind.hint)


class LostError(SftpError):
    """The connection is gone; another one may be made."""

    def __init__(self, message: str) -> None:
        super().__init__("SFTP-LOST", what=message)


class AbsentError(SftpError, FileNotFoundError):
    """What is asked for is not there."""


class DeniedError(SftpError, PermissionError):
    """We may not."""


class TakenError(SftpError, FileExistsError):
    """A file of the name is there."""


_CLASSES = {"SFTP-FOLDER": AbsentError, "SFTP-DENIED": DeniedError, "SFTP-EXISTS": TakenError}


def refused(path: str, error: BaseException, code: str = "", **words: str) -> SftpError:
    """What a server said of a path, as an error with a code: the one given, or what its answer means."""
    what = getattr(error, "strerror", None) or str(error) or "refused"
    code = code or _BY_ERRNO.get(getattr(error, "errno", None) or 0, "SFTP-REFUSED")
    if code == "SFTP-REFUSED" and re.search(r"(?i)no space|quota|disk.* full", what):
        code = "SFTP-NO-SPACE"
    return _CLASSES.get(code, SftpError)(code, **{"path": path, "what": what, **words})
