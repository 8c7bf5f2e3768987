from __future__ import annotations

import os
import socket
import threading
from pathlib import Path

import pytest

from pycall.cli import secretfile
from pycall.cli.secretfile import MOST_BYTES, MOST_CHARACTERS, read_secret
from pycall.errors import ConfigError


def test_the_secret_is_the_line_without_what_surrounds_it(tmp_path: Path) -> None:
    file = _file(tmp_path, 0o600)
    file.write_text("\n shared secret \n")
    assert read_secret(file, "--some-file", "the other's") == "shared secret"


@pytest.mark.parametrize(
    "content",
    [
        *(None, b"", b"\n", b"two\nlines", b"\xff", b"a\x1bb"),
        *(b"x" * (MOST_CHARACTERS + 1), b"x" + "é".encode() * MOST_BYTES),
    ],
)
def test_a_file_without_a_secret_is_said_so_and_never_quoted(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "secret"
    if content is not None:
        file = _file(tmp_path, 0o600)
        file.write_bytes(content)
    with pytest.raises(ConfigError) as failed:
        read_secret(file, "--some-file", "the other's")
    assert failed.value.message.startswith(f"{file}: ")
    assert failed.value.hint
    assert "two" not in failed.value.message


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o400])
def test_one_for_some_to_read_is_taken(tmp_path: Path, mode: int) -> None:
    assert read_secret(_file(tmp_path, mode), "--some-file", "the other's") == "shared secret"


@pytest.mark.parametrize("mode", [0o604, 0o644, 0o666])
def test_one_for_everybody_to_read_is_refused(tmp_path: Path, mode: int) -> None:
    with pytest.raises(ConfigError, match="everybody on this computer can read it"):
        read_secret(_file(tmp_path, mode), "--some-file", "the other's")


@pytest.mark.parametrize("parts", [[b"shared secret\n"], [b"shared ", b"secret"]])
def test_one_that_somebody_writes_into_a_pipe_is_taken(tmp_path: Path, parts: list[bytes]) -> None:
    pipe = _pipe(tmp_path)

    def write() -> None:
        with pipe.open("wb", buffering=0) as file:
            for part in parts:
                file.write(part)

    writer = threading.Thread(target=write)
    writer.start()
    assert read_secret(pipe, "--some-file", "the other's") == "shared secret"
    writer.join()


def test_one_that_waits_in_a_pipe_is_taken(tmp_path: Path) -> None:
    read, write = os.pipe()
    os.write(write, b"shared secret")
    os.close(write)
    assert read_secret(Path(f"/dev/fd/{read}"), "--some-file", "the other's") == "shared secret"
    os.close(read)


def test_a_pipe_that_nobody_writes_into_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(secretfile, "PATIENCE_S", 0.05)
    pipe = _pipe(tmp_path)
    with pytest.raises(ConfigError, match="nothing came out of this pipe"):
        read_secret(pipe, "--some-file", "the other's")
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    writer = os.open(pipe, os.O_WRONLY)
    with pytest.raises(ConfigError, match="nothing came out of this pipe"):
        read_secret(pipe, "--some-file", "the other's")
    os.close(writer)
    os.close(reader)


def test_what_is_neither_file_nor_pipe_is_not_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="it is neither a file nor a pipe"):
        read_secret(Path("/dev/zero"), "--some-file", "the other's")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "socket"))
        with pytest.raises(ConfigError, match="No such device"):
            read_secret(tmp_path / "socket", "--some-file", "the other's")
    with pytest.raises(ConfigError, match="Is a directory"):
        read_secret(tmp_path, "--some-file", "the other's")


def _pipe(folder: Path) -> Path:
    os.mkfifo(folder / "pipe")
    return folder / "pipe"


def _file(folder: Path, mode: int) -> Path:
    file = folder / "secret"
    file.write_text("shared secret", encoding="utf-8")
    file.chmod(mode)
    return file
