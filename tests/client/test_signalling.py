"""The signalling client against real servers: ours, one that speaks only the plain protocol, and none."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import ssl
import time
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import pytest
import socketio
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pycall.client.signalling import SignallingClient
from pycall.core import inputs
from pycall.core.messages import Answer, Candidate, IceServer, Message, Offer
from pycall.errors import ServerUnreachable
from pycall.server.app import SignallingServer
from tests.client.pair import until

T = TypeVar("T")
REOPEN_S = 15.0


class Caller:
    """A client and what it posted."""

    def __init__(self, url: str, name: str = "Alice") -> None:
        self.posted: list[inputs.Input] = []
        self.client = SignallingClient(url, name, self.posted.append)

    def said(self, kind: type[T]) -> list[T]:
        return [happened for happened in self.posted if isinstance(happened, kind)]


def _answered(caller: Caller) -> bool:
    return bool(caller.said(inputs.JoinedRoom) or caller.said(inputs.RoomFull))


@contextlib.asynccontextmanager
async def callers(url: str, *names: str) -> AsyncIterator[list[Caller]]:
    """Open clients; closed in the end."""
    opened = [Caller(url, name) for name in names]
    try:
        for caller in opened:
            await caller.client.open()
        yield opened
    finally:
        for caller in opened:
            await caller.client.close()


@contextlib.asynccontextmanager
async def serving(port: int = 0) -> AsyncIterator[SignallingServer]:
    """pycall's server."""
    server = SignallingServer("127.0.0.1", port)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


@pytest.fixture
async def url() -> AsyncIterator[str]:
    async with serving() as server:
        yield f"http://127.0.0.1:{server.port}"


async def test_two_meet_talk_and_part(url: str) -> None:
    async with callers(url, "Alice", "Bob") as (alice, bob):
        assert alice.posted == [inputs.SignallingOpened()]
        await alice.client.join("kitchen")
        await until(lambda: alice.said(inputs.JoinedRoom))
        await bob.client.join("kitchen")
        await until(lambda: bob.said(inputs.JoinedRoom) and alice.said(inputs.OtherJoined))
        [came], [joined] = alice.said(inputs.OtherJoined), bob.said(inputs.JoinedRoom)
        assert came.peer == inputs.PeerInfo(joined.id, "Bob")
        assert joined.peer == inputs.PeerInfo(alice.said(inputs.JoinedRoom)[0].id, "Alice")
        assert came.epoch == joined.epoch
        assert came.epoch is not None

        said: list[Message] = [Offer("v=0", came.epoch), Candidate(None, None, None, came.epoch)]
        said += [Candidate(f"candidate:{n}", "0", 0, came.epoch) for n in range(20)]
        for message in said:
            await alice.client.send(message)
        await bob.client.send(Answer("v=0", came.epoch))
        await until(lambda: len(bob.said(inputs.MessageReceived)) == len(said))
        assert [received.message for received in bob.said(inputs.MessageReceived)] == said
        await until(lambda: alice.said(inputs.MessageReceived))

        await bob.client.leave("kitchen")
        await until(lambda: alice.said(inputs.OtherLeft))
        assert alice.said(inputs.OtherLeft) == [inputs.OtherLeft(joined.id, "left")]


async def test_a_third_is_told_that_the_room_is_full(url: str) -> None:
    async with callers(url, "Alice", "Bob", "Eve") as all_three:
        for caller in all_three:
            await caller.client.join("kitchen")
            await until(partial(_answered, caller))
        assert all_three[2].posted[1:] == [inputs.RoomFull()]


async def test_a_refusal_comes_with_its_code(url: str) -> None:
    async with callers(url, "Alice") as (alice,):
        await alice.client.send(Offer("v=0", None))
        await until(lambda: alice.said(inputs.Refused))
        assert alice.said(inputs.Refused)[0].code == "not-in-room"


async def test_one_whose_connection_breaks_is_lost_not_gone(url: str) -> None:
    async with callers(url, "Alice", "Bob") as (alice, bob):
        for caller in (alice, bob):
            await caller.client.join("kitchen")
            await until(partial(_answered, caller))
        assert bob.client._session is not None
        await bob.client._session.close()
        await until(lambda: alice.said(inputs.OtherLeft))
        assert alice.said(inputs.OtherLeft)[0].reason == "lost"
        await until(lambda: bob.said(inputs.SignallingLost))


async def test_a_restarted_server_is_found_again(free_port: int) -> None:
    url = f"http://127.0.0.1:{free_port}"
    alice = Caller(url)
    try:
        async with serving(free_port):
            await alice.client.open()
            await alice.client.join("kitchen")
            await until(lambda: alice.said(inputs.JoinedRoom))
        await until(lambda: alice.said(inputs.SignallingLost))
        await alice.client.send(Offer("v=0", None))  # nobody there: lost, no error
        await alice.client.leave("elsewhere")
        async with serving(free_port):
            await until(lambda: len(alice.said(inputs.SignallingOpened)) == 2, REOPEN_S)
            await alice.client.join("kitchen")
            await until(lambda: len(alice.said(inputs.JoinedRoom)) == 2)
    finally:
        await alice.client.close()
    assert len(alice.said(inputs.SignallingLost)) == 1


async def test_closing_while_dialling_again_ends_it(free_port: int) -> None:
    alice = Caller(f"http://127.0.0.1:{free_port}")
    async with serving(free_port):
        await alice.client.open()
    await until(lambda: alice.said(inputs.SignallingLost))
    start = time.monotonic()
    await alice.client.close()
    await alice.client.close()
    assert time.monotonic() - start < 2


# A server that speaks only the plain protocol


class PlainServer:
    """The protocol everybody knows, and nothing of ours; ``say`` lets it say anything else."""

    def __init__(self) -> None:
        self.sio = socketio.AsyncServer(async_mode="aiohttp", logger=False)
        self.rooms: dict[str, list[str]] = {}
        self.app = web.Application()
        self.sio.attach(self.app)
        for event in ("join", "leave", "message"):
            self.sio.on(event, getattr(self, event))

    async def join(self, sid: str, room: str) -> None:
        members = self.rooms.setdefault(room, [])
        if len(members) == 2:
            await self.sio.emit("full", room, to=sid)
            return
        await self.sio.emit("joined", (room, sid), to=sid)
        for other in members:
            await self.sio.emit("other_joined", (room, sid), to=other)
        members.append(sid)

    async def leave(self, sid: str, room: str) -> None:
        self.rooms[room].remove(sid)
        await self.sio.emit("left", (room, sid), to=sid)
        for other in self.rooms[room]:
            await self.sio.emit("bye", (room, sid), to=other)

    async def message(self, sid: str, payload: Any) -> None:
        for other in {other for members in self.rooms.values() if sid in members for other in members} - {
            sid
        }:
            await self.sio.emit("message", payload, to=other)

    async def say(self, event: str, *arguments: Any) -> None:
        await self.sio.emit(event, arguments)


@contextlib.asynccontextmanager
async def listening(app: web.Application, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """A web server; gives its port."""
    before = asyncio.all_tasks()
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
    try:
        yield runner.addresses[0][1]
    finally:
        with contextlib.suppress(OSError):
            await runner.cleanup()
        for task in asyncio.all_tasks() - before - {asyncio.current_task()}:
            task.cancel()  # the stock server leaves its own behind


async def test_a_server_of_the_plain_protocol_is_enough() -> None:
    async with listening(PlainServer().app) as port, callers(f"http://127.0.0.1:{port}", "A", "B") as both:
        alice, bob = both
        await alice.client.join("kitchen")
        await until(lambda: alice.said(inputs.JoinedRoom))
        await bob.client.join("kitchen")
        await until(lambda: alice.said(inputs.OtherJoined) and bob.said(inputs.JoinedRoom))
        [joined] = bob.said(inputs.JoinedRoom)
        assert (joined.epoch, joined.peer, joined.ice_servers) == (None, None, ())
        assert alice.said(inputs.OtherJoined) == [inputs.OtherJoined(inputs.PeerInfo(joined.id, ""), None)]
        await alice.client.send(Offer("v=0", None))
        await until(lambda: bob.said(inputs.MessageReceived))
        await bob.client.leave("kitchen")
        await until(lambda: alice.said(inputs.OtherLeft))
        assert alice.said(inputs.OtherLeft) == [inputs.OtherLeft(joined.id, "left")]


async def test_the_most_minimal_server_that_names_no_ids_will_do() -> None:
    server = PlainServer()
    async with listening(server.app) as port, callers(f"http://127.0.0.1:{port}", "Alice") as (alice,):
        alice.client._room = "kitchen"
        await server.say("joined", "kitchen")
        await server.say("other_joined", "kitchen")
        await server.say("bye", "kitchen")
        await until(lambda: alice.said(inputs.OtherLeft))
        assert alice.posted[1:] == [
            inputs.JoinedRoom("", None, None, ()),
            inputs.OtherJoined(inputs.PeerInfo("", ""), None),
            inputs.OtherLeft("", "left"),
        ]


async def test_what_a_server_should_not_say_is_dropped_or_made_safe() -> None:
    server = PlainServer()
    long = "x" * 10_000
    async with listening(server.app) as port, callers(f"http://127.0.0.1:{port}", "Alice") as (alice,):
        alice.client._room = "kitchen"
        nonsense: list[tuple[Any, ...]] = [
            ("joined",),
            ("joined", "elsewhere", "id"),
            ("joined", "kitchen", 7),
            ("joined", "kitchen", long),
            ("joined", "kitchen", "\x1b[31m"),
            ("joined", "kitchen", "id", {"epoch": "1"}),
            ("joined", "kitchen", "id", {"epoch": -1}),
            ("joined", "kitchen", "id", {"epoch": 1, "peer": {"id": 3}}),
            ("other_joined", "elsewhere", "id"),
            ("other_joined", "kitchen", None),
            ("bye", "elsewhere", "id"),
            ("bye", "kitchen", {}),
            ("full", "elsewhere"),
            ("full",),
            ("error",),
            ("error", {"code": 1}),
            ("message",),
            ("message", "text"),
            ("message", {"type": "offer"}),
            ("message", {"type": "offer", "sdp": long * 5}),
            ("connect_error", "x"),
            ("unheard_of", 1, 2, 3),
        ]
        for event, *arguments in nonsense:
            await server.say(event, *arguments)
        named = {"epoch": 4, "name": "\x1b]0;x\x07 Bob\u202e", "peer": {"id": "p", "name": 9}}
        servers = [{"urls": "stun:a"}, {"urls": ["turn:b", "file:c"], "username": "u", "credential": "c"}]
        servers += [
            {"urls": 3},
            {"urls": "http:x"},
            {"urls": "stun:" + long},
            {"urls": "turn:x", "username": 1},
        ]
        await server.say("joined", "kitchen", "id", named | {"ice_servers": [*servers, 5]}, "more")
        await server.say("other_joined", "kitchen", "id", named)
        await server.say("bye", "kitchen", "id", {"reason": "lost"})
        await server.say("error", "a\x1bb", "Say\nwhat? " + long)
        await until(lambda: alice.said(inputs.Refused))
    [joined, came, left, refused] = alice.posted[1:]
    stun, turn = IceServer(("stun:a",)), IceServer(("turn:b",), "u", "c")
    assert joined == inputs.JoinedRoom("id", 4, inputs.PeerInfo("p", ""), (stun, turn))
    assert came == inputs.OtherJoined(inputs.PeerInfo("id", "]0;x Bob"), 4)
    assert left == inputs.OtherLeft("id", "lost")
    assert isinstance(refused, inputs.Refused)
    assert refused.code.isprintable()
    assert refused.message.isprintable()
    assert len(refused.message) < 400


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=50),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=8,
)
extras = st.fixed_dictionaries(
    {}, optional={"epoch": json_values, "peer": json_values, "name": json_values, "ice_servers": json_values}
)


@settings(suppress_health_check=list(HealthCheck), deadline=None)
@given(
    st.sampled_from(["_joined", "_other_joined", "_bye", "_full"]),
    st.lists(json_values | extras | st.just("kitchen"), max_size=4),
)
def test_no_arguments_of_an_event_raise_anything(event: str, arguments: list[object]) -> None:
    caller = Caller("http://localhost:1")
    caller.client._room = "kitchen"
    parse: Callable[..., inputs.Input | None] = getattr(caller.client, event)
    caller.client._posting(event, parse)(*arguments)


# No server


async def refusal(url: str, timeout_s: float = 5.0) -> ServerUnreachable:
    """What opening says."""
    caller = Caller(url)
    with pytest.raises(ServerUnreachable) as caught:
        await caller.client.open(timeout_s)
    await caller.client.close()
    assert caller.posted == []
    assert caught.value.message.endswith(".")
    assert "\n" not in caught.value.message + caught.value.hint
    return caught.value


async def test_no_server_on_this_computer_names_the_command_that_starts_one(free_port: int) -> None:
    error = await refusal(f"http://127.0.0.1:{free_port}")
    assert str(error) == f"No server answers at 127.0.0.1:{free_port}."
    assert "pycall serve" in error.hint


async def test_an_unknown_name_is_called_that() -> None:
    error = await refusal("http://no-such-host.invalid:8080")
    assert str(error) == "The name no-such-host.invalid is not known."


async def test_a_web_server_that_is_no_pycall_server_is_told_apart() -> None:
    async with listening(web.Application()) as port:
        error = await refusal(f"http://127.0.0.1:{port}")
    assert "HTTP status 404" in str(error)


async def test_tls_to_a_server_without_it_is_told_apart() -> None:
    async with listening(web.Application()) as port:
        error = await refusal(f"https://127.0.0.1:{port}")
    assert "TLS" in str(error)


async def test_a_certificate_nobody_vouches_for_is_told_apart(tmp_path: Path) -> None:
    async with listening(PlainServer().app, _self_signed(tmp_path)) as port:
        error = await refusal(f"https://localhost:{port}")
    assert "certificate of localhost" in str(error)


async def test_a_program_that_is_no_web_server_is_told_apart() -> None:
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example.org ESMTP\r\n")
        with contextlib.suppress(ConnectionError):
            await reader.read(1_000)
            writer.close()
            await writer.wait_closed()

    async with await asyncio.start_server(greet, "127.0.0.1", 0) as server:
        error = await refusal(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    assert "no pycall server" in str(error)


async def test_a_server_that_says_nothing_is_not_waited_for_longer_than_asked() -> None:
    async def ignore(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            await reader.read()
            writer.close()
            await writer.wait_closed()

    async with await asyncio.start_server(ignore, "127.0.0.1", 0) as server:
        start = time.monotonic()
        error = await refusal(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", 0.3)
        assert time.monotonic() - start < 3
    assert "did not answer within 0.3 s" in str(error)


async def test_a_server_that_refuses_is_quoted_safely() -> None:
    server = PlainServer()

    async def connect(*_: object) -> None:
        raise socketio.exceptions.ConnectionRefusedError("Not \x1b[31m today")

    server.sio.on("connect", connect)
    async with listening(server.app) as port:
        error = await refusal(f"http://127.0.0.1:{port}")
    assert "refused" in str(error)
    assert "today" in str(error)
    assert str(error).isprintable()


async def test_giving_up_while_dialling_leaves_nothing() -> None:
    async def ignore(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            await reader.read()
            writer.close()
            await writer.wait_closed()

    async with await asyncio.start_server(ignore, "127.0.0.1", 0) as server:
        caller = Caller(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        opening = asyncio.create_task(caller.client.open())
        await asyncio.sleep(0.05)
        opening.cancel()
        await asyncio.gather(opening, return_exceptions=True)
        await caller.client.close()


def _self_signed(folder: Path) -> ssl.SSLContext:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = folder / "server.pem"
    pem.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(pem)
    return context
