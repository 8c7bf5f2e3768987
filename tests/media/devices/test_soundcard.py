from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import psutil
import pytest

from pycall.errors import DeviceFailed
from pycall.media.devices import soundcard
from pycall.media.frames import Samples
from tests.rig import Pulse, running_pulse, wait_until

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(not soundcard.AVAILABLE, reason="miniaudio is not installed"),
]


def test_a_microphone_delivers_and_leaves_nothing_open(pulse: Pulse) -> None:
    before = psutil.Process().num_fds()
    for endpoint in (None, soundcard.endpoints("microphone")[0]):
        pieces: list[bytes] = []
        stream = soundcard.CaptureStream(endpoint, pieces.append)
        wait_until(partial(_more_than_three, pieces))
        stream.close()
        assert all(0 < len(piece) <= 9600 for piece in pieces)
    assert psutil.Process().num_fds() == before


def test_a_speaker_takes_and_leaves_nothing_open(pulse: Pulse) -> None:
    before = psutil.Process().num_fds()
    for endpoint in (None, soundcard.endpoints("speaker")[0]):
        counts: list[int] = []
        stream = soundcard.PlaybackStream(endpoint, partial(_silence, counts))
        wait_until(partial(_more_than_three, counts))
        stream.close()
        assert all(0 < count <= 4800 for count in counts)
    assert psutil.Process().num_fds() == before


@pytest.mark.parametrize("stream", [soundcard.PlaybackStream, soundcard.CaptureStream])
@pytest.mark.parametrize("server", ["unix:/nowhere", "without devices"])
def test_a_device_that_does_not_open_leaves_nothing_open(
    pulse: Pulse, monkeypatch: pytest.MonkeyPatch, server: str, stream: Any
) -> None:
    """As after a default device is lost: it is tried again and again."""
    with running_pulse() as bare:
        monkeypatch.setenv("PULSE_SERVER", server if ":" in server else bare.env["PULSE_SERVER"])
        before = psutil.Process().num_fds()
        for _ in range(3):
            with pytest.raises(DeviceFailed):
                stream(None, print)
        assert psutil.Process().num_fds() == before


def _silence(counts: list[int], count: int) -> Samples:
    counts.append(count)
    return np.zeros(count, np.int16)


def _more_than_three(pieces: list[Any]) -> bool:
    return len(pieces) > 3


def test_without_a_server_the_silent_device_of_the_library_counts_as_none(
    pulse: Pulse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PULSE_SERVER", "unix:/nowhere")
    assert soundcard.endpoints("microphone") == ()
    assert soundcard.endpoints("speaker") == ()
    with pytest.raises(DeviceFailed):
        soundcard.CaptureStream(None, lambda _: None)


@pytest.mark.parametrize(
    ("raw", "backend", "text"),
    [
        (
            b"alsa_input.pci-0000_00_1f.3.analog-stereo\0junk",
            "PulseAudio",
            "alsa_input.pci-0000_00_1f.3.analog-stereo",
        ),
        (b":0,0\0", "ALSA", ":0,0"),
        (b"BuiltInMicrophoneDevice\0", "Core Audio", "BuiltInMicrophoneDevice"),
        ("{0.0.1.00000000}.{e3}\0x".encode("utf-16-le"), "WASAPI", "{0.0.1.00000000}.{e3}"),
        (bytes(range(16)) + b"junk", "DirectSound", "000102030405060708090a0b0c0d0e0f"),
    ],
)
def test_every_sound_system_has_its_own_kind_of_id(raw: bytes, backend: str, text: str) -> None:
    assert soundcard._identity(raw, backend) == text
