"""What people install: the wheel, on every Python we promise, away from this repository."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

import pycall

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]

REPO: Final = Path(__file__).parents[1]
PYTHONS: Final = ("3.11", "3.12", "3.13")

IMPORT_EVERYTHING: Final = """
import importlib, pkgutil, pycall
for module in pkgutil.walk_packages(pycall.__path__, "pycall."):
    if not module.name.endswith("__main__") and not module.name.startswith("pycall.server.nodes"):
        importlib.import_module(module.name)  # the nodes need the extra
print(pycall.__file__)
"""


@dataclass(frozen=True)
class Installed:
    """A virtual environment with the wheel in it, and an empty folder to use it in."""

    bin: Path
    folder: Path

    def run(self, program: str, *args: str) -> str:
        """What the program prints; it must not fail."""
        return told([str(self.bin / program), *args], cwd=self.folder)


def told(command: list[str], cwd: Path) -> str:
    env = {name: value for name, value in os.environ.items() if name not in {"PYTHONPATH", "VIRTUAL_ENV"}}
    done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout


def find_python(version: str) -> str | None:
    """An interpreter of this version: from PATH, or one that pyenv keeps."""
    kept = sorted((Path.home() / ".pyenv/versions").glob(f"{version}.*/bin/python"))
    for candidate in [f"python{version}", *map(str, kept)]:
        try:
            check = "import sys, ensurepip, venv; print('%d.%d' % sys.version_info[:2])"
            done = subprocess.run([candidate, "-c", check], capture_output=True, text=True, check=False)
        except OSError:
            continue
        if done.stdout.strip() == version:
            return candidate
    return None


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    told(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(REPO)],
        cwd=folder,
    )
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module", params=PYTHONS)
def installed(
    request: pytest.FixtureRequest, wheel: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Installed]:
    python = find_python(request.param)
    if python is None:
        pytest.skip(f"Python {request.param} is not on this machine")
    root = tmp_path_factory.mktemp(f"python{request.param}")
    bin_, empty = root / "venv" / "bin", root / "empty"
    empty.mkdir()
    told([python, "-m", "venv", str(root / "venv")], cwd=empty)
    told(
        [str(bin_ / "python"), "-m", "pip", "install", "--quiet", "--only-binary", ":all:", str(wheel)],
        cwd=empty,
    )
    yield Installed(bin_, empty)
    shutil.rmtree(root)  # pytest would keep half a gigabyte of libraries


def test_the_wheel_holds_the_package_with_its_data_and_nothing_else(wheel: Path) -> None:
    ours = {
        str(path.relative_to(REPO))
        for path in (REPO / "pycall").rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }
    with zipfile.ZipFile(wheel) as archive:
        shipped = {name for name in archive.namelist() if ".dist-info/" not in name}
        (about,) = (archive.read(name).decode() for name in archive.namelist() if name.endswith("/METADATA"))
        licenses = [name for name in archive.namelist() if name.endswith("/LICENSE")]

    assert shipped == ours
    assert len(licenses) == 1
    assert "\nName: pycall-webrtc\n" in about
    assert f"\nVersion: {pycall.__version__}\n" in about
    assert re.findall(r"Classifier: Programming Language :: Python :: (3\.\d+)\n", about) == list(PYTHONS)


def test_the_installed_command_starts(installed: Installed) -> None:
    assert installed.run("pycall", "--version") == f"pycall {pycall.__version__}\n"
    assert "pycall call ROOM" in installed.run("pycall", "--help")
    assert installed.run("python", "-m", "pycall", "--version") == f"pycall {pycall.__version__}\n"


def test_every_installed_module_can_be_imported(installed: Installed) -> None:
    where = installed.run("python", "-c", IMPORT_EVERYTHING).strip()

    assert Path(where).is_relative_to(installed.bin.parent)


def test_nothing_installed_conflicts(installed: Installed) -> None:
    installed.run("python", "-m", "pip", "check")
