from __future__ import annotations

from pathlib import Path

import pytest

from pycall.errors import ConfigError
from pycall.media.spec import (
    Default,
    Device,
    File,
    Off,
    Screen,
    Spec,
    Test,
    Url,
    parse_camera,
    parse_microphone,
    parse_speaker,
)


@pytest.mark.parametrize(
    ("text", "spec"),
    [
        ("default", Default()),
        (" default ", Default()),
        ("none", Off()),
        ("test", Test()),
        ("screen", Screen()),
        ("file:clip.mp4", File(Path("clip.mp4"))),
        ("file:/a b/Ä.mkv", File(Path("/a b/Ä.mkv"))),
        ("file:~/clip.mp4", File(Path.home() / "clip.mp4")),
        ("rtsp://user:word@camera.local/stream", Url("rtsp://user:word@camera.local/stream")),
        ("HTTPS://example.org/live.m3u8", Url("HTTPS://example.org/live.m3u8")),
        ("rtmp://example.org/live", Url("rtmp://example.org/live")),
        ("1", Device("1")),
        ("/dev/video0", Device("/dev/video0")),
        ("HD Webcam: C920", Device("HD Webcam: C920")),
        ("DEFAULT", Device("DEFAULT")),
    ],
)
def test_a_camera_is_written_like_this(text: str, spec: Spec) -> None:
    assert parse_camera(text) == spec


def test_what_is_read_prints_as_it_was_written() -> None:
    for text in ("default", "none", "test", "screen", "file:clip.mp4", "rtsp://a/b", "HD Webcam"):
        assert str(parse_camera(text)) == text


@pytest.mark.parametrize(
    "text", ["", "  ", "file:", "file:\0", "ftp://example.org/a", "rtsp://", "javascript://x"]
)
def test_nonsense_is_refused_with_a_hint(text: str) -> None:
    with pytest.raises(ConfigError) as refused:
        parse_camera(text)
    assert refused.value.message.endswith(".")
    assert refused.value.hint
    assert refused.value.exit_code == 2


def test_the_screen_is_no_microphone() -> None:
    assert parse_microphone("test") == Test()
    with pytest.raises(ConfigError, match="screen has no sound"):
        parse_microphone("screen")


@pytest.mark.parametrize("text", ["test", "screen", "file:clip.wav", "http://example.org/radio"])
def test_what_only_gives_is_no_speaker(text: str) -> None:
    with pytest.raises(ConfigError, match="cannot be the speaker"):
        parse_speaker(text)


def test_a_speaker_is_default_none_or_a_device() -> None:
    assert [parse_speaker(text) for text in ("default", "none", "2")] == [Default(), Off(), Device("2")]
