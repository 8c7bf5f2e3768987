from __future__ import annotations

import asyncio
import dataclasses
import logging

import pytest

from pycall.client import attempt as module
from pycall.client import liveness
from pycall.client.attempt import MAX_STEPS, Attempt, Surroundings
from pycall.client.stats import Counters
from pycall.core import inputs as i
from pycall.core import outputs as o
from pycall.core.events import Event, Latency, Stats
from pycall.core.messages import Candidate
from pycall.core.verification import NONCE_BYTES
from pycall.errors import CallError
from tests.client.pair import until
from tests.client.scripted import ScriptedPeer
from tests.client.test_stages import Held

BROKE = i.PeerFailed(7, "something in pycall itself broke.")


class Around:
    """What an attempt reported."""

    def __init__(self) -> None:
        self.posted: list[i.Input] = []
        self.announced: list[Event] = []
        self.surroundings = Surroundings(self.posted.append, self.announced.append, lambda: 0.04)


@pytest.fixture
def around() -> Around:
    return Around()


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "STOP_S", 0.2)
    monkeypatch.setattr(module, "CLOSE_S", 0.2)
    monkeypatch.setattr(module, "STATS_INTERVAL_S", 0.01)


def candidate(text: str) -> o.AddCandidate:
    return o.AddCandidate(7, Candidate(text, "0", 0, 1))


async def test_the_connection_is_opened_at_once_and_the_steps_follow_one_by_one(around: Around) -> None:
    peer = ScriptedPeer()
    opening, offering = peer.hold("open"), peer.hold("create_offer")
    attempt = Attempt(7, peer, around.surroundings)
    attempt.step(o.CreateOffer(7))
    attempt.step(o.AcceptAnswer(7, "sdp"))
    attempt.step(candidate("a"))
    attempt.step(candidate("b"))
    await until(lambda: peer.asked)
    assert peer.asked == ["open"]
    opening.set()
    await until(lambda: len(peer.asked) > 1)
    assert peer.asked == ["open", "create_offer"]
    offering.set()
    await until(lambda: len(peer.done) == 5)
    assert peer.done == ["open", "create_offer", "accept_answer sdp", "add_candidate a", "add_candidate b"]
    [created] = around.posted
    assert isinstance(created, i.OfferCreated)
    assert (created.attempt, created.sdp, len(created.nonce)) == (7, "offer", NONCE_BYTES)
    await attempt.close(say_bye=True)
    assert peer.done[5:] == ["close with bye"]


async def test_an_offer_is_answered(around: Around) -> None:
    peer = ScriptedPeer()
    attempt = Attempt(7, peer, around.surroundings)
    attempt.step(o.AcceptOffer(7, "sdp"))
    await until(lambda: around.posted)
    [created] = around.posted
    assert isinstance(created, i.AnswerCreated)
    assert (created.attempt, created.sdp, len(created.nonce)) == (7, "answer", NONCE_BYTES)
    await attempt.close(say_bye=False)
    assert peer.done == ["open", "accept_offer sdp", "close"]


async def test_closing_overtakes_whatever_waits(around: Around) -> None:
    peer = ScriptedPeer()
    peer.hold("open")
    attempt = Attempt(7, peer, around.surroundings)
    attempt.step(o.CreateOffer(7))
    await until(lambda: peer.asked)
    await attempt.close(say_bye=False)
    assert peer.asked == ["open", "close"]
    assert peer.done == ["close"]
    assert around.posted == []


async def test_an_attempt_may_be_closed_before_it_began(around: Around) -> None:
    peer = ScriptedPeer()
    await Attempt(7, peer, around.surroundings).close(say_bye=False)
    assert peer.asked == ["close"]


async def test_a_step_that_fails_is_reported_and_the_next_is_still_done(around: Around) -> None:
    peer = ScriptedPeer(faults={"accept_answer bad": CallError("the answer cannot be used.", "Try again.")})
    attempt = Attempt(7, peer, around.surroundings)
    attempt.step(o.AcceptAnswer(7, "bad"))
    attempt.step(candidate("a"))
    await until(lambda: "add_candidate a" in peer.done)
    assert around.posted == [i.PeerFailed(7, "the answer cannot be used.", "Try again.")]
    await attempt.close(say_bye=False)


async def test_a_bug_in_a_step_is_told_with_its_traceback_and_ends_the_attempt(
    around: Around, caplog: pytest.LogCaptureFixture
) -> None:
    peer = ScriptedPeer(faults={"create_offer": KeyError("surprise")})
    attempt = Attempt(7, peer, around.surroundings)
    attempt.step(o.CreateOffer(7))
    await until(lambda: around.posted)
    assert around.posted == [BROKE]
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert record.exc_info is not None
    assert isinstance(record.exc_info[1], KeyError)
    await attempt.close(say_bye=False)
    assert peer.done[-1] == "close"


async def test_a_bug_in_the_figures_is_told_and_ends_the_attempt(
    around: Around, caplog: pytest.LogCaptureFixture
) -> None:
    peer = ScriptedPeer(faults={"counters": ZeroDivisionError()})
    attempt = Attempt(7, peer, around.surroundings)
    attempt.measure()
    await until(lambda: around.posted)
    assert around.posted == [BROKE]
    await attempt.close(say_bye=False)
    assert [record.message for record in caplog.records] == [
        "pycall-stats-7 broke.",
        "Closing a connection broke.",
    ]
    assert peer.done[-1] == "close"


async def test_a_flood_of_steps_is_bounded(around: Around, caplog: pytest.LogCaptureFixture) -> None:
    peer = ScriptedPeer()
    opening = peer.hold("open")
    attempt = Attempt(7, peer, around.surroundings)
    await until(lambda: peer.asked)
    for number in range(3 * MAX_STEPS):
        attempt.step(candidate(str(number)))
    assert len(caplog.records) == 2 * MAX_STEPS
    assert caplog.records[0].message == "Too much at once: dropped AddCandidate."
    opening.set()
    await until(lambda: len(peer.done) == MAX_STEPS + 1)
    assert peer.done[-1] == f"add_candidate {MAX_STEPS - 1}"
    await attempt.close(say_bye=False)


async def test_a_connection_that_hangs_in_closing_is_left_behind(around: Around) -> None:
    peer = ScriptedPeer()
    peer.hold("close")
    attempt = Attempt(7, peer, around.surroundings)
    async with asyncio.timeout(5):
        await attempt.close(say_bye=False)
    assert peer.asked[-1] == "close"
    assert "close" not in peer.done


class Deaf(ScriptedPeer):
    """Does not let go of a step that is cancelled once."""

    async def open(self) -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await self._step("hang")


async def test_a_step_that_does_not_let_go_does_not_keep_the_connection_open(around: Around) -> None:
    peer = Deaf()
    released = peer.hold("hang")
    attempt = Attempt(7, peer, around.surroundings)
    await asyncio.sleep(0)
    async with asyncio.timeout(5):
        await attempt.close(say_bye=False)
    assert peer.done == ["close"]
    released.set()
    await until(lambda: "hang" in peer.done)
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        task.cancel()


async def test_a_bug_in_closing_is_told(around: Around, caplog: pytest.LogCaptureFixture) -> None:
    peer = ScriptedPeer(faults={"close": OSError("surprise")})
    await Attempt(7, peer, around.surroundings).close(say_bye=False)
    assert [record.message for record in caplog.records] == ["Closing a connection broke."]


async def test_what_flowed_and_how_long_it_was_connected_is_known_after_closing(around: Around) -> None:
    peer = ScriptedPeer(flow=Counters(frames_sent=3, bytes_received=4))
    attempt = Attempt(7, peer, around.surroundings)
    attempt.measure()
    await until(lambda: len(around.announced) >= 2)
    peer.flow = Counters(frames_sent=30, bytes_received=40)
    await attempt.close(say_bye=True)
    assert attempt.flowed == peer.flow
    assert attempt.connected_s > 0


async def test_an_attempt_that_never_connected_counts_nothing(around: Around) -> None:
    attempt = Attempt(7, ScriptedPeer(flow=Counters(frames_sent=3)), around.surroundings)
    await attempt.close(say_bye=False)
    assert attempt.flowed == Counters()
    assert attempt.connected_s == 0


async def test_figures_are_announced_with_what_the_playout_holds(around: Around) -> None:
    peer = ScriptedPeer(flow=Counters(audio_latency_s=0.1))
    attempt = Attempt(7, peer, around.surroundings)
    attempt.measure()
    await until(lambda: around.announced)
    stats = around.announced[0]
    assert isinstance(stats, Stats)
    assert stats.audio_latency_ms == pytest.approx(140)
    await attempt.close(say_bye=False)


async def test_the_stages_of_the_delay_are_announced_where_they_are_asked_for(around: Around) -> None:
    surroundings = dataclasses.replace(around.surroundings, delays=lambda: Held(picture_s=0.05))
    attempt = Attempt(7, ScriptedPeer(), surroundings)
    attempt.measure()
    await until(lambda: around.announced)
    latency = around.announced[0]
    assert isinstance(latency, Latency)
    assert latency.total_ms == pytest.approx(50)
    await attempt.close(say_bye=False)


async def test_what_is_heard_and_silence_are_reported(
    around: Around, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LOOK_S", 0.01)
    monkeypatch.setattr(liveness, "SILENT_S", 0.05)
    peer = ScriptedPeer(packets_received=3)
    attempt = Attempt(7, peer, around.surroundings)
    await until(lambda: len(around.posted) >= 2)
    assert around.posted[0] == i.MediaHeard(7)
    assert isinstance(around.posted[1], i.MediaSilent)
    await attempt.close(say_bye=False)
