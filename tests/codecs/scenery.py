"""Pictures for encoders: a texture as rich as leaves that moves, and how near a decoded picture is to one."""

from __future__ import annotations

import functools
from typing import Any

import av
import numpy as np


@functools.cache
def _texture(width: int, height: int) -> Any:
    """1/f noise of twice the size, whose edges fit each other."""
    noise = np.random.default_rng(5).standard_normal((height, width))
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None])
    frequency[0, 0] = np.inf
    waves = np.fft.irfft2(np.fft.rfft2(noise) / frequency, s=(height, width))
    return np.tile(np.clip(126 + 30 * waves / waves.std(), 16, 235).astype(np.uint8), (2, 2))


def moving(count: int, size: tuple[int, int]) -> list[av.VideoFrame]:
    """``count`` pictures in which everything goes 3 pixels to the side and 1 down each time."""
    width, height = size
    texture, frames = _texture(*size), []
    for number in range(count):
        x, y = 3 * number % width, number % height
        planes = np.full((height * 3 // 2, width), 128, np.uint8)
        planes[:height] = texture[y : y + height, x : x + width]
        frames.append(av.VideoFrame.from_ndarray(planes, format="yuv420p"))
    return frames


def psnr(one: av.VideoFrame, other: av.VideoFrame) -> float:
    """How alike the brightness of two pictures is, in dB."""
    first, second = (frame.to_ndarray()[: frame.height].astype(float) for frame in (one, other))
    return float(10 * np.log10(255**2 / max(1e-9, np.mean((first - second) ** 2))))


def is_key(data: bytes) -> bool:
    """RFC 6386 section 9.1, or ITU-T H.264 annex B: a sequence parameter set comes first."""
    if data.startswith(b"\0\0\0\1"):
        return data[4] & 0x1F == 7
    return bool(data) and data[0] & 1 == 0
