"""Makes the image of the Dockerfile where there is no Docker: its own commands, in roots made by debootstrap.

Needs root, Linux and debootstrap. The base image is a minimal Debian with its Python instead of Docker's.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import dockerfile

ROOT = Path(__file__).resolve().parents[1]
SUITE = "trixie"
"""The release of Debian in python:3.13-slim."""
_LENT = ("/etc/pip.conf", "/etc/xdg/pip", "/etc/ssl/certs/ca-certificates.crt", "/etc/resolv.conf")
"""What says how this machine reaches packages, and is no part of an image."""


def instructions() -> list[list[dockerfile.Command]]:
    """The instructions of the Dockerfile, by stages; each begins with FROM."""
    stages: list[list[dockerfile.Command]] = []
    for one in dockerfile.parse_file(str(ROOT / "Dockerfile")):
        if one.cmd == "FROM":
            stages.append([])
        stages[-1].append(one)
    return stages


@dataclass
class Image:
    """A root with what its instructions said about processes in it."""

    root: Path
    env: dict[str, str] = field(default_factory=dict)
    workdir: str = "/"
    user: str = ""
    said: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def run(self, *command: str) -> None:
        """Runs a command in it as RUN does, by root."""
        cd = f"cd {self.workdir} && " + " ".join(command)
        lent = {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
        environment = (
            {"PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "HOME": "/root"} | lent | self.env
        )
        done = subprocess.run(
            ["chroot", str(self.root), "/bin/sh", "-c", cd],
            env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{cd}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"

    def start(self, home: Path, script: str, timeout: int = 120) -> str:
        """Runs a shell script as in a container: no rights, no network, only home and /tmp can be written.

        Returns:
            what it prints; it must end with 0.
        """
        root = str(self.root)
        said = shlex.join(f"{name}={value}" for name, value in (self.env | {"HOME": self.workdir}).items())
        shell = f"/bin/sh -c 'cd {self.workdir}; exec /bin/sh -s'"
        inside = " && ".join(
            (
                f"mount --bind {root} {root}",
                f"mount -o remount,bind,ro {root}",
                f"mount -t tmpfs tmpfs {root}/tmp",
                f"mount --bind {home} {root}{self.workdir}",
                f"mount -t proc proc {root}/proc",
                "ip link set lo up",
                f"exec chroot --userspec={self.user} {root} /usr/bin/env -i {said} {shell}",
            )
        )
        done = subprocess.run(
            ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "/bin/sh", "-c", inside],
            input=script, capture_output=True, text=True, check=False, timeout=timeout,
        )  # fmt: skip
        assert done.returncode == 0, f"{script}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
        return done.stdout


def base(folder: Path) -> Path:
    """A root that stands for the base image: `python` and `pip` are there."""
    root = folder / "base"
    packages = "--include=python3,python3-venv,python3-pip,ca-certificates"
    subprocess.run(
        ["debootstrap", "--variant=minbase", packages, SUITE, root],
        check=True,
        capture_output=True,
        timeout=600,
    )
    (root / "usr/local/bin/python").symlink_to("/usr/bin/python3")
    for name in filter(os.path.exists, _LENT):
        there = root / name[1:]
        there.parent.mkdir(parents=True, exist_ok=True)
        if Path(name).is_dir():
            shutil.copytree(name, there, dirs_exist_ok=True)
        else:
            there.unlink(missing_ok=True)
            shutil.copyfile(name, there)
    return root


def context(folder: Path) -> Path:
    """What Docker is sent: the tracked files that .dockerignore leaves, which names whole tops."""
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    taken = [line[1:] for line in lines if line.startswith("!")]
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--", *taken], cwd=ROOT, check=True, capture_output=True, text=True
    )
    for name in filter(None, listed.stdout.split("\0")):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, folder / name)
    return folder


def made(folder: Path) -> Image:
    """The image of the last stage."""
    beginning, sent = base(folder), context(folder / "context")
    images: dict[str, Image] = {}
    image = Image(beginning)
    for number, stage in enumerate(instructions()):
        image = Image(folder / f"stage{number}")
        subprocess.run(["cp", "-a", beginning, image.root], check=True)
        for one in stage:
            _do(one, image, images, sent)
        images[stage[0].value[-1]] = image
    return image


def _do(one: dockerfile.Command, image: Image, images: dict[str, Image], sent: Path) -> None:
    """One instruction; those that only describe are kept."""
    if one.cmd == "RUN":
        image.run(*one.value)
    elif one.cmd == "COPY":
        origin = images[one.flags[0].partition("=")[2]].root if one.flags else sent
        *sources, target = one.value
        there = image.root / os.path.normpath(f"{image.workdir}/{target}").lstrip("/")
        for source in sources:
            found = origin / source.lstrip("/")
            if found.is_dir():  # what is in it
                there.mkdir(parents=True, exist_ok=True)
                subprocess.run(["cp", "-a", f"{found}/.", there], check=True)
            else:
                shutil.copy(found, there / found.name if there.is_dir() else there)
    elif one.cmd == "WORKDIR":
        image.workdir = one.value[0]
        (image.root / image.workdir[1:]).mkdir(parents=True, exist_ok=True)
    elif one.cmd in ("ENV", "ARG"):
        words = one.value if one.cmd == "ENV" else one.value[0].split("=", 1)
        for name, value in zip(words[::2], words[1::2], strict=True):
            image.env[name] = re.sub(r"\$PATH", "/usr/local/bin:/usr/bin:/bin", value)
    elif one.cmd == "USER":
        image.user = one.value[0]
    else:
        image.said[one.cmd] = one.value
