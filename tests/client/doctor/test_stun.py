from __future__ import annotations

import socket

from pycall.client.compat.asking import Binding, StunSocket
from pycall.client.doctor.stun import Sighting, check_stun, sight
from pycall.client.iceservers import StunServer
from pycall.server.ice.stun import StunResponder

HOST = "127.0.0.1"


async def test_all_servers_are_asked_from_one_socket() -> None:
    responder, sock = StunResponder(), StunSocket()
    await responder.start([HOST], 0)
    await sock.open(4)
    assert responder.port is not None
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as deaf:
            deaf.bind((HOST, 0))
            silent = StunServer(HOST, deaf.getsockname()[1])
            unknown = StunServer("nowhere.invalid", 3478)
            there = StunServer(HOST, responder.port)
            seen, unseen, unnamed = await sight([there, silent, unknown], sock, 4)
    finally:
        responder.stop()
        sock.close()

    assert seen.binding is not None
    assert seen.binding.mapped == (HOST, sock_port(seen))
    assert (unseen.place, unseen.binding) == ((HOST, silent.port), None)
    assert (unnamed.place, unnamed.known) == (None, False)
    assert [check_stun([each]).state for each in (seen, unseen, unnamed)] == ["ok", "failed", "failed"]
    assert "UDP" in check_stun([unseen]).cause
    assert "name" in check_stun([unnamed]).found


def sock_port(seen: Sighting) -> int:
    assert seen.binding is not None
    return seen.binding.mapped[1]


def test_one_answer_over_either_ip_is_enough() -> None:
    server = StunServer("stun.example.org", 3478)
    silent = Sighting(server, ("2001:db8::1", 3478), None)
    heard = Sighting(server, ("192.0.2.1", 3478), Binding(("198.51.100.4", 5), None, ""))
    finding = check_stun([heard, silent])

    assert finding.state == "ok"
    assert finding.subject == "stun:stun.example.org:3478"
    assert dict(finding.figures) == {"address_ipv4": "198.51.100.4"}


def test_a_refusal_is_told_by_its_code() -> None:
    refusing = Sighting(StunServer("2001:db8::1", 3478), ("2001:db8::1", 3478), None, code=420)

    assert "420" in check_stun([refusing]).found
    assert check_stun([refusing]).subject == "stun:[2001:db8::1]:3478"


def test_a_server_of_the_other_ip_only_is_no_failure() -> None:
    elsewhere = Sighting(StunServer("2001:db8::1", 3478), None, None)

    assert check_stun([elsewhere]).state == "skipped"
