"""A call between two kinds of network: which way it goes, and how soon each sees the other."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Final

from tests.netlab.addresses import Kind
from tests.netlab.laboratory import Laboratory
from tests.netlab.router import MEETS
from tests.netlab.talk import Talk, path_of, since
from tests.rig import wait_until

OVER_IPV4: Final[tuple[Kind, ...]] = ("open", "cone", "symmetric", "udp-blocked")
PAIRS: Final[tuple[tuple[Kind, Kind], ...]] = (
    *itertools.combinations_with_replacement(OVER_IPV4, 2),
    ("ipv6", "ipv6"),
)


@dataclass(frozen=True, slots=True)
class Meeting:
    """How two met."""

    path: str
    ends: str
    """Candidate type and protocol of either side."""
    first_frame_s: float
    """Of the one who was there first, from the other's coming to the first picture."""

    def __str__(self) -> str:
        return f"{self.path:6} {self.first_frame_s:5.2f} s  {self.ends}"


def meet(a: Kind, b: Kind, lab: Laboratory) -> Meeting:
    """Let two call each other; raises if their way is not the best there is."""
    lab.server(*lab.coturn().options)
    talk = Talk(lab)
    best = "direct" if b in MEETS[a] else "relay"
    wait_until(lambda: all(path_of(caller)["path"] == best for caller in talk.both))
    paths = [path_of(caller) for caller in talk.both]
    for kind, path in ((a, paths[0]), (b, paths[1])):
        if kind == "udp-blocked":
            assert path["local"] == "relay"
            assert path["protocol"] in {"tcp", "tls"}
    ends = " ".join(f"{path['local']}/{path['protocol']}" for path in paths)
    return Meeting(paths[0]["path"], ends, first_picture_s(talk))


def first_picture_s(talk: Talk) -> float:
    """Seconds from the server's word that Bob came to the first picture Ann got."""
    first = next(event for event in since(talk.ann, 0, "first_frame") if event["kind"] == "video")
    return float(first["time"] - talk.ann.wait_for_event("peer_joined")["time"])
