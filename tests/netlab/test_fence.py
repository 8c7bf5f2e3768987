"""The rule of docs/operating.md that keeps relayed packets from this machine's own UDP services."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pycall.server.ice.coturn import PORT, RelaySettings
from pycall.server.ice.relay import Relay
from tests.netlab.namespaces import Namespace, namespaces
from tests.rig import needs
from tests.server.turnclient import allocation, credentials, exchanged

pytestmark = [pytest.mark.integration, pytest.mark.parallel]

ADDRESS = "198.51.100.7"
SERVICE_PORT = 1161
DOCUMENT = Path(__file__).parents[2] / "docs" / "operating.md"


@pytest.fixture
def machine(_can_be_built: None) -> Iterator[Namespace]:
    """A machine with a public address, and nothing around it."""
    needs("turnserver", "coturn")
    with namespaces("relay") as (machine,):
        machine.ip(f"addr add {ADDRESS}/24 dev lo")
        yield machine


def fence() -> str:
    """The rule as the document has it."""
    _, _, rest = DOCUMENT.read_text(encoding="utf-8").partition("\ntable inet pycall_relay {")
    return "table inet pycall_relay {" + rest.partition("\n}\n")[0] + "\n}\n"


async def reaches_the_service() -> bool:
    """Whether a relayed datagram arrives at a UDP service, while two relayed ends meet beside it."""
    relay = Relay(RelaySettings((ADDRESS,)))
    await relay.start()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as service:
        service.setblocking(False)
        service.bind((ADDRESS, SERVICE_PORT))
        expires = datetime.now(UTC).timestamp() + 60
        async with (
            allocation((ADDRESS, PORT), *credentials(relay.turn, expires, "ann")) as ann,
            allocation((ADDRESS, PORT), *credentials(relay.turn, expires, "bob")) as bob,
        ):
            ann.transport.sendto(b"attack", (ADDRESS, SERVICE_PORT))
            assert await ann.refusal_of_permission(ADDRESS) == 0
            ann.transport.sendto(b"attack", (ADDRESS, SERVICE_PORT))
            await exchanged(ann, bob)
            reached = _has_datagram(service)
    await relay.stop()
    return reached


def test_relayed_packets_reach_only_relays_behind_the_fence(machine: Namespace) -> None:
    with machine.inside():
        assert asyncio.run(reaches_the_service()), "the relay has learnt to tell ports apart"
        machine.nft(fence())
        assert not asyncio.run(reaches_the_service())


def _has_datagram(service: socket.socket) -> bool:
    try:
        return bool(service.recv(100))
    except BlockingIOError:
        return False
