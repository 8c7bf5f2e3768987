"""Real counterparts for the tests: a sound server, a screen, and a film with speech.

A folder's conftest.py imports the fixtures its tests use. Each is started in a folder of its own, found
by nobody else, and ended by its process id.
"""

from __future__ import annotations

import contextlib
import math
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from pycall.media.testsignals.testcard import CardPainter

START_S = 15.0
COOKIE = Path(tempfile.gettempdir()) / f"pycall-tests-cookie-{os.getuid()}"
"""One for all servers: in a server's own folder, a client that asks late would make that folder anew."""

FILM_SIZE = (1280, 720)
FILM_FPS = 30
SPEECH = (
    "The quick brown fox jumps over the lazy dog. She sells sea shells by the sea shore, "
    "and one two three four five sailors count them every morning at seven."
)


def wait_until(condition: Callable[[], object], timeout: float = START_S) -> None:
    """Poll until ``condition`` holds; the deadline is far, so that a busy machine does not matter."""
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def needs(program: str, package: str) -> str:
    """The program's path, or a skip that names the Debian package."""
    path = shutil.which(program)
    if path is None:
        pytest.skip(f"{program} is missing: apt install {package}")
    return path


def end(process: subprocess.Popen[bytes]) -> None:
    """End a process of ours and wait for it."""
    process.terminate()
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@dataclass(frozen=True)
class Pulse:
    """A PulseAudio server. What is played to sink ``micsink`` is heard by the microphone ``mic``;
    what the program plays arrives at the sink ``speaker``, whose sound ``speaker.monitor`` gives back.
    """

    env: dict[str, str]
    process: subprocess.Popen[bytes]

    def run(self, *command: str) -> str:
        """What a PulseAudio tool prints, asked on this server."""
        done = subprocess.run(command, env=self.env, check=True, capture_output=True, text=True, timeout=30)
        return done.stdout

    def answers(self) -> bool:
        """Whether the server is up."""
        return (
            subprocess.run(["pactl", "info"], env=self.env, capture_output=True, check=False).returncode == 0
        )

    @contextlib.contextmanager
    def playing(self, wav: Path, sink: str = "micsink") -> Iterator[None]:
        """Another program plays ``wav`` while the context lasts, at most once through."""
        process = subprocess.Popen(["paplay", f"--device={sink}", str(wav)], env=self.env)
        try:
            yield
        finally:
            end(process)

    @contextlib.contextmanager
    def recording(self, raw: Path, source: str = "speaker.monitor") -> Iterator[None]:
        """Another program records mono 48 kHz int16 samples into ``raw`` while the context lasts."""
        command = ["parec", f"--device={source}", "--rate=48000", "--channels=1", "--latency-msec=20"]
        with raw.open("wb") as file:
            process = subprocess.Popen(command, env=self.env, stdout=file)
            try:
                wait_until(lambda: raw.stat().st_size > 0)
                yield
            finally:
                end(process)


@contextlib.contextmanager
def running_pulse(*modules: str) -> Iterator[Pulse]:
    """A PulseAudio server of its own with the given modules besides its protocol."""
    server = needs("pulseaudio", "pulseaudio")
    needs("pactl", "pulseaudio-utils")
    folder = Path(tempfile.mkdtemp(prefix="pycall-pulse-"))  # tmp_path may be too long for a socket
    env = os.environ | {
        "XDG_RUNTIME_DIR": str(folder),
        "PULSE_RUNTIME_PATH": str(folder / "pulse"),
        "PULSE_STATE_PATH": str(folder / "state"),
        "PULSE_COOKIE": str(COOKIE),
        "PULSE_SERVER": f"unix:{folder}/pulse/native",
    }
    options = ["-n", "--daemonize=no", "--use-pid-file=no", "--exit-idle-time=-1", "--log-level=error"]
    options += [part for module in ("module-native-protocol-unix", *modules) for part in ("-L", module)]
    process = subprocess.Popen([server, *options], env=env, stderr=subprocess.DEVNULL)
    try:
        pulse = Pulse(env, process)
        wait_until(pulse.answers)
        yield pulse
    finally:
        end(process)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def pulse(monkeypatch: pytest.MonkeyPatch) -> Iterator[Pulse]:
    """A sound server with one microphone and one speaker; this process's environment points to it."""
    described = "source_properties=device.description"
    modules = (
        "module-null-sink sink_name=speaker sink_properties=device.description=Speaker",
        "module-null-sink sink_name=micsink",
        f"module-remap-source master=micsink.monitor source_name=mic {described}=Microphone",
    )
    with running_pulse(*modules) as server:
        server.run("pactl", "set-default-sink", "speaker")
        server.run("pactl", "set-default-source", "mic")
        for name, value in server.env.items():
            monkeypatch.setenv(name, value)
        yield server


@contextlib.contextmanager
def running_xvfb(display: str = "") -> Iterator[str]:
    """A screen of 1280x720; its display, which is one nobody uses unless it is given."""
    server = needs("Xvfb", "xvfb")
    read, write = os.pipe()
    command = [server, *filter(None, [display]), "-displayfd", str(write)]
    command += ["-screen", "0", "1280x720x24", "-nolisten", "tcp"]
    process = subprocess.Popen(command, pass_fds=[write], stderr=subprocess.DEVNULL)
    os.close(write)
    try:
        with os.fdopen(read) as answer:
            display = f":{answer.readline().strip()}"
        assert display != ":", "Xvfb did not start"
        yield display
    finally:
        end(process)


@pytest.fixture
def xvfb(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A screen; ``DISPLAY`` is set to it."""
    with running_xvfb() as display:
        monkeypatch.setenv("DISPLAY", display)
        yield display


@pytest.fixture(scope="session")
def speech_wav(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """About nine seconds of spoken English, mono, 48 kHz, 16 bit."""
    folder = tmp_path_factory.mktemp("speech")
    spoken, wav = folder / "spoken.wav", folder / "speech.wav"
    subprocess.run([needs("espeak-ng", "espeak-ng"), "-w", str(spoken), SPEECH], check=True)
    subprocess.run([needs("sox", "sox"), str(spoken), "-r", "48000", "-b", "16", str(wav)], check=True)
    return wav


@pytest.fixture(scope="session")
def speech_file(speech_wav: Path) -> Path:
    """A film of 1280x720, H.264 and AAC: the test card from Unix time 0 on, and the speech."""
    path = speech_wav.with_name("speech.mp4")
    with av.open(str(speech_wav)) as source:
        samples = np.concatenate([frame.to_ndarray().ravel() for frame in source.decode(audio=0)])
    write_film(path, samples, FILM_SIZE, FILM_FPS)
    return path


def write_film(path: Path, samples: NDArray[np.int16], size: tuple[int, int], fps: int) -> None:
    """A film as long as ``samples`` (mono, 48 kHz, int16); picture n is the test card at n / fps s."""
    painter = CardPainter(*size)
    with av.open(str(path), "w") as film:
        video = film.add_stream("libx264", fps, options={"preset": "ultrafast", "crf": "18"})
        video.width, video.height, video.pix_fmt = *size, "yuv420p"
        audio = film.add_stream("aac", 48_000, layout="mono")
        for number in range(math.ceil(len(samples) / 48_000 * fps)):
            frame = painter.paint(number, number * 1000 // fps, flash=number % fps < fps // 10)
            frame.pts, frame.time_base = number, Fraction(1, fps)
            film.mux(video.encode(frame))
        sound = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout="mono")
        sound.sample_rate, sound.pts = 48_000, 0
        film.mux(audio.encode(sound))
        film.mux(video.encode(None))
        film.mux(audio.encode(None))
