"""What is negotiated is what every endpoint has, in the order wished."""

from __future__ import annotations

from pycall.client import compat
from pycall.client.formats import CODECS, H264_PROFILE, PARITY, RTX, codecs


def test_the_order_asked_for_comes_first() -> None:
    for order in (["video/H264"], ["video/ulpfec", "video/H264", RTX, "video/VP8"]):
        kinds = [codec.mimeType for codec in codecs("video", order)]
        assert kinds[:2] == ["video/H264", "video/VP8"]


def test_repairs_and_parity_of_pictures_and_no_other_profiles_are_negotiated() -> None:
    compat.install()
    assert {codec.mimeType for codec in codecs("video", [])} == {*CODECS["video"], RTX, *PARITY}
    profiles = {codec.parameters.get("profile-level-id") for codec in codecs("video", [])}
    assert profiles == {None, H264_PROFILE}


def test_sound_is_opus() -> None:
    assert [codec.mimeType for codec in codecs("audio", CODECS["audio"])] == ["audio/opus"]
