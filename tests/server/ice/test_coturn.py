from __future__ import annotations

from pathlib import Path

import pytest

from pycall.server.ice.coturn import FORBIDDEN, RelaySettings, configuration, options_of

HERE = RelaySettings(("192.0.2.7", "10.0.0.7", "127.0.0.1", "2001:db8::7"))
OPTIONS = """
    listening-ip relay-ip listening-port min-port max-port external-ip tls-listening-port cert pkey no-tls
    userdb allowed-peer-ip denied-peer-ip allow-loopback-peers static-auth-secret proc-user proc-group
"""
EVERYTHING = frozenset(OPTIONS.split())


def lines(
    settings: RelaySettings, *, known: frozenset[str] = EVERYTHING, owner: tuple[str, str] | None = None
) -> list[str]:
    text = configuration(settings, secret="not told", folder=Path("/private"), known=known, owner=owner)
    return text.splitlines()


def values(name: str, settings: RelaySettings) -> list[str]:
    return [line.partition("=")[2] for line in lines(settings) if line.partition("=")[0] == name]


def test_it_listens_on_all_addresses_and_relays_from_one_of_each_family() -> None:
    assert values("listening-ip", HERE) == list(HERE.addresses)
    assert values("relay-ip", HERE) == ["192.0.2.7", "2001:db8::7"]


def test_its_own_relays_are_allowed_and_the_machines_other_addresses_are_not() -> None:
    assert values("allowed-peer-ip", HERE) == ["192.0.2.7", "2001:db8::7"]
    assert values("denied-peer-ip", HERE) == [*FORBIDDEN, "10.0.0.7", "127.0.0.1"]


def test_nor_is_an_address_of_the_machine_it_does_not_listen_on() -> None:
    of_two = RelaySettings(("192.0.2.7",), machine=("192.0.2.7", "198.51.100.8", "::1", "::"))
    assert values("denied-peer-ip", of_two) == [*FORBIDDEN, "198.51.100.8", "::1"]


def test_only_a_relay_for_this_machine_alone_relays_to_loopback_addresses() -> None:
    alone = RelaySettings(("127.0.0.1",))
    assert alone.is_local
    assert alone.urls[0] == "turn:{loopback}:3478?transport=udp"
    assert "allow-loopback-peers" in lines(alone)
    assert values("allowed-peer-ip", alone) == ["127.0.0.1"]
    assert "allow-loopback-peers" not in lines(HERE)


def test_behind_a_nat_its_outside_address_is_told_of_the_same_family() -> None:
    outside = RelaySettings(HERE.addresses, external_ip="203.0.113.9")
    assert values("external-ip", outside) == ["203.0.113.9/192.0.2.7"]


def test_tls_is_spoken_with_a_certificate_only() -> None:
    certified = RelaySettings(("192.0.2.7",), certificate=Path("/a.pem"), key=Path("/b.pem"))
    assert (values("cert", certified), values("pkey", certified)) == (["/a.pem"], ["/b.pem"])
    assert certified.urls == (
        "turn:{host}:3478?transport=udp",
        "turn:{host}:3478?transport=tcp",
        "turns:{host}:5349?transport=tcp",
    )
    assert "no-tls" in lines(HERE)
    assert HERE.urls == certified.urls[:2]


def test_the_server_becomes_the_owner_of_its_folder() -> None:
    assert {"proc-user=ann", "proc-group=staff"} <= set(lines(HERE, owner=("ann", "staff")))
    assert not any(line.startswith("proc-") for line in lines(HERE))


def test_only_options_that_the_release_knows_are_written() -> None:
    assert lines(HERE, known=frozenset({"no-tls"})) == ["no-tls"]


@pytest.mark.parametrize("option", ["listening-port", "no-tlsv1_1", "X-not-there"])
def test_options_are_found_in_the_help(option: str) -> None:
    known = options_of(
        " -p, --listening-port\t<port>\t\tTURN listener port (Default: 3478).\n --no-tlsv1_1\t\tOff."
    )
    assert (option in known) == (not option.startswith("X"))
