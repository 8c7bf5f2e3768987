"""A pairing is counted up when one of its two asks, and both are told."""

from __future__ import annotations

import pytest

from pycall.core.room import (
    RENEWAL_S,
    RENEWALS,
    Relay,
    RenewAsked,
    SendJoined,
    SendRenewed,
)
from tests.core.test_room import ANN, BOB, EVE, Story


def test_a_renewal_is_told_to_both_and_counts_the_epoch_up() -> None:
    story = Story(ANN, BOB)
    assert story.hears(RenewAsked("b", 1)) == [SendRenewed("a", 2), SendRenewed("b", 2)]
    assert story.hears(RenewAsked("a", 2)) == [SendRenewed("a", 3), SendRenewed("b", 3)]
    assert story.joins(ANN) == [SendJoined("a", "A", 3, BOB, offers=True, resumed=True)]


def test_nobody_can_have_the_other_one_build_connections_without_end() -> None:
    story = Story(ANN, BOB)
    for _ in range(1_000):
        story.hears(RenewAsked("b", story.room.epoch))
    assert story.room.epoch == 1 + RENEWALS
    for _ in range(100):
        story.now += RENEWAL_S / 10
        story.hears(RenewAsked("b", story.room.epoch))
    assert story.room.epoch == 1 + RENEWALS + 10


def test_of_two_who_ask_for_the_same_renewal_the_second_is_ignored() -> None:
    story = Story(ANN, BOB)
    story.hears(RenewAsked("a", 1))
    assert story.hears(RenewAsked("b", 1)) == []
    assert story.room.epoch == 2


@pytest.mark.parametrize("epoch", [-1, 0, 2, 2**60])
def test_a_renewal_of_another_epoch_is_ignored(epoch: int) -> None:
    assert Story(ANN, BOB).hears(RenewAsked("a", epoch)) == []


def test_nothing_is_renewed_with_a_plain_client_nor_alone_nor_beside_a_stranger_s_seat() -> None:
    assert Story(ANN, EVE).hears(RenewAsked("a", 1)) == []
    assert Story(EVE, ANN).hears(RenewAsked("e", 1)) == []
    assert Story(ANN).hears(RenewAsked("a", 0)) == []
    story = Story(ANN)
    story.loses("a")
    story.joins(BOB)
    assert story.hears(RenewAsked("b", 0)) == []


def test_who_was_away_learns_of_a_renewal_and_is_sent_what_was_said_since() -> None:
    story = Story(ANN, BOB)
    story.says("a", "of epoch 1")
    story.loses("b")
    assert story.hears(RenewAsked("a", 1)) == [SendRenewed("a", 2)]
    story.says("a", "of epoch 2")
    assert story.joins(BOB, "b2", received=0) == [
        SendJoined("b2", "B", 2, ANN, resumed=True),
        Relay("b2", "of epoch 2", 2),
    ]
