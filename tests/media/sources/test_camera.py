from __future__ import annotations

import errno
import os
import subprocess
import threading
from pathlib import Path
from typing import Any

import av
import psutil
import pytest
from av.video.frame import PictureType

from pycall.errors import DeviceFailed, DeviceNotFound
from pycall.media.devices.listing import Device
from pycall.media.sources import camera as module
from pycall.media.sources.camera import Camera, Input, _explained, _frames, camera_input, screen_input
from pycall.media.testsignals.strip import luma_of, read_strip
from pycall.media.testsignals.testcard import CardPainter
from tests.media.holding import held_open
from tests.rig import needs, running_xvfb, wait_until

WEBCAM = Device(1, "HD Webcam", "/dev/video0", default=True)


@pytest.mark.integration
def test_what_another_program_shows_on_the_screen_is_captured(xvfb: str, speech_file: Path) -> None:
    """A player fills the screen of 1280x720 with the film; its pictures arrive in 640x480, letterboxed."""
    player = [needs("ffplay", "ffmpeg"), "-v", "quiet", "-an", "-loop", "0"]
    player += ["-noborder", "-left", "0", "-top", "0", str(speech_file)]
    notices: list[str] = []
    camera = Camera(screen_input(20), (640, 480), 20, lambda code, _: notices.append(code))
    reader = camera.feed.subscribe()
    seen: list[int] = []
    times: list[float] = []

    def look() -> bool:
        picture = reader.get(10)
        assert picture is not None
        frame = picture.frame
        assert (frame.width, frame.height, frame.format.name) == (640, 480, "yuv420p")
        assert frame.pict_type == PictureType.NONE
        assert luma_of(frame)[:58].max() < 20
        times.append(picture.time)
        if read := read_strip(frame, (0, 60, 640, 360)):
            seen.append(read[0])
        return len(set(seen)) >= 5

    with subprocess.Popen(player, env=os.environ | {"SDL_VIDEODRIVER": "x11"}) as showing:
        try:
            camera.start()
            wait_until(look, 25)
        finally:
            camera.close()
            showing.terminate()
    assert seen == sorted(seen)
    assert times == sorted(set(times))
    assert notices == []
    assert xvfb in camera.label


@pytest.mark.integration
def test_a_screen_that_dies_is_said_and_reopened_when_it_is_back(monkeypatch: pytest.MonkeyPatch) -> None:
    notices: list[str] = []
    with running_xvfb() as display:
        monkeypatch.setenv("DISPLAY", display)
        camera = Camera(screen_input(20), (320, 240), 20, lambda code, _: notices.append(code))
        reader = camera.feed.subscribe()
        camera.start()
        assert reader.get(10) is not None
    try:
        wait_until(lambda: notices == ["camera-lost"])
        with running_xvfb(display):
            wait_until(lambda: notices == ["camera-lost", "camera-back"])
            assert reader.get(10) is not None
            camera.close()
    finally:
        camera.close()


@pytest.mark.integration
def test_a_screen_that_stands_still_without_an_error_is_said_too(
    xvfb: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SILENCE_S", 1.0)
    server = next(each for each in psutil.Process().children() if each.name() == "Xvfb" and each.is_running())
    notices: list[tuple[str, str]] = []
    camera = Camera(screen_input(20), (320, 240), 20, lambda *notice: notices.append(notice))
    reader = camera.feed.subscribe()
    camera.start()
    try:
        server.suspend()
        wait_until(lambda: notices)
        server.resume()
        wait_until(lambda: len(notices) == 2)
        assert reader.get(10) is not None
    finally:
        server.resume()
        camera.close()
    assert [code for code, _ in notices] == ["camera-lost", "camera-back"]
    assert "gives nothing any more" in notices[0][1]


def test_a_display_that_is_not_there_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISPLAY", ":9876")
    camera = Camera(screen_input(20), (320, 240), 20, lambda *_: None)
    with pytest.raises(DeviceFailed, match="screen :9876 cannot be read") as failed:
        camera.start()
    assert "DISPLAY" in failed.value.hint
    camera.close()
    monkeypatch.delenv("DISPLAY")
    with pytest.raises(DeviceNotFound, match="DISPLAY is not set"):
        screen_input(20)


def test_a_camera_that_is_gone_is_one_sentence() -> None:
    gone = Device(1, "HD Webcam", "/dev/video987", default=True)
    camera = Camera(camera_input(gone, (320, 240), 30, "linux"), (320, 240), 30, lambda *_: None)
    with pytest.raises(DeviceFailed, match="camera HD Webcam is not there any more"):
        camera.start()
    camera.close()


def test_what_is_no_camera_is_one_sentence(tmp_path: Path) -> None:
    fake = tmp_path / "video0"
    fake.write_bytes(b"not a camera")
    device = Device(1, "HD Webcam", str(fake), default=True)
    camera = Camera(camera_input(device, (320, 240), 30, "linux"), (320, 240), 30, lambda *_: None)
    with pytest.raises(DeviceFailed, match="camera HD Webcam"):
        camera.start()
    camera.close()


def test_a_busy_camera_names_the_program_that_has_it(tmp_path: Path) -> None:
    device = tmp_path / "video0"
    device.touch()
    source = Input("HD Webcam", "v4l2", str(device), [{}])
    with held_open(device) as other:
        busy = _explained(source, OSError(errno.EBUSY, os.strerror(errno.EBUSY)))
    assert busy.message.startswith("The camera HD Webcam is in use by ")
    assert f"({other})" in busy.message


def test_a_camera_without_permission_names_its_group(tmp_path: Path) -> None:
    device = tmp_path / "video0"
    device.touch()
    refused = _explained(Input("HD Webcam", "v4l2", str(device), [{}]), PermissionError(errno.EACCES, "no"))
    assert refused.message == "The camera HD Webcam may not be opened."
    assert f"usermod -aG {device.group()}" in refused.hint


def test_large_pictures_are_asked_for_compressed_and_every_system_has_its_words() -> None:
    small = camera_input(WEBCAM, (640, 480), 30, "linux")
    assert (small.format, small.file) == ("v4l2", "/dev/video0")
    assert small.attempts == [{"video_size": "640x480", "framerate": "30"}, {}]
    assert camera_input(WEBCAM, (1280, 720), 30, "linux").attempts[0]["input_format"] == "mjpeg"
    mac = camera_input(
        Device(1, "FaceTime HD Camera", "FaceTime HD Camera", default=True), (640, 480), 30, "darwin"
    )
    assert (mac.format, mac.file) == ("avfoundation", "FaceTime HD Camera:none")
    windows = camera_input(Device(1, "Webcam", "@device_pnp_x", default=True), (640, 480), 30, "win32")
    assert (windows.format, windows.file) == ("dshow", "video=@device_pnp_x")
    assert screen_input(30, "darwin").file == "Capture screen 0:none"
    assert screen_input(30, "win32").format == "gdigrab"


def test_half_a_picture_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "camera.mkv"
    with av.open(str(path), "w") as film:
        stream: Any = film.add_stream("mjpeg", 30)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuvj420p"
        for number in range(5):
            frame = CardPainter(64, 64).paint(number, 0, flash=False).reformat(format="yuvj420p")
            for packet in stream.encode(frame):
                if number in {0, 2}:
                    damaged = av.Packet(b"half a picture")
                    damaged.stream, damaged.time_base = packet.stream, packet.time_base
                    damaged.pts, damaged.dts = packet.pts, packet.dts
                    film.mux(damaged)
                else:
                    film.mux(packet)
    with av.open(str(path)) as film:
        assert len(list(_frames(film, threading.Event()))) == 3
