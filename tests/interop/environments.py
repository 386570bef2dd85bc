"""Where other implementations run: environments of their own under ``build/interop``, made once and kept.

Several processes may ask for one at the same time: the first makes it, the others wait. It is made anew when
what it is made from has changed.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

HERE = Path(__file__).resolve().parent
BUILD = HERE.parents[1] / "build" / "interop"

ENVIRONMENT = dict(os.environ)
"""As it was before tests take settings out of it: package managers look for theirs."""

JARS = [Path(f"/usr/share/java/{name}.jar") for name in ("bcprov", "bcutil", "bcpkix", "bcmail")]


class Unavailable(Exception):
    """An implementation is not there and cannot be had; says why."""


def run(*command: str | Path, seconds: float = 300) -> None:
    """Runs a program to its end; raises Unavailable if it fails or is not there."""
    try:
        subprocess.run(command, env=ENVIRONMENT, check=True, capture_output=True, text=True, timeout=seconds)
    except subprocess.CalledProcessError as error:
        said = (error.stderr or error.stdout).strip().splitlines()[-3:]
        raise Unavailable(f"{Path(command[0]).name} failed: {' / '.join(said)}") from None
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unavailable(str(error)) from None


def bouncycastle() -> Sequence[str | Path]:
    """The command that runs the peer of BouncyCastle."""
    if missing := [str(jar) for jar in JARS if not jar.exists()]:
        raise Unavailable(f"missing: {', '.join(missing)} (Debian: libbcmail-java)")
    source, path = HERE / "bouncycastle" / "Peer.java", os.pathsep.join(map(str, JARS))
    folder = _made("bouncycastle", [source], lambda into: run("javac", "-d", into, "-cp", path, source))
    quick = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto")
    return ("java", *quick, "-cp", os.pathsep.join([path, str(folder)]), "Peer")


def pyas2lib() -> Sequence[str | Path]:
    """The command that runs the peer of pyas2lib."""
    requirements = HERE / "requirements-pyas2lib.txt"

    def make(folder: Path) -> None:
        _python(folder, requirements)
        # oscrypto expects one digit in each number of OpenSSL's version, and fails on 3.0.10 and later.
        for file in folder.glob("lib/python*/site-packages/oscrypto/_openssl/_libcrypto_c*.py"):
            text = file.read_text("utf-8")
            file.write_text(text.replace(r"\\d\\.\\d\\.\\d", r"\\d+\\.\\d+\\.\\d+"), "utf-8")

    return (_made("pyas2lib", [requirements], make) / "bin" / "python", HERE / "pyas2lib" / "peer.py")


def libas2() -> Sequence[str | Path]:
    """The command that runs the peer of libas2."""
    package = HERE / "libas2" / "package.json"

    def make(folder: Path) -> None:
        shutil.copy(package, folder)
        run("npm", "install", "--prefix", folder, "--no-audit", "--no-fund", "--ignore-scripts", "--silent")

    folder = _made("libas2", [package], make)
    # Node.js 20 decrypts keys of PKCS #1 v1.5 only when asked to; others may not know the question.
    asked = "--security-revert=CVE-2023-46809"
    try:
        run("node", asked, "-e", "0")
    except Unavailable:
        asked = "--no-warnings"
    return ("node", asked, HERE / "libas2" / "peer.js", folder)


def zebrash() -> Sequence[str | Path]:
    """The command that draws the labels of a ZPL file."""
    package = HERE / "zpl" / "package.json"

    def make(folder: Path) -> None:
        shutil.copy(package, folder)
        run("npm", "install", "--prefix", folder, "--no-audit", "--no-fund", "--ignore-scripts", "--silent")

    return ("node", HERE / "zpl" / "render.js", _made("zpl", [package], make))


def prism() -> Sequence[str | Path]:
    """The command that runs Prism, which checks requests against a description of an API."""
    package = HERE / "prism" / "package.json"

    def make(folder: Path) -> None:
        shutil.copy(package, folder)
        run("npm", "install", "--prefix", folder, "--no-audit", "--no-fund", "--ignore-scripts", "--silent")

    return (_made("prism", [package], make) / "node_modules" / ".bin" / "prism",)


def openid_provider() -> Path:
    """The program of an OpenID provider: see there how it is called."""
    sources = [HERE / "oidc" / "package.json", HERE / "oidc" / "server.js"]

    def make(folder: Path) -> None:
        for one in sources:
            shutil.copy(one, folder)
        run("npm", "install", "--prefix", folder, "--no-audit", "--no-fund", "--ignore-scripts", "--silent")

    return _made("oidc", sources, make) / "server.js"


def axe() -> Path:
    """The script that looks for what keeps people from using a page."""
    package = HERE / "axe" / "package.json"

    def make(folder: Path) -> None:
        shutil.copy(package, folder)
        run("npm", "install", "--prefix", folder, "--no-audit", "--no-fund", "--ignore-scripts", "--silent")

    return _made("axe", [package], make) / "node_modules" / "axe-core" / "axe.min.js"


def mockedi() -> Path:
    """The Python that has mock-edi."""
    requirements = HERE / "requirements-mockedi.txt"
    folder = _made("mockedi", [requirements], lambda into: _python(into, requirements))
    return folder / "bin" / "python"


def _python(folder: Path, requirements: Path) -> None:
    run(sys.executable, "-m", "venv", folder)
    pip = (folder / "bin" / "python", "-m", "pip", "--disable-pip-version-check", "-q")
    run(*pip, "install", "--retries", "1", "--timeout", "20", "-r", requirements)


def _made(name: str, sources: Sequence[Path], make: Callable[[Path], None]) -> Path:
    """A folder that was made from sources."""
    key = hashlib.sha256(b"\0".join([sys.version.encode(), *(source.read_bytes() for source in sources)]))
    folder = BUILD / f"{name}-{key.hexdigest()[:12]}"
    BUILD.mkdir(parents=True, exist_ok=True)
    with (BUILD / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / ".ready").exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            make(folder)
            (folder / ".ready").touch()
    return folder
