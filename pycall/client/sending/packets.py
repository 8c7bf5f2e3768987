"""RTP packets as bytes (RFC 3550 section 5.1), with the places that are filled in when one leaves.

A packet says when it left (``abs-send-time``) and its number among all of the transport
(draft-holmer-rmcat-transport-wide-cc-extensions-01), which nobody knows while it still waits.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Final

MID: Final = "urn:ietf:params:rtp-hdrext:sdes:mid"
AUDIO_LEVEL: Final = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"
SEND_TIME: Final = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time"
PLAYOUT_DELAY: Final = "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay"
TRANSPORT_NUMBER: Final = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"

_DELAY_STEP_S: Final = 0.01
_LEAST_DELAY: Final = 1
"""None at all would mean to show pictures when they come, not when they are due."""
_MOST_DELAY: Final = 0xFFF

_HEADER: Final = struct.Struct("!BBHII")
_ONE_BYTE_IDS: Final = range(1, 15)
_ONE_BYTE_PROFILE: Final = 0xBEDE


class PacketWriter:
    """Writes the packets of one stream; ``extensions`` maps URIs to the negotiated ids (RFC 8285).

    Extensions of an id that needs the longer form are left out: nobody offers so many.
    """

    def __init__(self, ssrc: int, payload_type: int, extensions: Mapping[str, int], mid: str) -> None:
        self._ssrc, self._payload_type = ssrc, payload_type
        self._block = bytearray()
        contents = {
            MID: mid.encode(),
            AUDIO_LEVEL: bytes(1),
            SEND_TIME: bytes(3),
            PLAYOUT_DELAY: _delays(None),
            TRANSPORT_NUMBER: bytes(2),
        }
        self._places = {
            uri: self._add(extensions[uri], content)
            for uri, content in contents.items()
            if extensions.get(uri) in _ONE_BYTE_IDS and 0 < len(content) <= 16
        }
        if self._block:
            self._block += bytes(-len(self._block) % 4)
            self._block[:0] = struct.pack("!HH", _ONE_BYTE_PROFILE, len(self._block) // 4)

    @property
    def numbered(self) -> bool:
        """Whether packets carry their number among all of the transport."""
        return TRANSPORT_NUMBER in self._places

    def write(
        self, payload: bytes, sequence: int, timestamp: int, *, marker: bool, level_dbov: int = -127
    ) -> bytearray:
        """A packet that has yet to be stamped; ``level_dbov`` is the loudness of sound (RFC 6464)."""
        first = 0x90 if self._block else 0x80
        header = _HEADER.pack(
            first, marker << 7 | self._payload_type, sequence & 0xFFFF, timestamp & 0xFFFFFFFF, self._ssrc
        )
        packet = bytearray(header)
        packet += self._block
        if (place := self._places.get(AUDIO_LEVEL)) is not None:
            packet[place] = min(127, -level_dbov)
        packet += payload
        return packet

    def hold(self, most_s: float | None) -> None:
        """Ask that what is written from now on is held for so long at most before it is shown, if at all."""
        if (place := self._places.get(PLAYOUT_DELAY)) is not None:
            place -= _HEADER.size
            self._block[place : place + 3] = _delays(most_s)

    def stamp(self, packet: bytearray, now: float, number: int | None) -> None:
        """Fill in when the packet leaves, by any clock in seconds, and its number."""
        if (place := self._places.get(SEND_TIME)) is not None:
            packet[place : place + 3] = (int(now * (1 << 18)) & 0xFFFFFF).to_bytes(3, "big")
        if number is not None and (place := self._places.get(TRANSPORT_NUMBER)) is not None:
            packet[place : place + 2] = number.to_bytes(2, "big")

    def _add(self, number: int, content: bytes) -> int:
        """Where in a packet the content of an extension begins."""
        self._block.append(number << 4 | len(content) - 1)
        place = _HEADER.size + 4 + len(self._block)
        self._block += content
        return place


def _delays(most_s: float | None) -> bytes:
    """Twice twelve bits: the least and the most that is wished, in steps of 10 ms."""
    most = _MOST_DELAY if most_s is None else min(_MOST_DELAY, round(most_s / _DELAY_STEP_S))
    return (_LEAST_DELAY << 12 | most).to_bytes(3, "big")
