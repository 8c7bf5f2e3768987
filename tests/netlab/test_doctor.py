"""`pycall doctor` in networks of each kind: what it says must be what was built."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.netlab.addresses import SERVER, Kind, url_host
from tests.netlab.conftest import Laboratories
from tests.netlab.coturn import PORT, SECRET
from tests.netlab.laboratory import Laboratory
from tests.program import PYCALL
from tests.rig import end, needs, wait_until

pytestmark = [pytest.mark.integration, pytest.mark.parallel]

Finding = dict[str, Any]


def examine(lab: Laboratory, *options: str) -> tuple[int, list[Finding]]:
    """Run it on side a; the exit code and what it found."""
    words = ("doctor", "--json", "--server", lab.url, "--camera", "none", "--microphone", "none")
    program = lab.run("a", PYCALL, *words, "--speaker", "none", "--size", "64x64", *options)
    code = program.wait()
    assert program.stderr == ""
    return code, [json.loads(line) for line in program.stdout.splitlines()]


def of(findings: list[Finding], check: str) -> list[Finding]:
    """Those of one check."""
    return [each for each in findings if each["check"] == check]


def the(findings: list[Finding], check: str) -> Finding:
    """The only one of a check."""
    [finding] = of(findings, check)
    return finding


@pytest.mark.parametrize(
    ("kind", "state", "mapping"),
    [
        ("open", "ok", "none"),
        ("cone", "ok", "endpoint-independent"),
        ("symmetric", "warning", "address-and-port-dependent"),
    ],
)
def test_it_tells_the_kind_of_nat_and_sends_a_packet_through_each_relay(
    laboratory: Laboratories, kind: Kind, state: str, mapping: str
) -> None:
    lab = laboratory(kind)
    lab.server(*lab.coturn().options)
    code, findings = examine(lab)

    assert code == 0
    nat = the(findings, "nat")
    assert (nat["state"], nat["figures"]["mapping"]) == (state, mapping)
    public = lab.a.address if kind == "open" else lab.nat_a.public_address
    assert nat["figures"]["address"] == public
    assert the(findings, "stun")["figures"]["address_ipv4"] == public
    relays = of(findings, "relay")
    assert [each["figures"]["transport"] for each in relays] == ["udp", "tcp", "tls"]
    for each in relays:
        assert each["state"] == "warning", each  # Debian's coturn is an old one
        assert "4.17 or newer" in each["advice"]
        assert each["figures"]["round_trip_ms"] > 0
        assert each["figures"]["relayed_address"] == lab.server_address
    assert the(findings, "self-call")["state"] == "ok"
    relayed = the(findings, "relayed self-call")
    assert (relayed["state"], relayed["figures"]["path"]) == ("ok", "relay")


def test_a_network_without_udp_is_told_as_that_and_relays_by_tcp_make_up_for_it(
    laboratory: Laboratories,
) -> None:
    lab = laboratory("udp-blocked")
    lab.server(*lab.coturn().options)
    code, findings = examine(lab)

    assert code == 0
    assert the(findings, "nat")["state"] == "failed"
    assert "UDP seems to be blocked" in the(findings, "nat")["found"]
    assert the(findings, "stun")["state"] == "failed"
    assert [each["state"] for each in of(findings, "relay")] == ["failed", "warning", "warning"]
    assert the(findings, "relayed self-call")["figures"]["protocol"] in {"tcp", "tls"}
    assert the(findings, "calls")["state"] == "warning"


@pytest.mark.parametrize("kind", ["udp-blocked", "symmetric"])
def test_without_a_relay_such_a_network_is_exit_code_4_with_the_next_step(
    laboratory: Laboratories, kind: Kind
) -> None:
    lab = laboratory(kind)
    lab.coturn()
    lab.server()
    code, findings = examine(lab, "--ice-server", f"stun:{lab.server_address}:{PORT}")

    assert code == 4
    assert the(findings, "self-call")["state"] == "ok"
    calls = the(findings, "calls")
    assert calls["state"] == "failed"
    assert "--turn" in calls["advice"]


def test_a_server_that_swallows_everything_is_told_in_time(laboratory: Laboratories) -> None:
    lab = laboratory("cone")
    dead = f"http://{lab.black_hole}:8080"
    silent = ("--ice-server", f"stun:{lab.black_hole}:3478", "--ice-server", f"stun:{lab.black_hole}:3479")
    began = time.monotonic()
    code, findings = examine(lab, "--server", dead, *silent)

    assert time.monotonic() - began < 20
    assert code == 4
    assert the(findings, "server")["state"] == "failed"
    assert "did not answer within" in the(findings, "server")["found"]
    assert the(findings, "self-call")["state"] == "skipped"
    assert {each["state"] for each in of(findings, "stun")} == {"failed"}
    assert the(findings, "calls")["advice"] == the(findings, "server")["advice"]


def test_a_secret_that_is_not_the_relays_is_told_as_that(laboratory: Laboratories) -> None:
    lab = laboratory("cone")
    coturn = lab.coturn()
    lab.server(*(word.replace(SECRET, "another secret") for word in coturn.options))
    code, findings = examine(lab)

    assert code == 0  # this NAT needs no relay towards most others
    for each in of(findings, "relay"):
        assert (each["state"], each["figures"]["error"]) == ("failed", 401)
        assert "static-auth-secret" in each["advice"]
    assert the(findings, "relayed self-call")["state"] == "failed"
    code, _ = examine(lab, "--relay-only")
    assert code == 4


def test_a_used_up_quota_is_told_as_that(laboratory: Laboratories) -> None:
    lab = laboratory("cone")
    lab.server(*lab.coturn(user_quota=1).options)
    _, findings = examine(lab)

    refused = [each for each in of(findings, "relay") if each["state"] == "failed"]
    assert {each["figures"].get("error") for each in refused} == {486}
    assert all("quota" in each["cause"] for each in refused)


def test_a_relay_that_may_send_to_nobody_is_no_relay(laboratory: Laboratories) -> None:
    lab = laboratory("cone")
    lab.server(*lab.coturn(denied=["0.0.0.0-255.255.255.255"]).options)
    _, findings = examine(lab)

    for each in of(findings, "relay"):
        assert each["state"] == "failed"
        assert "(403)" in each["cause"]


def test_ipv6_alone_is_enough(laboratory: Laboratories) -> None:
    lab = laboratory("ipv6", "ipv6")
    lab.server(*lab.coturn().options)
    code, findings = examine(lab, "--ice-server", f"stun:{SERVER[4]}:{PORT}")

    assert code == 0
    assert the(findings, "ipv6")["state"] == "ok"
    assert lab.a.address in the(findings, "ipv6")["found"]
    assert the(findings, "nat")["figures"]["mapping"] == "none"
    old, new = of(findings, "stun")
    assert old["state"] == "failed"
    assert new["figures"]["address_ipv6"] == lab.a.address
    for each in of(findings, "relay"):
        assert each["figures"]["relayed_address"] == lab.server_address


@pytest.mark.parametrize(
    ("kind", "mapping", "filtering"),
    [
        ("open", "none", "endpoint-independent"),
        ("cone", "endpoint-independent", "address-and-port-dependent"),
    ],
)
def test_a_server_with_two_addresses_tells_mapping_and_filtering(
    laboratory: Laboratories, tmp_path: Path, kind: Kind, mapping: str, filtering: str
) -> None:
    lab = laboratory(kind)
    lab.server("--no-stun")
    with stun_at_two_addresses(lab, tmp_path):
        _, findings = examine(lab, "--ice-server", f"stun:{lab.server_address}:{PORT}")

    figures = the(findings, "nat")["figures"]
    assert (figures["mapping"], figures["filtering"]) == (mapping, filtering)


@contextmanager
def stun_at_two_addresses(lab: Laboratory, folder: Path) -> Iterator[None]:
    """A STUN server that answers from its other address and port when asked (RFC 5780)."""
    addresses = [f"--listening-ip={each}" for each in (lab.server_address, lab.second_address)]
    files = [f"--pidfile={folder}/pid", f"--userdb={folder}/db", "--log-file=stdout"]
    process = subprocess.Popen(
        lab.public.command(
            needs("turnserver", "coturn"), "-n", "--stun-only", "--no-tls", "--no-dtls", "--no-cli",
            f"--listening-port={PORT}", f"--alt-listening-port={PORT + 1}", *addresses, *files,
        ),
        cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        wait_until(lambda: process.poll() is not None or _answers(lab))
        assert process.poll() is None
        yield
    finally:
        process.kill()
        end(process)


def _answers(lab: Laboratory) -> bool:
    listening = subprocess.run(
        lab.public.command("ss", "-lun"), capture_output=True, text=True, check=True
    ).stdout
    return f"{url_host(lab.second_address)}:{PORT + 1}" in listening
