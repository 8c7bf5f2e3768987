"""What the signalling client says of servers that cannot be used, and of those it must not trust."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
import socketio.exceptions
from aiohttp import web

from pycall.core import inputs
from pycall.errors import ServerUnreachable
from pycall.limits import Limits
from pycall.server.admission.addresses import Proxies
from pycall.server.app import SignallingServer
from pycall.server.certificate import own_identity
from tests.client.pair import until
from tests.client.signalling_rig import Caller, PlainServer, listening, serving


async def refusal(url: str, timeout_s: float = 5.0, *, cert_sha256: str = "") -> ServerUnreachable:
    """What opening says."""
    caller = Caller(url, cert_sha256=cert_sha256)
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


@pytest.mark.parametrize(
    ("status", "headers", "says"),
    [
        (429, {}, "takes no more connections from your address"),
        (503, {}, "is stopping"),
        (503, {"Retry-After": "5"}, "takes no more connections for now"),
    ],
)
async def test_a_server_that_takes_nobody_now_is_no_wrong_address(
    status: int, headers: dict[str, str], says: str
) -> None:
    async def turn_away(_: web.Request) -> web.Response:
        return web.json_response({"code": 4, "message": "\x1b]0;no"}, status=status, headers=headers)

    application = web.Application()
    application.router.add_get("/socket.io/", turn_away)
    async with listening(application) as port:
        error = await refusal(f"http://127.0.0.1:{port}")
    assert f"The server at 127.0.0.1:{port} {says}" in str(error)
    assert error.hint.startswith("Try again ")


async def test_a_pycall_server_with_too_many_connections_says_so() -> None:
    limits, us = Limits(connections_per_address=1), Proxies.of(["127.0.0.1"])
    server = SignallingServer("127.0.0.1", 0, limits=limits, proxies=us)
    await server.start()
    first = Caller(url := f"http://127.0.0.1:{server.port}")
    await first.client.open()
    error = await refusal(url)
    await first.client.close()
    await server.stop()
    assert "takes no more connections from your address" in str(error)


async def test_tls_to_a_server_without_it_is_told_apart() -> None:
    async with listening(web.Application()) as port:
        error = await refusal(f"https://127.0.0.1:{port}")
    assert "TLS" in str(error)


@contextlib.asynccontextmanager
async def serving_tls(folder: Path) -> AsyncIterator[tuple[str, str]]:
    """pycall's server with a certificate of its own; gives its URL and the certificate's SHA-256."""
    identity = own_identity(folder, ["localhost"], needed=[], now=datetime.now(UTC))
    async with serving(tls=identity.context) as server:
        yield f"https://localhost:{server.port}", identity.sha256


async def test_a_certificate_nobody_vouches_for_is_told_apart(tmp_path: Path) -> None:
    async with serving_tls(tmp_path) as (url, _):
        error = await refusal(url)
    assert "The certificate of localhost" in str(error)
    assert "cannot be trusted: self-signed certificate." in str(error)
    assert "--cert-sha256" in error.hint


async def test_a_server_that_speaks_only_tls_is_asked_for_https(tmp_path: Path) -> None:
    async with serving_tls(tmp_path) as (url, _):
        error = await refusal(url.replace("https", "http"))
    assert "whether it is https://" in error.hint


@pytest.mark.parametrize("written", [str, str.lower, lambda text: text.replace(":", "")])
async def test_a_certificate_is_accepted_by_its_sha_256(
    tmp_path: Path, written: Callable[[str], str]
) -> None:
    async with serving_tls(tmp_path) as (url, sha256):
        caller = Caller(url, cert_sha256=written(sha256))
        await caller.client.open()
        await caller.client.join("kitchen")
        await until(lambda: caller.said(inputs.JoinedRoom))
        await caller.client.close()


async def test_another_certificate_than_expected_is_told_with_both(tmp_path: Path) -> None:
    other = ":".join(["AB"] * 32)
    async with serving_tls(tmp_path) as (url, sha256):
        error = await refusal(url, cert_sha256=other)
    assert f"has the SHA-256 {sha256} and not {other}." in str(error)
    assert "pycall serve" in error.hint


async def test_a_certificate_somebody_vouches_for_must_be_the_expected_one_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving_tls(tmp_path) as (url, _):
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "server.pem"))
        error = await refusal(url, cert_sha256="00" * 32)
    assert "has the SHA-256" in str(error)


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


async def ignore(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A server that takes what comes and says nothing."""
    with contextlib.suppress(ConnectionError):
        await reader.read()
        writer.close()
        await writer.wait_closed()


async def test_a_server_that_says_nothing_is_not_waited_for_longer_than_asked() -> None:
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
    async with await asyncio.start_server(ignore, "127.0.0.1", 0) as server:
        caller = Caller(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        opening = asyncio.create_task(caller.client.open())
        await asyncio.sleep(0.05)
        opening.cancel()
        await asyncio.gather(opening, return_exceptions=True)
        await caller.client.close()
