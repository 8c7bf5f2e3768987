"""Two real connections over real sockets."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

import av
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pycall.client.peer import Outgoing
from pycall.core import inputs
from pycall.core.messages import MAX_SDP, Bye, Candidate, IceServer, State
from pycall.errors import CallError
from pycall.media.feed import Feed
from pycall.media.frames import Picture
from tests.client.pair import (
    LOCAL,
    NOTHING,
    SIZE,
    End,
    Source,
    brightness,
    call,
    connect,
    painted,
    pitch,
    running,
    until,
)

pytestmark = pytest.mark.integration

QUIET = State(muted=True, camera_off=False, recording=True)


async def test_both_ends_see_and_hear_each_other() -> None:
    bright, dim = Source(200, 440), Source(90, 1_000)
    caller = End(Outgoing(bright.pictures, bright.sounds))
    callee = End(Outgoing(dim.pictures, dim.sounds), attempt=2)
    with running(bright, dim):
        async with call(caller, callee):
            assert caller.peer._is_with_pycall()
            assert callee.peer._is_with_pycall()
            await until(lambda: len(caller.taker.pictures) > 20 and len(callee.taker.pictures) > 20)
            await until(lambda: len(caller.taker.sounds) > 60 and len(callee.taker.sounds) > 60)
            for end, level, hertz in ((caller, 90, 1_000), (callee, 200, 440)):
                left, right = brightness(end.taker.pictures[-1])
                assert abs(left - level) < 12
                assert abs(right - 30) < 12
                assert (end.taker.pictures[-1].width, end.taker.pictures[-1].height) == SIZE
                assert abs(pitch(end.taker.heard(40)) - hertz) < 5
                assert sorted(arrived.kind for arrived in end.said(inputs.MediaArrived)) == ["audio", "video"]
    assert caller.said(inputs.PeerConnected) == [inputs.PeerConnected(1, LOCAL)]
    assert callee.said(inputs.PeerConnected) == [inputs.PeerConnected(2, LOCAL)]


async def test_every_sample_of_sound_arrives_in_order() -> None:
    source = Source(200, 440)
    caller, callee = End(Outgoing(None, source.sounds)), End()
    with running(source):
        async with call(caller, callee):
            await until(lambda: len(callee.taker.sounds) > 50)
    stamps = [timestamp for timestamp, _ in callee.taker.sounds]
    assert stamps == sorted(set(stamps))
    assert all(len(samples) == 960 for _, samples in callee.taker.sounds)


async def test_the_figures_of_a_call_are_counted() -> None:
    source = Source(200, 440)
    caller = End(Outgoing(source.pictures, source.sounds))
    callee = End(Outgoing(source.pictures, source.sounds))
    with running(source):
        async with call(caller, callee):
            deadline = time.monotonic() + 15
            while (
                counters := await callee.peer.counters()
            ).video_latency_s is None or counters.rtt_s is None:
                assert time.monotonic() < deadline
                await asyncio.sleep(0.05)
    assert counters.frames_sent > 0
    assert counters.frames_received > 0
    assert counters.audio_sent_s > 0
    assert counters.audio_received_s > 0
    assert counters.bytes_sent > 1_000
    assert counters.bytes_received > 1_000
    assert counters.packets_received > 10
    assert (counters.width, counters.height) == SIZE
    assert counters.jitter_s is not None
    assert counters.rtt_s is not None
    assert counters.video_latency_s is not None
    assert 0 <= counters.video_latency_s < 5  # both clocks are this computer's
    assert counters.packets_lost == 0


async def test_a_state_said_before_the_channel_is_open_arrives_when_it_is() -> None:
    caller, callee = End(), End()
    caller.peer.send_control(QUIET)
    callee.peer.send_control(QUIET)
    async with call(caller, callee):
        await until(lambda: caller.said(inputs.ControlReceived) and callee.said(inputs.ControlReceived))
        assert caller.said(inputs.ControlReceived) == [inputs.ControlReceived(1, QUIET)]


async def test_hanging_up_says_goodbye_first() -> None:
    caller, callee = End(), End()
    async with call(caller, callee):
        await until(lambda: caller.peer._control._pinging is not None)
        await caller.peer.close(say_bye=True)
        await until(lambda: callee.said(inputs.PeerClosed))
    assert callee.said(inputs.ControlReceived) == [inputs.ControlReceived(1, Bye())]
    assert caller.said(inputs.PeerClosed) == []


async def test_an_end_that_closes_without_a_word_is_noticed() -> None:
    caller, callee = End(), End()
    async with call(caller, callee):
        await caller.peer.close(say_bye=False)
        await until(lambda: callee.said(inputs.PeerClosed))
    assert callee.said(inputs.PeerFailed) == []


@pytest.mark.parametrize("closer", [0, 1])
async def test_closing_takes_under_three_seconds_at_any_moment(closer: int) -> None:
    source = Source(200, 440)
    steps: list[Callable[[End, End], Awaitable[object]]] = [
        lambda _caller, _callee: asyncio.sleep(0),
        lambda caller, _callee: caller.peer.open(),
        lambda caller, callee: asyncio.gather(caller.peer.open(), callee.peer.open()),
        connect,
    ]
    with running(source):
        for step in steps:
            ends = [End(Outgoing(source.pictures, source.sounds)) for _ in range(2)]
            await step(*ends)
            start = time.monotonic()
            await ends[closer].peer.close(say_bye=True)
            await ends[1 - closer].peer.close(say_bye=False)
            assert time.monotonic() - start < 3
            await ends[closer].peer.close(say_bye=True)


async def test_ten_calls_leave_nothing() -> None:
    source = Source(200, 440)
    with running(source):
        await _short_call(source)  # the first loads what stays loaded
        before = _held()
        for _ in range(10):
            await _short_call(source)
        await until(lambda: all(now <= then for now, then in zip(_held(), before, strict=True)))


async def _short_call(source: Source) -> None:
    caller = End(Outgoing(source.pictures, source.sounds))
    callee = End(Outgoing(source.pictures, source.sounds))
    async with call(caller, callee):
        await until(lambda: callee.taker.pictures and callee.taker.sounds)


def _held() -> tuple[int, int, int]:
    """Threads (without the loop's own pool), open files and tasks."""
    threads = [thread for thread in threading.enumerate() if not thread.name.startswith("asyncio_")]
    return len(threads), len(list(Path("/proc/self/fd").iterdir())), len(asyncio.all_tasks())


@pytest.mark.parametrize(
    ("mine", "theirs"), [("none", "none"), ("sound", "none"), ("none", "picture"), ("sound", "picture")]
)
async def test_an_end_without_camera_or_microphone_still_receives(mine: str, theirs: str) -> None:
    source = Source(200, 440)
    kinds = {
        "none": NOTHING,
        "sound": Outgoing(None, source.sounds),
        "picture": Outgoing(source.pictures, None),
    }
    caller, callee = End(kinds[mine]), End(kinds[theirs])
    with running(source):
        async with call(caller, callee):
            caller.peer.send_control(QUIET)
            await until(lambda: callee.said(inputs.ControlReceived))
            await until(lambda: mine != "sound" or callee.taker.sounds)
            await until(lambda: theirs != "picture" or caller.taker.pictures)
            if mine == "none":
                assert callee.taker.sounds == []


async def test_a_source_that_stops_does_not_end_the_call() -> None:
    source = Source(200, 440)
    caller, callee = End(Outgoing(source.pictures, source.sounds)), End()
    with running(source):
        await connect(caller, callee)
        await until(lambda: callee.taker.pictures)
    caller.peer.send_control(QUIET)
    await until(lambda: callee.said(inputs.ControlReceived))
    assert callee.said(inputs.PeerClosed) == []
    await caller.peer.close(say_bye=False)
    await callee.peer.close(say_bye=False)


async def test_a_feed_closed_before_the_call_sends_nothing() -> None:
    source = Source(200, 440)
    source.pictures.close()
    source.sounds.close()
    caller, callee = End(Outgoing(source.pictures, source.sounds)), End()
    async with call(caller, callee):
        caller.peer.send_control(QUIET)
        await until(lambda: callee.said(inputs.ControlReceived))
    assert callee.said(inputs.MediaArrived) == []


async def test_a_change_of_the_pictures_size_is_followed() -> None:
    feed: Feed[Picture] = Feed()
    caller, callee = End(Outgoing(feed, None)), End()

    def sent_and_seen(frame: av.VideoFrame) -> bool:
        feed.publish(Picture(frame, time.monotonic()))
        return [(f.width, f.height) for f in callee.taker.pictures[-1:]] == [(frame.width, frame.height)]

    async with call(caller, callee):
        for size in ((320, 240), (640, 360), (160, 120)):
            await until(partial(sent_and_seen, painted(150, size)))


async def test_trickled_candidates_connect_too() -> None:
    caller, callee = End(), End()
    try:
        await caller.peer.open()
        await callee.peer.open()
        offer = await caller.peer.create_offer()
        answer = await callee.peer.accept_offer(_without_candidates(offer))
        await caller.peer.accept_answer(_without_candidates(answer))
        for sdp, peer in ((offer, callee.peer), (answer, caller.peer)):
            for line in sdp.splitlines():
                if line.startswith("a=candidate:"):
                    await peer.add_candidate(Candidate(line[2:], "0", 0, None))
            await peer.add_candidate(Candidate(None, None, None, None))
            await peer.add_candidate(Candidate(None, None, None, None))
        await until(lambda: caller.said(inputs.PeerConnected) and callee.said(inputs.PeerConnected))
    finally:
        await caller.peer.close(say_bye=False)
        await callee.peer.close(say_bye=False)


async def test_the_offer_made_while_gathering_has_candidates() -> None:
    caller = End()
    await caller.peer.open()
    offer = await caller.peer.create_offer()
    await caller.peer.close(say_bye=False)
    assert "a=candidate:" in offer
    assert "a=end-of-candidates" in offer
    assert "useinbandfec=1" in offer
    assert len(offer) < MAX_SDP
    assert "google" not in offer


async def test_two_without_a_path_between_them_are_told_so() -> None:
    caller, callee = End(), End()
    await caller.peer.open()
    await callee.peer.open()
    offer = _without_candidates(await caller.peer.create_offer())
    answer = _without_candidates(await callee.peer.accept_offer(offer))
    await caller.peer.accept_answer(answer)
    await caller.peer.add_candidate(Candidate(None, None, None, None))
    await until(lambda: caller.said(inputs.PeerFailed))
    await caller.peer.close(say_bye=False)
    await callee.peer.close(say_bye=False)
    [failed] = caller.said(inputs.PeerFailed)
    assert failed.why == "the other side told no address at which it can be reached."


async def test_an_answer_of_another_certificate_fails_the_call() -> None:
    caller, callee, other = End(), End(), End()
    for end in (caller, callee, other):
        await end.peer.open()
    answer = await callee.peer.accept_offer(await caller.peer.create_offer())
    foreign = await other.peer.create_offer()
    for algorithm in ("sha-256", "sha-384", "sha-512"):
        wrong = next(line for line in foreign.splitlines() if line.startswith(f"a=fingerprint:{algorithm}"))
        answer = "\r\n".join(
            wrong if line.startswith(f"a=fingerprint:{algorithm}") else line for line in answer.splitlines()
        )
    await caller.peer.accept_answer(answer + "\r\n")
    await until(lambda: caller.said(inputs.PeerFailed))
    for end in (caller, callee, other):
        await end.peer.close(say_bye=False)
    assert caller.said(inputs.PeerConnected) == []


async def test_servers_that_are_none_are_left_out(caplog: pytest.LogCaptureFixture) -> None:
    caller = End(ice_servers=(IceServer(("stun:", "http://example.org")),))
    async with call(caller, End()):
        pass
    assert len([record for record in caplog.records if "Ignored the ICE server" in record.message]) == 2


async def test_a_peer_that_was_not_opened_says_so() -> None:
    end = End()
    with pytest.raises(CallError):
        await end.peer.create_offer()
    with pytest.raises(CallError):
        await end.peer.accept_offer("v=0\r\n")
    await end.peer.close(say_bye=True)


OFFER = (Path(__file__).parents[2] / "benchmarks/crowd/offer.sdp").read_text(encoding="utf-8")
LINES = OFFER.splitlines()
INSERTED = ["m=audio 9 UDP/TLS/RTP/SAVPF 0", "m=", "a=fmtp:1 x", "a=rtpmap:96", "a=ssrc:1", "c=IN", "a="]
damage = st.one_of(
    st.tuples(st.just("drop"), st.integers(0, len(LINES) - 1), st.just("")),
    st.tuples(st.just("replace"), st.integers(0, len(LINES) - 1), st.text(max_size=80)),
    st.tuples(st.just("repeat"), st.integers(0, len(LINES) - 1), st.just("")),
    st.tuples(st.just("cut"), st.integers(0, len(LINES) - 1), st.integers(0, 60).map(str)),
    st.tuples(
        st.just("insert"),
        st.integers(0, len(LINES) - 1),
        st.sampled_from(
            ["m=audio 9 UDP/TLS/RTP/SAVPF 0", "m=", "a=fmtp:1 x", "a=rtpmap:96", "a=ssrc:1", "c=IN", "a="]
        ),
    ),
)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(damage, min_size=1, max_size=4))
def test_a_damaged_offer_raises_the_typed_error_or_is_answered(damages: list[tuple[str, int, str]]) -> None:
    lines = list(LINES)
    for what, at, text in damages:
        index = at % len(lines)
        match what:
            case "drop" if len(lines) > 1:
                del lines[index]
            case "replace":
                lines[index] = text
            case "repeat":
                lines.insert(index, lines[index])
            case "cut":
                lines[index] = lines[index][: int(text)]
            case _:
                lines.insert(index, text)
    asyncio.run(_offer("\r\n".join(lines) + "\r\n"))


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.text(max_size=300))
def test_any_text_as_an_offer_raises_the_typed_error(text: str) -> None:
    asyncio.run(_offer(text))


async def _offer(sdp: str) -> None:
    end = End()
    await end.peer.open()
    try:
        assert "a=candidate:" in await end.peer.accept_offer(sdp)
    except CallError as error:
        assert error.message.endswith(".")  # noqa: PT017  either outcome is right
    finally:
        await end.peer.close(say_bye=False)


async def test_nonsense_candidates_are_dropped() -> None:
    caller, callee = End(), End()
    nonsense = [
        "x",
        "candidate:",
        "candidate:1 1 udp 1 example.org 9 typ host",
        "\u2028" * 100,
        "candidate:" + "1 " * 50,
    ]
    async with call(caller, callee):
        for line in nonsense * 20:
            await caller.peer.add_candidate(Candidate(line, "0", 0, None))
        caller.peer.send_control(QUIET)
        await until(lambda: callee.said(inputs.ControlReceived))
    await caller.peer.add_candidate(Candidate("late", None, None, None))


async def test_a_second_description_is_refused() -> None:
    caller, callee = End(), End()
    async with call(caller, callee):
        with pytest.raises(CallError):
            await caller.peer.accept_answer(OFFER)
        with pytest.raises(CallError):
            await caller.peer.accept_offer(OFFER)


def _without_candidates(sdp: str) -> str:
    kept = [line for line in sdp.splitlines() if not line.startswith(("a=candidate:", "a=end-of-candidates"))]
    return "\r\n".join(kept) + "\r\n"
