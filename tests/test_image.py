"""The image, made by the commands of the Dockerfile in a clean root, and run as a container runs it."""

from __future__ import annotations

import os
import shlex
import shutil
from pathlib import Path

import pytest

from gateway import resources
from tests.images import Image, made

pytestmark = [
    pytest.mark.long,
    pytest.mark.needs_system,
    pytest.mark.skipif(
        os.geteuid() != 0 or not shutil.which("debootstrap"), reason="needs root and debootstrap"
    ),
]


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Image:
    return made(tmp_path_factory.mktemp("image"))


@pytest.fixture
def volume(image: Image, tmp_path: Path) -> Path:
    """An empty volume, which takes owner and rights of the folder in the image."""
    folder = tmp_path / "volume"
    folder.mkdir()
    there = (image.root / image.workdir[1:]).stat()
    os.chown(folder, there.st_uid, there.st_gid)
    folder.chmod(there.st_mode & 0o777)
    return folder


def test_it_makes_a_home_and_works(image: Image, volume: Path) -> None:
    assert "is ready" in image.start(volume, "edigw init .")
    inbox = volume / "folders/acme-retail/inbox"
    (inbox / "orders-1001.edi").write_bytes(resources.find("config/demo/orders-1001.edi").read_bytes())
    image.start(volume, "edigw run-once && edigw doctor")
    assert len(list((volume / "folders/erp/outbox").glob("*.json"))) == 1
    assert "All as expected." in image.start(volume, "edigw demo --once")


def test_nothing_but_home_and_tmp_can_be_written(image: Image, volume: Path) -> None:
    script = (
        'for one in / /opt/edi-gateway /usr /etc; do touch "$one/x" 2>/dev/null && echo "$one"; done; id -u'
    )
    assert image.start(volume, script).split() == ["10001"]


def test_every_extra_is_there(image: Image, volume: Path) -> None:
    modules = "obstore, procrastinate, psycopg, asyncssh, reportlab, authlib, opentelemetry.sdk"
    image.start(volume, f"python -c 'import {modules}' && pg_dump --version && pg_restore --version")


def test_it_has_no_tools_to_build_with_and_no_source(image: Image, volume: Path) -> None:
    root = image.root
    assert not (root / "src").exists()
    assert not (root / "wheels").exists()
    assert not list((root / "opt/edi-gateway").glob("lib/*/site-packages/pip"))
    assert not list((root / "opt/edi-gateway").glob("lib/*/site-packages/hatchling"))


def test_it_runs_until_it_is_told_to_stop(image: Image, volume: Path) -> None:
    start = shlex.join([*image.said["ENTRYPOINT"], *image.said["CMD"]])
    check = shlex.join(image.said["HEALTHCHECK"][1:])
    waits = "for i in $(seq 60); do {} 2>/dev/null && break; sleep 0.5; done"
    script = (
        f"edigw init . >/dev/null; {check} 2>/dev/null && exit 9\n"  # it fails where nothing runs
        f"{start} 2>log & pid=$!\n"
        f"{waits.format(check)}; {check} || {{ cat log; exit 1; }}\n"
        f"kill -{image.said['STOPSIGNAL'][0].removeprefix('SIG')} $pid; wait $pid"
    )
    image.start(volume, script)
    log = (volume / "log").read_text()
    assert "web.ready" in log
    assert "gateway.stopped" in log
