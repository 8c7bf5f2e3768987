from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pycall.cli import scrape as scraping
from pycall.cli.scrape import MOST_BYTES, Reading, scrape
from pycall.errors import ServerUnreachable, SignallingError
from pycall.server.app import SignallingServer
from pycall.server.certificate import Identity, own_identity
from pycall.server.monitoring.readers import Readers

KEY = "0123456789abcdef"


@pytest.fixture
def identity(tmp_path: Path) -> Identity:
    return own_identity(tmp_path, ["localhost", "127.0.0.1"], needed=[], now=datetime.now(UTC))


@contextlib.asynccontextmanager
async def serving(identity: Identity | None = None) -> AsyncIterator[str]:
    """The URL of a server with that key, on this machine."""
    readers = Readers(key=KEY)
    server = SignallingServer(
        "127.0.0.1", 0, tls=identity.context if identity else None, node="lab", readers=readers
    )
    await server.start()
    yield f"{'https' if identity else 'http'}://127.0.0.1:{server.port}"
    await server.stop()


async def scraped(url: str, **options: str) -> Reading:
    """Scrape in a thread: the server is on this one's event loop."""
    done: asyncio.Future[Reading] = asyncio.get_running_loop().create_future()

    def work() -> None:
        try:
            result = scrape(url, **options)
        except BaseException as error:  # noqa: BLE001  handed over to who waits
            done.get_loop().call_soon_threadsafe(done.set_exception, error)
        else:
            done.get_loop().call_soon_threadsafe(done.set_result, result)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        return await done
    finally:
        thread.join()


@pytest.fixture
def answering() -> Iterator[socket.socket]:
    """A socket that is connected to, and never accepted from unless the test does so."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening


def replying(listening: socket.socket, reply: bytes) -> threading.Thread:
    """Answer one connection with these bytes, and end it."""

    def work() -> None:
        connected, _ = listening.accept()
        with connected, contextlib.suppress(OSError):
            connected.recv(65_536)
            connected.sendall(reply)

    thread = threading.Thread(target=work)
    thread.start()
    return thread


def url_of(listening: socket.socket) -> str:
    return f"http://127.0.0.1:{listening.getsockname()[1]}"


async def test_the_figures_of_a_server_are_read() -> None:
    async with serving() as url:
        reading = await scraped(url)
        assert reading.value("pycall_rooms") == 0
        assert reading.label("pycall_build_info", "node") == "lab"
        assert reading.by_label("pycall_refusals_total", "code")["full"] == 0
        assert reading.value("nonsense") is None
        assert reading.label("nonsense", "node") == ""
        assert reading.by_label("nonsense", "node") == {}


async def test_over_tls_the_certificate_must_be_the_expected_one(identity: Identity) -> None:
    async with serving(identity) as url:
        assert (await scraped(url, cert_sha256=identity.sha256)).value("pycall_ready") == 1
        for wrong in ("", "00" * 32):
            with pytest.raises(ServerUnreachable, match="certificate"):
                await scraped(url, cert_sha256=wrong, key=KEY)


async def test_http_is_not_https(identity: Identity) -> None:
    async with serving() as url:
        with pytest.raises(ServerUnreachable):
            await scraped(url.replace("http", "https"))
    async with serving(identity) as url:
        with pytest.raises(SignallingError):
            await scraped(url.replace("https", "http"))


@pytest.mark.parametrize("status", ["401 Unauthorized", "403 Forbidden"])
def test_who_may_not_is_told_what_to_do(answering: socket.socket, status: str) -> None:
    thread = replying(answering, f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n".encode())
    with pytest.raises(SignallingError, match="permission") as failed:
        scrape(url_of(answering))
    thread.join()
    assert "--metrics-key-file" in failed.value.hint


def test_nobody_there_is_said_so(free_port: int) -> None:
    with pytest.raises(ServerUnreachable, match="No server answers") as failed:
        scrape(f"http://127.0.0.1:{free_port}")
    assert "pycall serve" in failed.value.hint
    with pytest.raises(ServerUnreachable, match="not known"):
        scrape("http://no-such-host.invalid")


OK = b"HTTP/1.1 200 OK\r\n\r\n"


@pytest.mark.parametrize(
    "reply",
    [
        b"", b"no http\r\n\r\n", OK, OK + b"up 1\n", OK + b"{nonsense", OK + b"\xff",
        OK + b"a" * (MOST_BYTES + 1),
        b"HTTP/1.1 404 Not Found\r\n\r\npycall_uptime_seconds 1\n",
        b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nup 1\n",
    ],
    ids=range(10),
)  # fmt: skip
def test_what_is_no_pycall_server_is_said_so(answering: socket.socket, reply: bytes) -> None:
    thread = replying(answering, reply)
    with pytest.raises(SignallingError) as failed:
        scrape(url_of(answering))
    thread.join()
    assert failed.value.hint
    assert failed.value.message.isprintable()


def test_a_server_that_does_not_answer_is_given_up(
    answering: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scraping, "TIMEOUT_S", 0.1)
    with pytest.raises(ServerUnreachable, match=r"did not answer within 0\.1 s"):
        scrape(url_of(answering))


def test_labels_from_the_network_do_nothing_to_the_terminal() -> None:
    reading = Reading('pycall_build_info{node="\x1b[2J"} 1\nx{code="\x1b[2J"} 2\n')
    assert reading.label("pycall_build_info", "node") == "\\x1b[2J"
    assert reading.by_label("x", "code") == {"\\x1b[2J": 2}
