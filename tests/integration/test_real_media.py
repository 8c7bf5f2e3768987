"""A call on real media: a film with speech on one side, a screen and a microphone on the other.

Both sides record what they saw and heard. Everything below is read back from the two recordings.
"""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray
from pystoi import stoi
from scipy.signal import correlate, resample_poly

from pycall.media.testsignals.strip import read_strip
from tests.integration.conftest import Caller
from tests.program import Program
from tests.rig import Pulse, needs, wait_until, write_film

pytestmark = pytest.mark.integration

Signal = NDArray[np.float64]

RATE = 16_000
FILM_TEXT = "The quick brown fox jumps over the lazy dog, and nobody on the bank looks up."
MICROPHONE_TEXT = "Five sailors count the shells on the sea shore every morning at seven."
FILM_S = 14
SILENT_FROM_S = 6
TALK_S = 12.0


@dataclass(frozen=True)
class Recorded:
    """A recording, read back: pictures with their times, and the sound at :data:`RATE`."""

    pictures: list[tuple[float, av.VideoFrame]]
    sound: Signal
    duration_s: float


@dataclass(frozen=True)
class RealCall:
    """What was sent, and what both sides recorded of it."""

    film_speech: Signal
    microphone_speech: Signal
    screen: Path
    film_side: Recorded
    screen_side: Recorded
    ended: list[dict[str, Any]]


def test_a_real_call_is_recorded_as_it_was_seen_and_heard(
    start_call: Caller, pulse: Pulse, xvfb: str, tmp_path: Path
) -> None:
    call = run_call(start_call, pulse, tmp_path)
    check_film_pictures(call.screen_side)
    check_screen_pictures(call)
    for recorded in (call.film_side, call.screen_side):
        check_speech(recorded, call.film_speech)
        check_speech(recorded, call.microphone_speech)
    check_sync(call)
    for recorded, ended in zip((call.film_side, call.screen_side), call.ended, strict=True):
        assert abs(recorded.duration_s - ended["duration_s"]) < 0.5


def run_call(start_call: Caller, pulse: Pulse, folder: Path) -> RealCall:
    film, microphone, screen = folder / "film.mp4", folder / "microphone.wav", folder / "screen.png"
    film_speech = speak(FILM_TEXT, folder / "film.wav")
    line = np.zeros(48_000 * FILM_S, np.int16)
    line[24_000 : 24_000 + len(film_speech)] = film_speech
    assert len(film_speech) < 48_000 * (SILENT_FROM_S - 1)
    write_film(film, line, (1280, 720), 30)
    microphone_speech = speak(MICROPHONE_TEXT, microphone)
    paint_screen(screen)
    screen_side = start_call(
        "den", camera="screen", microphone="default", record=str(folder / "b.mp4"), record_layout="remote"
    )
    screen_side.wait_for_event("joined")
    film_side = start_call(
        "den",
        "--duration", str(TALK_S),
        camera=f"file:{film}", microphone=f"file:{film}",
        record=str(folder / "a.mp4"), record_layout="remote",
    )  # fmt: skip
    film_side.wait_for_event("connected")
    wait_until(lambda: stats_count(film_side) > SILENT_FROM_S)
    with pulse.playing(microphone):
        assert film_side.wait() == 0, film_side.stderr
        assert screen_side.wait() == 0, screen_side.stderr
    ended = [side.wait_for_event("ended") for side in (film_side, screen_side)]
    return RealCall(
        narrow(film_speech), narrow(microphone_speech), screen,
        read(folder / "a.mp4"), read(folder / "b.mp4"), ended,
    )  # fmt: skip


def stats_count(program: Program) -> int:
    return sum(event["event"] == "stats" for event in program.events)


def check_film_pictures(recorded: Recorded) -> None:
    """The film's pictures came one after the other, at their pace, and look like the film's."""
    numbers = [
        (at, strip[0]) for at, frame in recorded.pictures if (strip := read_strip(frame, boxed(frame)))
    ]
    assert len(numbers) > 0.9 * len(recorded.pictures)
    steps = [b[1] - a[1] for a, b in pairwise(numbers)]
    assert sum(step < 0 for step in steps) <= 1  # the film begins again once at most
    assert len({number for _, number in numbers}) > 0.8 * len(numbers)  # a standing picture is repeated


def boxed(frame: av.VideoFrame) -> tuple[float, float, float, float]:
    """Where a 16:9 picture lies in ``frame``."""
    height = frame.width * 9 / 16
    return (0.0, (frame.height - height) / 2, float(frame.width), height)


def check_screen_pictures(call: RealCall) -> None:
    """The far side's screen is on the recording as it was on the screen."""
    with av.open(str(call.screen)) as image:
        shown = next(image.decode(video=0))
    pictures = call.film_side.pictures
    frame = pictures[len(pictures) // 2][1]
    x, y, width, height = (round(part) for part in boxed(frame))
    wanted = shown.reformat(width=width, height=height, format="gray").to_ndarray().astype(float)
    got = frame.to_ndarray(format="gray")[y : y + height, x : x + width].astype(float)
    assert similarity(wanted, got) > 0.85


def check_speech(recorded: Recorded, spoken: Signal) -> None:
    """``spoken`` is in the recording, whole and recognisable.

    Playout shifts speech by some milliseconds now and then, as it adapts to the network and to a busy
    machine; so speech is compared piece by piece, each at its own best place, as PESQ does it.
    """
    start = envelope_place(spoken, recorded.sound)
    piece, slack = int(0.4 * RATE), int(0.08 * RATE)
    padded = np.concatenate([np.zeros(slack), recorded.sound, np.zeros(2 * slack)])
    pieces: list[Signal] = []
    likeness: list[float] = []
    for at in range(0, len(spoken) - piece, piece):
        around = padded[start + at : start + at + piece + 2 * slack]
        lag, like = place(spoken[at : at + piece], around)
        pieces.append(around[lag : lag + piece])
        likeness.append(like)
    heard = np.concatenate(pieces)
    assert np.median(likeness) > 0.6
    assert stoi(spoken[: len(heard)], heard, RATE) > 0.75


def check_sync(call: RealCall) -> None:
    """Lips: the film's picture n / 30 s is shown when its sound of that moment is heard."""
    sound_offset = (
        envelope_place(call.film_speech, call.screen_side.sound) / RATE - 0.5
    )  # the film's speech begins half a second in
    while sound_offset < -0.5:
        sound_offset += FILM_S
    offsets = [
        at - strip[1] / 1000
        for at, frame in call.screen_side.pictures
        if (strip := read_strip(frame, boxed(frame))) and strip[1] < SILENT_FROM_S * 1000
    ]
    assert abs(float(np.median(offsets)) - sound_offset) < 0.080


def speak(text: str, wav: Path) -> NDArray[np.int16]:
    """Spoken text at 48 kHz, also written to ``wav``."""
    raw = wav.with_suffix(".raw.wav")
    subprocess.run([needs("espeak-ng", "espeak-ng"), "-s", "190", "-w", str(raw), text], check=True)
    subprocess.run(
        [needs("sox", "sox"), str(raw), "-r", "48000", "-b", "16", str(wav), "gain", "-n", "-6"], check=True
    )
    with av.open(str(wav)) as source:
        return np.concatenate([frame.to_ndarray().ravel() for frame in source.decode(audio=0)])


def paint_screen(image: Path) -> None:
    """Put a picture of soft colours and hard edges on the screen, and the same into ``image``."""
    y, x = np.mgrid[:720, :1280]
    waves = [np.sin(x / 90 + phase) + np.cos(y / 70 - phase) for phase in (0.0, 2.0, 4.0)]
    pixels = np.stack([127 + 60 * wave for wave in waves], axis=-1).astype(np.uint8)
    pixels[(x // 160 + y // 120) % 4 == 0] //= 2
    picture = av.VideoFrame.from_ndarray(pixels, format="rgb24")
    with av.open(str(image), "w", format="image2", options={"update": "1"}) as file:
        stream = file.add_stream("png", width=1280, height=720, pix_fmt="rgb24")
        file.mux(stream.encode(picture))
        file.mux(stream.encode(None))
    # It reports failure although the picture is there; the test would notice if it were not.
    subprocess.run([needs("display", "imagemagick"), "-window", "root", str(image)], check=False)


def read(path: Path) -> Recorded:
    with av.open(str(path)) as file:
        pictures = [(frame.time or 0.0, frame) for frame in file.decode(video=0)]
        file.seek(0)
        blocks = [frame.to_ndarray().mean(axis=0) for frame in file.decode(audio=0)]
        return Recorded(pictures, narrow(np.concatenate(blocks) * 32768), (file.duration or 0) / av.time_base)


def narrow(samples: NDArray[Any]) -> Signal:
    """48 kHz to :data:`RATE`."""
    return np.asarray(resample_poly(samples.astype(float), 1, 48_000 // RATE))


def place(needle: Signal, hay: Signal) -> tuple[int, float]:
    """Where ``needle`` lies in ``hay``, in samples, and how alike they are there (0 to 1)."""
    scores = correlate(hay, needle, mode="valid")
    lag = int(np.argmax(np.abs(scores)))
    there = hay[lag : lag + len(needle)]
    scale = float(np.linalg.norm(there) * np.linalg.norm(needle)) or 1.0
    return lag, float(abs(scores[lag])) / scale


def envelope_place(needle: Signal, hay: Signal) -> int:
    """Where ``needle`` lies in ``hay`` by its loudness alone, to 5 ms."""
    step = RATE // 200
    loud_needle, loud_hay = (_loudness(signal, step) for signal in (needle, hay))
    return int(np.argmax(correlate(loud_hay, loud_needle - loud_needle.mean(), mode="valid"))) * step


def _loudness(signal: Signal, step: int) -> Signal:
    smooth = np.convolve(np.abs(signal), np.ones(2 * step) / (2 * step), "same")
    return np.asarray(smooth[::step])


def similarity(a: NDArray[Any], b: NDArray[Any]) -> float:
    """Structural similarity (Wang et al. 2004) over blocks of 8x8, mean."""
    rows, columns = a.shape[0] // 8 * 8, a.shape[1] // 8 * 8

    def blocks(image: NDArray[Any]) -> NDArray[Any]:
        return image[:rows, :columns].reshape(rows // 8, 8, columns // 8, 8).swapaxes(1, 2).reshape(-1, 64)

    x, y = blocks(a), blocks(b)
    mean_x, mean_y = x.mean(1), y.mean(1)
    cov = ((x - mean_x[:, None]) * (y - mean_y[:, None])).mean(1)
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    above = (2 * mean_x * mean_y + c1) * (2 * cov + c2)
    below = (mean_x**2 + mean_y**2 + c1) * (x.var(1) + y.var(1) + c2)
    return float((above / below).mean())
