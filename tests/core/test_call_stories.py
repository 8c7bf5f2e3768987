"""Whatever happens to a call, in whatever order."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pycall.core import inputs as i
from pycall.core import outputs as o
from pycall.core.call import Call, Phase
from pycall.core.events import Path
from pycall.core.messages import Answer, Bye, Candidate, Keep, Offer
from pycall.core.terms import CallTerms

BOB = i.PeerInfo("b", "Bob", renews=True)
PATHS = [Path("direct", "host", "host"), Path("relay", "relay", "host", "tcp")]
CANDIDATE = Candidate("candidate:1 1 udp 1 192.0.2.1 9 typ host", "0", 0, 1)

attempts = st.integers(1, 4)
anything = st.one_of(
    st.sampled_from(
        [
            i.SignallingOpened(),
            i.SignallingLost(),
            i.RoomFull(),
            i.Refused("x", "y"),
            i.Refused("password-refused", "y"),
            i.HungUp(),
            i.DeadlinePassed(),
            i.NetworkChanged(),
        ]
    ),
    st.builds(
        i.JoinedRoom,
        st.just("a"),
        st.none() | attempts,
        st.none() | st.sampled_from([BOB, i.PeerInfo("c", "")]),
        st.just(()),
        st.booleans(),
        st.booleans(),
    ),
    st.builds(i.Renewed, attempts),
    st.builds(i.OtherJoined, st.just(BOB), st.none() | attempts),
    st.builds(i.OtherLeft, st.sampled_from(["b", "z"]), st.sampled_from(["left", "lost"])),
    st.builds(
        i.MessageReceived,
        st.sampled_from([Offer("o", 1), Answer("a", 1), Offer("o", None), CANDIDATE, Keep(2), Keep(3)]),
    ),
    st.builds(i.OfferCreated, attempts, st.just("o"), st.just(bytes(16))),
    st.builds(i.AnswerCreated, attempts, st.just("a"), st.just(bytes(16))),
    st.builds(i.PeerConnected, attempts, st.sampled_from(PATHS)),
    st.builds(i.PathChanged, attempts, st.sampled_from(PATHS)),
    st.builds(i.MediaHeard, attempts),
    st.builds(i.CandidateGathered, attempts, st.none() | st.just("candidate:1")),
    st.builds(i.PeerFailed, attempts, st.just("why")),
    st.builds(i.PeerClosed, attempts),
    st.builds(i.MediaSilent, attempts, st.floats(0, 60)),
    st.builds(i.ControlReceived, attempts, st.just(Bye())),
)


@given(st.lists(anything, max_size=60), st.booleans())
def test_whatever_happens_at_most_one_connection_and_its_successor_are_open_and_an_end_closes_them(
    story: list[i.Input], stay: bool
) -> None:
    call = Call(CallTerms("den", duration_s=1_000, wait_s=100, stay=stay))
    open_attempts: set[int] = set()
    finished = 0
    for now, happened in enumerate(story):
        for order in call.handle(happened, float(now)):
            match order:
                case o.OpenPeer(attempt):
                    open_attempts.add(attempt)
                case o.ClosePeer(attempt):
                    open_attempts.remove(attempt)
                case (
                    o.CreateOffer(attempt)
                    | o.AcceptOffer(attempt)
                    | o.AcceptAnswer(attempt)
                    | o.AddCandidate(attempt)
                    | o.MeasurePeer(attempt)
                ):
                    assert attempt in open_attempts
                case o.Finish():
                    finished += 1
                case _:
                    pass
        assert len(open_attempts) <= (2 if call.phase is Phase.CONNECTED else 1)
        if isinstance(happened, i.DeadlinePassed):
            assert call.deadline is None or call.deadline > now
        assert (call.phase is Phase.ENDED) == (finished == 1)
        if call.phase is Phase.ENDED:
            assert not open_attempts
        if call.phase in {Phase.WAITING, Phase.CONNECTING}:
            assert call.deadline is not None
            assert len(open_attempts) == 1
