from __future__ import annotations

import pytest

from pycall.cli.qrcode import BLACK_ON_WHITE, PLAIN, qr_code
from tests.cli.scan import scanned

LONGEST = "https://[2001:db8:1234:5678:abcd:ef01:2345:6789]:65535/"
LINKS = [
    "http://10.0.0.1/",
    "https://192.168.100.100:65535/",
    "https://call.example.org/r/K%C3%BCche",
    LONGEST,
]


@pytest.mark.parametrize("background", [0, 255], ids=["dark", "light"])
@pytest.mark.parametrize("link", LINKS)
def test_a_scanner_reads_the_link_on_every_terminal(link: str, background: int) -> None:
    assert scanned("\n".join(qr_code(link)), background=background) == link


@pytest.mark.parametrize("link", LINKS)
def test_it_fits_a_terminal_of_80_times_24(link: str) -> None:
    lines = [line.removeprefix(BLACK_ON_WHITE).removesuffix(PLAIN) for line in qr_code(link)]

    assert len(lines) <= 23
    assert len({len(line) for line in lines}) == 1
    assert len(lines[0]) <= 80


def test_every_line_leaves_the_terminals_colours_as_they_were() -> None:
    assert all(line.startswith(BLACK_ON_WHITE) and line.endswith(PLAIN) for line in qr_code(LINKS[0]))
