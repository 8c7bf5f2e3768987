from __future__ import annotations

import av
import numpy as np
import pytest

from pycall.media.frames import BLOCK, SAMPLE_RATE, Samples
from pycall.media.sources.soundtrack import Soundtrack


def frame(samples: Samples, rate: int = SAMPLE_RATE, channels: int = 1) -> av.AudioFrame:
    layout = "mono" if channels == 1 else "stereo"
    made = av.AudioFrame.from_ndarray(samples.repeat(channels).reshape(1, -1), format="s16", layout=layout)
    made.sample_rate = rate
    return made


def level(count: int, value: int) -> Samples:
    return np.full(count, value, np.int16)


def test_pieces_become_blocks_that_follow_each_other() -> None:
    track = Soundtrack()
    blocks = [block for n in range(10) for block in track.add(n * 0.025, frame(level(1200, n)))]
    assert [len(samples) for _, samples in blocks] == [BLOCK] * 12
    assert [round(at, 9) for at, _ in blocks] == [round(n * 0.02, 9) for n in range(12)]
    assert np.array_equal(
        np.concatenate([samples for _, samples in blocks]), np.arange(10).repeat(1200)[: 12 * BLOCK]
    )


@pytest.mark.parametrize("rate", [8000, 44_100, 96_000])
def test_every_rate_and_stereo_become_mono_at_48_khz(rate: int) -> None:
    track = Soundtrack()
    tone = (10_000 * np.sin(2 * np.pi * 1000 * np.arange(rate) / rate)).astype(np.int16)
    samples = np.concatenate([samples for _, samples in track.add(0.0, frame(tone, rate, channels=2))])
    assert abs(len(samples) - SAMPLE_RATE) < 2 * BLOCK
    spectrum = np.abs(np.fft.rfft(samples[:24_000]))
    assert np.argmax(spectrum) * 2 == 1000
    assert 9_000 < np.abs(samples[4800:24_000]).max() < 11_000


def test_a_stream_may_change_its_format() -> None:
    track = Soundtrack()
    forms = [(44_100, 2), (48_000, 1), (8_000, 1), (8_000, 2)]
    blocks = [
        samples
        for number, (rate, channels) in enumerate(forms)
        for _, samples in track.add(number, frame(level(rate, 1000), rate, channels))
    ]
    line = np.concatenate(blocks)
    assert len(line) == pytest.approx(len(forms) * SAMPLE_RATE, abs=2 * BLOCK)
    assert np.count_nonzero(np.abs(line - 1000) < 20) > 0.97 * len(line)


def test_a_hole_becomes_silence_and_what_comes_twice_is_dropped() -> None:
    track = Soundtrack()
    list(track.add(0.0, frame(level(BLOCK, 1))))
    after = list(track.add(0.2, frame(level(BLOCK, 2))))
    line = np.concatenate([samples for _, samples in after])
    assert len(line) == 10 * BLOCK
    assert not line[: 9 * BLOCK].any()
    assert list(track.add(0.1, frame(level(BLOCK, 3)))) == []
    assert track.end_s == pytest.approx(0.22)


def test_rounded_times_make_no_holes() -> None:
    track = Soundtrack()
    blocks = [
        block for n in range(50) for block in track.add(round(n * 1024 / 48_000, 2), frame(level(1024, 5)))
    ]
    assert set(np.concatenate([samples for _, samples in blocks]).tolist()) == {5}


def test_filling_is_silence_up_to_a_time() -> None:
    track = Soundtrack()
    blocks = list(track.add(0.0, frame(level(500, 7)))) + list(track.fill(0.06))
    assert len(blocks) == 3
    assert list(track.fill(0.06)) == []
    line = np.concatenate([samples for _, samples in blocks])
    assert set(line[:500].tolist()) == {7}
    assert not line[500:].any()


def test_times_that_jump_cost_neither_memory_nor_hours_of_silence() -> None:
    track = Soundtrack()
    list(track.add(0.0, frame(level(BLOCK, 1))))
    for at in (95_000.0, 5.0):
        assert list(track.fill(at)) == []
        blocks = list(track.add(at, frame(level(2 * BLOCK, 2))))
        assert [round(time, 3) for time, _ in blocks] == [at, at + 0.02]
