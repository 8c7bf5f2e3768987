"""`pycall doctor` in networks of each kind: what it says must be what was built."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.netlab.addresses import Kind
from tests.netlab.conftest import Laboratories
from tests.netlab.coturn import Coturn
from tests.netlab.laboratory import Laboratory
from tests.program import PYCALL
from tests.rig import end, needs, wait_until

pytestmark = pytest.mark.integration

Finding = dict[str, Any]


def examine(lab: Laboratory, *options: str, env: dict[str, str] | None = None) -> tuple[int, list[Finding]]:
    """Run it on side a; the exit code and what it found."""
    words = ("doctor", "--json", "--server", lab.url, "--camera", "none", "--microphone", "none")
    program = lab.run("a", PYCALL, *words, "--speaker", "none", *options, **({"env": env} if env else {}))
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
