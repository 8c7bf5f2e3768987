"""Pictures and sound that can be recognised in a recording, and recordings read back."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from pycall.media.frames import BLOCK, SAMPLE_RATE, Picture, Samples, Sound
from pycall.media.testsignals.strip import Plane, Region, StripWriter, luma_of, read_strip

NOISE = 200
"""What silence may have after a lossy encoder."""


def plain(width: int, height: int, luma: int, cb: int = 128, cr: int = 128) -> av.VideoFrame:
    """A frame of one colour."""
    frame = av.VideoFrame(width, height, "yuv420p")
    for plane, value in zip(frame.planes, (luma, cb, cr), strict=True):
        np.frombuffer(memoryview(plane), np.uint8).fill(value)
    return frame


def numbered(number: int, time: float, size: tuple[int, int] = (320, 240), luma: int = 90) -> Picture:
    """A picture that carries its number."""
    frame = plain(*size, luma)
    StripWriter(*size).draw(luma_of(frame), number, 0)
    return Picture(frame, time)


def tone(time: float, hertz: float = 440, count: int = BLOCK, peak: int = 8000) -> Sound:
    """A block of a tone whose phase depends on ``time`` only."""
    at = time + np.arange(count) / SAMPLE_RATE
    return Sound((peak * np.sin(2 * np.pi * hertz * at)).astype(np.int16), time)


def silence(time: float, count: int = BLOCK) -> Sound:
    return Sound(np.zeros(count, np.int16), time)


@dataclass(frozen=True)
class Footage:
    """A recording as a player would show it."""

    pictures: list[tuple[float, Plane]]
    """The time in seconds and the brightness of each picture."""
    sound: Samples
    """All sound from time zero on."""
    codecs: tuple[str, ...]
    size: tuple[int, int]

    def numbers(self, region: Region | None = None) -> list[tuple[float, int]]:
        """The times and numbers of those pictures that carry one in ``region``."""
        read = [(time, read_strip(picture, region)) for time, picture in self.pictures]
        return [(time, strip[0]) for time, strip in read if strip]

    def loudness(self, begin: float, end: float) -> float:
        """The root mean square between two times."""
        part = self.sound[round(begin * SAMPLE_RATE) : round(end * SAMPLE_RATE)].astype(float)
        return float(np.sqrt(np.mean(part**2)))

    @property
    def duration(self) -> float:
        return len(self.sound) / SAMPLE_RATE


def read_back(path: Path) -> Footage:
    """Decode a whole recording."""
    with av.open(path) as container:
        video, audio = container.streams.video[0], container.streams.audio[0]
        codecs = (video.codec_context.name, audio.codec_context.name)
        size = (video.codec_context.width, video.codec_context.height)
        pictures: list[tuple[float, Plane]] = []
        line = np.zeros(0, np.int16)
        for packet in container.demux(video, audio):
            for frame in packet.decode():
                assert isinstance(frame, av.VideoFrame | av.AudioFrame)
                assert frame.time is not None
                if isinstance(frame, av.VideoFrame):
                    pictures.append((frame.time, luma_of(frame).copy()))
                else:
                    line = _placed(line, _mono(frame), round(frame.time * SAMPLE_RATE))
    return Footage(pictures, line, codecs, size)


def _placed(line: Samples, samples: Samples, position: int) -> Samples:
    longer = np.zeros(max(len(line), position + len(samples)), np.int16)
    longer[: len(line)] = line
    longer[max(0, position) : position + len(samples)] = samples[max(0, -position) :]
    return longer


def _mono(frame: av.AudioFrame) -> Samples:
    samples: NDArray[np.float32] = frame.to_ndarray()[0]
    return (samples * 32767).astype(np.int16)
