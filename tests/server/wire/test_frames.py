"""The rules of RFC 6455 for what a server reads, and an independent implementation at the other end."""

from __future__ import annotations

import pytest
from aiohttp import WSCloseCode
from hypothesis import given
from hypothesis import strategies as st
from wsproto.frame_protocol import CloseReason, FrameProtocol
from wsproto.frame_protocol import Opcode as TheirOpcode

from pycall.server.wire.frames import (
    FrameError,
    FrameReader,
    Opcode,
    accept,
    close_code_of,
    close_frame,
    frame,
    is_key,
    text_of,
)

MOST = 70_000
MASK = b"\x01\x00\xfe\x80"


def sent(
    opcode: int, payload: bytes = b"", *, final: bool = True, mask: bytes = MASK, size: int = 0
) -> bytes:
    """A frame as a client sends it; ``size`` is what it claims to have, if not the truth."""
    length = size or len(payload)
    first = bytes([opcode | (0x80 if final else 0)])
    if length < 126:
        head = first + bytes([0x80 | length])
    elif length < 65536:
        head = first + b"\xfe" + length.to_bytes(2, "big")
    else:
        head = first + b"\xff" + length.to_bytes(8, "big")
    return head + mask + bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload))


def read(reader: FrameReader, data: bytes) -> list[tuple[Opcode, bytes]]:
    return list(reader.feed(data))


@pytest.mark.parametrize("size", [0, 1, 3, 125, 126, 65_535, 65_536])
@pytest.mark.parametrize("mask", [MASK, bytes(4)])
def test_a_message_of_any_size_is_unmasked(size: int, mask: bytes) -> None:
    payload = bytes(at % 251 for at in range(size))
    assert read(FrameReader(MOST), sent(1, payload, mask=mask)) == [(Opcode.TEXT, payload)]


@given(st.data())
def test_messages_come_out_however_they_were_cut_up(data: st.DataObject) -> None:
    messages = data.draw(st.lists(st.tuples(st.sampled_from([1, 2]), st.binary(max_size=300)), max_size=6))
    wire = b""
    for opcode, payload in messages:
        cuts = sorted(data.draw(st.lists(st.integers(0, len(payload)), max_size=3)))
        parts = [payload[a:b] for a, b in zip([0, *cuts], [*cuts, len(payload)], strict=True)]
        for nth, part in enumerate(parts):
            wire += sent(0 if nth else opcode, part, final=nth == len(parts) - 1)
            wire += sent(9, b"between") if data.draw(st.booleans()) else b""
    reader, got, rest = FrameReader(MOST), [], wire
    while rest:
        size = data.draw(st.integers(1, len(rest)))
        got += read(reader, rest[:size])
        rest = rest[size:]
    assert [each for each in got if each[0] in {1, 2}] == messages
    assert {payload for opcode, payload in got if opcode is Opcode.PING} <= {b"between"}


@pytest.mark.parametrize(
    ("wire", "code"),
    [
        (b"\x81\x01x", 1002),  # not masked
        (b"\x81\x7e\x00\x80", 1002),
        (sent(1 | 0x40, b"x"), 1002),
        (sent(1 | 0x10, b"x"), 1002),
        *((sent(opcode, b"x"), 1002) for opcode in (3, 7, 11, 15)),
        (sent(9, b"x" * 126), 1002),
        (sent(9, b"x", final=False), 1002),
        (sent(8, b"", final=False), 1002),
        (sent(0, b"x"), 1002),
        (sent(1, b"x", final=False) + sent(1, b"x"), 1002),
        (sent(1, b"x", final=False) + sent(2, b"x", final=False), 1002),
        (sent(1, size=MOST + 1)[:14], 1009),
        (sent(1, size=2**63 - 1)[:14], 1009),
        (sent(1, size=2**64 - 1)[:14], 1009),
        (sent(1, b"x" * MOST, final=False) + sent(0, b"x"), 1009),
        (sent(1, b"x" * MOST, final=False) + sent(0, size=2**62)[:14], 1009),
    ],
)
def test_what_no_client_may_send_closes_the_websocket_by_its_header_alone(wire: bytes, code: int) -> None:
    with pytest.raises(FrameError) as refused:
        read(FrameReader(MOST), wire)
    assert refused.value.code == code


def test_without_a_limit_any_size_is_taken() -> None:
    assert read(FrameReader(None), sent(1, b"x" * 300_000)) == [(Opcode.TEXT, b"x" * 300_000)]
    assert read(FrameReader(None), sent(1, size=2**62)[:14]) == []


def test_what_came_before_a_bad_frame_is_not_lost() -> None:
    frames = FrameReader(MOST).feed(sent(1, b"one") + sent(1, b"two") + sent(3))
    assert [next(frames), next(frames)] == [(Opcode.TEXT, b"one"), (Opcode.TEXT, b"two")]
    with pytest.raises(FrameError):
        next(frames)


def test_what_completes_nothing_is_told_all_the_same() -> None:
    part = (Opcode.CONTINUATION, b"")
    wire = sent(1, b"", final=False) + sent(0, b"", final=False) * 3 + sent(0, b"x")
    assert read(FrameReader(MOST), wire) == [part, part, part, part, (Opcode.TEXT, b"x")]


@pytest.mark.parametrize("wire", [b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe4\xbd"])
def test_text_that_is_not_utf8_is_an_error(wire: bytes) -> None:
    with pytest.raises(FrameError) as refused:
        text_of(wire)
    assert refused.value.code == 1007
    assert text_of("é王🎉".encode()) == "é王🎉"


@pytest.mark.parametrize(
    ("payload", "code"),
    [(b"", 0), (b"\x03\xe8", 1000), (b"\x03\xe9bye", 1001), (b"\x0b\xb8", 3000), (b"\x13\x87", 4999)],
)
def test_the_code_of_a_close_frame(payload: bytes, code: int) -> None:
    assert close_code_of(payload) == code


@pytest.mark.parametrize(
    "payload",
    [
        *(b"\x03", b"\x03\xe8\xff"),
        *(code.to_bytes(2, "big") for code in (0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535)),
    ],
)
def test_what_is_no_close_frame(payload: bytes) -> None:
    with pytest.raises(FrameError):
        close_code_of(payload)


@pytest.mark.parametrize("size", [0, 125, 126, 65_535, 65_536, 200_000])
def test_another_implementation_reads_what_is_written(size: int) -> None:
    theirs = FrameProtocol(client=True, extensions=[])
    theirs.receive_bytes(frame(Opcode.TEXT, b"x" * size) + close_frame(WSCloseCode.PROTOCOL_ERROR, "y" * 200))
    text, close = theirs.received_frames()
    assert (text.opcode, text.payload, text.message_finished) == (TheirOpcode.TEXT, "x" * size, True)
    assert (close.opcode, close.payload) == (TheirOpcode.CLOSE, (CloseReason.PROTOCOL_ERROR, "y" * 123))


def test_what_another_implementation_writes_is_read() -> None:
    theirs = FrameProtocol(client=True, extensions=[])
    wire = bytes(
        theirs.send_data("é" * 5000, fin=False) + theirs.ping(b"hm") + theirs.send_data("!", fin=True)
    )
    read_ = read(FrameReader(MOST), wire + bytes(theirs.close(1001, "gone")))
    assert [opcode for opcode, _ in read_] == [Opcode.CONTINUATION, Opcode.PING, Opcode.TEXT, Opcode.CLOSE]
    assert text_of(read_[2][1]) == "é" * 5000 + "!"
    assert close_code_of(read_[3][1]) == 1001


def test_the_answer_to_a_handshake_is_the_one_of_the_standard() -> None:
    assert is_key("dGhlIHNhbXBsZSBub25jZQ==")
    assert accept("dGhlIHNhbXBsZSBub25jZQ==") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="


@pytest.mark.parametrize(
    "key", ["", "dGhl", "dGhlIHNhbXBsZSBub25jZQ", "é" * 24, "dGhlIHNhbXBsZSBub25j!Q==", "A" * 400]
)
def test_what_is_no_key(key: str) -> None:
    assert not is_key(key)
