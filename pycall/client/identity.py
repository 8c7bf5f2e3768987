"""The key that one end shows in all its connections of one stay in a room."""

from __future__ import annotations

from aiortc import RTCCertificate


class Identity:
    """Made once for a call: by it the other end knows a new connection as ours (RFC 8826 section 4.3.2.1)."""

    def __init__(self) -> None:
        self.certificate = RTCCertificate.generateCertificate()
