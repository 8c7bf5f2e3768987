"""What sound and pictures are negotiated as: what every WebRTC endpoint has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from aiortc import RTCRtpCodecCapability, RTCRtpSender

from pycall.client.stages import Kind

CODECS: Final[dict[Kind, tuple[str, ...]]] = {"audio": ("audio/opus",), "video": ("video/VP8", "video/H264")}
"""In order of preference (RFC 7874 section 3, RFC 7742 section 5)."""

RTX: Final = "video/rtx"
"""Repairs in a stream of their own (RFC 4588)."""

PARITY: Final = ("video/red", "video/ulpfec")
"""Parity of pictures (RFC 5109), and the packets it comes in (RFC 2198); we take it, and send none."""

H264_PROFILE: Final = "42e01f"
"""Constrained baseline, the profile every endpoint with H.264 has (RFC 7742 section 6.2)."""


def codecs(kind: Kind, order: Sequence[str]) -> list[RTCRtpCodecCapability]:
    """What is negotiated of a kind, those of ``order`` first, in that order.

    With RTX: without, a browser's padding, by which it probes the path, counts on among the packets of
    pictures, and what is lost of that it cannot send again. Our own repairs go on the stream itself.
    """
    beside = {RTX, *PARITY} if kind == "video" else set()
    first = [*(each for each in order if each not in beside), *CODECS[kind], RTX, *PARITY]
    known = [
        codec
        for codec in RTCRtpSender.getCapabilities(kind).codecs
        if codec.mimeType in {*CODECS[kind], *beside}
        and codec.parameters.get("profile-level-id") in {None, H264_PROFILE}
    ]
    return sorted(known, key=lambda codec: first.index(codec.mimeType))
