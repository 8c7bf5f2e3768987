"""`pycall serve --status` as a person runs it, beside a server in a process of its own."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from pycall.cli.scrape import Reading
from pycall.cli.status import _bytes, _rows
from pycall.server.certificate import own_identity
from tests.program import Program, Programs
from tests.server.raw import raw_clients

LOCAL = ("--host", "127.0.0.1")
KEY = "0123456789abcdef"

integration = pytest.mark.integration


def serving(
    start_pycall: Programs, port: int, *options: str | Path, env: dict[str, str] | None = None
) -> Program:
    program = start_pycall("serve", *LOCAL, "--port", str(port), *options, env=env)
    program.wait_for("In a browser")
    return program


@asynccontextmanager
async def passing_on(to: str) -> AsyncIterator[str]:
    """The URL of a web server in front of that at ``to``."""

    async def ask_there(request: web.Request) -> web.Response:
        headers = {**request.headers, "X-Forwarded-For": "198.51.100.7"}
        async with (
            aiohttp.ClientSession() as session,
            session.get(to + request.path, headers=headers) as said,
        ):
            return web.Response(status=said.status, body=await said.read())

    app = web.Application()
    app.router.add_get("/{path:.*}", ask_there)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


def rows(program: Program) -> dict[str, str]:
    """What was printed, by its titles."""
    assert program.wait() == 0, program.stderr
    return {line[:13].strip(): line[13:].strip() for line in program.stdout.splitlines()}


@integration
def test_it_shows_the_server_that_runs_with_the_same_options(start_pycall: Programs, free_port: int) -> None:
    serving(start_pycall, free_port, "--node", "lab")

    async def meet() -> None:
        async with raw_clients(free_port) as clients:
            ann, bob = await clients.pair("canary-room")
            await ann.call("message", "x" * 5000)
            assert (await bob.event())[0] == "message"
            await (await clients()).call("join", "canary-room")
            shown = rows(start_pycall("serve", *LOCAL, "--port", str(free_port), "--status"))
            assert shown["Node"] == "lab"
            assert shown["State"] == "ready"
            assert shown["Rooms"] == "1, with 2 members"
            assert shown["Connections"] == "3 now, 3 since the start"
            assert shown["Joins"] == "2"
            assert shown["Messages"] == "1 relayed"
            assert shown["Traffic"].startswith("5.")
            assert shown["Time to join"].endswith(" ms")
            assert shown["Time to relay"].endswith(" ms")
            assert shown["Refused"] == "full 1"
            assert shown["Ended"] == "none"
            assert "canary" not in str(shown)

    asyncio.run(meet())


@integration
@pytest.mark.parametrize("is_given", [False, True], ids=["own", "given"])
def test_over_tls_it_takes_the_certificate_of_the_same_options(
    start_pycall: Programs, free_port: int, tmp_path: Path, is_given: bool
) -> None:
    env = {"XDG_DATA_HOME": str(tmp_path)}
    own_identity(tmp_path, ["call.example.org"], needed=[], now=datetime.now(UTC))
    pem = tmp_path / "server.pem"
    tls: tuple[str | Path, ...] = ("--cert", pem, "--key", pem) if is_given else ("--tls",)
    serving(start_pycall, free_port, *tls, env=env)
    asked = start_pycall("serve", *LOCAL, "--port", str(free_port), *tls, "--status", env=env)
    assert rows(asked)["State"] == "ready"
    stranger = start_pycall("serve", "--status", "--server", f"https://127.0.0.1:{free_port}")
    assert stranger.wait() == 3
    assert "--cert-sha256" in stranger.stderr


@integration
def test_a_stranger_is_told_that_it_needs_the_key(
    start_pycall: Programs, free_port: int, tmp_path: Path
) -> None:
    key = tmp_path / "key"
    key.write_text(f"{KEY}\n")
    key.chmod(0o600)
    serving(start_pycall, free_port, "--metrics-key-file", key)

    async def ask() -> None:
        async with passing_on(f"http://127.0.0.1:{free_port}") as url:
            refused = start_pycall("serve", "--status", "--server", url)
            assert await asyncio.to_thread(refused.wait) == 3
            assert refused.stdout == ""
            assert len(refused.stderr.splitlines()) == 2
            assert "permission" in refused.stderr
            allowed = start_pycall("serve", "--status", "--server", url, "--metrics-key-file", key)
            assert await asyncio.to_thread(allowed.wait) == 0
            assert rows(allowed)["State"] == "ready"

    asyncio.run(ask())


@integration
def test_nobody_there_is_one_sentence_and_a_hint(start_pycall: Programs, free_port: int) -> None:
    program = start_pycall("serve", *LOCAL, "--port", str(free_port), "--status")
    assert program.wait() == 3
    assert program.stdout == ""
    assert program.stderr.splitlines()[0] == f"Error: No server answers at 127.0.0.1:{free_port}."
    assert len(program.stderr.splitlines()) == 2


@integration
@pytest.mark.parametrize(
    ("options", "why"),
    [
        (("--status", "--port", "0"), "Which port the server took is not known"),
        (("--server", "http://localhost:8080"), "belong to --status"),
        (("--status", "--server", "localhost:8080"), "does not begin with http"),
        (("--status", "--cert-sha256", "x"), "is not the SHA-256"),
    ],
)
def test_options_that_mean_nothing_are_usage_errors(
    start_pycall: Programs, options: tuple[str, ...], why: str
) -> None:
    program = start_pycall("serve", *options)
    assert program.wait() == 2
    assert why in program.stderr


@integration
def test_it_does_not_disturb_the_server(start_pycall: Programs, free_port: int) -> None:
    server = serving(start_pycall, free_port)
    for program in [start_pycall("serve", *LOCAL, "--port", str(free_port), "--status") for _ in range(3)]:
        rows(program)
    server.send_signal(signal.SIGTERM)
    assert server.wait() == 0
    assert server.stderr == ""


def test_what_an_older_server_does_not_tell_is_not_made_up() -> None:
    shown = dict(_rows(Reading("pycall_uptime_seconds 1\n")))
    assert shown["Rooms"] == "?, with ? members"
    assert shown["Time to join"] == "nothing yet"
    assert shown["State"] == "not ready"
    assert "Process" not in shown


def test_the_bound_for_99_of_100_is_the_lowest_that_holds() -> None:
    def relay(fast: int, slow: int) -> str:
        head = "# TYPE pycall_handling_seconds histogram\n"
        for bound, count in (("0.001", fast), ("0.5", fast), ("+Inf", fast + slow)):
            head += f'pycall_handling_seconds_bucket{{event="message",le="{bound}"}} {count}\n'
        total = f'pycall_handling_seconds_count{{event="message"}} {fast + slow}\n'
        seconds = f'pycall_handling_seconds_sum{{event="message"}} {fast * 0.001}\n'
        return dict(_rows(Reading(head + total + seconds)))["Time to relay"]

    assert relay(99, 1) == "0.99 ms on average, 99 of 100 within 1 ms"
    assert relay(98, 2) == "0.98 ms on average, some take longer than all bounds"


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "?"), (0, "0 B"), (999, "999 B"), (31_800_000, "31.8 MB"), (2e15, "2,000.0 TB")],
)
def test_bytes_are_said_in_a_unit_that_fits(value: float | None, text: str) -> None:
    assert _bytes(value) == text
