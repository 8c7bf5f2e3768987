"""Two real callers, a real server: what `pycall call` promises, told by its own events."""

from __future__ import annotations

import signal
from typing import Any

import psutil
import pytest

from tests.integration.conftest import Caller, url_of
from tests.program import Program, Programs
from tests.rig import wait_until

pytestmark = pytest.mark.integration


def names(program: Program) -> list[str]:
    """The events of a caller, in order, without the statistics and what has no fixed place."""
    varying = {"stats", "words", "first_frame", "peer_state", "notice"}
    return [event["event"] for event in program.events if event["event"] not in varying]


def last(program: Program, name: str) -> dict[str, Any]:
    return [event for event in program.events if event["event"] == name][-1]


def both_connected(start_call: Caller, *options: str) -> tuple[Program, Program]:
    first = start_call("den", *options, name="Ann")
    first.wait_for_event("joined")
    second = start_call("den", *options, name="Bob")
    for caller in (first, second):
        caller.wait_for_event("stats")
        wait_until(lambda caller=caller: len(frames(caller)) == 2)  # type: ignore[misc]
    return first, second


def frames(program: Program) -> set[str]:
    return {event["kind"] for event in program.events if event["event"] == "first_frame"}


def test_two_callers_see_and_hear_each_other_until_the_duration_is_over(start_call: Caller) -> None:
    first, second = both_connected(start_call, "--duration", "4")
    assert (first.wait(), second.wait()) == (0, 0)
    assert names(first) == ["joined", "peer_joined", "connecting", "connected", "ended"] or names(first) == [
        "joined", "peer_joined", "connecting", "connected", "peer_left", "ended",
    ]  # fmt: skip
    assert first.events[0] | {"time": 0, "id": ""} == {
        "event": "joined", "time": 0, "room": "den", "id": "", "peer": False,
    }  # fmt: skip
    assert second.wait_for_event("joined")["peer"] is True
    assert first.wait_for_event("peer_joined")["name"] == "Bob"
    assert second.wait_for_event("peer_joined")["name"] == "Ann"
    for caller in (first, second):
        connected = caller.wait_for_event("connected")
        assert connected["path"] == "direct"
        assert 0 < connected["setup_s"] < 20
        stats = last(caller, "stats")
        assert (stats["width"], stats["height"]) == (640, 480)
        assert stats["sent_kbps"] > 20
        assert stats["received_kbps"] > 20
        assert stats["fps"] > 5
        assert stats["packets_lost"] == 0
        ended = last(caller, "ended")
        assert ended["reason"] in {"duration", "peer-hangup"}
        assert ended["frames_sent"] > 30
        assert ended["frames_received"] > 30
        assert ended["audio_sent_s"] > 1
        assert ended["audio_received_s"] > 1
        assert ended["bytes_sent"] > 10_000
        assert caller.stderr == ""
        assert all(isinstance(event["time"], float) for event in caller.events)


@pytest.mark.parametrize(("signum", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_hangs_up_cleanly_and_the_other_side_ends_normally(
    start_call: Caller, signum: signal.Signals, code: int
) -> None:
    first, second = both_connected(start_call)
    first.send_signal(signum)
    assert first.wait() == code
    assert last(first, "ended")["reason"] == "interrupted"
    assert second.wait() == 0
    assert last(second, "peer_left")["reason"] == "left"
    assert last(second, "ended")["reason"] == "peer-hangup"


def test_a_killed_peer_is_lost_and_the_other_side_says_so(start_call: Caller) -> None:
    first, second = both_connected(start_call, "--reconnect", "4")
    second.send_signal(signal.SIGKILL)
    assert first.wait() == 4
    assert names(first)[-4:] == ["reconnecting", "peer_left", "error", "ended"]
    assert last(first, "peer_left")["reason"] == "lost"
    assert last(first, "error")["code"] == "peer-lost"
    assert last(first, "ended")["reason"] == "lost"
    assert first.stderr.startswith("Error: ")


def test_with_stay_the_next_caller_is_served_after_a_hang_up(start_call: Caller) -> None:
    first, second = both_connected(start_call, "--stay")
    second.send_signal(signal.SIGINT)
    assert second.wait() == 130
    first.wait_for_event("peer_left")
    third = start_call("den", name="Cy")
    third.wait_for_event("connected")
    wait_until(lambda: names(first).count("connected") == 2)
    third.send_signal(signal.SIGINT)
    third.wait()
    wait_until(lambda: names(first).count("peer_left") == 2)
    first.send_signal(signal.SIGINT)
    assert first.wait() == 130


def test_the_call_goes_on_when_the_server_is_killed(start_call: Caller, server: Program) -> None:
    first, second = both_connected(start_call)
    server.send_signal(signal.SIGKILL)
    server.wait()
    before = len(first.events)
    first.wait_for_event("notice")
    wait_until(lambda: len(first.events) > before + 5)
    assert last(first, "stats")["fps"] > 5
    second.send_signal(signal.SIGINT)
    assert second.wait() == 130
    assert first.wait() == 0
    assert last(first, "ended")["reason"] == "peer-hangup"


def test_a_third_caller_is_told_that_the_room_is_full(start_call: Caller) -> None:
    first, second = both_connected(start_call)
    third = start_call("den")
    assert third.wait() == 3
    assert last(third, "error")["code"] == "join-refused"
    assert "full" in third.stderr
    for caller in (first, second):
        caller.send_signal(signal.SIGINT)
        caller.wait()


def test_nobody_came_within_the_wait(start_call: Caller) -> None:
    caller = start_call("den", "--wait", "1")
    assert caller.wait() == 4
    assert [event["event"] for event in caller.events] == ["joined", "error", "ended"]


def test_without_camera_and_microphone_one_still_sees_and_hears(start_call: Caller) -> None:
    first = start_call("den", camera="none", microphone="none")
    first.wait_for_event("joined")
    second = start_call("den")
    wait_until(lambda: frames(first) == {"audio", "video"})
    assert frames(second) == set()
    first.send_signal(signal.SIGINT)
    first.wait()
    assert second.wait() == 0


def test_two_who_send_nothing_still_have_a_call(start_call: Caller) -> None:
    first = start_call("den", camera="none", microphone="none")
    first.wait_for_event("joined")
    second = start_call("den", camera="none", microphone="none")
    for caller in (first, second):
        caller.wait_for_event("connected")
        wait_until(lambda caller=caller: [e["event"] for e in caller.events].count("stats") >= 5)  # type: ignore[misc]
    second.send_signal(signal.SIGINT)
    second.wait()
    assert first.wait() == 0


def test_a_finished_caller_leaves_no_process(start_call: Caller, start_pycall: Programs) -> None:
    first, second = both_connected(start_call, "--duration", "2")
    children = psutil.Process(first.process.pid).children(recursive=True)
    first.wait()
    second.wait()
    assert not any(child.is_running() for child in children)


def test_the_server_printed_where_it_can_be_reached(server: Program) -> None:
    assert url_of(server).startswith("http://127.0.0.1:")
