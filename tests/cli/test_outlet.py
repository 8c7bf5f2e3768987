from __future__ import annotations

import os

import pytest

from pycall.cli.outlet import MAX_WAITING, Outlet
from tests.rig import wait_until


def test_what_is_written_arrives_in_order() -> None:
    read, write = os.pipe()
    with os.fdopen(read, "rb") as reader:
        with os.fdopen(write, "w") as stream, Outlet(stream) as out:
            for number in range(100):
                out.write(f"{number}\n")
        assert reader.read().split() == [str(number).encode() for number in range(100)]


def test_a_reader_that_stands_still_holds_nobody_and_loses_the_newest() -> None:
    read, write = os.pipe()
    with os.fdopen(read, "rb") as reader:
        with os.fdopen(write, "w") as stream, Outlet(stream) as out:
            for number in range(3 * MAX_WAITING):  # far more than pipe and queue hold
                out.write(f"{number:0200}\n")
            got = [int(reader.readline()) for _ in range(MAX_WAITING)]
            os.set_blocking(reader.fileno(), False)
            reader.close()
        assert got == list(range(MAX_WAITING))


def test_a_reader_that_is_gone_is_an_error() -> None:
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "w") as stream, Outlet(stream) as out:
        out.write("lost\n")

        def refused() -> bool:
            try:
                out.write("lost too\n")
            except BrokenPipeError:
                return True
            return False

        wait_until(refused)


def test_what_the_stream_cannot_encode_is_replaced() -> None:
    read, write = os.pipe()
    with os.fdopen(read, "rb") as reader:
        with os.fdopen(write, "w", encoding="latin-1") as stream, Outlet(stream) as out:
            assert out.encoding == "latin-1"
            assert not out.isatty()
            assert out.fileno() == write
            out.write("● Zoë\n")
            out.flush()
        assert reader.read() == "? Zoë\n".encode("latin-1")


@pytest.mark.parametrize("text", ["", "one\ntwo\n"])
def test_the_rest_is_written_at_the_end(text: str) -> None:
    read, write = os.pipe()
    with os.fdopen(read, "rb") as reader:
        with os.fdopen(write, "w") as stream, Outlet(stream) as out:
            out.write(text)
        assert reader.read().decode() == text
