from __future__ import annotations

import itertools
import json

import pytest
from crowd.wire import UnexpectedFrameError, event, frame, messages


def unmasked(sent: bytes) -> tuple[int, bytes]:
    """The first byte and the content of a client's frame (RFC 6455, section 5.2)."""
    size, at = sent[1] & 0x7F, 2
    if size == 126:
        size, at = int.from_bytes(sent[2:4], "big"), 4
    elif size == 127:
        size, at = int.from_bytes(sent[2:10], "big"), 10
    assert sent[1] & 0x80
    mask, content = sent[at : at + 4], sent[at + 4 :]
    assert len(content) == size
    return sent[0], bytes(each ^ key for each, key in zip(content, itertools.cycle(mask), strict=False))


@pytest.mark.parametrize("size", [0, 1, 125, 126, 2500, 65_535, 65_536])
def test_a_clients_frame_is_masked_text(size: int) -> None:
    assert unmasked(frame("x" * size)) == (0x81, b"x" * size)


def test_an_event_is_as_short_as_can_be() -> None:
    assert event("message", {"sdp": "é\r\n"}) == '42["message",{"sdp":"é\\r\\n"}]'
    assert json.loads(event("join", "room")[2:]) == ["join", "room"]


def test_messages_are_found_however_they_come() -> None:
    sent = [b"2", b"y" * 125, b"z" * 300, b"q" * 70_000]
    heads = [b"\x81\x01", b"\x81\x7d", b"\x81\x7e\x01\x2c", b"\x81\x7f" + (70_000).to_bytes(8, "big")]
    stream = b"".join(head + content for head, content in zip(heads, sent, strict=True))

    for at in (*range(160), 200, 431, 432, 433, 70_000):
        first, rest = messages(stream[:at])
        second, rest = messages(rest + stream[at:])
        assert (first + second, rest) == (sent, b"")


def test_a_close_frame_is_an_empty_message() -> None:
    assert messages(b"\x88\x02\x03\xe8") == ([b""], b"")


def test_a_part_of_a_message_is_none() -> None:
    with pytest.raises(UnexpectedFrameError, match="0x01"):
        messages(b"\x01\x01x")
