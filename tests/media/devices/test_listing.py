from __future__ import annotations

from pathlib import Path

import pytest
from av.device import DeviceInfo

from pycall.errors import DeviceNotFound
from pycall.media.devices.listing import (
    Device,
    Listing,
    alsa_devices,
    choose,
    linux_cameras,
    list_cameras,
    list_microphones,
    list_speakers,
    mac_cameras,
    windows_cameras,
)
from pycall.media.devices.v4l2 import Node, Nodes
from tests.rig import Pulse

LISTING = Listing(
    "camera",
    (
        Device(1, "HD Webcam", "/dev/video0", default=True),
        Device(2, "1", "/dev/video2", default=False),
        Device(3, "HD Webcam", "/dev/video4", default=False),
    ),
)

DVRESCUE = [  # https://github.com/mipops/dvrescue/pull/67, macOS, ffmpeg -f avfoundation -list_devices true
    DeviceInfo("0", "CamTwist", False, ["video"]),
    DeviceInfo("1", "FaceTime HD Camera (Built-in)", False, ["video"]),
    DeviceInfo("2", "CamTwist (2VUY)", False, ["video"]),
    DeviceInfo("3", "DV-VCR", False, ["video"]),
    DeviceInfo("4", "Capture screen 0", False, ["video"]),
    DeviceInfo("0", "Description", False, ["audio"]),
    DeviceInfo("1", "Jaybird Tarah Pro", False, ["audio"]),
    DeviceInfo("2", "Built-in Microphone", False, ["audio"]),
]

PNP = (
    R"@device_pnp_\\?\usb#vid_0c45&pid_6448&mi_00#7&2645f9e4&0&0000"
    R"#{65e8773d-8f56-11d0-a3b9-00a0c9223196}\global"
)
SW = R"@device_sw_{860BB310-5D01-11D0-BD3B-00A0C911CE86}\{4EA69364-2C8A-4AE6-A561-56E4B5044439}"
WAVE = R"@device_cm_{33D9A762-90C8-11D0-BD43-00A0C911CE86}\wave_{E26AD2BE-B335-41EC-BED5-40F982F21FF7}"
NATURALWILL = [  # https://blog.naturalwill.me/2017/05/05/ffmpeg-notes/, Windows, -f dshow -list_devices true
    DeviceInfo(PNP, "Integrated Webcam", False, ["video"]),
    DeviceInfo(SW, "screen-capture-recorder", False, ["video"]),
    DeviceInfo(WAVE, "麦克风 (High Definition Audio 设备)", False, ["audio"]),
]


@pytest.mark.parametrize(
    ("wanted", "id_"),
    [
        ("HD Webcam", "/dev/video0"),
        ("/dev/video4", "/dev/video4"),
        ("3", "/dev/video4"),
        ("1", "/dev/video2"),
    ],
)
def test_an_exact_name_or_id_wins_over_a_number(wanted: str, id_: str) -> None:
    assert choose(LISTING, wanted).id == id_


@pytest.mark.parametrize("wanted", ["4", "0", "-1", "hd webcam", "HD", "/dev/video1"])
def test_what_is_not_there_is_an_error_that_says_what_is(wanted: str) -> None:
    with pytest.raises(DeviceNotFound) as missing:
        choose(LISTING, wanted)
    assert repr(wanted) in missing.value.message
    assert "1 HD Webcam; 2 1; 3 HD Webcam" in missing.value.hint
    assert missing.value.exit_code == 5


def test_where_nothing_is_the_hint_says_why() -> None:
    with pytest.raises(DeviceNotFound) as missing:
        choose(Listing("camera", (), "No camera is connected."), "1")
    assert missing.value.hint == "No camera is connected."


def test_the_first_camera_that_can_be_used_is_the_default() -> None:
    nodes = Nodes((Node(Path("/dev/video0"), "A", "You may not open it."), Node(Path("/dev/video2"), "B")))
    listing = linux_cameras(nodes)
    assert listing.default == Device(2, "B", "/dev/video2", default=True)
    assert listing.devices[0].note == "You may not open it."


def test_mac_cameras_are_known_by_name_and_screens_are_none() -> None:
    listing = mac_cameras(DVRESCUE)
    names = ["CamTwist", "FaceTime HD Camera (Built-in)", "CamTwist (2VUY)", "DV-VCR"]
    assert [(device.name, device.id) for device in listing.devices] == [(name, name) for name in names]
    assert "Privacy" in mac_cameras(DVRESCUE[4:]).why_none


def test_windows_cameras_are_known_by_their_unique_names() -> None:
    listing = windows_cameras(NATURALWILL)
    assert [(device.name, device.id) for device in listing.devices] == [
        ("Integrated Webcam", PNP),
        ("screen-capture-recorder", SW),
    ]
    assert "Privacy" in windows_cameras(NATURALWILL[2:]).why_none


def test_alsa_lists_the_default_and_the_cards_but_no_plugins() -> None:
    """The names are those of a Debian 12 machine with a sound card, out of `arecord -L`."""
    infos = [
        DeviceInfo("null", "Discard all samples (playback) or generate zero samples (capture)", False, []),
        DeviceInfo("lavrate", "Rate Converter Plugin Using Libav/FFmpeg Library", False, []),
        DeviceInfo("hw:CARD=PCH,DEV=0", "HDA Intel PCH, ALC257 Analog\nDirect hardware device", False, []),
        DeviceInfo("plughw:CARD=PCH,DEV=0", "HDA Intel PCH, ALC257 Analog\nHardware device", False, []),
        DeviceInfo("default", "Playback/recording through the PulseAudio sound server", True, []),
    ]
    listing = alsa_devices("microphone", infos)
    assert [(device.number, device.id, device.default) for device in listing.devices] == [
        (1, "default", True),
        (2, "plughw:CARD=PCH,DEV=0", False),
    ]
    assert listing.devices[1].name == "HDA Intel PCH, ALC257 Analog"
    assert alsa_devices("microphone", infos[:2]).why_none


@pytest.mark.integration
def test_microphones_and_speakers_come_from_the_sound_server(pulse: Pulse) -> None:
    microphones, speakers = list_microphones(), list_speakers()
    first = microphones.devices[0]
    assert (first.name, first.id) == ("Microphone", "mic")
    assert microphones.default is microphones.devices[0]
    assert {device.id for device in microphones.devices[1:]} == {"speaker.monitor", "micsink.monitor"}
    assert speakers.default is not None
    assert speakers.default.id == "speaker"
    assert microphones.why_none == speakers.why_none == ""


@pytest.mark.integration
def test_a_monitor_is_never_the_default_microphone(pulse: Pulse) -> None:
    pulse.run("pactl", "set-default-source", "speaker.monitor")
    default = list_microphones().default
    assert default is not None
    assert default.id == "mic"


def test_a_machine_without_anything_says_why(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    if Path("/proc/asound/cards").exists() or list(Path("/dev").glob("video*")):
        pytest.skip("this machine has devices")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setenv("PULSE_SERVER", f"unix:{tmp_path}/nobody")
    for listing in (list_cameras(), list_microphones(), list_speakers()):
        assert listing.devices == ()
        assert listing.why_none.endswith(".")
