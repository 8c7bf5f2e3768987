"""The shared libraries inside av's wheel."""

from __future__ import annotations

from pathlib import Path

import pytest

from pycall.codecs.library import Name, candidates, load


@pytest.mark.parametrize("name", ["opus", "vpx"])
def test_each_library_is_found_in_the_installed_wheel(name: Name) -> None:
    library = load(name)
    assert library is not None
    assert name in library._name


@pytest.mark.parametrize(
    ("folder", "file"),
    [
        ("av.libs", "libopus-114e2b1a.so.0.11.1"),
        ("av.libs", "libopus-0-3c8b2a.dll"),
        ("av/.dylibs", "libopus.0.dylib"),
    ],
)
def test_the_names_of_every_system_are_known(tmp_path: Path, folder: str, file: str) -> None:
    package = tmp_path / "av"
    package.mkdir()
    (tmp_path / folder).mkdir(exist_ok=True)
    for name in (file, "libopusfile-1.so", "libvorbis-2.so"):
        (tmp_path / folder / name).touch()
    assert [path.name for path in candidates(package, "opus")] == [file]


def test_a_wheel_without_them_has_none(tmp_path: Path) -> None:
    assert candidates(tmp_path, "vpx") == []
