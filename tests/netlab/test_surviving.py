"""A call outlives what happens to the network, the server and the processes it began with."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import av
import pytest

from pycall.media.testsignals.wallclock import unix_time
from tests.netlab.conftest import Laboratories
from tests.netlab.ordeals import ORDEALS, Ordeal, Scene, restart, undergo
from tests.netlab.talk import Talk, path_of, since
from tests.program import Program
from tests.rig import wait_until

pytestmark = [pytest.mark.integration, pytest.mark.parallel]

Record = Callable[[str, object], None]

TOLD_S: Final = 3.0
REGISTERED_S: Final = 10.0
SKEW_S: Final = 1.5
"""What the clock of a recording and that of the events may differ by on a busy machine."""
BLACK: Final = 40
"""Brightness of a picture, 0 to 255, that the test card never has."""


@pytest.mark.parametrize("ordeal", ORDEALS, ids=lambda ordeal: ordeal.name.replace(" ", "-"))
def test_a_call_outlives(laboratory: Laboratories, record_property: Record, ordeal: Ordeal) -> None:
    outcome = undergo(ordeal, laboratory(ordeal.a, ordeal.b))
    record_property("survived", f"{ordeal.name:36} {outcome}")


def test_both_register_again_soon_after_a_restart(laboratory: Laboratories, record_property: Record) -> None:
    lab = laboratory("cone", "cone")
    server = lab.server()
    talk = Talk(lab)
    begun = unix_time()
    taken_s = restart(Scene(lab, server, talk))
    assert taken_s < REGISTERED_S
    record_property("survived", f"{'server killed and started again':36} both back after {taken_s:5.2f} s")
    third = lab.caller("b", "den", name="Carl")
    assert third.wait() == 3
    assert "full" in since(third, 0, "error")[0]["message"]
    talk.wait_for_pictures()
    assert not [event for caller in talk.both for event in since(caller, begun, "reconnecting")]


def test_a_relayed_call_outlives_another_address(laboratory: Laboratories, record_property: Record) -> None:
    lab = laboratory("symmetric", "symmetric")
    lab.server(*lab.coturn().options)
    talk = Talk(lab)
    begun = unix_time()
    lab.a.change_address()
    for caller in talk.both:
        wait_until(lambda caller=caller: since(caller, begun, "reconnected"))  # type: ignore[misc]
        assert path_of(caller)["path"] == "relay"
    talk.wait_for_pictures()
    gap_s = max(since(caller, begun, "reconnected")[-1]["gap_s"] for caller in talk.both)
    record_property("survived", f"{'another address, relayed':36} gap {gap_s:5.2f} s")


def test_a_peer_that_is_killed_is_missed_at_once_and_given_up_in_time(
    laboratory: Laboratories, record_property: Record
) -> None:
    lab = laboratory("cone", "cone")
    lab.server()
    talk = Talk(lab, "--reconnect", "6", "--record", "kept.mp4", size="320x240")
    killed = unix_time()
    talk.bob.send_signal(signal.SIGKILL)
    told = talk.ann.wait_for_event("reconnecting")
    assert told["silent_s"] < TOLD_S
    assert talk.ann.wait() == 4
    assert since(talk.ann, 0, "error")[0]["code"] == "peer-lost"
    assert max(time for time, _ in pictures_of(recording_of(talk.ann))) > 6
    ended = since(talk.ann, killed, "ended")[0]["time"] - killed
    told_s = told["time"] - killed
    record_property(
        "survived", f"{'peer killed':36} told after {told_s:5.2f} s, given up after {ended:5.2f} s"
    )


def test_a_slow_link_is_no_lost_one(laboratory: Laboratories) -> None:
    lab = laboratory("cone", "cone")
    lab.server()
    lab.link.shape(delay_s=0.5)
    is_calm(Talk(lab), 22.0)


def test_a_lossy_link_ends_no_call(laboratory: Laboratories) -> None:
    lab = laboratory("cone", "cone")
    lab.server()
    talk = Talk(lab)
    lab.link.shape(loss=0.2)
    is_calm(talk, 10.0)


def is_calm(talk: Talk, seconds: float) -> None:
    """Nobody says that anything is lost for so long, while pictures come."""
    begun = unix_time()
    wait_until(
        lambda: all(len(since(caller, begun, "stats")) >= seconds - 1 for caller in talk.both), 2 * seconds
    )
    for caller in talk.both:
        assert not since(caller, begun, "reconnecting", "ended")
        assert sum(event["fps"] for event in since(caller, begun, "stats")) > seconds


def test_a_recording_goes_on_as_one_file_and_is_black_meanwhile(
    laboratory: Laboratories, record_property: Record
) -> None:
    lab = laboratory("cone", "cone")
    lab.server()
    talk = Talk(lab, "--record", "kept.mp4", "--record-layout", "remote", size="320x240")
    began = talk.ann.wait_for_event("recording")["time"]
    begun = unix_time()
    lab.link.cut(5.0)
    wait_until(lambda: since(talk.ann, begun, "reconnected"))
    talk.wait_for_pictures()
    lost = since(talk.ann, begun, "reconnecting")[0]["time"] - began
    back = since(talk.ann, begun, "reconnected")[0]["time"] - began
    over = since(talk.ann, begun, "stats")[-1]["time"] - began
    talk.ann.send_signal(signal.SIGINT)
    talk.ann.wait()
    assert [event["state"] for event in since(talk.ann, 0, "recording")] == ["started", "stopped"]
    pictures = list(pictures_of(recording_of(talk.ann)))
    black = [time for time, brightness in pictures if time > SKEW_S and brightness < BLACK]
    assert black
    assert lost - SKEW_S < min(black) <= max(black) < back + SKEW_S
    again = min(time for time, _ in pictures if time > max(black))
    assert again > back - SKEW_S
    assert pictures[-1][0] > over - SKEW_S
    late_s = (again - min(black)) - (back - lost)
    record_property(
        "survived", f"{'link cut for 5 s, recorded':36} first picture {late_s:4.2f} s after sound"
    )


def recording_of(caller: Program) -> Path:
    """Where it said that it records."""
    return Path(since(caller, 0, "recording")[0]["path"])


def pictures_of(path: Path) -> Iterator[tuple[float, float]]:
    """The pictures of a recording: seconds, and brightness from 0 to 255."""
    with av.open(str(path)) as file:
        for frame in file.decode(video=0):
            yield frame.time or 0.0, float(frame.to_ndarray(format="gray8").mean())


def test_a_dead_interface_delays_nothing(laboratory: Laboratories) -> None:
    lab = laboratory("cone", "cone")
    lab.server()
    lab.a.add_dead_interface()
    connects_fast(Talk(lab))


def test_a_stun_server_that_never_answers_delays_nothing(laboratory: Laboratories) -> None:
    lab = laboratory("cone", "cone")
    lab.server()
    connects_fast(Talk(lab, "--ice-server", f"stun:{lab.black_hole}:3478"))


def connects_fast(talk: Talk) -> None:
    """Long before a server or an interface that does not answer would have been given up."""
    for caller in talk.both:
        assert path_of(caller)["path"] == "direct"
        assert since(caller, 0, "connected")[0]["setup_s"] < 3
