"""``edigw sftp-server``: the key of our SFTP server, and OpenSSH in its place."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING

from gateway.cli import inputs
from gateway.cli.exit_codes import ExitCode
from gateway.cli.output import show, write_json
from gateway.errors import ConfigurationError

if TYPE_CHECKING:
    from gateway.partners.partner import Partner
    from gateway.partners.sftp import SftpAccount

GROUP = "edigw-sftp"

_SSHD = """\
# SFTP for partners of the gateway. The first three lines hold for the whole server.
KexAlgorithms -*-sha1
Ciphers -*cbc*
MACs -*sha1*,*md5*,umac-64*
Match Group {group}
    ChrootDirectory {root}/%u
    AuthorizedKeysFile {root}/.keys/%u
    AuthenticationMethods publickey
    PubkeyAcceptedAlgorithms -ssh-rsa,ssh-dss
    MaxAuthTries {attempts}
    MaxSessions 10
    ForceCommand internal-sftp -u 0007 -P symlink,hardlink,mkdir,rmdir -l INFO
    DisableForwarding yes
    PermitTunnel no
    PermitTTY no
    PermitUserRC no
Match all
"""


def register(commands: inputs.Commands) -> None:
    """Adds the commands of this module."""
    words = "the SFTP server that partners log in to"
    verbs = inputs.noun(commands, "sftp-server", words, "The SFTP server that partners log in to.")
    key = inputs.command(verbs, "key", run_key, json="the key as JSON")
    config = inputs.command(verbs, "config", run_config, json="configuration and commands as JSON")
    config.add_argument(
        "--root", metavar="DIR", default="/srv/edigw-sftp", help="where partners' folders are"
    )
    config.add_argument("--user", metavar="NAME", help="who runs the gateway (default: the home's owner)")
    for one in (key, config):
        inputs.home_option(one)


def run_key(args: argparse.Namespace) -> int:
    """Show what partners know our SFTP server by.

    Makes the server's key if there is none, and prints its public half and fingerprint for partners.
    """
    home = inputs.home_named(args)
    from gateway.api.sftp_server import host_key
    from gateway.settings import load

    key = host_key(home / load(home).gateway.sftp_server.host_key)
    line = key.export_public_key().decode().strip()
    if args.json:
        write_json({"key": line, "fingerprint": key.get_fingerprint()})
    else:
        show([line, key.get_fingerprint()])
    return ExitCode.FINE


def run_config(args: argparse.Namespace) -> int:
    """Show how OpenSSH serves the partners in place of the gateway's own server.

    Prints a script for root: users, folders and keys of all partners with an `sftp_account`, and the piece of
    sshd's configuration that locks them in. Read it before you run it. Running it again changes what differs.

    exit code: 0 done, 3 something in the settings or folders is missing
    """
    home = inputs.home_named(args).resolve()
    from gateway.settings import FOLDERS, load

    settings = load(home)
    accounts = [(one, one.sftp_account) for one in settings.partners.values() if one.sftp_account]
    if not accounts:
        raise ConfigurationError("No partner has an `sftp_account` in its file, so nobody could log in.")
    root = Path(args.root)
    _checked(root, [home / FOLDERS / partner.folder for partner, _ in accounts])
    user = args.user or home.owner()
    sshd = _SSHD.format(group=GROUP, root=root, attempts=settings.gateway.sftp_server.login_attempts)
    commands = [
        f"getent group {GROUP} >/dev/null || groupadd --system {GROUP}",
        f"usermod -aG {GROUP} {quote(user)}",
        f"install -d -o root -g root -m 0755 {root} {root}/.keys",
    ]
    for partner, account in accounts:
        commands += _commands(root, home / FOLDERS / partner.folder, user, partner, account)
    if args.json:
        write_json({"sshd_config": sshd, "commands": commands})
        return ExitCode.FINE
    target = "/etc/ssh/sshd_config.d/edigw-sftp.conf"
    show(["#!/bin/sh", "set -eu", *commands, f"cat > {target} <<'END'", sshd + "END", "sshd -t"])
    show(["# Then: systemctl reload ssh, and start the gateway anew, as its user is in a new group."])
    return ExitCode.FINE


def _checked(root: Path, channels: list[Path]) -> None:
    """Raises ConfigurationError if the folders cannot be moved to the root."""
    if not root.is_absolute() or quote(str(root)) != str(root) or "%" in str(root):
        raise ConfigurationError(f"--root {root}: write a path from / on, without blanks and signs.")
    there = next(one for one in (root, *root.parents) if one.exists())
    for channel in channels:
        if not channel.is_dir():
            raise ConfigurationError(
                f"{channel} is not there; `edigw run-once` makes the folders of channels."
            )
        if channel.stat().st_dev != there.stat().st_dev:
            raise ConfigurationError(
                f"{root} and {channel} are on different file systems, between which files cannot be moved in "
                "one step. Name a folder of the same one with --root."
            )


def _commands(root: Path, channel: Path, user: str, partner: Partner, account: SftpAccount) -> Iterator[str]:
    """What makes the account of one partner, as often as it is run."""
    name, own = account.user, root / account.user
    yield f"# {partner.id}"
    yield (
        f"id {name} >/dev/null 2>&1 || useradd --system --gid {GROUP} --home-dir / --no-create-home "
        f"--password '*' --shell /usr/sbin/nologin {name}"
    )
    yield f"install -d -o root -g root -m 0755 {own}"  # sshd wants it so: else nobody is locked in there
    for box, mode in (("inbox", "2770"), ("outbox", "2770" if account.removes else "2750")):
        link, folder = quote(str(channel / box)), own / box
        yield f"[ -L {link} ] || {{ mv -T {link} {folder} && ln -s {folder} {link}; }}"
        yield f"chown -R {quote(user)}:{GROUP} {folder} && chmod {mode} {folder}"
    networks = f'restrict,from="{",".join(account.networks)}" ' if account.networks else "restrict "
    lines = " ".join(quote(networks + key) for key in account.keys)
    yield f"printf '%s\\n' {lines} > {root}/.keys/{name} && chmod 0644 {root}/.keys/{name}"
