"""What may happen to a call on a real network, once in a test or many times in a row (``make lab``)."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from pycall.media.testsignals.wallclock import unix_time
from tests.netlab.addresses import Kind
from tests.netlab.laboratory import PORT, Laboratory
from tests.netlab.namespaces import run
from tests.netlab.talk import PATIENCE_S, Talk, since
from tests.program import Program
from tests.rig import wait_until

FROZEN_S: Final = 20.0


@dataclass(frozen=True, slots=True)
class Scene:
    """Two who talk, and what may be done to them."""

    lab: Laboratory
    server: Program
    talk: Talk


@dataclass(frozen=True, slots=True)
class Ordeal:
    """Something a call outlives. ``happens`` returns the Unix time at which it began."""

    name: str
    happens: Callable[[Scene], float]
    a: Kind = "cone"
    b: Kind = "cone"
    outage_s: float = 0.0
    """From its beginning until a call is possible again."""
    within_s: float = 2.0
    """How soon after that both are to be heard again."""
    only_ann_tells: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a call that survived took it; seconds."""

    told_s: float
    """From its beginning until somebody said so."""
    gap_s: float
    """The longest silence either of the two told of."""
    back_s: float
    """From the end of the outage until the later of the two heard the other, by our clock."""

    def __str__(self) -> str:
        return f"told after {self.told_s:5.2f} s, gap {self.gap_s:5.2f} s, back after {self.back_s:5.2f} s"


def undergo(ordeal: Ordeal, lab: Laboratory) -> Outcome:
    """Begin a call, let it happen, and wait until both see each other again; raises if they do not."""
    server = lab.server()
    talk = Talk(lab)
    begun = ordeal.happens(Scene(lab, server, talk))
    tellers = (talk.ann,) if ordeal.only_ann_tells else talk.both
    for caller in tellers:
        wait_until(
            lambda caller=caller: since(caller, begun, "reconnected"),  # type: ignore[misc]
            ordeal.outage_s + PATIENCE_S,
        )
    talk.wait_for_pictures()
    for caller in talk.both:
        assert not since(caller, 0, "ended", "peer_left")
        assert len(since(caller, 0, "connected")) == 1
    back = [event for caller in tellers for event in since(caller, begun, "reconnected")]
    return Outcome(
        min(since(caller, begun, "reconnecting")[0]["time"] for caller in tellers) - begun,
        max(event["gap_s"] for event in back),
        max(event["time"] for event in back) - begun - ordeal.outage_s,
    )


def change_address(scene: Scene) -> float:
    """The same network gives another address."""
    begun = unix_time()
    scene.lab.a.change_address()
    return begun


def switch_to_cable(scene: Scene) -> float:
    """Wi-Fi goes, the cable comes."""
    begun = unix_time()
    scene.lab.a.switch_to("eth0")
    return begun


def cut(seconds: float) -> Callable[[Scene], float]:
    """Everything is lost for so long."""

    def happens(scene: Scene) -> float:
        begun = unix_time()
        scene.lab.link.cut(seconds)
        return begun

    return happens


def rebind(scene: Scene) -> float:
    """The NAT forgets, and gives other ports."""
    begun = unix_time()
    scene.lab.nat_a.rebind()
    return begun


def freeze(scene: Scene) -> float:
    """Bob's program stands still."""
    begun = unix_time()
    scene.talk.bob.send_signal(signal.SIGSTOP)
    time.sleep(FROZEN_S)
    scene.talk.bob.send_signal(signal.SIGCONT)
    return begun


def lose_server(scene: Scene) -> float:
    """The server dies and is started anew, which the call does not feel; then an address changes."""
    begun = unix_time()
    restart(scene)
    for caller in scene.talk.both:
        assert not since(caller, begun, "reconnecting"), "the media felt it"
    return change_address(scene)


def restart(scene: Scene) -> float:
    """Kill the server and start another one once both miss it; how long until both are back."""
    killed = unix_time()
    scene.server.send_signal(signal.SIGKILL)
    scene.server.wait()
    for caller in scene.talk.both:
        wait_until(lambda caller=caller: since(caller, killed, "notice"))  # type: ignore[misc]
    begun = unix_time()
    scene.lab.server()
    listing = scene.lab.public.command("ss", "-Htn", "state", "established", f"sport = :{PORT}")
    wait_until(lambda: len(run(listing).splitlines()) == 2)
    return unix_time() - begun


ORDEALS: Final = (
    Ordeal("another address", change_address),
    Ordeal("from Wi-Fi to cable", switch_to_cable, b="open"),
    Ordeal("link cut for 8 s", cut(8.0), outage_s=8.0),
    Ordeal("link cut for 30 s", cut(30.0), outage_s=30.0),
    Ordeal("server killed, then another address", lose_server),
    Ordeal("NAT rebinding", rebind, within_s=5.0),
    Ordeal("peer frozen for 20 s", freeze, outage_s=FROZEN_S, only_ann_tells=True),
)
