from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

import pytest

from pycall.client import attempt as attempt_module
from pycall.client.driver import MAX_INPUTS, Driver, Outcome
from pycall.client.network import Change
from pycall.client.stats import Counters
from pycall.core import events
from pycall.core import inputs as i
from pycall.core.call import Call, Phase
from pycall.core.events import Event
from pycall.core.messages import Answer, Bye, Candidate, IceServer, Offer, State
from pycall.core.terms import CallTerms
from pycall.errors import NobodyCame, PycallError, ServerUnreachable
from tests.client.pair import until
from tests.client.scripted import BOB, NOBODY, PATH, ScriptedPeer, ScriptedSignalling


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempt_module, "CLOSE_S", 0.2)


class Run:
    """A driver and everything around it; attempt n gets the n-th of ``peers``."""

    def __init__(self, *peers: ScriptedPeer, **terms: object) -> None:
        self.peers = [*peers, *(ScriptedPeer() for _ in range(3))]
        self.opened: list[tuple[int, tuple[IceServer, ...]]] = []
        self.announced: list[Event] = []
        self.driver = Driver(
            Call(CallTerms("den", **terms)),  # type: ignore[arg-type]
            "den",
            dial=self._dial,
            open_peer=self._open_peer,
            announce=self.announced.append,
            playout_s=lambda: 0.0,
        )

    def _dial(self, post: Callable[[i.Input], None]) -> ScriptedSignalling:
        self.signalling = ScriptedSignalling(post)
        return self.signalling

    def _open_peer(
        self, attempt: int, ice_servers: tuple[IceServer, ...], post: Callable[[i.Input], None]
    ) -> ScriptedPeer:
        del post
        self.opened.append((attempt, ice_servers))
        return self.peers[attempt - 1]

    def post(self, *happened: i.Input) -> None:
        for each in happened:
            self.driver.post(each)

    def names(self) -> list[str]:
        """What was announced, without the statistics."""
        return [event.event_name for event in self.announced if not isinstance(event, events.Stats)]

    @property
    def offers(self) -> list[int | None]:
        """The epochs of the offers that were sent."""
        return [each.epoch for each in self.signalling.sent if isinstance(each, Offer)]

    async def phase(self, phase: Phase) -> None:
        await until(lambda: self.driver.phase is phase)

    async def connect(self, attempt: int = 1) -> None:
        """Come together with Bob in this attempt."""
        await self.phase(Phase.WAITING)
        self.post(i.OtherJoined(BOB, attempt))
        await until(lambda: attempt in self.offers)
        self.post(i.MessageReceived(Answer("answer", attempt)), i.PeerConnected(attempt, PATH))
        await self.phase(Phase.CONNECTED)


@contextlib.asynccontextmanager
async def running(run: Run) -> AsyncIterator[asyncio.Task[Outcome]]:
    """The driver runs; it must have ended by itself when the context does."""
    task = asyncio.create_task(run.driver.run())
    try:
        yield task
        async with asyncio.timeout(10):
            await task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert run.signalling.closed


async def test_a_call_from_the_dialling_to_the_hang_up() -> None:
    run = Run(ScriptedPeer(flow=Counters(frames_sent=5, audio_received_s=1.5)))
    async with running(run) as task:
        await until(lambda: run.signalling.asked)
        run.post(i.JoinedRoom("me", 1, None, (IceServer(("stun:example.org",), None, None),)))
        run.post(i.OtherJoined(BOB, 1), i.MessageReceived(Answer("answer", 1)))
        run.post(i.MessageReceived(Candidate("a", "0", 0, 1)))
        await until(lambda: "add_candidate a" in run.peers[0].done)
        run.post(i.PeerConnected(1, PATH))
        await run.phase(Phase.CONNECTED)
        run.post(i.HungUp())
        outcome = await task
    assert run.opened == [(1, (IceServer(("stun:example.org",), None, None),))]
    assert run.peers[0].done == [
        "open", "create_offer", "accept_answer answer", "add_candidate a", "close with bye",
    ]  # fmt: skip
    assert run.signalling.asked == ["join den", "leave den"]
    assert run.names() == ["joined", "peer_joined", "connecting", "notice", "connected"]
    assert outcome.error is None
    assert outcome.ended.reason == "hangup"
    assert outcome.ended.frames_sent == 5
    assert outcome.ended.audio_received_s == 1.5
    assert outcome.ended.duration_s > 0


async def test_the_second_one_in_the_room_answers() -> None:
    run = Run()
    async with running(run):
        run.post(i.JoinedRoom("me", 4, BOB, ()), i.MessageReceived(Offer("theirs", 4)))
        await until(lambda: run.signalling.sent)
        assert run.signalling.sent == [Answer("answer", 4)]
        run.post(i.HungUp())


async def test_one_can_hang_up_while_the_server_is_dialled() -> None:
    run = Run()
    run.signalling.gate = asyncio.Event()
    async with running(run) as task:
        run.post(i.Interrupted())
        outcome = await task
    assert outcome.ended == events.Ended("interrupted")
    assert run.signalling.asked == []


async def test_a_server_that_is_not_there_ends_the_call() -> None:
    run = Run()
    run.signalling.fault = ServerUnreachable("Nobody answers.")
    async with running(run) as task:
        outcome = await task
    assert outcome.error is run.signalling.fault
    assert outcome.ended == events.Ended("error")


async def test_a_bug_while_dialling_ends_the_call_and_is_raised() -> None:
    run = Run()
    run.signalling.fault = KeyError("surprise")
    with pytest.raises(ExceptionGroup) as raised:
        async with running(run):
            pass
    assert raised.value.exceptions == (run.signalling.fault,)


async def test_a_bug_of_who_is_told_ends_the_call_and_is_raised() -> None:
    run = Run()

    def refuse(_: Event) -> None:
        raise KeyError("surprise")

    run.driver._around = attempt_module.Surroundings(run.driver.post, refuse, lambda: 0.0)
    with pytest.raises(ExceptionGroup):
        async with running(run):
            run.post(NOBODY)


async def test_a_bug_in_a_step_ends_the_call_as_an_error() -> None:
    run = Run(ScriptedPeer(faults={"create_offer": KeyError("surprise")}))
    async with running(run) as task:
        run.post(NOBODY, i.OtherJoined(BOB, 1))
        outcome = await task
    assert isinstance(outcome.error, PycallError)
    assert "pycall itself" in outcome.error.message
    assert run.peers[0].done == ["open", "close with bye"]


async def test_a_deadline_of_the_call_is_kept() -> None:
    run = Run(wait_s=0.05)
    async with running(run) as task:
        run.post(NOBODY)
        outcome = await task
    assert isinstance(outcome.error, NobodyCame)


async def test_the_duration_ends_a_call() -> None:
    run = Run(duration_s=0.05)
    async with running(run) as task:
        run.post(NOBODY)
        await run.connect()
        outcome = await task
    assert outcome.ended.reason == "duration"
    assert outcome.ended.duration_s == pytest.approx(0.05, abs=1)


async def test_what_an_earlier_attempt_still_says_is_not_heard() -> None:
    run = Run(stay=True)
    async with running(run):
        run.post(NOBODY)
        await run.connect()
        run.post(i.ControlReceived(1, Bye()))
        await run.phase(Phase.WAITING)
        run.post(i.PeerFailed(1, "late."), i.MediaSilent(1, 99), i.OfferCreated(1, "late", bytes(16)))
        await run.connect(2)
        assert len(run.signalling.sent) == len(run.offers) == 2
        run.post(i.HungUp())


async def test_what_flowed_is_added_up_over_the_calls_of_a_stay() -> None:
    first = ScriptedPeer(flow=Counters(frames_sent=1, frames_received=2, audio_sent_s=3, bytes_sent=5))
    second = ScriptedPeer(flow=Counters(frames_sent=10, audio_received_s=40, bytes_received=60))
    run = Run(first, second, stay=True)
    async with running(run) as task:
        run.post(NOBODY)
        await run.connect()
        run.post(i.ControlReceived(1, Bye()))
        await run.connect(2)
        run.post(i.ControlReceived(2, Bye()))
        await run.phase(Phase.WAITING)
        run.post(i.HungUp())
        ended = (await task).ended
    assert (ended.frames_sent, ended.frames_received) == (11, 2)
    assert (ended.audio_sent_s, ended.audio_received_s) == (3, 40)
    assert (ended.bytes_sent, ended.bytes_received) == (5, 60)
    assert ended.duration_s > 0
    assert first.done[-1] == second.done[-1] == "close"


async def test_an_attempt_that_hangs_in_closing_does_not_delay_the_next() -> None:
    hanging = ScriptedPeer()
    hanging.hold("close")
    run = Run(hanging, stay=True)
    async with running(run) as task:
        run.post(NOBODY)
        await run.connect()
        run.post(i.ControlReceived(1, Bye()))
        await run.connect(2)
        run.post(i.HungUp())
        assert (await task).error is None


async def test_who_left_is_not_seen_any_more_however_long_closing_takes() -> None:
    run, silent_when_left = Run(stay=True), []

    def announce(event: Event) -> None:
        if isinstance(event, events.PeerLeft):
            asyncio.get_running_loop().call_soon(lambda: silent_when_left.append(run.peers[0].silent))

    run.peers[0].hold("close")
    run.driver._around = attempt_module.Surroundings(run.driver.post, announce, lambda: 0.0)
    async with running(run):
        run.post(NOBODY)
        await run.connect()
        run.post(i.ControlReceived(1, Bye()))
        await until(lambda: silent_when_left)
        run.post(i.HungUp())
    assert silent_when_left == [True]


async def test_the_other_side_learns_the_state_and_every_later_one_too() -> None:
    muted = State(muted=True, camera_off=False, recording=False)
    run = Run(stay=True)
    async with running(run):
        run.post(NOBODY)
        await run.connect()
        run.driver.tell(muted)
        run.post(i.ControlReceived(1, Bye()))
        await run.phase(Phase.WAITING)
        run.post(i.HungUp())
    assert run.peers[0].said == [State(muted=False, camera_off=False, recording=False), muted]
    assert run.peers[1].said == [muted]


async def test_a_state_told_before_there_is_a_connection_is_kept() -> None:
    muted = State(muted=True, camera_off=False, recording=False)
    run = Run()
    run.driver.tell(muted)
    async with running(run):
        run.post(NOBODY)
        await run.phase(Phase.WAITING)
        run.post(i.HungUp())
    assert run.peers[0].said == [muted]


async def test_a_flood_of_inputs_is_bounded_and_survived(caplog: pytest.LogCaptureFixture) -> None:
    run = Run()
    async with running(run):
        run.post(NOBODY)
        await run.phase(Phase.WAITING)
        run.post(*[i.MessageReceived(Candidate("x", "0", 0, 1))] * (2 * MAX_INPUTS))
        assert len(caplog.records) == MAX_INPUTS
        assert caplog.records[0].message == "Too much at once: dropped MessageReceived."
        await until(run.driver._inputs.empty)
        await run.connect()
        run.post(i.HungUp())


@pytest.mark.parametrize(
    "happened",
    [i.HungUp(), i.Interrupted(), i.OtherLeft("b", "left"), i.PeerFailed(1, "x."), i.NetworkChanged()],
)
async def test_no_flood_keeps_out_what_happened_here_or_at_the_server(happened: i.Input) -> None:
    run = Run()
    flood: list[i.Input] = [i.MessageReceived(Candidate("x", "0", 0, 1)), i.ControlReceived(1, Bye())]
    run.post(*flood * MAX_INPUTS, happened)
    assert run.driver._inputs.qsize() == MAX_INPUTS + 1
    await run.driver._close()


async def test_a_server_that_floods_is_bounded_and_keeps_nobody_from_hanging_up() -> None:
    run = Run()
    run.post(*[i.OtherJoined(BOB, 1)] * (3 * MAX_INPUTS), i.HungUp())
    assert run.driver._inputs.qsize() == 2 * MAX_INPUTS + 1
    await run.driver._close()


async def test_a_cancelled_run_closes_everything() -> None:
    run = Run()
    task = asyncio.create_task(run.driver.run())
    run.post(NOBODY)
    await run.connect()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert run.peers[0].done[-1] == "close with bye"
    assert run.signalling.closed


@pytest.mark.parametrize(
    ("gone", "slept", "asked"),
    [("2001:db8::7", False, False), ("192.0.2.1", False, True), ("", True, True), ("", False, False)],
)
async def test_only_an_address_the_call_uses_is_missed(*, gone: str, slept: bool, asked: bool) -> None:
    run = Run(ScriptedPeer(local_address="192.0.2.1"))
    async with running(run):
        run.post(NOBODY)
        await run.connect()
        run.driver.network_changed(Change(frozenset([gone] if gone else []), slept))
        await until(lambda: "check" in run.signalling.asked)
        run.post(i.HungUp())
    assert ("renew den 1" in run.signalling.asked) == ("reconnecting" in run.names()) == asked


async def test_a_connection_with_another_key_sends_nothing_of_us_before_it_carries_the_call() -> None:
    first, second = ScriptedPeer(), ScriptedPeer()
    run = Run(first, second)
    async with running(run):
        run.post(NOBODY)
        await run.phase(Phase.WAITING)
        run.post(i.OtherJoined(BOB, 1))
        await until(lambda: 1 in run.offers)
        run.post(i.MessageReceived(Answer("answer\na=fingerprint:a A", 1, "A" * 22)))
        run.post(i.PeerConnected(1, PATH))
        await run.phase(Phase.CONNECTED)
        assert not first.media_hold.is_on
        run.post(i.MediaSilent(1, 2.0), i.Renewed(2))
        await until(lambda: 2 in run.offers)
        run.post(i.MessageReceived(Answer("answer\na=fingerprint:b B", 2, "A" * 22)))
        run.post(i.PeerConnected(2, PATH))
        await until(lambda: "accept_answer answer\na=fingerprint:b B" in second.done)
        assert second.media_hold.is_on
        run.post(i.MediaHeard(2))
        await until(lambda: not second.media_hold.is_on)
        run.post(i.HungUp())


async def test_a_silent_connection_is_replaced_while_the_call_goes_on() -> None:
    first = ScriptedPeer(flow=Counters(frames_sent=1))
    second = ScriptedPeer(flow=Counters(frames_sent=10))
    run = Run(first, second)
    async with running(run) as task:
        run.post(NOBODY)
        await run.connect()
        run.post(i.MediaSilent(1, 2.0))
        await until(lambda: run.signalling.asked[-2:] == ["renew den 1", "check"])
        run.post(i.Renewed(2))
        await until(lambda: 2 in run.offers)
        assert first.done[-1] != "close"
        run.post(i.MessageReceived(Answer("answer", 2)), i.PeerConnected(2, PATH), i.MediaHeard(2))
        await until(lambda: first.done[-1] == "close")
        run.post(i.HungUp())
        outcome = await task
    assert run.names()[-2:] == ["reconnecting", "reconnected"]
    assert outcome.ended.frames_sent == 11
    assert second.done[-1] == "close with bye"
