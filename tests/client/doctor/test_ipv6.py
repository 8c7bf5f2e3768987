from __future__ import annotations

import socket

from pycall.client.compat.asking import Binding
from pycall.client.doctor.ipv6 import check_ipv6, global_addresses, is_global
from pycall.client.doctor.stun import Sighting
from pycall.client.iceservers import StunServer

OWN = ["2001:db8::7"]
URL = "http://[::1]:9"
SERVER = StunServer("2001:db8::1", 3478)


def test_only_addresses_for_the_internet_count() -> None:
    assert is_global("2001:db8::7")
    assert not any(map(is_global, ("fe80::1", "fd00::1", "::1", "192.0.2.1")))
    assert all(map(is_global, global_addresses()))


async def test_without_ipv6_nothing_is_tried() -> None:
    assert (await check_ipv6(URL, [], [])).state == "skipped"


async def test_a_server_that_is_reached_is_enough() -> None:
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as server:
        finding = await check_ipv6(f"http://[::1]:{server.getsockname()[1]}", OWN, [])

    assert finding.state == "ok"
    assert OWN[0] in finding.found


async def test_so_is_a_stun_server_that_answers() -> None:
    heard = Sighting(SERVER, ("2001:db8::1", 3478), Binding((OWN[0], 5), None, ""))

    assert (await check_ipv6("http://192.0.2.1:8080", OWN, [heard])).state == "ok"


async def test_addresses_that_lead_nowhere_are_remarked_upon(free_port: int) -> None:
    silent = Sighting(SERVER, ("2001:db8::1", 3478), None)
    finding = await check_ipv6(f"http://[::1]:{free_port}", OWN, [silent])

    assert finding.state == "warning"
    assert finding.advice


async def test_where_no_server_has_ipv6_nothing_is_said_against_it() -> None:
    assert (await check_ipv6("http://192.0.2.1:8080", OWN, [])).state == "skipped"
