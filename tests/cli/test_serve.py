"""`pycall serve` as a real process."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import time
import urllib.request
from pathlib import Path

import pytest

from tests.program import Program, Programs
from tests.server.raw import RawClient, raw_clients

CLIENTS = 100
STOP_S = 5.0
"""What the program promises for its end, however many are connected."""


def serve(
    start_pycall: Programs, *options: str | Path, env: dict[str, str] | None = None
) -> tuple[Program, int]:
    """A started server and its port."""
    program = start_pycall("serve", "--host", "127.0.0.1", "--port", "0", *options, env=env)
    program.wait_for("listening on")
    found = re.search(r"http://127\.0\.0\.1:(\d+)", program.stdout)
    assert found is not None, program.stdout
    return program, int(found[1])


def test_it_says_where_it_listens_and_answers_there(start_pycall: Programs) -> None:
    program, port = serve(start_pycall)
    assert program.stdout == f"Signalling server listening on http://127.0.0.1:{port}\n"
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz") as response:
        assert b'"status": "ok"' in response.read()


def test_beyond_this_machine_it_says_that_rooms_are_open(start_pycall: Programs) -> None:
    program = start_pycall("serve", "--port", "0")
    program.wait_for("Rooms are open")
    assert "reachable as http://127.0.0.1:" in program.stdout


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_cleanly_with_a_hundred_connected(
    start_pycall: Programs, number: signal.Signals
) -> None:
    program, port = serve(start_pycall)

    async def be_told() -> float:
        async with raw_clients(port) as clients:
            crowd = [await clients({"pycall": 1}) for _ in range(CLIENTS)]
            for index, client in enumerate(crowd):
                await client.call("join", f"room-{index // 2}")
            await asyncio.gather(*(client.heard() for client in crowd))
            began = time.monotonic()
            program.send_signal(number)
            await asyncio.gather(*map(_told, crowd))
            assert await asyncio.to_thread(program.wait) == 0
            return time.monotonic() - began

    assert asyncio.run(be_told()) < STOP_S
    assert program.stdout.endswith("Stopping ...\n")
    assert program.stderr == ""


def test_it_ends_in_time_though_nobody_reads_what_it_tells(start_pycall: Programs) -> None:
    program, port = serve(start_pycall)

    async def be_deaf() -> float:
        async with raw_clients(port) as clients:
            for client in [await clients() for _ in range(CLIENTS)]:
                client.stop_reading()
            began = time.monotonic()
            program.send_signal(signal.SIGTERM)
            assert await asyncio.to_thread(program.wait) == 0
            return time.monotonic() - began

    assert asyncio.run(be_deaf()) < STOP_S
    assert program.stderr == ""


def test_a_second_signal_ends_it_at_once(start_pycall: Programs) -> None:
    program, _ = serve(start_pycall)
    program.send_signal(signal.SIGSTOP)  # so that both are there before it can act on the first
    os.waitid(os.P_PID, program.process.pid, os.WSTOPPED)
    program.send_signal(signal.SIGINT)
    program.send_signal(signal.SIGTERM)
    program.send_signal(signal.SIGCONT)
    assert program.wait() in {128 + signal.SIGINT, 128 + signal.SIGTERM}


def test_a_port_in_use_is_one_sentence_and_a_hint(start_pycall: Programs) -> None:
    _, port = serve(start_pycall)
    second = start_pycall("serve", "--host", "127.0.0.1", "--port", str(port))
    assert second.wait() == 3
    assert second.stdout == ""
    assert second.stderr.splitlines() == [
        f"Error: Cannot listen on 127.0.0.1 port {port}: the port is in use.",
        "Hint: Another program listens there: choose another --port, or see which with `ss -ltnp`.",
    ]


def test_an_address_of_another_machine_is_one_sentence_and_a_hint(start_pycall: Programs) -> None:
    program = start_pycall("serve", "--host", "203.0.113.1", "--port", "0")
    assert program.wait() == 3
    assert "is not of this machine" in program.stderr
    assert len(program.stderr.splitlines()) == 2


@pytest.mark.parametrize("port", ["-1", "65536", "http", ""])
def test_a_port_that_is_none_is_a_usage_error(start_pycall: Programs, port: str) -> None:
    program = start_pycall("serve", "--port", port)
    assert program.wait() == 2
    assert "Traceback" not in program.stderr
    assert len(program.stderr.splitlines()) <= 5


def test_it_reads_its_section_of_the_config(start_pycall: Programs, tmp_path: Path, free_port: int) -> None:
    config = tmp_path / "config.toml"
    config.write_text(f'[server]\nhost = "127.0.0.1"\nport = {free_port}\n')
    program = start_pycall("serve", "--config", config)
    program.wait_for(f"listening on http://127.0.0.1:{free_port}")


def test_a_key_it_does_not_know_is_an_error(start_pycall: Programs, tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text("[server]\nprot = 1\n")
    program = start_pycall("serve", "--config", config)
    assert program.wait() == 2
    assert "prot" in program.stderr


def test_more_is_logged_when_asked_for_and_nothing_that_clients_sent(start_pycall: Programs) -> None:
    program, port = serve(start_pycall, "-v")

    async def misbehave() -> None:
        async with raw_clients(port) as clients:
            client = await clients({"pycall": 1, "name": "secret"})
            await client.call("join", "secret-room")
            await client.send("secret\x1b[2J")
            await client.close_code()

    asyncio.run(misbehave())
    program.wait_for("malformed packet")
    program.send_signal(signal.SIGTERM)
    assert program.wait() == 0
    assert "secret" not in program.stderr
    assert "127.0.0.1" not in program.stderr
    assert "\x1b" not in program.stderr


async def _told(client: RawClient) -> None:
    assert (await client.event())[:2] == ["error", "server-stopping"]
    assert await client.packet() == "41"
    assert await client.close_code() == 1001
