"""What only the library itself can do: redundancy, and stereo from others as one channel."""

from __future__ import annotations

import logging
from fractions import Fraction
from typing import Any

import av
import numpy as np
import pytest

from pycall.codecs import libopus
from pycall.codecs.libopus import LibopusDecoder, LibopusEncoder
from pycall.codecs.library import load
from pycall.codecs.packets import CodecError
from tests.codecs.voice import BLOCK, blocks, likeness, voice


@pytest.fixture
def decoder() -> LibopusDecoder:
    library = load("opus")
    assert library is not None
    return LibopusDecoder(library)


def encoded(loss: int) -> list[bytes]:
    library = load("opus")
    assert library is not None
    encoder = LibopusEncoder(library, 8)
    encoder.set_bitrate(32_000)
    encoder.set_expected_loss(loss)
    return [encoder.encode(block) for block in blocks(voice(1.0))]


@pytest.mark.parametrize("loss", [1, 10])
def test_a_lost_packet_comes_back_out_of_the_next_one(decoder: LibopusDecoder, loss: int) -> None:
    packets, whole = encoded(loss), [decoder.decode(packet) for packet in encoded(loss)]
    decoder.reset()
    for packet in packets[:25]:
        decoder.decode(packet)
    recovered = decoder.recover(packets[26], BLOCK)

    assert recovered is not None
    assert likeness(whole[25], recovered, reach=100) > 0.9
    assert likeness(whole[26], decoder.decode(packets[26]), reach=100) > 0.95


def test_a_part_of_it_is_its_end(decoder: LibopusDecoder) -> None:
    packets = encoded(10)
    for packet in packets[:25]:
        decoder.decode(packet)
    decoder.conceal(480)
    part = decoder.recover(packets[26], 480)

    assert part is not None
    assert part.shape == (480,)


def test_without_expected_loss_there_is_no_redundancy(decoder: LibopusDecoder) -> None:
    packets = encoded(0)
    for packet in packets[:25]:
        decoder.decode(packet)

    assert decoder.recover(packets[26], BLOCK) is None


@pytest.mark.parametrize("count", [0, -1, 100_000])
def test_only_what_a_packet_can_hold_can_be_recovered(decoder: LibopusDecoder, count: int) -> None:
    assert decoder.recover(encoded(10)[3], count) is None


def test_stereo_of_a_browser_is_heard_as_one_channel(decoder: LibopusDecoder) -> None:
    sound = voice(0.6)
    codec: Any = av.CodecContext.create("libopus", "w")
    codec.format, codec.layout, codec.sample_rate, codec.bit_rate = "s16", "stereo", 48_000, 96_000
    back = []
    for number, block in enumerate(blocks(sound)):
        frame = av.AudioFrame.from_ndarray(block.repeat(2).reshape(1, -1), format="s16", layout="stereo")
        frame.sample_rate, frame.pts, frame.time_base = 48_000, number * BLOCK, Fraction(1, 48_000)
        back += [decoder.decode(bytes(packet)) for packet in codec.encode(frame)]

    assert likeness(sound[: len(back) * BLOCK], np.concatenate(back)) > 0.97


def test_the_encoder_refuses_what_is_no_frame() -> None:
    library = load("opus")
    assert library is not None
    with pytest.raises(CodecError):
        LibopusEncoder(library, 8).encode(np.zeros(441, np.int16))


class Spoiled:
    """The library but for one function, which is missing or gives ``result``."""

    def __init__(self, name: str, result: int | None) -> None:
        self._name, self._result = name, result

    def __getattr__(self, name: str) -> Any:
        if name != self._name:
            return getattr(load("opus"), name)
        if self._result is None:
            raise AttributeError(f"no {name}")
        return lambda *_: self._result


CALLED = ("get_size", "init", "ctl")
SPOILED = [
    *[
        (f"opus_{coder}_{what}", result)
        for coder in ("encoder", "decoder")
        for what in CALLED
        for result in (None, -1)
    ],
    *[(f"opus_{what}", result) for what in ("encode", "decode") for result in (None, -4, 0)],
    ("opus_encoder_get_size", 1 << 30),
]


@pytest.mark.parametrize(("name", "result"), SPOILED)
def test_a_library_that_does_not_do_what_it_should_is_not_used_and_this_is_said(
    name: str, result: int | None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(libopus, "load", lambda _: Spoiled(name, result))
    with caplog.at_level(logging.INFO):
        assert libopus.libopus.__wrapped__() is None
    assert len(caplog.records) == 1


def test_the_one_of_this_computer_is_used() -> None:
    assert libopus.libopus() is not None
