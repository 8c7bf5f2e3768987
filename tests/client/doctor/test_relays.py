from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from pycall.client.doctor import relays
from pycall.client.doctor.relays import check_relay, url_of
from pycall.client.iceservers import Server, TurnServer, parse_server
from pycall.core.events import PathProtocol
from tests.client.signalling_rig import serving
from tests.client.turn import HOST, PASSWORD, USER, Coturn, running_coturn

pytestmark = pytest.mark.integration


def at(port: int, transport: PathProtocol = "udp", host: str = HOST, password: str = PASSWORD) -> TurnServer:
    return TurnServer(host, port, transport, USER, password)


@pytest.fixture
def coturn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Coturn]:
    with running_coturn(tmp_path) as server:
        monkeypatch.setenv("SSL_CERT_FILE", str(server.certificate))
        yield server


async def test_a_relay_that_works_is_told_with_its_release_over_each_transport(coturn: Coturn) -> None:
    for server in (at(coturn.port), at(coturn.port, "tcp"), at(coturn.tls_port, "tls")):
        finding = await check_relay(server)
        assert finding.state in {"ok", "warning"}, finding
        assert finding.subject == url_of(server)
        assert finding.figures["transport"] == server.transport
        assert str(finding.figures["software"]).startswith("Coturn-")
        assert (finding.state == "warning") == ("4.17 or newer" in finding.advice)


async def test_what_refuses_is_told_with_cause_and_next_step(coturn: Coturn) -> None:
    finding = await check_relay(at(coturn.port, password="wrong"))

    assert finding.state == "failed"
    assert finding.figures["error"] == 401
    assert finding.cause
    assert finding.advice


async def test_a_certificate_that_is_not_trusted_is_told(
    coturn: Coturn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")

    assert "not trusted" in (await check_relay(at(coturn.tls_port, "tls"))).found


async def test_what_is_no_tls_is_told() -> None:
    async with serving() as server:
        assert "TLS" in (await check_relay(at(server.port, "tls"))).found


async def test_nobody_there_and_no_such_name_are_told(free_port: int) -> None:
    refused = await check_relay(at(free_port, "tcp"))
    unknown = await check_relay(at(3478, host="nowhere.invalid"))

    assert "refused" in refused.found
    assert f"TCP port {free_port}" in refused.advice
    assert "not known" in unknown.found


async def test_silence_is_waited_for_only_so_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relays, "RELAY_S", 0.3)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as deaf:
        deaf.bind((HOST, 0))
        finding = await check_relay(at(deaf.getsockname()[1]))

    assert finding.found == "It does not answer."
    assert "UDP" in finding.cause


@pytest.mark.parametrize(
    "url",
    [
        "turn:turn.example.org:3478?transport=udp",
        "turn:192.0.2.1:80?transport=tcp",
        "turns:[2001:db8::1]:443?transport=tcp",
    ],
)
def test_a_servers_url_is_what_it_was_parsed_from(url: str) -> None:
    server: Server = parse_server(url, USER, PASSWORD)
    assert isinstance(server, TurnServer)
    assert url_of(server) == url
