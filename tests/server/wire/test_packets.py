from __future__ import annotations

import pytest
from socketio import packet

from pycall.server.wire.packets import PlainPacket, is_deeper, payload_of
from pycall.server.wire.strictjson import StrictJson


def test_packets_are_written_as_the_protocol_says() -> None:
    assert PlainPacket(packet_type=packet.EVENT, data=["a", {"b": 1}]).encode() == '2["a",{"b":1}]'
    assert PlainPacket(packet_type=packet.ACK, id=7, data=[{"ok": True}]).encode() == '37[{"ok":true}]'
    assert PlainPacket(packet_type=packet.DISCONNECT).encode() == "1"


def test_our_json_is_for_our_packets_only() -> None:
    assert PlainPacket.json is StrictJson
    assert packet.Packet.json is not StrictJson


@pytest.mark.parametrize(
    ("text", "arguments", "payload"),
    [
        ('2["message",{"a": 1.0}]', [{"a": 1.0}], '{"a": 1.0}'),
        ('27["message",{"a": 1.0},3]', [{"a": 1.0}, 3], '{"a": 1.0}'),
        ('2["message",[1, 2], "x"]', [[1, 2], "x"], "[1,2]"),
        ('2 ["message",[1, 2]]', [[1, 2]], "[1,2]"),
        ('2/?["message",["message","x"]', ["x"], '"x"'),
    ],
)
def test_a_payload_is_taken_as_it_came_where_nothing_else_can_be_meant(
    text: str, arguments: list[object], payload: str
) -> None:
    assert payload_of(text, arguments) == payload


def test_how_deep_is_counted_by_lists_and_objects() -> None:
    assert not is_deeper("[[[", 0)
    assert not is_deeper([{"a": 1}], 2)
    assert is_deeper([{"a": []}], 2)
