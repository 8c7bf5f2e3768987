"""Pictures leave whole, in order and at once; a hole ends with its repair or a key picture."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pycall.client.receiving.order import (
    ASK_KEY_S,
    CUT,
    GIVE_UP_S,
    HOPELESS,
    LONGEST_PATIENCE_S,
    MOST_WAITING,
    OVERTAKING_S,
    SHORTEST_PATIENCE_S,
    SILENCE_S,
    PictureOrder,
)
from pycall.client.receiving.packets import Packet
from tests.client.receiving.pictures import Sender

starts = st.integers(0, 0x1FFFF)


def shown(order: PictureOrder, packets: list[Packet]) -> list[int]:
    """The time stamps of the pictures that leave while these packets come."""
    out = []
    for packet in packets:
        order.push(packet)
        out += popped(order, packet.arrival)
    return out


def popped(order: PictureOrder, now: float) -> list[int]:
    """The time stamps of all pictures that leave now."""
    out = []
    while (picture := order.pop(now)) is not None:
        out.append(picture.timestamp)
    return out


def begun(sender: Sender) -> PictureOrder:
    """One that has shown a key picture, at time 0."""
    order = PictureOrder()
    order.rtt_s = 0.025
    assert shown(order, sender.picture(key=True)) == [sender.timestamp]
    return order


@given(starts, st.integers(1, 40))
def test_a_picture_leaves_with_its_last_packet(start: int, size: int) -> None:
    sender, order = Sender(start, size), PictureOrder()
    for number in range(20):
        packets = sender.picture(key=number == 0)
        assert shown(order, packets[:-1]) == []
        assert shown(order, packets[-1:]) == [sender.timestamp]


def test_a_picture_is_put_together_from_all_its_packets_and_came_with_the_first() -> None:
    sender, order = Sender(7), PictureOrder()
    packets = sender.picture(key=True)
    for at, packet in enumerate(reversed(packets)):
        order.push(replace(packet, arrival=1.0 + at))
    picture = order.pop(9.0)
    assert picture is not None
    assert picture.data == b"".join(packet.data for packet in packets)
    assert picture.first == 1.0


def test_without_markers_a_picture_leaves_with_the_next_ones_first_packet() -> None:
    sender, order = Sender(), PictureOrder()
    assert shown(order, sender.picture(key=True, marker=False)) == []
    assert shown(order, sender.picture(marker=False)) == [3_000]


def test_padding_between_pictures_is_left_out() -> None:
    sender = Sender()
    order = begun(sender)
    padding = [Packet(sender.number + n, 3_000, b"", 0.0) for n in range(3)]
    sender.number += 3
    assert shown(order, padding) == []
    assert shown(order, sender.picture()) == [6_000]


def test_pictures_begin_with_a_key_picture_which_is_asked_for_again_and_again() -> None:
    sender, order = Sender(), PictureOrder()
    assert shown(order, sender.picture(0.0)) == []
    assert not order.wants_key(0.0)  # it may have been overtaken
    assert order.wants_key(OVERTAKING_S)
    assert not order.wants_key(OVERTAKING_S + ASK_KEY_S / 2)
    assert order.wants_key(OVERTAKING_S + ASK_KEY_S)
    assert shown(order, sender.picture(0.3, key=True)) == [sender.timestamp]
    assert not order.wants_key(0.3 + 2 * ASK_KEY_S)


def test_a_key_picture_that_was_overtaken_at_the_beginning_is_not_asked_for() -> None:
    sender, order = Sender(size=1), PictureOrder()
    key, other = sender.picture(0.01, key=True), sender.picture(0.0)
    assert shown(order, other) == []
    assert shown(order, key) == [3_000, 6_000]
    assert not order.wants_key(OVERTAKING_S)


def test_a_repaired_loss_leaves_no_lag() -> None:
    sender = Sender()
    order = begun(sender)
    first, lost, last = sender.picture(0.03)
    assert shown(order, [first, last]) == []
    assert shown(order, [packet for _ in range(3) for packet in sender.picture(0.1)]) == []
    assert shown(order, [replace(lost, arrival=0.13)]) == [6_000 + 3_000 * n for n in range(4)]
    assert not order.wants_key(1.0)


def test_a_hole_is_repaired_after_a_key_picture_was_asked_for_too() -> None:
    sender = Sender()
    order = begun(sender)
    first, lost, last = sender.picture(0.0)
    shown(order, [first, last])
    assert popped(order, order.patience_s) == []
    assert order.wants_key(order.patience_s)
    assert shown(order, [replace(lost, arrival=0.3)]) == [6_000]
    assert not order.wants_key(0.6)


def test_what_is_not_repaired_in_time_ends_with_a_key_picture_that_is_asked_for() -> None:
    sender = Sender()
    order = begun(sender)
    shown(order, sender.picture(0.0)[1:])
    patience_s = order.patience_s
    assert shown(order, sender.picture(patience_s * 0.9)) == []
    assert not order.wants_key(patience_s * 0.9)
    assert shown(order, sender.picture(patience_s)) == []
    assert order.wants_key(patience_s)
    assert not order.wants_key(patience_s + ASK_KEY_S * 0.9)
    assert shown(order, sender.picture(patience_s + ASK_KEY_S)) == []
    assert order.wants_key(patience_s + ASK_KEY_S)
    assert shown(order, sender.picture(0.5, key=True)) == [sender.timestamp]
    assert shown(order, sender.picture(0.5)) == [sender.timestamp]
    assert not order.wants_key(0.8)


@pytest.mark.parametrize(("rtt_s", "patience_s"), [(0.001, SHORTEST_PATIENCE_S), (5.0, LONGEST_PATIENCE_S)])
def test_patience_follows_the_round_trip_within_bounds(rtt_s: float, patience_s: float) -> None:
    order = PictureOrder()
    order.rtt_s = rtt_s
    assert order.patience_s == patience_s


def test_a_key_picture_that_is_all_there_is_not_waited_with() -> None:
    sender = Sender()
    order = begun(sender)
    shown(order, sender.picture()[:-1])
    assert shown(order, sender.picture(key=True)) == [sender.timestamp]


def test_a_key_picture_with_a_hole_of_its_own_ends_no_other() -> None:
    sender = Sender()
    order = begun(sender)
    first, lost, last = sender.picture(0.0)
    shown(order, [first, last])
    head, missing, tail = sender.picture(0.02, key=True)
    assert shown(order, [head, tail]) == []
    assert shown(order, [replace(lost, arrival=0.04)]) == [6_000]
    assert shown(order, [replace(missing, arrival=0.05)]) == [9_000]


def test_a_long_hole_is_not_repaired_but_a_key_picture_asked_for_at_once() -> None:
    sender = Sender(size=1)
    order = begun(sender)
    sender.number += HOPELESS
    assert shown(order, sender.picture(0.03)) == []
    assert order.wants_key(0.03)
    assert order.useful_from == sender.number - 1


def test_a_hole_behind_a_silence_is_a_cut_and_a_key_picture_asked_for_at_once() -> None:
    sender = Sender(size=1)
    order = begun(sender)
    sender.number += CUT
    assert shown(order, sender.picture(SILENCE_S + 0.1)) == []
    assert order.wants_key(SILENCE_S + 0.1)


def test_no_key_picture_is_asked_for_while_nothing_comes() -> None:
    sender = Sender()
    order = begun(sender)
    shown(order, sender.picture(0.0)[1:])
    assert popped(order, SILENCE_S + 0.1) == []
    assert not order.wants_key(SILENCE_S + 0.1)


def test_while_nothing_comes_nothing_is_waited_for() -> None:
    sender = Sender()
    order = begun(sender)
    shown(order, sender.picture(0.0)[1:])
    assert order.waits(SILENCE_S)
    assert not order.waits(SILENCE_S + 0.01)
    assert shown(order, sender.picture(GIVE_UP_S + 0.1, key=True)) == [sender.timestamp]
    order.restart(2.0)
    assert not order.waits(2.0)
    shown(order, sender.picture(2.1))
    assert order.waits(2.1)


class Counted(dict[int, Packet]):
    """Counts what is looked up in it."""

    looks = 0

    def get(self, number: int, default: Any = None) -> Any:
        self.looks += 1
        return super().get(number, default)

    def __getitem__(self, number: int) -> Packet:
        self.looks += 1
        return super().__getitem__(number)

    def __contains__(self, number: object) -> bool:
        self.looks += 1
        return super().__contains__(number)


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("apart", [0, 7], ids=["one picture", "many"])
@pytest.mark.parametrize("stride", [1, 2], ids=["in a row", "with holes"])
def test_packets_that_all_seem_to_begin_a_key_picture_cost_no_more_than_others(
    stride: int, apart: int, backwards: bool
) -> None:
    count = 1_000
    sender = Sender()
    order = begun(sender)
    order._waiting = waiting = Counted()
    packets = [
        Packet(sender.number + 1 + stride * at, 9_000 + apart * at, b"x", 0.01, key=True)
        for at in range(count)
    ]
    if backwards:
        packets.insert(0, packets.pop())  # no jump that is taken for a cut
        packets[1:] = packets[:0:-1]
    order._newest = packets[0].number - 1
    for packet in packets:
        before = waiting.looks
        shown(order, [packet])
        assert waiting.looks - before < 3 * count
    assert backwards or waiting.looks < 20 * count


def test_a_key_picture_of_which_a_leading_packet_came_late_is_whole() -> None:
    sender = Sender()
    order = begun(sender)
    shown(order, sender.picture()[1:])
    leading, *rest = sender.picture(key=False)
    rest[0] = replace(rest[0], key=True)  # behind an access unit delimiter in a packet of its own
    assert shown(order, rest) == [sender.timestamp]
    assert shown(order, [leading]) == []
    assert shown(order, sender.picture()) == [sender.timestamp]


def test_an_idr_picture_ends_a_hole_when_parameters_came_before_and_none_can_be_lost() -> None:
    def idr(sender: Sender) -> list[Packet]:
        first, *rest = sender.picture()
        return [first, replace(rest[0], intra=True), *rest[1:]]  # behind a delimiter

    sender = Sender()
    order = PictureOrder()
    assert shown(order, idr(sender)) == []
    assert shown(order, sender.picture(key=True)) == [sender.timestamp]
    shown(order, sender.picture()[:-1])
    _, *headless = idr(sender)
    assert shown(order, headless) == []  # what came before may have been its parameters
    shown(order, sender.picture())
    assert shown(order, idr(sender)) == [sender.timestamp]
    order.restart(0.0)
    shown(order, sender.picture())
    assert shown(order, idr(sender)) == [sender.timestamp]


def test_what_waits_for_a_repair_that_never_comes_is_dropped() -> None:
    sender = Sender()
    order = begun(sender)
    shown(order, sender.picture(0.0)[1:])
    shown(order, sender.picture(GIVE_UP_S))
    assert order.useful_from == sender.number - 3  # what came before it was seen that nothing is repaired
    assert shown(order, sender.picture(GIVE_UP_S, key=True)) == [sender.timestamp]


def test_pictures_that_were_dropped_behind_it_end_with_a_key_picture() -> None:
    sender = Sender()
    order = begun(sender)
    order.restart(0.0)
    assert order.wants_key(0.0)
    assert shown(order, sender.picture()) == []
    assert shown(order, sender.picture(key=True)) == [sender.timestamp]


def test_pictures_that_cannot_be_decoded_do_not_pile_up() -> None:
    sender, order = Sender(size=2), PictureOrder()
    for _ in range(MOST_WAITING):
        shown(order, sender.picture())
        assert len(order._waiting) <= MOST_WAITING
    assert shown(order, sender.picture(key=True)) == [sender.timestamp]


@given(
    st.lists(st.tuples(st.integers(0, 3_000), st.floats(0, 0.2), st.booleans(), st.booleans()), max_size=400)
)
def test_pictures_never_go_back_nor_pile_up_whatever_comes(
    packets: list[tuple[int, float, bool, bool]],
) -> None:
    order, now, left = PictureOrder(), 0.0, -1
    for number, pause, last, key in packets:
        now += pause
        order.push(Packet(number, number * 7, number.to_bytes(4, "big"), now, last=last, key=key))
        while (picture := order.pop(now)) is not None:
            parts = [
                int.from_bytes(picture.data[at : at + 4], "big") for at in range(0, len(picture.data), 4)
            ]
            assert parts == list(range(parts[0], parts[-1] + 1))
            assert parts[0] > left
            left = parts[-1]
        assert order.useful_from > left
        assert len(order._waiting) <= MOST_WAITING


@given(st.integers(0, 2**32), st.floats(0, 0.4), st.integers(1, 12))
def test_pictures_go_on_at_latest_with_the_key_picture_asked_for(seed: int, loss: float, size: int) -> None:
    """Nothing is repaired here: every hole has to end by a key picture, which comes within 0.1 s."""
    chance = random.Random(seed)
    sender, order = Sender(size=size), PictureOrder()
    now, key_at, frozen_since = 0.0, 0.0, 0.0
    for _ in range(300):
        now += 1 / 30
        key = key_at <= now
        packets = sender.picture(now, key=key)
        arriving = packets if key else [packet for packet in packets if chance.random() >= loss]
        if key:
            key_at = now + 1e9
        if shown(order, arriving):
            frozen_since = now
        if order.wants_key(now):
            key_at = min(key_at, now + 0.1)
        assert now - frozen_since < order.patience_s + ASK_KEY_S + 0.7  # and many lose all their packets


def numbered(order: PictureOrder, pictures: list[list[Packet]], begin: int) -> list[int]:
    """The time stamps of the pictures that leave when these come, numbered from ``begin`` on."""
    packets = [
        replace(packet, picture=(begin + count) % 128 if part == 0 else None)
        for count, picture in enumerate(pictures)
        for part, packet in enumerate(picture)
    ]
    return shown(order, packets)


@pytest.mark.parametrize("begin", [3, 127])
def test_what_is_missing_between_pictures_that_follow_each_other_is_not_waited_for(begin: int) -> None:
    sender, order = Sender(), PictureOrder()
    stamps = numbered(order, [sender.picture(key=True)], begin)
    parity = [Packet(sender.number + part, sender.timestamp, b"", 0.0) for part in (0, 2)]
    sender.number += 4  # parity, of which the second and the last packet are lost
    assert shown(order, parity) == []
    assert numbered(order, [sender.picture()], begin + 1) == [sender.timestamp]
    assert stamps == [sender.timestamp - 3_000]
    assert order.useful_from == sender.number
    assert not order.wants_key(10.0)


@pytest.mark.parametrize("lost", [1, 2], ids=["one", "two"])
def test_a_picture_that_is_missing_is_waited_for_though_parity_came(lost: int) -> None:
    sender, order = Sender(), PictureOrder()
    numbered(order, [sender.picture(key=True)], 0)
    shown(order, [Packet(sender.number, sender.timestamp, b"", 0.0)])
    sender.number += 1
    missing = [sender.picture() for _ in range(lost)]
    assert numbered(order, [sender.picture()], 1 + lost) == []
    assert len(numbered(order, missing, 1)) == lost + 1
