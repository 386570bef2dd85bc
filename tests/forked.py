"""``edigw`` in a moment: one process has everything imported, and forks for each command.

What a command does is what it does otherwise: a process of its own with its own folder, environment, standard
streams and exit code. Only the half second in which Python imports the program is saved, which the pages of
the documentation pay hundreds of times.

``python -m tests.forked SOCKET`` is that process. Its client is the program that :func:`program` writes.
"""

from __future__ import annotations

import importlib
import io
import os
import select
import signal
import socket
import subprocess
import sys
import time
from array import array
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_CLIENT = """\
#!{python} -IS
import array, os, signal, socket, sys
there = socket.socket(socket.AF_UNIX)
there.connect({path!r})
parts = [os.getcwd(), *sys.argv[1:], "", *(f"{{name}}={{value}}" for name, value in os.environ.items())]
streams = array.array("i", [0, 1, 2])
said = "\\0".join(parts).encode("utf-8", "surrogateescape")
there.sendmsg([len(said).to_bytes(4, "big")], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, streams)])
there.sendall(said)
child = int.from_bytes(there.recv(4), "big")
for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, lambda number, _: os.kill(child, number))
code = there.recv(4)
sys.exit(int.from_bytes(code, "big") if code else 70)
"""


def program(path: Path, server: Path) -> None:
    """Writes a program that has its command done by the server at a socket."""
    path.write_text(_CLIENT.format(python=sys.executable, path=str(server)))
    path.chmod(0o755)


@contextmanager
def server(folder: Path, root: Path) -> Iterator[Path]:
    """Runs a server of the source tree ``root``; its socket."""
    path = folder / "socket"
    command = [sys.executable, "-m", "tests.forked", str(path)]
    with subprocess.Popen(command, cwd=root, env={**os.environ, "PYTHONPATH": str(root)}) as process:
        try:
            until = time.monotonic() + 60
            while not path.exists():
                assert process.poll() is None
                assert time.monotonic() < until
                time.sleep(0.01)
            yield path
        finally:
            process.terminate()


def _serve(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listening:
        aside = path.with_suffix(".new")
        listening.bind(str(aside))
        listening.listen(64)
        aside.rename(path)
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        while True:
            there, _ = listening.accept()
            # One process for each command looks after it: the server itself stays as it was imported.
            if os.fork() == 0:
                listening.close()
                os._exit(_attend(there))
            there.close()


def _attend(there: socket.socket) -> int:
    streams = array("i")
    size, ancillary, _, _ = there.recvmsg(4, socket.CMSG_SPACE(3 * streams.itemsize))
    for _, _, data in ancillary:
        streams.frombytes(data[: len(data) - len(data) % streams.itemsize])
    said = b""
    while len(said) < int.from_bytes(size, "big"):
        said += there.recv(1 << 16)
    cwd, *rest = said.decode("utf-8", "surrogateescape").split("\0")
    end = rest.index("")
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    child = os.fork()
    if child == 0:
        there.close()
        os.setpgid(0, 0)
        _become(cwd, rest[end + 1 :], streams)
        os._exit(_run(rest[:end]))
    for one in streams:
        os.close(one)
    with suppress(OSError):
        there.sendall(child.to_bytes(4, "big"))
    waited: list[int] = [there.fileno(), os.pidfd_open(child)]
    if waited[0] in select.select(waited, [], [])[0]:  # a client that was killed had no last word
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    with suppress(OSError):
        there.sendall((code if code >= 0 else 128 - code).to_bytes(4, "big"))
    return 0


def _become(cwd: str, environment: list[str], streams: array[int]) -> None:
    for number, one in enumerate(streams):
        os.dup2(one, number)
        os.close(one)
    os.chdir(cwd)
    os.environ.clear()
    for setting in environment:
        name, _, value = setting.partition("=")
        os.environ[name] = value
    time.tzset()
    sys.stdin = io.TextIOWrapper(io.FileIO(0, closefd=False), "utf-8")
    sys.stdout, sys.stderr = (
        io.TextIOWrapper(io.FileIO(number, "w", closefd=False), "utf-8", write_through=True)
        for number in (1, 2)
    )


def _run(arguments: list[str]) -> int:
    from gateway.cli.main import main

    try:
        return main(arguments)
    except BaseException as error:  # noqa: BLE001 -- the process ends here
        sys.stderr.write(f"{error!r}\n")
        return 70
    finally:
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError):
                stream.flush()


if __name__ == "__main__":
    from gateway.cli.main import parser

    for name in ("gateway.app", "gateway.cli.commands.demo", "gateway.web.app"):
        importlib.import_module(name)
    parser()
    _serve(Path(sys.argv[1]))
