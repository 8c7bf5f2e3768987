"""Trying devices out: hear the microphone, sound the speaker, take a picture."""

from __future__ import annotations

import errno
import itertools
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import av
import numpy as np
from av.video.codeccontext import VideoCodecContext

from pycall.errors import DeviceFailed, DeviceNotFound, MediaError
from pycall.media.devices.listing import list_speakers
from pycall.media.frames import Samples
from pycall.media.playout.speaker import open_speaker
from pycall.media.sources.opening import open_sources
from pycall.media.spec import Default, Off, Spec
from pycall.media.testsignals.tones import melody, sound_at

FLOOR_DB: Final = -96.0
"""What 16 bit samples call silence, in dBFS."""

SNAPSHOT_SIZE: Final = (1280, 720)
_EXPOSURE_S: Final = 1.0
"""Cameras need a moment to get used to the light."""


def try_microphone(spec: Spec, seconds: float, show: Callable[[float], None]) -> tuple[str, float]:
    """Listen for ``seconds``, telling ``show`` the peak of each 20 ms in dBFS.

    Returns the microphone's name and the highest peak. Raises :class:`MediaError`.
    """
    notices = _Notices()
    source = open_sources(Off(), spec, size=(2, 2), fps=1, notice=notices).audio
    if source is None:
        raise DeviceNotFound(notices.first or "No microphone is asked for.")
    loudest = FLOOR_DB
    try:
        reader = source.feed.subscribe(50)
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            if (sound := reader.get(left)) is not None:
                show(peak_db(sound.samples))
                loudest = max(loudest, peak_db(sound.samples))
    finally:
        source.close()
    if notices.first:
        raise DeviceFailed(notices.first)
    return source.label, loudest


def try_speaker(spec: Spec, seconds: float) -> str:
    """Play the test tones for ``seconds``; returns the speaker's name. Raises :class:`MediaError`."""
    if isinstance(spec, Default) and (why := list_speakers().why_none):
        raise DeviceNotFound(why)
    notices = _Notices()
    tones = melody()
    position = 0

    def pull(count: int, _now: float) -> Samples:
        nonlocal position
        position += count
        return sound_at(tones, position - count, count)

    speaker = open_speaker(spec, pull, notices)
    try:
        if not notices.first and speaker.label:
            speaker.start()
            time.sleep(seconds)
    finally:
        speaker.close()
    if notices.first or not speaker.label:
        raise DeviceFailed(notices.first or "No speaker is asked for.")
    return speaker.label


def try_camera(spec: Spec, path: Path) -> tuple[str, Path]:
    """Save what the camera sees as PNG under ``path``, with a number added to a name that is taken.

    Returns the camera's name and the file's full path. Raises :class:`MediaError`.
    """
    notices = _Notices()
    source = open_sources(spec, Off(), size=SNAPSHOT_SIZE, fps=30, notice=notices).video
    if source is None:
        raise DeviceNotFound(notices.first or "No camera is asked for.")
    try:
        reader = source.feed.subscribe()
        time.sleep(_EXPOSURE_S)
        picture = reader.get(timeout=10.0)
    finally:
        source.close()
    if picture is None:
        raise DeviceFailed(notices.first or f"The camera {source.label} gave no picture.")
    return source.label, _save(png(picture.frame), path.absolute())


def peak_db(samples: Samples) -> float:
    """The peak of ``samples`` in dBFS, not below :data:`FLOOR_DB`."""
    peak = int(np.abs(samples.astype(np.int32)).max(initial=0))
    return max(FLOOR_DB, 20 * float(np.log10(peak / 32768))) if peak else FLOOR_DB


def png(frame: av.VideoFrame) -> bytes:
    """``frame`` as a PNG file."""
    encoder = av.CodecContext.create("png", "w")
    assert isinstance(encoder, VideoCodecContext)
    encoder.width, encoder.height, encoder.pix_fmt = frame.width, frame.height, "rgb24"
    image = frame.reformat(format="rgb24")
    image.pts = None
    return b"".join(bytes(packet) for packet in (*encoder.encode(image), *encoder.encode(None)))


class _Notices:
    """Keeps the first sentence that comes."""

    def __init__(self) -> None:
        self.first = ""

    def __call__(self, _code: str, sentence: str) -> None:
        self.first = self.first or sentence


def _save(data: bytes, path: Path) -> Path:
    for number in itertools.count(1):
        candidate = path if number == 1 else path.with_stem(f"{path.stem}-{number}")
        try:
            with candidate.open("xb") as file:
                file.write(data)
        except FileExistsError:
            continue
        except OSError as error:
            why = error.strerror if error.errno != errno.EACCES else "permission denied"
            raise MediaError(f"The snapshot cannot be saved as {candidate}: {why}.") from error
        return candidate
    raise AssertionError
