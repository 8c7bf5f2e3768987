"""The container of a recording and its two encoders: nothing is held back for long.

A recording must be readable whenever the process dies, so each container is written in short
pieces that are complete in themselves and handed to the system at once:

* ``.mp4``: H.264 and AAC in fragments; at the end FFmpeg's ``hybrid_fragmented`` turns the same file
  into an ordinary, seekable MP4 by writing one index (ISO/IEC 14496-12 section 8.8).
* ``.mkv``: H.264 and Opus in clusters (RFC 9559). ``.webm``: VP8 and Opus likewise.

Both streams exist from the beginning, whatever comes; pictures have their own times (variable
frame rate, 1 ms), sound is continuous. libavformat writes sound only when it knows the next picture,
so one that stands still is written again twice a second; that also makes a freeze seekable.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Final, cast

import av
from av.video.frame import PictureType

from pycall.media.frames import SAMPLE_RATE, Samples
from pycall.media.recording.file import RecordingFile

PIECE_MS: Final = 250
"""Length of a fragment or cluster: what a killed process loses, apart from sound still being mixed."""

_KEY_INTERVAL_MS: Final = 2000
_BUFFER: Final = 1 << 20
"""Bytes; larger than a piece, so that each is handed to the system by one call and killing cannot part it."""

_STILL_MS: Final = 500
_TICK: Final = Fraction(1, 1000)
_LARGE: Final = 1280 * 720
"""Pixels one core encodes in real time with ease; above it more threads may share the work."""


@dataclass(frozen=True, slots=True)
class _Format:
    """One ending: libavformat's name, the encoders, and their options."""

    name: str
    options: dict[str, str]
    video: str
    video_options: dict[str, str]
    threads: int
    """For large pictures."""
    bits_per_pixel: float
    """Bit rate of the pictures; 0 where the encoder keeps a quality instead."""
    audio: str
    audio_bit_rate: int


_X264: Final = {"preset": "superfast", "tune": "zerolatency", "crf": "23", "forced-idr": "1"}
"""At 1280x480, 30 pictures/s: 0.13 of a core; ultrafast 0.06 for half as many bits again, veryfast 0.21."""

_VP8: Final = {"deadline": "realtime", "cpu-used": "-8", "lag-in-frames": "0", "crf": "20"}
"""Likewise 0.17 of a core. A negative speed is fixed; 8 and 12, which adapt, take 0.33 and 0.25,
and its threads spin where others want the core, so it gets one."""

_FRAGMENTS: Final = {"movflags": "hybrid_fragmented+empty_moov", "frag_duration": str(PIECE_MS * 1000)}
_CLUSTERS: Final = {"cluster_time_limit": str(PIECE_MS)}

_AT_ONCE: Final = {"flush_packets": "1"}

_FORMATS: Final = {
    ".mp4": _Format("mp4", _FRAGMENTS, "libx264", _X264, 2, 0, "aac", 96_000),
    ".mkv": _Format("matroska", _CLUSTERS, "libx264", _X264, 2, 0, "libopus", 64_000),
    ".webm": _Format("webm", _CLUSTERS, "libvpx", _VP8, 1, 0.1, "libopus", 64_000),
}


class Container:
    """An open container; used by one thread. Raises :class:`av.FFmpegError` when encoding fails."""

    def __init__(self, file: RecordingFile, ending: str, size: tuple[int, int], fps: int) -> None:
        """Write into ``file`` in the format of ``ending``; ``size`` is of every picture, even."""
        form = _FORMATS[ending]
        self._file = file
        self._output = av.open(
            file, "w", format=form.name, options=form.options | _AT_ONCE, buffer_size=_BUFFER
        )
        self._video = cast("av.VideoStream", self._output.add_stream(form.video, options=form.video_options))
        context = self._video.codec_context
        context.width, context.height = size
        context.pix_fmt = "yuv420p"
        context.time_base = _TICK
        context.framerate = Fraction(fps)
        context.gop_size = 100_000  # keys are asked for by time, since pictures come as they like
        context.thread_count = form.threads if size[0] * size[1] > _LARGE else 1
        if form.bits_per_pixel:
            context.bit_rate = round(form.bits_per_pixel * size[0] * size[1] * fps)
        self._audio = cast(
            "av.AudioStream", self._output.add_stream(form.audio, rate=SAMPLE_RATE, layout="mono")
        )
        self._audio.codec_context.bit_rate = form.audio_bit_rate
        self._samples = 0
        self._next_pts = 0
        self._next_key = 0
        self._frame: av.VideoFrame | None = None

    @property
    def has_picture(self) -> bool:
        """Whether a picture was written."""
        return self._frame is not None

    def write_picture(self, frame: av.VideoFrame, at: float) -> None:
        """Encode ``frame``, shown ``at`` seconds after the beginning; ``frame`` is taken over.

        A picture that is not later than the one before comes 1 ms after it.
        """
        pts = max(self._next_pts, round(at / _TICK))
        is_key = pts >= self._next_key
        if is_key:
            self._next_key = pts + _KEY_INTERVAL_MS
        self._next_pts = pts + 1
        self._frame = frame
        frame.pts = pts
        frame.time_base = _TICK
        frame.pict_type = PictureType.I if is_key else PictureType.NONE
        self._mux(self._video.encode(frame))

    def write_sound(self, samples: Samples) -> None:
        """Encode mono ``samples`` right after those before; the first begin at 0 s."""
        frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate = SAMPLE_RATE
        frame.time_base = Fraction(1, SAMPLE_RATE)
        frame.pts = self._samples
        self._samples += len(samples)
        self._mux(self._audio.encode(frame))
        self._repeat_picture(self._samples / SAMPLE_RATE)

    def close(self) -> None:
        """Empty the encoders and end the container; the file stays open."""
        self._mux(self._video.encode(None))
        self._mux(self._audio.encode(None))
        self._output.close()

    def _mux(self, packets: list[av.Packet[av.VideoStream]] | list[av.Packet[av.AudioStream]]) -> None:
        self._output.mux(packets)
        self._file.mark()

    def _repeat_picture(self, at: float) -> None:
        if self._frame is not None and at / _TICK - self._next_pts >= _STILL_MS:
            self.write_picture(self._frame, at)
