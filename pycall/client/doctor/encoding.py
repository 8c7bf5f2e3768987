"""Whether this computer encodes pictures as fast as they shall be sent, with the encoders of a call."""

from __future__ import annotations

import contextlib
import itertools
import time
from collections.abc import Sequence
from typing import Final

import av

from pycall.client.sending.ladder import max_bitrate
from pycall.codecs.pictures import Codec, PictureEncoder, open_picture_encoder
from pycall.core.findings import Finding
from pycall.errors import MediaError

MEASURE_S: Final = 1.0
MOST_PICTURES: Final = 90

HEADROOM: Final = 1.5
"""A call decodes, shows and records as well."""

_CODECS: Final[dict[str, Codec]] = {"VP8": "VP8", "H.264": "H264"}


def check_encoders(pictures: Sequence[av.VideoFrame], fps: int) -> list[Finding]:
    """A finding ``encoder`` for each codec; takes about 2 s, in a thread of the caller's.

    ``pictures`` are yuv420p, of one size, encoded again and again and changed thereby as encoders do.
    """
    return [_check(called, codec, pictures, fps) for called, codec in _CODECS.items()]


def speed_of(encoder: PictureEncoder, pictures: Sequence[av.VideoFrame]) -> float:
    """Pictures a second; the first, a key picture, does not count."""
    began = time.monotonic()
    count = 0
    for number, frame in enumerate(itertools.islice(itertools.cycle(pictures), MOST_PICTURES)):
        encoder.encode(frame, key=number == 0)
        if number == 0:
            began = time.monotonic()
        else:
            count += 1
        if time.monotonic() - began > MEASURE_S:
            break
    return count / max(time.monotonic() - began, 1e-6)


def judge(codec: str, size: tuple[int, int], speed: float, fps: int) -> Finding:
    """The finding for an encoder that makes ``speed`` pictures a second where ``fps`` are wanted."""
    width, height = size
    figures = {"fps": round(speed, 1), "wanted_fps": fps, "width": width, "height": height}
    found = f"It encodes {speed:.0f} pictures of {width}x{height} a second; {fps} are wanted."
    if speed >= HEADROOM * fps:
        return Finding("encoder", "ok", found, codec, figures=figures)
    cause = "This computer is slow for pictures of this size, or busy with something else."
    advice = f"Send fewer or smaller ones: --fps {max(1, int(speed / HEADROOM / 2))}, or a smaller --size."
    if speed >= fps:
        advice = "End other programs, or choose a smaller --size."
    return Finding("encoder", "warning", found, codec, cause, advice, figures)


def _check(called: str, codec: Codec, pictures: Sequence[av.VideoFrame], fps: int) -> Finding:
    width, height = pictures[0].width, pictures[0].height
    try:
        encoder = open_picture_encoder(codec, width, height, max_bitrate(width, height, fps), fps)
        with contextlib.closing(encoder):
            speed = speed_of(encoder, pictures)
    except (av.FFmpegError, ValueError, MediaError):
        found = "It cannot be used for this size."
        return Finding("encoder", "failed", found, called, "", "Choose another --size.")
    return judge(called, (width, height), speed, fps)
