from __future__ import annotations

import socket
from pathlib import Path

import pytest

from pycall.cli.addresses import ANY, lan_address, reachable
from pycall.cli.ice import announcement, ice_of
from pycall.config import ServerConfig
from pycall.errors import ConfigError, ListenFailed
from pycall.server.ice.coturn import RelaySettings
from pycall.server.ice.service import Ice

MACHINE = tuple(each for any_ in ANY for each in reachable(any_) if each != any_)
LOCAL = {"host": "127.0.0.1"}
URL = "turn:turn.example.org:3478?transport=udp"


def relay(**options: object) -> RelaySettings:
    settings = ice_of(ServerConfig(**{"turn": True, **LOCAL, **options})).relay_settings  # type: ignore[arg-type]
    assert settings is not None
    return settings


def test_a_relay_is_started_only_when_asked_for() -> None:
    assert ice_of(ServerConfig()).relay_settings is None
    assert relay() == RelaySettings(("127.0.0.1",), MACHINE)


def test_it_listens_where_the_server_does() -> None:
    if lan_address() is not None:
        assert relay(host="0.0.0.0").relays == (lan_address(),)
    assert "127.0.0.1" in relay(host="localhost").addresses
    with pytest.raises(ListenFailed, match="it has no address"):
        relay(host="no-such-host.invalid")


async def test_stun_and_the_relay_listen_elsewhere_when_told_to() -> None:
    assert relay(host="127.0.0.1", turn_host="127.0.0.2").addresses == ("127.0.0.2",)
    ice = ice_of(ServerConfig(host="127.0.0.1", stun_host="127.0.0.2"))
    await ice.start_stun(["127.0.0.1"], 0)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", ice.stun_port or 0))
    await ice.stop()


def test_ports_and_the_certificate_are_passed_on() -> None:
    settings = relay(
        turn_port=4000, turn_tls_port=4001, turn_relay_ports=(5000, 5999), cert=Path("c"), key=Path("k")
    )
    assert settings == RelaySettings(
        ("127.0.0.1",), MACHINE, 4000, 4001, (5000, 5999), "", Path("c"), Path("k")
    )


@pytest.mark.parametrize(
    ("options", "outside"),
    [
        ({"turn_external_ip": "203.0.113.9"}, "203.0.113.9"),
        ({"public_host": "203.0.113.9"}, "203.0.113.9"),
        ({"public_host": "[2001:db8::9]"}, "2001:db8::9"),
        ({"public_host": "203.0.113.9", "turn_external_ip": "203.0.113.1"}, "203.0.113.1"),
        ({"public_host": "127.0.0.1"}, ""),
        ({"public_host": "call.example.org"}, ""),
        ({}, ""),
    ],
)
def test_a_public_address_that_is_not_ours_is_that_of_a_nat(options: dict[str, str], outside: str) -> None:
    assert relay(**options).external_ip == outside


# --- relays elsewhere ---------------------------------------------------------------------------------------


def test_a_relay_elsewhere_is_told_with_credentials_by_its_secret(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("shared\n", encoding="utf-8")
    file.chmod(0o600)
    by_file = ice_of(ServerConfig(turn_url=(URL,), turn_secret_file=file)).servers.turns
    by_text = ice_of(ServerConfig(turn_url=(URL,), turn_secret="shared")).servers.turns
    assert by_file == by_text
    assert [(turn.urls, turn.secret) for turn in by_file] == [((URL,), "shared")]


def test_a_url_and_its_secret_belong_together() -> None:
    for options in ({"turn_url": (URL,)}, {"turn_secret": "shared"}):
        with pytest.raises(ConfigError) as failed:
            ice_of(ServerConfig(**options))
        assert "--turn-secret-file" in failed.value.hint


def test_two_secrets_are_one_too_many(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="only one"):
        ice_of(ServerConfig(turn_url=(URL,), turn_secret="shared", turn_secret_file=tmp_path / "secret"))


@pytest.mark.parametrize("content", [b"", b" \n", b"\xff", b"a\nb", b"x" * 2000, b"a\x1bb", None])
def test_a_file_without_a_secret_is_said_so(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "secret"
    if content is not None:
        file.write_bytes(content)
        file.chmod(0o600)
    with pytest.raises(ConfigError) as failed:
        ice_of(ServerConfig(turn_url=(URL,), turn_secret_file=file))
    assert failed.value.message.startswith(f"{file}: ")


# --- what is said -------------------------------------------------------------------------------------------


def test_what_does_not_run_is_not_announced() -> None:
    assert announcement(Ice()) == []


def test_the_ports_of_the_relay_are_announced() -> None:
    outside = RelaySettings(("192.0.2.7",), certificate=Path("c"), key=Path("k"))
    assert announcement(Ice(relay=outside)) == [
        "TURN by UDP and TCP on port 3478, by TLS on port 5349, relaying on UDP ports 61000-65535"
    ]
    here = announcement(Ice(relay=RelaySettings(("127.0.0.1",))))
    assert "TLS" not in here[0]
    assert "this machine only" in here[1]
