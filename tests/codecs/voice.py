"""Something like a voice, for what is made for voices."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

BLOCK = 960


def voice(seconds: float, pitch: float = 140.0) -> NDArray[np.int16]:
    """A vowel in five syllables a second with a little vibrato, at 48 kHz; whole blocks of 20 ms."""
    at = np.arange(int(seconds * 50) * BLOCK) / 48_000
    phase = 2 * np.pi * pitch * at + 0.8 * np.sin(2 * np.pi * 5 * at)
    tones = sum(np.sin(k * phase) / k for k in range(1, 20))
    loudness = np.clip(1.2 + np.sin(2 * np.pi * 5 * at), 0.0, 2.0)
    breath = np.random.default_rng(1).normal(0.0, 0.1, len(at))
    return np.asarray(3_000 * loudness * (tones + breath), np.int16)


def blocks(sound: NDArray[np.int16]) -> list[NDArray[np.int16]]:
    """The 20 ms that packets are made of."""
    return [sound[at : at + BLOCK] for at in range(0, len(sound), BLOCK)]


def likeness(left: NDArray[np.int16], right: NDArray[np.int16], reach: int = 400) -> float:
    """The correlation of two sounds, 1 at most, where they fit best within ``reach`` samples."""
    inner = left[reach:-reach].astype(np.float64)
    field = right.astype(np.float64)
    products = np.correlate(field, inner, "valid")
    energy = np.concatenate(([0.0], np.cumsum(field * field)))
    norm = np.sqrt((energy[len(inner) :] - energy[: -len(inner)]) * float(inner @ inner))
    return float(np.max(products / (norm + 1.0)))
