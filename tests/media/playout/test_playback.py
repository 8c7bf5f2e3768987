"""Streams to a real sound server, through both libraries."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pycall.errors import DeviceFailed
from pycall.media.devices import soundcard
from pycall.media.devices.listing import Device
from pycall.media.frames import SAMPLE_RATE, Samples
from pycall.media.playout.playback import open_playback
from tests.rig import Pulse, wait_until

MISSING = Device(1, "Gone", "gone", default=False)


@pytest.fixture(params=["miniaudio", "av"])
def _both_ways(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "av":
        monkeypatch.setattr(soundcard, "AVAILABLE", False)
    elif not soundcard.AVAILABLE:
        pytest.skip("miniaudio is not installed")


class Noise:
    """Loud noise, and how much of it was taken."""

    def __init__(self) -> None:
        self.taken = 0

    def __call__(self, count: int) -> Samples:
        self.taken += count
        return np.random.default_rng(self.taken).integers(-20_000, 20_000, count).astype(np.int16)


@pytest.mark.integration
@pytest.mark.usefixtures("_both_ways")
def test_the_device_pulls_and_what_it_pulled_is_heard(pulse: Pulse, tmp_path: Path) -> None:
    noise, raw = Noise(), tmp_path / "heard.raw"
    with pulse.recording(raw):
        playback = open_playback(None, noise)
        try:
            wait_until(lambda: noise.taken > SAMPLE_RATE)
        finally:
            playback.close()
    heard = np.frombuffer(raw.read_bytes(), np.int16)
    taken = noise.taken

    assert np.count_nonzero(np.abs(heard) > 5_000) > SAMPLE_RATE // 4
    assert 0 < playback.latency_s < 0.1
    assert noise.taken == taken, "it pulled after it was closed"


@pytest.mark.integration
@pytest.mark.usefixtures("_both_ways")
def test_a_device_that_is_not_there_does_not_open(pulse: Pulse) -> None:
    with pytest.raises(DeviceFailed):
        open_playback(MISSING, Noise())
