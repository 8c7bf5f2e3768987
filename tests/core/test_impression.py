from __future__ import annotations

from pycall.core import events
from pycall.core import outputs as o
from pycall.core.impression import Impression
from pycall.core.messages import State


def test_each_kind_arrives_once() -> None:
    impression = Impression()
    assert impression.arrived("audio") == [o.Announce(events.FirstFrame("audio"))]
    assert impression.arrived("audio") == []
    assert impression.arrived("video") == [o.Announce(events.FirstFrame("video"))]


def test_a_state_is_told_when_it_is_another_than_before() -> None:
    impression = Impression()
    muted, quiet = State(True, False, False), State(False, False, False)
    assert impression.said(quiet) == []
    assert impression.said(muted) == [o.Announce(events.PeerState(True, False, False))]
    assert impression.said(muted) == []
    assert impression.said(quiet) == [o.Announce(events.PeerState(False, False, False))]
