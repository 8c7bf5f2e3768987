from __future__ import annotations

import numpy as np
import pytest

from pycall.media.feed import Feed, Reader
from pycall.media.frames import BLOCK, Picture, Sound
from pycall.media.sources.gate import picture_gate, sound_gate
from pycall.media.testsignals.testcard import CardPainter


def next_at(time: float, reader: Reader[Picture]) -> Picture:
    """The next picture of that time; a closed gate adds black ones of its own."""
    while (picture := reader.get(5)) is not None:
        if picture.time == time:
            return picture
    raise AssertionError


def test_a_picture_passes_untouched_and_becomes_black_of_its_size_when_closed() -> None:
    source: Feed[Picture] = Feed()
    gate = picture_gate(source)
    reader = gate.feed.subscribe()
    gate.start()
    try:
        picture = Picture(CardPainter(320, 240).paint(1, 0, flash=False), 12.5)
        source.publish(picture)
        assert reader.get(5) is picture
        gate.closed = True
        for size in ((320, 240), (640, 480)):
            source.publish(Picture(CardPainter(*size).paint(1, 0, flash=False), 13.5))
            black = next_at(13.5, reader)
            assert (black.frame.width, black.frame.height) == size
            assert black.frame.to_ndarray(format="rgb24").max() == 0
        gate.closed = False
        source.publish(picture)
        assert next_at(12.5, reader) is picture
    finally:
        gate.close()
    assert reader.get(5) is None


def test_closing_sends_black_at_once_and_goes_on_while_no_picture_comes() -> None:
    source: Feed[Picture] = Feed()
    gate = picture_gate(source)
    reader = gate.feed.subscribe(10)
    gate.start()
    try:
        gate.closed = True
        gate.closed = False
        source.publish(Picture(CardPainter(320, 240).paint(1, 0, flash=False), 12.5))
        assert reader.get(5) is not None
        gate.closed = True
        blacks = [reader.get(5) for _ in range(3)]
        gate.closed = False
        times = [12.5]
        for black in blacks:
            assert black is not None
            assert black.frame.to_ndarray(format="rgb24").max() == 0
            times.append(black.time)
        assert times == sorted(set(times))
    finally:
        gate.close()


def test_a_fault_in_processing_ends_the_feed(faults: pytest.LogCaptureFixture) -> None:
    def broken(_sound: Sound) -> Sound:
        raise ValueError

    source: Feed[Sound] = Feed()
    gate = sound_gate(source, broken)
    reader = gate.feed.subscribe()
    gate.start()
    source.publish(Sound(np.zeros(BLOCK, np.int16), 1.0))
    assert reader.get(5) is None
    assert reader.closed
    gate.close()
    assert faults.messages == ["pycall-sound-gate ended: ValueError()"]


def test_sound_is_processed_and_becomes_silence_of_its_length_when_closed() -> None:
    heard: list[Sound] = []

    def louder(sound: Sound) -> Sound:
        heard.append(sound)
        return Sound(2 * sound.samples, sound.time)

    source: Feed[Sound] = Feed()
    gate = sound_gate(source, louder)
    reader = gate.feed.subscribe()
    gate.start()
    try:
        block = Sound(np.full(BLOCK, 100, np.int16), 1.0)
        source.publish(block)
        passed = reader.get(5)
        assert passed is not None
        assert set(passed.samples.tolist()) == {200}
        gate.closed = True
        source.publish(block)
        muted = reader.get(5)
        assert muted is not None
        assert muted.time == 1.0
        assert len(muted.samples) == BLOCK
        assert not muted.samples.any()
        assert len(heard) == 2, "the echo canceller goes on learning"
    finally:
        gate.close()


def test_the_end_of_the_source_is_the_end_of_the_gate() -> None:
    source: Feed[Sound] = Feed()
    gate = sound_gate(source)
    reader = gate.feed.subscribe()
    gate.start()
    source.close()
    assert reader.get(5) is None
    assert reader.closed
    gate.close()
