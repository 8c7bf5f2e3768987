"""Socket.IO packets as this server reads and writes them: text, and never attachments."""

from __future__ import annotations

from typing import Any, Final

from socketio import packet

from pycall.server.wire.strictjson import StrictJson

NAMESPACE: Final = "/"
"""The only namespace there is."""

RELAYED: Final = "message"
"""The event whose first argument a handler gets as JSON, as it came: it is passed on and not looked at."""

_BEFORE_PAYLOAD: Final = f'["{RELAYED}",'


class PlainPacket(packet.Packet):  # type: ignore[misc]  # untyped library
    """A Socket.IO packet that never has attachments."""

    uses_binary_events = False
    json = StrictJson

    def decode(self, encoded_packet: str) -> int:
        """Take a packet apart, those that are common without looking for what is not; counts attachments."""
        if not encoded_packet.startswith("2["):
            attachments: int = super().decode(encoded_packet)
            return attachments
        self.packet_type, self.data = packet.EVENT, StrictJson.loads(encoded_packet[1:])
        return 0


def is_deeper(value: object, depth: int) -> bool:
    """Whether lists and objects in ``value`` are nested deeper than ``depth``."""
    if not isinstance(value, (list, dict)):
        return False
    if depth == 0:
        return True
    return any(
        is_deeper(child, depth - 1) for child in (value.values() if isinstance(value, dict) else value)
    )


def payload_of(text: str, arguments: list[Any]) -> str:
    """The first argument of a ``message`` as JSON, out of the packet's ``text`` where it is easily found.

    That is where nothing but its type and number stand before the JSON: a namespace may have a query, with
    any text. There it is valid, for all from the bracket on was parsed.
    """
    begin = text.index("[")
    is_plain = begin == 1 or text[1:begin].isdecimal()
    if is_plain and text.startswith(_BEFORE_PAYLOAD, begin) and text.endswith("]"):
        inside = text[begin + len(_BEFORE_PAYLOAD) : -1]
        if len(arguments) == 1:
            return inside
        if len(arguments) == 2 and type(arguments[1]) is int:
            return inside.rpartition(",")[0]
    return StrictJson.dumps(arguments[0])
