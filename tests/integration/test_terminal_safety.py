"""What strangers, servers and peers send never reaches a terminal or a log as it came."""

from __future__ import annotations

import asyncio
import json
import signal
from urllib.parse import quote

import pytest
import socketio.exceptions

from pycall.core.names import clean_display_name, terminal_safe
from tests.cli.serving import serve
from tests.client.signalling_rig import PlainServer, listening
from tests.hostiletext import ALL, CORPUS, acts
from tests.program import Programs
from tests.server.fuzzing import Wire, text_frame

pytestmark = pytest.mark.integration

HEADERS = (b"Host", b"Origin", b"X-Forwarded-For", b"Forwarded", b"User-Agent", b"Sec-WebSocket-Key")
QUIET = ["--camera", "none", "--microphone", "none", "--speaker", "none", "--display", "none"]


def test_of_all_characters_there_are_none_acts() -> None:
    for start in range(0, 0x110000, 0x100):
        text = "".join(map(chr, range(start, start + 0x100)))
        for made in (terminal_safe(text), clean_display_name(text)):
            assert acts(made.encode("utf-8", "surrogatepass")) == []
            assert "\n" not in made


# The server


def requests(payload: str) -> list[bytes]:
    """Requests that carry ``payload`` wherever there is a place for it."""
    raw = payload.encode("utf-8", "surrogatepass")
    quoted = quote(raw).encode()
    handshake = b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    target = b"/socket.io/?EIO=4&transport=websocket"
    return [
        b"GET " + target + b"&sid=" + quoted + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET " + target + b"&sid=" + raw + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /" + raw + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /r/" + quoted + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        raw + b" / HTTP/1.1\r\nHost: x\r\n\r\n",
        *(
            b"GET " + target + b" HTTP/1.1\r\n" + handshake + name + b": " + raw + b"\r\n\r\n"
            for name in HEADERS
        ),
    ]  # fmt: skip


@pytest.mark.parametrize("options", [("--log-private",), ("--log-format", "json", "--log-private")])
async def test_nothing_that_clients_send_reaches_what_the_server_prints(
    start_pycall: Programs, options: tuple[str, ...]
) -> None:
    off = {"PYCALL_LIMITS_MISSES_PER_S": "off", "PYCALL_LIMITS_CONNECTIONS_PER_ADDRESS": "off"}
    off |= {"PYCALL_LIMITS_CONNECTS_PER_S": "off", "PYCALL_LIMITS_STRIKES": "off"}
    program, port = await asyncio.to_thread(
        serve, start_pycall, "-v", "--proxy", "127.0.0.1", *options, env=off
    )
    sent = 0
    for payload in CORPUS:
        for request in requests(payload):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(request)
            writer.write_eof()
            await reader.read(1000)
            writer.transport.abort()
            sent += 1
        wire = await Wire.open(port)
        said = json.dumps(payload)
        wire.send(
            text_frame("40" + json.dumps({"pycall": 1, "name": payload, "resume": payload})),
            text_frame(f'42["join",{said}]'),
            text_frame('42["join","kitchen"]'),
            text_frame(f'42["message",{{"type":"offer","sdp":{said}}}]'),
            text_frame(f'42["leave",{said}]'),
            text_frame(f"42[{said}]"),
            text_frame(payload),
            text_frame("4" + payload),
        )
        while await wire.text() is not None:
            pass
        wire.cut()
        sent += 8
    program.send_signal(signal.SIGTERM)
    assert await asyncio.to_thread(program.wait) == 0
    printed = (program.stdout + program.stderr).encode("utf-8", "surrogateescape")
    print(f"{sent} hostile texts, {len(printed.splitlines())} lines printed")
    assert len(printed.splitlines()) > len(CORPUS)
    assert acts(printed) == []


# The caller


class HostileServer(PlainServer):
    """Says what it likes, in every field there is."""

    def __init__(self, manner: str) -> None:
        super().__init__()
        self.manner = manner
        self.sio.on("connect", self.connect)

    async def connect(self, _sid: str, _environ: object, _auth: object = None) -> None:
        if self.manner == "refuses the connection":
            raise socketio.exceptions.ConnectionRefusedError(ALL)

    async def join(self, sid: str, room: str) -> None:
        if self.manner == "refuses the room":
            await self.sio.emit("error", (ALL, ALL), to=sid)
            return
        ice = [{"urls": [ALL, f"stun:{ALL}", f"turn:{ALL}"], "username": ALL, "credential": ALL}]
        about = {"epoch": 1, "name": ALL, "pycall": 1, "ice_servers": ice}
        peer = None if self.manner == "lets somebody come" else {"id": ALL, **about}
        told = {"epoch": 1, "peer": peer, "ice_servers": ice, "resume": ALL, "resumed": False}
        await self.sio.emit("joined", (room, ALL, told), to=sid)
        await self.sio.emit("other_joined", (room, ALL, about), to=sid)
        for message in (
            {"type": "offer", "sdp": ALL, "epoch": 1},
            {"type": "answer", "sdp": f"v=0\r\ns={ALL}", "epoch": 1},
            {"type": "candidate", "candidate": {"candidate": f"candidate:{ALL}", "sdpMid": ALL}, "epoch": 1},
            {"type": ALL, "sdp": ALL},
        ):
            await self.sio.emit("message", message, to=sid)
        await self.sio.emit("renewed", (room, {"epoch": ALL}), to=sid)
        await self.sio.emit(ALL, ALL, to=sid)
        for payload in CORPUS:
            await self.sio.emit("error", (payload, payload), to=sid)
        await self.sio.emit("bye", (room, ALL, {"reason": ALL}), to=sid)


MANNERS = ("refuses the connection", "refuses the room", "is somebody there", "lets somebody come")


@pytest.mark.parametrize("options", [("--verbose",), ("--json",)], ids=" ".join)
async def test_nothing_that_a_server_says_reaches_the_callers_terminal(
    start_pycall: Programs, options: tuple[str, ...]
) -> None:
    for manner in MANNERS:
        async with listening(HostileServer(manner).app) as port:
            url = f"http://127.0.0.1:{port}"
            patience = ("--wait", "5", "--reconnect", "0")
            caller = start_pycall("call", "den", "--server", url, *patience, *QUIET, *options)
            code = await asyncio.to_thread(caller.wait)
        printed = (caller.stdout + caller.stderr).encode("utf-8", "surrogateescape")
        assert (manner, acts(printed), bool(printed)) == (manner, [], True)
        assert (manner, code in {0, 3, 4}) == (manner, True), printed
        if manner.startswith("refuses"):
            assert rb"\x1" in printed, "it is shown, in another way"
