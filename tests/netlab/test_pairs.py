"""A real call between every two kinds of network: it connects, directly wherever that is possible."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any, Final

import pytest

from tests.netlab.addresses import Kind
from tests.netlab.conftest import Laboratories
from tests.netlab.router import MEETS
from tests.program import Program
from tests.rig import wait_until

pytestmark = pytest.mark.integration

OVER_IPV4: Final[tuple[Kind, ...]] = ("open", "cone", "symmetric", "udp-blocked")
PAIRS: Final = [*itertools.combinations_with_replacement(OVER_IPV4, 2), ("ipv6", "ipv6")]


@pytest.mark.parametrize(("a", "b"), PAIRS)
def test_every_pair_connects_and_directly_wherever_that_is_possible(
    laboratory: Laboratories, record_property: Callable[[str, object], None], a: Kind, b: Kind
) -> None:
    lab = laboratory(a, b)
    lab.server(*lab.coturn().options)
    ann = lab.caller("a", "den", name="Ann")
    ann.wait_for_event("joined")
    bob = lab.caller("b", "den", name="Bob")
    for caller in (ann, bob):
        wait_until(lambda caller=caller: "video" in pictures(caller))  # type: ignore[misc]
    paths = [path_of(caller) for caller in (ann, bob)]
    assert [path["path"] for path in paths] == ["direct" if b in MEETS[a] else "relay"] * 2
    for kind, path in ((a, paths[0]), (b, paths[1])):
        if kind == "udp-blocked":
            assert path["local"] == "relay"
            assert path["protocol"] in {"tcp", "tls"}
    taken = pictures(ann)["video"]["time"] - ann.wait_for_event("peer_joined")["time"]
    words = " ".join(f"{path['local']}/{path['protocol']}" for path in paths)
    record_property("pair", f"{a:11} {b:11} {paths[0]['path']:6} {taken:5.2f} s  {words}")


def pictures(caller: Program) -> dict[str, dict[str, Any]]:
    """The events of the first sound and the first picture, by kind."""
    return {event["kind"]: event for event in caller.events if event["event"] == "first_frame"}


def path_of(caller: Program) -> dict[str, Any]:
    """What it said last about the way of its media."""
    return [event for event in caller.events if event["event"] in {"connected", "path"}][-1]
