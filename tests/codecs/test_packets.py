"""What is read out of a packet's first bytes."""

from __future__ import annotations

import ctypes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pycall.codecs.library import load
from pycall.codecs.packets import LONGEST, frame_samples, samples_in


@pytest.mark.parametrize(
    ("packet", "count"),
    [
        (b"", 0),
        (bytes([15 << 3]), 960),  # hybrid, 20 ms: no more than its first byte, in a pause
        (bytes([3 << 3, 1, 2]), 2_880),  # SILK, 60 ms
        (bytes([16 << 3, 1]), 120),  # CELT, 2.5 ms
        (bytes([31 << 3 | 1, 1, 2]), 1_920),  # two frames of 20 ms
        (bytes([31 << 3 | 3, 6, 1]), 5_760),  # six of them: 120 ms
        (bytes([31 << 3 | 3, 7, 1]), 0),  # more than is allowed
        (bytes([31 << 3 | 3]), 0),  # the number of frames is missing
        (bytes([31 << 3 | 3, 0]), 0),
    ],
)
def test_the_length_is_in_the_first_bytes(packet: bytes, count: int) -> None:
    assert samples_in(packet) == count


@given(st.binary(max_size=40))
def test_libopus_says_the_same_of_any_bytes(packet: bytes) -> None:
    library = load("opus")
    assert library is not None
    library.opus_packet_get_nb_samples.argtypes = [ctypes.c_char_p, ctypes.c_int32, ctypes.c_int32]
    counted = library.opus_packet_get_nb_samples(packet, len(packet), 48_000)

    assert samples_in(packet) == max(0, counted)
    assert samples_in(packet) <= LONGEST
    assert not packet or samples_in(packet) % frame_samples(packet) == 0
