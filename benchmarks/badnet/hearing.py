"""How much of a spoken text can be understood (STOI), and how late it is: of a recording of what was played.

The text is spoken again and again, so a piece of the recording may lie anywhere in it; where, the
cross-correlation of the two seconds around it says, and then its own nearby: a player stretches and cuts.
STOI is the short-time objective intelligibility of Taal, Hendriks, Heusdens, Jensen (2011): 0 to 1.
"""

from __future__ import annotations

import statistics
import warnings
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pycall.media.frames import SAMPLE_RATE, Samples

DOWN: Final = 3
"""Where a piece lies is sought at a third of the sampling rate."""

COARSE_RATE: Final = SAMPLE_RATE // DOWN
PIECE: Final = COARSE_RATE // 2
AROUND: Final = 2 * COARSE_RATE
"""Samples at that rate: of a piece, and of what is around it, with it."""

NEARBY: Final = COARSE_RATE // 20
"""How far a piece may lie from where the sound around it does."""

CLEAR: Final = 0.3
"""What is less like the text than this, 0 to 1, does not tell where it lies."""

QUIET: Final = 10.0
"""Root mean square of a recording in which nothing is spoken."""

SLACK_S: Final = 0.5
"""The clocks of the two sides may be as far apart, so that sound seems to come before it was spoken."""


@dataclass(frozen=True, slots=True)
class Hearing:
    """What was heard of the text."""

    stoi: float
    latency_s: float | None
    """From being spoken to being played, modulo the length of the text."""


def hear(recording: Samples, recorded_at: float, text: Samples, spoken_at: float) -> Hearing | None:
    """Judge a recording; ``None`` if it is shorter than two seconds.

    ``recorded_at`` is when its first sample was played, ``spoken_at`` when the text's first one left the
    microphone at some time; both Unix time.
    """
    heard, said = _coarse(recording), Text(text)
    if len(heard) < AROUND:
        return None
    places = said.places(heard)
    late = [
        _late(recorded_at + start / COARSE_RATE, spoken_at + at / COARSE_RATE, len(text) / SAMPLE_RATE)
        for start, at, is_clear in places
        if is_clear
    ]
    return Hearing(_understood(recording, said, places), statistics.median(late) if late else None)


class Text:
    """The text, in which pieces of a recording are found."""

    def __init__(self, text: Samples) -> None:
        self._text = text
        self._whole = _coarse(text)
        self._waves = np.fft.rfft(self._whole)

    def said(self, at: int, count: int) -> Samples:
        """So many samples from a place (at the coarse rate) on."""
        return np.take(self._text, range(at * DOWN, at * DOWN + count), mode="wrap")

    def places(self, heard: NDArray[np.float64]) -> list[tuple[int, int, bool]]:
        """Where each piece begins: in the recording, in the text, and whether that is clear."""
        found: list[tuple[int, int, bool]] = []
        at, is_clear = 0, False
        for start in range(0, len(heard) - PIECE + 1, PIECE):
            begin = min(max(0, start + PIECE // 2 - AROUND // 2), len(heard) - AROUND)
            around, likeness = self.place(heard[begin : begin + AROUND])
            if likeness > CLEAR:
                at = self._nearby(heard[start : start + PIECE], around + start - begin)
            is_clear = likeness > CLEAR
            found.append((start, at, is_clear))
            at += PIECE
        return found

    def place(self, piece: NDArray[np.float64]) -> tuple[int, float]:
        """Where a piece is most like the text, and how like it is there, 0 to 1."""
        count = len(self._whole)
        products = np.fft.irfft(self._waves * np.conj(np.fft.rfft(piece, count)), count)
        at = int(np.argmax(products))
        return at, _likeness(float(products[at]), self._part(at, len(piece)), piece)

    def _nearby(self, piece: NDArray[np.float64], at: int) -> int:
        """Near a place the one that the piece itself is most like, if that is clear."""
        room = self._part(at - NEARBY, len(piece) + 2 * NEARBY)
        products = np.correlate(room, piece)
        best = int(np.argmax(products))
        likeness = _likeness(float(products[best]), room[best : best + len(piece)], piece)
        return at - NEARBY + best if likeness > CLEAR else at

    def _part(self, at: int, count: int) -> NDArray[np.float64]:
        return np.take(self._whole, range(at, at + count), mode="wrap")


def _coarse(samples: Samples) -> NDArray[np.float64]:
    whole = len(samples) // DOWN * DOWN
    coarse: NDArray[np.float64] = samples[:whole].reshape(-1, DOWN).mean(axis=1)
    return coarse


def _likeness(product: float, one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    size = float(np.linalg.norm(one) * np.linalg.norm(other))
    return product / size if size else 0.0


def _late(played: float, spoken: float, period: float) -> float:
    late = (played - spoken) % period
    return late - period if late > period - SLACK_S else late


def _understood(recording: Samples, text: Text, places: list[tuple[int, int, bool]]) -> float:
    """STOI of the whole recording beside what was said, piece by piece from where each lies."""
    from pystoi import stoi  # noqa: PLC0415 - with it comes SciPy, for which who needs only the rest would wait

    count = PIECE * DOWN
    heard = recording[: len(places) * count].astype(np.float64)
    if np.sqrt(np.mean(np.square(heard))) < QUIET:
        return 0.0
    said = np.concatenate([text.said(at, count) for _, at, _ in places]).astype(np.float64)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # hardly anything was spoken
        return max(0.0, float(stoi(said, heard, SAMPLE_RATE)))
