from __future__ import annotations

from pathlib import Path

import pytest

from pycall.cli.folders import data_folder
from pycall.errors import ConfigError

HOME = Path.home()


@pytest.mark.parametrize(
    ("platform", "environment", "folder"),
    [
        ("linux", {}, HOME / ".local/share/pycall"),
        ("linux", {"XDG_DATA_HOME": ""}, HOME / ".local/share/pycall"),
        ("linux", {"XDG_DATA_HOME": "relative/is/ignored"}, HOME / ".local/share/pycall"),
        ("linux", {"XDG_DATA_HOME": "/var/lib"}, Path("/var/lib/pycall")),
        ("darwin", {}, HOME / "Library/Application Support/pycall"),
        ("win32", {}, HOME / "AppData/Local/pycall"),
        ("win32", {"LOCALAPPDATA": "/local"}, Path("/local/pycall")),
    ],
)
def test_each_system_has_its_place(platform: str, environment: dict[str, str], folder: Path) -> None:
    assert data_folder(platform, environment) == folder


def test_a_user_without_a_home_is_told_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    def home() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", home)
    with pytest.raises(ConfigError, match="no home folder") as caught:
        data_folder("linux", {})
    assert "XDG_DATA_HOME" in caught.value.hint
    assert data_folder("linux", {"XDG_DATA_HOME": "/var/lib"}) == Path("/var/lib/pycall")
