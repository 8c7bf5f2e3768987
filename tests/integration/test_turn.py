"""`pycall serve --turn` as a real program, with the real coturn: what members get, and what stays behind."""

from __future__ import annotations

import os
import signal
import ssl
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from pycall.server.certificate import own_identity
from pycall.server.ice.iceservers import Turn
from tests.program import Program, Programs
from tests.rig import wait_until
from tests.server.raw import raw_clients
from tests.server.turnclient import (
    allocation,
    coturn_port,
    exchanged,
    free_port_twice,
    let_through,
    runs,
    turnserver,
)

__all__ = ["coturn_port"]

pytestmark = pytest.mark.integration


@pytest.fixture
def temporary(tmp_path: Path) -> Path:
    """Where the program keeps what is temporary, for its relay to go through as another user."""
    let_through(tmp_path)
    folder = tmp_path / "temporary"
    folder.mkdir(mode=0o711)
    return folder


def serve(start_pycall: Programs, port: int, temporary: Path, *options: str | Path) -> tuple[Program, int]:
    """A started server with a relay, and its own port."""
    program = start_pycall(
        *("serve", "--host", "127.0.0.1", "--port", "0", "--turn", "--turn-port", str(port), *options),
        env={"TMPDIR": str(temporary)},
    )
    program.wait_for("In a browser")
    return program, int(program.stdout.partition("STUN is answered on UDP port ")[2].split()[0])


async def member(clients: Any, name: str) -> dict[str, Any]:
    """What a new member of a room is told of the relay."""
    client = await clients({"pycall": 1, "name": name})
    await client.call("join", "kitchen")
    *_, more = await client.event()
    stun, turn = more["ice_servers"]
    assert stun["urls"][0].startswith("stun:127.0.0.1:")
    told: dict[str, Any] = turn
    return told


async def test_members_meet_through_it(start_pycall: Programs, port: int, temporary: Path) -> None:
    program, own = serve(start_pycall, port, temporary)
    assert "this machine only" in program.stdout
    async with raw_clients(own) as clients:
        anns, bobs = await member(clients, "Ann"), await member(clients, "Bob")
    assert anns["urls"] == [f"turn:127.0.0.1:{port}?transport=udp", f"turn:127.0.0.1:{port}?transport=tcp"]
    async with (
        allocation(("127.0.0.1", port), anns["username"], anns["credential"]) as ann,
        allocation(("127.0.0.1", port), bobs["username"], bobs["credential"], transport="tcp") as bob,
    ):
        await exchanged(ann, bob)
    program.send_signal(signal.SIGTERM)
    assert program.wait() == 0
    assert program.stderr == ""


async def test_with_a_certificate_it_speaks_tls(
    start_pycall: Programs, port: int, temporary: Path, tmp_path: Path
) -> None:
    own_identity(tmp_path, {"127.0.0.1"}, needed=[], now=datetime.now(UTC))
    pem, tls_port = tmp_path / "server.pem", free_port_twice()
    options = ("--cert", pem, "--key", pem, "--turn-tls-port", str(tls_port))
    program, _ = serve(start_pycall, port, temporary, *options)
    assert f"by TLS on port {tls_port}" in program.stdout
    (configuration,) = temporary.glob("*/turnserver.conf")
    _, _, after = configuration.read_text(encoding="utf-8").partition("static-auth-secret=")
    name, password = Turn((), after.splitlines()[0]).credentials("ann", 2**31 - 1)
    trusting = ssl.create_default_context(cafile=str(pem))
    async with allocation(("127.0.0.1", tls_port), name, password, transport="tcp", ssl=trusting) as mine:
        assert await mine.refusal_of_permission("8.8.8.8") == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_it_ends_with_the_server_however_that_ends(
    start_pycall: Programs, port: int, temporary: Path, number: signal.Signals
) -> None:
    program, _ = serve(start_pycall, port, temporary)
    relay = turnserver(port)
    program.send_signal(number)
    assert program.wait() == (0 if number != signal.SIGKILL else -number)
    wait_until(lambda: not runs(relay))
    wait_until(lambda: not list(temporary.iterdir()))


def test_when_it_dies_that_is_said_and_it_is_started_again(
    start_pycall: Programs, port: int, temporary: Path
) -> None:
    program, _ = serve(start_pycall, port, temporary)
    first = turnserver(port)
    os.kill(first, signal.SIGKILL)
    program.wait_for("the TURN server ended (exit code 137)")
    program.wait_for("the TURN server runs again")
    assert turnserver(port) != first


def test_without_coturn_there_is_one_sentence_and_a_hint(start_pycall: Programs) -> None:
    program = start_pycall("serve", "--host", "127.0.0.1", "--port", "0", "--turn", env={"PATH": "/nowhere"})
    assert program.wait() == 2
    sentence, hint = program.stderr.splitlines()
    assert "coturn, which is not installed" in sentence
    assert "apt install coturn" in hint


def test_a_port_that_another_relay_has_is_said_so(start_pycall: Programs, port: int, temporary: Path) -> None:
    serve(start_pycall, port, temporary)
    second = start_pycall("serve", "--host", "127.0.0.1", "--port", "0", "--turn", "--turn-port", str(port))
    assert second.wait() == 3
    assert f"port {port}: Address already in use" in second.stderr
    assert "systemctl disable --now coturn" in second.stderr
