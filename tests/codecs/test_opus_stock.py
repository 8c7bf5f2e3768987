"""Opus where libopus cannot be called: what there is of av is made the best of."""

from __future__ import annotations

import numpy as np
import pytest

from pycall.codecs.libopus import LibopusEncoder
from pycall.codecs.library import load
from pycall.codecs.opus_stock import KEPT, StockDecoder, StockEncoder
from tests.codecs.voice import BLOCK, blocks, likeness, voice


def test_packets_of_another_pycall_are_decoded_and_their_redundancy_is_left() -> None:
    library = load("opus")
    assert library is not None
    encoder, decoder = LibopusEncoder(library, 8), StockDecoder()
    encoder.set_bitrate(32_000)
    encoder.set_expected_loss(10)
    packets = [encoder.encode(block) for block in blocks(voice(0.5))]
    assert [decoder.recover(packet, BLOCK) for packet in packets] == [None] * len(packets)
    assert likeness(voice(0.5), np.concatenate([decoder.decode(packet) for packet in packets])) > 0.8


@pytest.mark.parametrize("change", ["bitrate", "loss"])
def test_a_change_waits_until_the_encoder_was_used_for_a_while(change: str) -> None:
    encoder = StockEncoder(5)
    encoder.set_bitrate(40_000)
    parts = blocks(voice(0.2))
    encoder.encode(parts[0])
    first = encoder._codec
    if change == "bitrate":
        encoder.set_bitrate(24_000)
    else:
        encoder.set_expected_loss(10)
    for number in range(1, KEPT):
        encoder.encode(parts[number % 10])
        assert encoder._codec is first
    encoder.encode(parts[0])
    assert encoder._codec is not first
    second = encoder._codec
    for number in range(2 * KEPT):
        encoder.encode(parts[number % 10])
    assert encoder._codec is second


def test_a_setting_made_again_changes_nothing() -> None:
    encoder = StockEncoder(5)
    encoder.set_bitrate(40_000)
    parts = blocks(voice(0.2))
    encoder.encode(parts[0])
    first = encoder._codec
    for number in range(KEPT + 5):
        encoder.set_bitrate(40_000)
        encoder.encode(parts[number % 10])
    assert encoder._codec is first
