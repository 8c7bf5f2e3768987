"""What is negotiated is what every endpoint has, in the order wished."""

from __future__ import annotations

from pycall.client.formats import CODECS, H264_PROFILE, codecs


def test_the_order_asked_for_comes_first() -> None:
    kinds = [codec.mimeType for codec in codecs("video", ["video/H264"])]
    assert kinds[0] == "video/H264"
    assert set(kinds) == set(CODECS["video"])


def test_neither_repair_streams_nor_other_profiles_are_negotiated() -> None:
    assert {codec.mimeType for codec in codecs("video", [])} == set(CODECS["video"])
    profiles = {codec.parameters.get("profile-level-id") for codec in codecs("video", [])}
    assert profiles == {None, H264_PROFILE}


def test_sound_is_opus() -> None:
    assert [codec.mimeType for codec in codecs("audio", CODECS["audio"])] == ["audio/opus"]
