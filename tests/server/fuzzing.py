"""Frames as a hostile or broken client sends them, made from a seed, and a wire that carries any bytes."""

from __future__ import annotations

import asyncio
import base64
import json
import random
import struct
from collections.abc import Iterator
from typing import Final

MASK: Final = b"\x00\x00\x00\x00"
"""Frames of clients must be masked (RFC 6455, section 5.3); this one changes nothing."""

TEXT, BINARY, CLOSE, PING, PONG = 0x1, 0x2, 0x8, 0x9, 0xA

SEEDS: Final = [
    *("2", "3", "3probe", "6", "bAAAA", "40", '40{"pycall":1,"name":"x"}', "40/admin,", '43["x"]', "44{}"),
    *('42["join","kitchen"]', '427["leave","kitchen"]', '42["disconnect"]', '42["connect",{},{"pycall":1}]'),
    *('42["message",{"type":"offer","sdp":"v=0"}]', '420["message",[1,2.5e3,null,true,"\\ud800"]]'),
    *('451-["message",{"_placeholder":true,"num":0}]', '42["renew","kitchen",1]', '42["kick","someone"]'),
    *('42/?["message",["message","x"]', '42/?x,["message","x",1]'),
]
ALPHABET: Final = '0123456789-,/"[]{}:\\\x00\x1b\x7f\u0085\u202e é王²٣ truefalsnNaInfity_.?'
NAMES: Final = [
    *("join", "leave", "message", "renew", "connect", "disconnect", "connect_error", "*"),
    *("", "kick", "__init__", "\x1b]0;x\x07"),
]


class Generator:
    """An endless row of frames, the same for the same seed; each is bytes as they go over the wire."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)

    def __iter__(self) -> Iterator[bytes]:
        while True:
            kind = self._chance.random()
            if kind < 0.3:
                yield text_frame(self._mutated())
            elif kind < 0.92:
                yield text_frame(self._packet())
            elif kind < 0.95:
                yield text_frame("".join(self._chance.choices(ALPHABET, k=self._chance.randrange(40))))
            else:
                yield self._bytes()

    def _mutated(self) -> str:
        """A frame of the protocol with some of its characters replaced, doubled, lost or moved."""
        chance = self._chance
        frame = list(chance.choice(SEEDS))
        for _ in range(chance.choice([1, 1, 1, 2, 4])):
            at = chance.randrange(len(frame) + 1)
            match chance.randrange(4):
                case 0:
                    frame.insert(at, chance.choice(ALPHABET))
                case 1:
                    del frame[at : at + chance.randrange(1, 4)]
                case 2:
                    frame[at:at] = frame[at : at + 8] * chance.randrange(1, 30)
                case _:
                    frame += chance.choice(SEEDS)[2:]
        return "".join(frame)

    def _packet(self) -> str:
        """A Socket.IO packet of every shape there is, and some there are not."""
        chance = self._chance
        kind = "2" if chance.random() < 0.9 else chance.choice("013456789x²")
        attachments = chance.choice(["", "", "1-", "0-", "9" * chance.randrange(1, 30) + "-"])
        query = chance.choice(["/?,", '/?["message",', '/?["join",'])
        namespace = chance.choice([*[""] * 6, "/,", "/admin,", "/" + "n" * 300 + ",", query])
        number = chance.choice(["", "", str(chance.randrange(1000)), "9" * chance.choice([1, 20, 100, 101])])
        arguments = [self._json(3) for _ in range(chance.randrange(4))]
        body = "[" + ",".join([json.dumps(chance.choice(NAMES)), *arguments]) + "]"
        if chance.random() < 0.05:
            body = self._json(5)
        if chance.random() < 0.02:
            body = body[: chance.randrange(len(body) + 1)]
        head = "4" + kind + (attachments if chance.random() < 0.3 else "")
        return head + namespace + number + body

    def _json(self, depth: int) -> str:
        """Any JSON, and what some parsers take for it."""
        chance = self._chance
        match chance.randrange(9 if depth else 7):
            case 0:
                return chance.choice(["null", "true", "false"] * 9 + ["NaN", "-Infinity", "nul", ""])
            case 1:
                return chance.choice(
                    ["0", "-1", "2.5", "-0", "9" * chance.randrange(1, 400)] * 6 + ["1e999", "1_0"]
                )
            case 2 | 3:
                return json.dumps("".join(chance.choices(ALPHABET, k=chance.randrange(20))))
            case 4:
                odd = ['"kitchen"', '"\\ud800"', '"..\\/etc"', '{"_placeholder":true,"num":0}']
                return chance.choice([*odd * 6, '"x'])
            case 5:
                nesting = chance.choice([*[1, 30, 58] * 6, 70, 3000])
                return "[" * nesting + "]" * nesting
            case 6:
                return (
                    json.dumps("x" * chance.choice([10, 1000, 70_000])) if chance.random() < 0.02 else '"y"'
                )
            case 7:
                return "[" + ",".join(self._json(depth - 1) for _ in range(chance.randrange(4))) + "]"
            case _:
                pairs = (f"{json.dumps(chance.choice(NAMES))}:{self._json(depth - 1)}" for _ in range(3))
                return "{" + ",".join(pairs) + "}"

    def _bytes(self) -> bytes:
        """What a websocket library never sends (RFC 6455, section 5)."""
        chance = self._chance
        noise = chance.randbytes(chance.randrange(140))
        match chance.randrange(10):
            case 0 | 1:
                return frame(BINARY, noise)
            case 2:
                return frame(chance.choice([PING, PONG]), noise[:125])
            case 3:
                return frame(PING, noise, first=0x89) if len(noise) > 125 else frame(TEXT, noise)
            case 4:
                return frame(CLOSE, chance.choice([b"", b"\x03", b"\x03\xe8", b"\x03\xeebye", noise[:125]]))
            case 5:
                return frame(TEXT, noise, first=chance.choice([0xC1, 0xB1, 0x91, 0x83, 0x8F, 0x80]))
            case 6:  # in two parts, with something in between
                rest = frame(TEXT, b'join","kitchen"]', first=0x80)
                return frame(TEXT, b'42["', first=0x01) + frame(PING, b"?") + rest
            case 7:  # unmasked
                return bytes([0x81, 2]) + b"40"
            case 8:  # a length that nobody sends the bytes for
                return bytes([0x81, 0xFF]) + struct.pack(">Q", chance.choice([2**63 - 1, 2**63, 2**40]))
            case _:
                return frame(TEXT, "\ud800".encode(errors="surrogatepass"))


def text_frame(text: str) -> bytes:
    """A text message in one frame."""
    return frame(TEXT, text.encode(errors="surrogatepass"))


def frame(opcode: int, payload: bytes, *, first: int | None = None) -> bytes:
    """A masked frame; ``first`` is its first byte instead of that of a whole message."""
    size = len(payload)
    if size < 126:
        length = bytes([0x80 | size])
    elif size < 65_536:
        length = bytes([0x80 | 126]) + struct.pack(">H", size)
    else:
        length = bytes([0x80 | 127]) + struct.pack(">Q", size)
    return bytes([0x80 | opcode if first is None else first]) + length + MASK + payload


class Wire:
    """One websocket without any library: it sends bytes, and reads whole text messages."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, port: int) -> Wire:
        """Shake hands with the server at ``port`` of this machine."""
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        key = base64.b64encode(bytes(16)).decode()
        writer.write(
            f"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
            f"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: {key}\r\n"
            "Sec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        answer = await reader.readuntil(b"\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 101 "), answer
        return cls(reader, writer)

    def send(self, *frames: bytes) -> None:
        """Send frames as they are."""
        self._writer.write(b"".join(frames))

    async def text(self) -> str | None:
        """The next text message that is no ping; None when the server ends the connection."""
        try:
            while True:
                first, length = await self._reader.readexactly(2)
                size = length & 0x7F
                if size == 126:
                    (size,) = struct.unpack(">H", await self._reader.readexactly(2))
                elif size == 127:
                    (size,) = struct.unpack(">Q", await self._reader.readexactly(8))
                payload = await self._reader.readexactly(size)
                if first & 0x0F == CLOSE:
                    return None
                if payload == b"2":
                    self.send(text_frame("3"))
                elif first & 0x0F == TEXT:
                    return payload.decode()
        except (asyncio.IncompleteReadError, ConnectionError):
            return None

    def cut(self) -> None:
        """End it without a word."""
        self._writer.transport.abort()
