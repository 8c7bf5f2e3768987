"""What `pycall serve` logs, as a real process with clients that put canaries wherever they can."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
from pathlib import Path

import aiohttp
import pytest

from tests.cli.serving import serve
from tests.program import PYCALL, Programs
from tests.server.raw import Clients

pytestmark = pytest.mark.integration

PIPE_BYTES = 65_536
"""What Linux keeps for who does not read; a line has about a hundred."""

CANARIES = ("canary", "127.0.0.77")


def misbehave(port: int) -> None:
    """Do what is logged, with canaries wherever a client can put them."""

    async def talk() -> None:
        connector = aiohttp.TCPConnector(local_addr=("127.0.0.77", 0))
        async with aiohttp.ClientSession(connector=connector) as session:
            clients = Clients(session, port)
            ann = await clients({"pycall": 1, "name": "canary-name"})
            bob = await clients({"pycall": 1, "name": "canary-name"})
            for client in (ann, bob):
                await client.call("join", "canary-room")
            await ann.call("message", {"type": "offer", "sdp": "canary-sdp"}, 1)
            await ann.call("canary-event")
            await ann.send("canary\x1b[2J")
            await ann.close_code()
            await bob.send("1")
            await bob.close_code()
            for path in ("/canary", "/r/canary-room", "/socket.io/?EIO=4&transport=canary"):
                async with session.get(f"http://127.0.0.1:{port}{path}") as response:
                    assert response.status in {200, 400, 404}

    asyncio.run(talk())


@pytest.mark.parametrize(
    "options", [(), ("-v",), ("--log-format", "json"), ("--log-format", "json", "-v")], ids=" ".join
)
def test_nothing_of_the_callers_is_logged(start_pycall: Programs, options: tuple[str, ...]) -> None:
    program, port = serve(start_pycall, *options)
    misbehave(port)
    program.send_signal(signal.SIGTERM)
    assert program.wait() == 0
    said = program.stdout + program.stderr
    assert not [canary for canary in CANARIES if canary in said.lower()]
    assert "\x1b" not in said
    if "-v" in options:
        assert "malformed packet" in program.stderr
        assert "(private) as (private)" in program.stderr
    elif not options:
        assert program.stderr == ""


def test_names_rooms_and_addresses_are_logged_if_asked_for(start_pycall: Programs) -> None:
    program, port = serve(start_pycall, "-v", "--log-format", "json", "--log-private")
    misbehave(port)
    program.send_signal(signal.SIGTERM)
    assert program.wait() == 0
    logged = {event["event"]: event for event in map(json.loads, program.stderr.splitlines())}
    assert logged["joined"]["room"] == "canary-room"
    assert logged["joined"]["name"] == "canary-name"
    assert logged["connected"]["address"] == "127.0.0.77"
    assert "sdp" not in program.stderr


def test_a_log_in_json_tells_start_and_end_too_and_nothing_else_is_printed(start_pycall: Programs) -> None:
    program, port = serve(start_pycall, "--log-format", "json", "--node", "lab")
    program.send_signal(signal.SIGTERM)
    assert program.wait() == 0
    assert program.stdout == ""
    started, ending = map(json.loads, program.stderr.splitlines())
    assert started["event"] == "started"
    assert started["urls"] == f"http://127.0.0.1:{port}"
    assert started["stun_port"] == started["port"] == port
    assert ending["event"] == "ending"
    assert started["node"] == ending["node"] == "lab"


def test_the_server_waits_for_nobody_who_reads_its_log(free_port: int) -> None:
    command = [str(PYCALL), "serve", "--host", "127.0.0.1", "--port", str(free_port), "--no-stun", "-v"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith(b"Signalling server listening")

        async def make_it_log() -> None:
            url = f"http://127.0.0.1:{free_port}"
            async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(30)) as session:
                for _ in range(2 * PIPE_BYTES // 100):
                    async with session.get(f"{url}/socket.io/?EIO=3") as response:
                        assert response.status == 400
                async with session.get(f"{url}/healthz") as response:
                    assert response.status == 200

        asyncio.run(make_it_log())
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0


def test_in_json_what_ends_it_is_a_line_too(start_pycall: Programs) -> None:
    _, port = serve(start_pycall)
    second = start_pycall("serve", "--host", "127.0.0.1", "--port", str(port), "--log-format", "json")
    assert second.wait() == 3
    assert second.stdout == ""
    (failed,) = map(json.loads, second.stderr.splitlines())
    assert (failed["event"], failed["level"], failed["code"]) == ("failed", "error", "listen-failed")
    assert failed["message"] == f"Cannot listen on 127.0.0.1 port {port}: the port is in use."
    assert "--port" in failed["hint"]


@pytest.mark.parametrize("key", ["too-short", "two words of it, both long", "é" * 20, None])
def test_a_key_that_can_be_guessed_or_is_none_is_refused(
    start_pycall: Programs, tmp_path: Path, key: str | None
) -> None:
    file = tmp_path / "key"
    if key is not None:
        file.write_text(key)
        file.chmod(0o600)
    program = start_pycall("serve", "--port", "0", "--metrics-key-file", file)
    assert program.wait() == 2
    assert len(program.stderr.splitlines()) == 2
    assert key is None or key not in program.stderr


def test_a_network_that_is_none_is_a_usage_error(start_pycall: Programs) -> None:
    program = start_pycall("serve", "--port", "0", "--metrics-from", "192.0.2.7/24")
    assert program.wait() == 2
    assert "'192.0.2.7/24' is not a network" in program.stderr
