from __future__ import annotations

import asyncio
import socket
import ssl
from pathlib import Path

import pytest

from pycall.client.compat.echoing import RelayRefusedError, echo
from pycall.client.iceservers import TurnServer
from pycall.core.events import PathProtocol
from tests.client.pair import until
from tests.client.turn import HOST, PASSWORD, USER, Coturn, running_coturn

pytestmark = pytest.mark.integration


def server(coturn: Coturn, transport: PathProtocol = "udp", password: str = PASSWORD) -> TurnServer:
    port = coturn.tls_port if transport == "tls" else coturn.port
    return TurnServer(HOST, port, transport, USER, password)


def descriptors() -> int:
    """How many this process has open."""
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.parametrize("transport", ["udp", "tcp", "tls"])
async def test_a_packet_goes_through_a_relay_and_back(coturn: Coturn, transport: PathProtocol) -> None:
    trusting = ssl.create_default_context(cafile=str(coturn.certificate)) if transport == "tls" else None
    before = descriptors()
    told = await echo(server(coturn, transport), HOST, trusting)
    await until(lambda: descriptors() <= before)  # TLS says goodbye first

    assert told.relayed[0] == HOST
    assert told.round_trip_s is not None
    assert 0 < told.round_trip_s < 5
    assert told.software.startswith("Coturn-")


async def test_a_wrong_password_is_refused_with_401(coturn: Coturn) -> None:
    with pytest.raises(RelayRefusedError) as raised:
        await echo(server(coturn, password="wrong"), HOST, None)

    assert raised.value.code == 401
    assert raised.value.software.startswith("Coturn-")


async def test_a_certificate_that_nobody_vouches_for_is_not_accepted(coturn: Coturn) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        await echo(server(coturn, "tls"), HOST, ssl.create_default_context())


async def test_one_relay_is_enough_where_it_can_reach_us(tmp_path: Path) -> None:
    with running_coturn(tmp_path, "user-quota=1") as coturn:
        assert (await echo(server(coturn), HOST, None)).round_trip_s is not None


async def test_a_relay_that_may_send_to_nobody_is_found_out(tmp_path: Path) -> None:
    with running_coturn(tmp_path, f"denied-peer-ip={HOST}") as coturn:
        told = await echo(server(coturn), HOST, None)

    assert (told.round_trip_s, told.refused) == (None, 403)


async def test_who_waits_for_a_silent_server_may_stop_waiting() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as deaf:
        deaf.bind((HOST, 0))
        place = TurnServer(HOST, deaf.getsockname()[1], "udp", USER, PASSWORD)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await echo(place, HOST, None)
