"""What is negotiated is what every endpoint has, in the order wished."""

from __future__ import annotations

from pycall.client.formats import CODECS, H264_PROFILE, RTX, codecs


def test_the_order_asked_for_comes_first() -> None:
    for order in (["video/H264"], ["video/ulpfec", "video/H264", RTX, "video/VP8"]):
        kinds = [codec.mimeType for codec in codecs("video", order)]
        assert [kind for kind in kinds if kind != RTX] == ["video/H264", "video/VP8"]


def test_repairs_of_pictures_and_no_other_profiles_are_negotiated() -> None:
    assert {codec.mimeType for codec in codecs("video", [])} == {*CODECS["video"], RTX}
    profiles = {codec.parameters.get("profile-level-id") for codec in codecs("video", [])}
    assert profiles == {None, H264_PROFILE}


def test_sound_is_opus() -> None:
    assert [codec.mimeType for codec in codecs("audio", CODECS["audio"])] == ["audio/opus"]
