from __future__ import annotations

import os
from pathlib import Path

import pytest

from pycall.regularfile import open_at_once, open_regular


def test_a_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"all of it")
    with open_regular(tmp_path / "file") as file:
        assert file.read() == b"all of it"


def test_what_is_no_regular_file_is_said_so(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe", Path("/dev/zero")):
        with pytest.raises(OSError, match="it is not a regular file"):
            open_regular(path)
    with pytest.raises(FileNotFoundError):
        open_regular(tmp_path / "missing")


def test_a_pipe_keeps_nobody_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with open_at_once(tmp_path / "pipe") as nobody:
        assert nobody.read() == b""
        writer = os.open(tmp_path / "pipe", os.O_WRONLY)
        with open_at_once(tmp_path / "pipe") as somebody:
            assert somebody.read() is None
        os.close(writer)
