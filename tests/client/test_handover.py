"""Of two connections one is seen and heard."""

from __future__ import annotations

from pycall.client.handover import Handover


def test_the_newest_that_brings_anything_is_seen_and_heard_kind_by_kind() -> None:
    handover = Handover()
    assert handover.takes(1, "audio")
    assert handover.takes(1, "video")
    assert handover.takes(2, "audio")
    assert not handover.takes(1, "audio")
    assert handover.takes(1, "video")
    assert handover.takes(2, "video")
    assert not handover.takes(1, "video")


def test_when_the_newest_was_given_up_the_one_before_is_seen_and_heard_again() -> None:
    handover = Handover()
    assert handover.takes(2, "audio")
    handover.ended(1)
    assert not handover.takes(1, "audio")
    handover.ended(2)
    assert handover.takes(1, "audio")
