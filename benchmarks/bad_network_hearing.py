"""How much of a spoken text can be understood (STOI), and how late it is: of a recording of what was played.

The text is spoken again and again, so a piece of the recording may lie anywhere in it; where, the
cross-correlation says, for each piece anew, since a player stretches and cuts. STOI is the short-time
objective intelligibility of Taal, Hendriks, Heusdens, Jensen (2011): 0 to 1.
"""

from __future__ import annotations

import statistics
import warnings
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pystoi import stoi

from pycall.media.frames import SAMPLE_RATE, Samples

PIECE_S: Final = 2.0
DOWN: Final = 3
"""Where a piece lies is sought at a third of the sampling rate."""

CLEAR: Final = 0.3
"""A piece that is less like the text than this, 0 to 1, does not tell where it lies."""

QUIET: Final = 10.0
"""Root mean square of a piece in which nothing is spoken."""

SLACK_S: Final = 0.5
"""The clocks of the two sides may be as far apart, so that sound seems to come before it was spoken."""


@dataclass(frozen=True, slots=True)
class Hearing:
    """What was heard of the text."""

    stoi: float
    latency_s: float | None
    """From being spoken to being played, modulo the length of the text."""


def hear(recording: Samples, recorded_at: float, text: Samples, spoken_at: float) -> Hearing | None:
    """Judge a recording; ``None`` if it is shorter than a piece.

    ``recorded_at`` is when its first sample was played, ``spoken_at`` when the text's first one left the
    microphone at some time; both Unix time.
    """
    count = int(PIECE_S * SAMPLE_RATE)
    starts = range(0, len(recording) - count + 1, count)
    if not starts:
        return None
    pieces = [recording[start : start + count] for start in starts]
    places = [place(piece, text) for piece in pieces]
    late = [
        _late(recorded_at + start / SAMPLE_RATE, spoken_at + at / SAMPLE_RATE, len(text) / SAMPLE_RATE)
        for start, (at, likeness) in zip(starts, places, strict=True)
        if likeness > CLEAR
    ]
    understood = [_stoi(piece, at, text) for piece, (at, _) in zip(pieces, places, strict=True)]
    return Hearing(statistics.fmean(understood), statistics.median(late) if late else None)


def place(piece: Samples, text: Samples) -> tuple[int, float]:
    """The sample of the text where a piece begins, and how like the text it is there, 0 to 1."""
    whole, part = _coarse(text), _coarse(piece)
    products = np.fft.irfft(np.fft.rfft(whole) * np.conj(np.fft.rfft(part, len(whole))), len(whole))
    at = int(np.argmax(products))
    there = np.take(whole, range(at, at + len(part)), mode="wrap")
    size = float(np.linalg.norm(there) * np.linalg.norm(part))
    return at * DOWN, float(products[at]) / size if size else 0.0


def _coarse(samples: Samples) -> NDArray[np.float64]:
    whole = len(samples) // DOWN * DOWN
    coarse: NDArray[np.float64] = samples[:whole].reshape(-1, DOWN).mean(axis=1)
    return coarse


def _late(played: float, spoken: float, period: float) -> float:
    late = (played - spoken) % period
    return late - period if late > period - SLACK_S else late


def _stoi(piece: Samples, at: int, text: Samples) -> float:
    if np.sqrt(np.mean(np.square(piece, dtype=np.float64))) < QUIET:
        return 0.0
    said = np.take(text, range(at, at + len(piece)), mode="wrap")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # too little is spoken in it
        return max(0.0, float(stoi(said.astype(np.float64), piece.astype(np.float64), SAMPLE_RATE)))
