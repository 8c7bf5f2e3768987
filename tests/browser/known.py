"""Pictures and sound that are known, and looks at what became of them at the other end."""

from __future__ import annotations

import base64
import io
import wave
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import av
import numpy as np
from numpy.typing import NDArray

from pycall.media.testsignals.strip import read_strip
from pycall.media.testsignals.testcard import CardPainter
from pycall.media.testsignals.tones import BEEP_HZ, NOTES_HZ

SIZE: Final = (640, 480)
FPS: Final = 15
PICTURES: Final = 30
"""What the browser's camera films: the test card from Unix time 0 on, again and again."""

WHISTLE_HZ: Final = (700.0, 1100.0)
"""What its microphone hears in turn, with pauses: a steady tone would be suppressed as noise."""

BARS: Final = ("111", "110", "011", "010", "101", "100", "001")
"""Red, green and blue of the card's bars; the last one, black, is where the corner flashes."""

_BRIGHT: Final = 0.75 * 255

SNAPSHOT: Final = """
async selector => {
  const video = document.querySelector(selector);
  await new Promise(done => video.requestVideoFrameCallback(done));
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [video.videoWidth, video.videoHeight];
  canvas.getContext("2d").drawImage(video, 0, 0);
  return canvas.toDataURL("image/png").split(",")[1];
}
"""

PITCHES: Final = """
async ([selector, seconds]) => {
  const context = new AudioContext({ sampleRate: 48000 }), analyser = context.createAnalyser();
  await context.resume();
  analyser.fftSize = 8192;
  analyser.smoothingTimeConstant = 0;
  context.createMediaStreamSource(document.querySelector(selector).srcObject).connect(analyser);
  const levels = new Float32Array(analyser.frequencyBinCount), ends = performance.now() + 1000 * seconds;
  const pitches = [];
  while (performance.now() < ends) {
    await new Promise(done => setTimeout(done, 50));
    analyser.getFloatFrequencyData(levels);
    let strongest = 0;
    levels.forEach((level, bin) => { if (level > levels[strongest]) strongest = bin; });
    if (levels[strongest] > -60) pitches.push(strongest * 48000 / analyser.fftSize);
  }
  await context.close();
  return pitches;
}
"""


@dataclass(frozen=True)
class Card:
    """A test card as it arrived."""

    number: int
    time_ms: int
    bars: tuple[str, ...]


def film_and_whistle(folder: Path) -> tuple[Path, Path]:
    """What Chromium takes for a camera and a microphone: Y4M and WAV, played round and round."""
    film, whistle = folder / "card.y4m", folder / "whistle.wav"
    painter = CardPainter(*SIZE)
    with film.open("wb") as file:
        file.write(f"YUV4MPEG2 W{SIZE[0]} H{SIZE[1]} F{FPS}:1 Ip A1:1 C420jpeg\n".encode())
        for number in range(PICTURES):
            frame = painter.paint(number, number * 1000 // FPS, flash=False)
            file.write(b"FRAME\n" + frame.to_ndarray().tobytes())
    moments = np.arange(14_400) / 48_000
    fade = np.clip(np.minimum(moments, moments[::-1]) / 0.01, 0, 1)
    parts = [
        part for hertz in WHISTLE_HZ for part in (np.sin(2 * np.pi * hertz * moments) * fade, np.zeros(9_600))
    ]
    with wave.open(str(whistle), "wb") as sound:
        sound.setparams((1, 2, 48_000, 0, "NONE", ""))
        sound.writeframes((np.concatenate(parts) * 12_000).astype(np.int16).tobytes())
    return film, whistle


def card_in(frame: av.VideoFrame) -> Card | None:
    """The test card in a picture; ``None`` while it is not to be made out."""
    strip = read_strip(frame)
    if strip is None:
        return None
    pixels: NDArray[Any] = frame.to_ndarray(format="rgb24")
    unit = frame.height / 30
    rows = slice(int(1.5 * unit), int(2.5 * unit))
    centres = [int((bar + 0.5) * frame.width / 8) for bar in range(len(BARS))]
    colours = [pixels[rows, x - 4 : x + 4].mean(axis=(0, 1)) for x in centres]
    return Card(*strip, tuple(map(_colour, colours)))


def _colour(levels: NDArray[np.float64]) -> str:
    """``110`` is yellow; a question mark is a level that is neither of the card's two."""
    return "".join(
        "1" if abs(level - _BRIGHT) < 40 else "0" if level < 40 else "?" for level in map(float, levels)
    )


def decoded_png(text: str) -> av.VideoFrame:
    """The picture in a PNG in base64."""
    with av.open(io.BytesIO(base64.b64decode(text)), "r") as file:
        return next(file.decode(video=0))


def notes_among(pitches: list[float]) -> set[float]:
    """The notes of pycall's melody, without its beep, that pitches are within half a bin of."""
    return {note for note in NOTES_HZ for pitch in pitches if abs(pitch - note) < 6}


def strange_among(pitches: list[float]) -> list[float]:
    """The pitches that belong to nothing that is sent."""
    return [pitch for pitch in pitches if all(abs(pitch - hertz) > 12 for hertz in (*NOTES_HZ, BEEP_HZ))]


def filmed(path: Path, begin_s: float = 0.0) -> list[Card]:
    """The test cards in a recording, from a moment of it on."""
    with av.open(str(path)) as file:
        cards = [card_in(frame) for frame in file.decode(video=0) if (frame.time or 0.0) >= begin_s]
    return [card for card in cards if card is not None]


def whistled(path: Path, tones: tuple[float, ...] = WHISTLE_HZ, begin_s: float = 0.0) -> dict[float, int]:
    """How many fifths of a second of a recording are each of these tones, from a moment of it on."""
    with av.open(str(path)) as file:
        frames = [frame for frame in file.decode(audio=0) if (frame.time or 0.0) >= begin_s]
        sound: Any = np.concatenate([frame.to_ndarray().mean(axis=0) for frame in frames])
        rate = file.streams.audio[0].rate
    window = rate // 5
    pitches = []
    for start in range(0, len(sound) - window, window):
        spectrum = np.abs(np.fft.rfft(sound[start : start + window] * np.hanning(window)))
        pitches.append(float(np.argmax(spectrum)) * rate / window)
    return {hertz: sum(abs(pitch - hertz) < 10 for pitch in pitches) for hertz in tones}
