"""One voice, encoded and decoded, whichever way the library is reached."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pycall.codecs import opus
from pycall.codecs.libopus import LibopusDecoder
from pycall.codecs.opus import BLOCK, CodecError, SoundDecoder, SoundEncoder, open_decoder
from pycall.codecs.opus_stock import StockDecoder
from tests.codecs.voice import blocks, likeness, voice

DECODERS: list[Callable[[], SoundDecoder]] = [open_decoder, StockDecoder]


@pytest.fixture(params=["libopus", "av alone"])
def ways(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both ways: with the library, and as if av brought none."""
    if request.param == "av alone":
        monkeypatch.setattr(opus, "libopus", lambda: None)
    return str(request.param)


def encoded(seconds: float, loss: int = 10) -> list[bytes]:
    """Packets of a voice, with redundancy."""
    encoder = SoundEncoder()
    encoder.expected_loss = loss
    return [encoder.encode(block) for block in blocks(voice(seconds))]


def test_a_voice_comes_back_as_it_was(ways: str) -> None:
    sound, encoder, decoder = voice(1.0), SoundEncoder(), open_decoder()
    back = np.concatenate([decoder.decode(encoder.encode(block)) for block in blocks(sound)])

    assert isinstance(decoder, LibopusDecoder if ways == "libopus" else StockDecoder)
    assert back.dtype == np.int16
    assert back.shape == sound.shape
    assert likeness(sound[BLOCK * 5 :], back[BLOCK * 5 :]) > 0.8


@pytest.mark.usefixtures("ways")
def test_the_settings_stay_within_what_opus_takes() -> None:
    encoder = SoundEncoder()
    encoder.bitrate, encoder.expected_loss = 1_000_000, 300
    assert (encoder.bitrate, encoder.expected_loss) == (510_000, 100)
    encoder.bitrate, encoder.expected_loss = 1, -5
    assert (encoder.bitrate, encoder.expected_loss) == (6_000, 0)


@pytest.mark.usefixtures("ways")
def test_a_change_of_the_bit_rate_shows_in_the_packets() -> None:
    encoder = SoundEncoder()
    sizes = []
    for number, block in enumerate(blocks(voice(16.0))):
        if number == 100:
            encoder.bitrate = 24_000
        sizes.append(len(encoder.encode(block)))

    assert float(np.mean(sizes[-300:])) < 0.75 * float(np.mean(sizes[20:100]))


@pytest.mark.usefixtures("ways")
def test_a_block_of_another_length_is_refused() -> None:
    with pytest.raises(CodecError):
        SoundEncoder().encode(np.zeros(441, np.int16))


@pytest.mark.parametrize("make", DECODERS)
def test_a_gap_is_bridged_and_what_follows_is_as_it_was(make: Callable[[], SoundDecoder]) -> None:
    packets, whole, broken = encoded(1.0), make(), make()
    expected = [whole.decode(packet) for packet in packets]
    heard = [
        broken.conceal(BLOCK) if number == 25 else broken.decode(packet)
        for number, packet in enumerate(packets)
    ]

    assert heard[25].shape == (BLOCK,)
    assert likeness(expected[25], heard[25], reach=100) > 0.8
    assert likeness(np.concatenate(expected[30:]), np.concatenate(heard[30:])) > 0.98


@pytest.mark.parametrize("make", DECODERS)
@pytest.mark.parametrize("count", [1, 37, 120, 480, 960, 5_760])
def test_any_number_of_samples_can_be_concealed(make: Callable[[], SoundDecoder], count: int) -> None:
    decoder = make()
    for packet in encoded(0.2):
        decoder.decode(packet)

    assert decoder.conceal(count).shape == (count,)


@pytest.mark.parametrize("make", DECODERS)
def test_garbage_is_refused_and_does_no_harm(make: Callable[[], SoundDecoder]) -> None:
    decoder, packets = make(), encoded(0.4)
    for packet in packets[:10]:
        decoder.decode(packet)
    for garbage in (b"", bytes([255]), bytes([255, 63, 1]), bytes([0x7B, 0xFF, 1])):
        with pytest.raises(CodecError):
            decoder.decode(garbage)
        assert decoder.recover(garbage, BLOCK) is None
    decoded = np.concatenate([decoder.decode(packet) for packet in packets[10:]])
    assert likeness(voice(0.4)[10 * BLOCK :], decoded) > 0.8


@pytest.mark.parametrize("make", DECODERS)
@settings(max_examples=60, deadline=None)
@given(payloads=st.lists(st.binary(max_size=60), max_size=12))
def test_whatever_a_stranger_sends_is_sound_or_an_error(
    make: Callable[[], SoundDecoder], payloads: list[bytes]
) -> None:
    decoder = make()
    for payload in payloads:
        recovered = decoder.recover(payload, BLOCK)
        assert recovered is None or recovered.shape == (BLOCK,)
        try:
            assert decoder.decode(payload).shape == (opus.samples_in(payload),)
        except CodecError:
            assert decoder.conceal(BLOCK).shape == (BLOCK,)


@pytest.mark.parametrize("make", DECODERS)
def test_after_a_reset_nothing_of_the_old_stream_is_heard(make: Callable[[], SoundDecoder]) -> None:
    used, packets = make(), encoded(0.4)
    for packet in packets:
        used.decode(packet)
    used.reset()

    assert not used.conceal(BLOCK).any()
    fresh = make()
    expected = [fresh.decode(packet) for packet in packets]
    assert (
        likeness(np.concatenate([used.decode(packet) for packet in packets]), np.concatenate(expected)) > 0.99
    )
