from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import av
import pytest

from tests.program import PYCALL
from tests.rig import Pulse, pulse

__all__ = ["pulse"]


def run(*arguments: str, cwd: Path, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    command = [str(PYCALL), "devices", *arguments]
    return subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, timeout=25, check=False)


@pytest.mark.integration
def test_microphones_and_speakers_are_listed_for_people(pulse: Pulse, tmp_path: Path) -> None:
    done = run(cwd=tmp_path)
    assert done.returncode == 0
    assert done.stderr == ""
    lines = [line.split() for line in done.stdout.splitlines()]
    assert ["1", "Microphone", "mic", "default"] in lines
    assert ["1", "Speaker", "speaker", "default"] in lines
    assert ["Cameras"] in lines


@pytest.mark.integration
def test_and_for_programs(pulse: Pulse, tmp_path: Path) -> None:
    done = run("--json", cwd=tmp_path)
    assert done.returncode == 0
    listed = json.loads(done.stdout)
    assert set(listed) == {"cameras", "microphones", "speakers"}
    assert listed["microphones"]["why_none"] == ""
    assert listed["microphones"]["devices"][0] == {
        "number": 1,
        "name": "Microphone",
        "id": "mic",
        "default": True,
        "note": "",
    }


@pytest.mark.integration
def test_the_name_of_a_device_cannot_steer_the_terminal(pulse: Pulse, tmp_path: Path) -> None:
    properties = "sink_properties=device.description='\x1b[31mRed'"
    pulse.run("pactl", "load-module", "module-null-sink", "sink_name=red", properties)
    done = run(cwd=tmp_path)
    assert "\x1b" not in done.stdout
    assert "Red" in done.stdout


@pytest.mark.integration
def test_trying_hears_sounds_and_takes_a_picture(pulse: Pulse, tmp_path: Path) -> None:
    raw = tmp_path / "heard.raw"
    (tmp_path / "snapshot.png").write_bytes(b"already there")
    with pulse.recording(raw):
        done = run("--test", "--camera", "test", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    microphone, speaker, camera = done.stdout.splitlines()
    assert microphone == "Microphone: Microphone gives nothing but digital silence; is it muted?"
    assert speaker.startswith("Speaker: Speaker")
    assert camera.endswith(str(tmp_path / "snapshot-2.png"))
    assert (tmp_path / "snapshot.png").read_bytes() == b"already there"
    with av.open(str(tmp_path / "snapshot-2.png")) as image:
        assert image.streams.video[0].width == 1280
    assert any(raw.read_bytes()), "the tones were played"


def test_trying_what_is_not_there_says_why(tmp_path: Path) -> None:
    if Path("/proc/asound/cards").exists() or list(Path("/dev").glob("video*")):
        pytest.skip("this machine has devices")
    env = os.environ | {"PULSE_SERVER": "unix:/nowhere"}
    done = run("--test", cwd=tmp_path, env=env)
    assert done.returncode == 5
    assert [line.partition(":")[0] for line in done.stdout.splitlines()] == [
        "Microphone",
        "Speaker",
        "Camera",
    ]
    assert "no sound card" in done.stdout
    assert "No camera is connected" in done.stdout
    assert done.stderr == ""


@pytest.mark.parametrize(
    "arguments", [("--json", "--test"), ("--test", "--microphone", "screen"), ("--tset",)]
)
def test_wrong_usage_is_exit_code_2(arguments: tuple[str, ...], tmp_path: Path) -> None:
    done = run(*arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("Error: ")
    assert "Traceback" not in done.stderr
