"""Packets leave in order and at once; a hole costs what was lost and leaves no lag."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from pycall.client.reorder import (
    ASK_KEY_S,
    FAR,
    MAX_MISSING,
    MAX_WAITING,
    PICTURE_PATIENCE_S,
    SOUND_PATIENCE,
    Packet,
    PictureOrder,
    SoundOrder,
    h264_packet,
    vp8_packet,
)

starts = st.integers(0, 0xFFFF)


def sound(number: int) -> Packet:
    return Packet(number & 0xFFFF, number * 960, number.to_bytes(4, "big"))


def fed(order: SoundOrder, numbers: list[int]) -> list[int]:
    out = []
    for number in numbers:
        order.push(sound(number))
        while (frame := order.pop(0.0)) is not None:
            out.append(int.from_bytes(frame.data, "big"))
    return out


@given(starts)
def test_sound_in_order_leaves_at_once(start: int) -> None:
    order = SoundOrder()
    for number in range(start, start + 200):
        assert fed(order, [number]) == [number]


@given(starts, st.integers(1, 100))
def test_one_lost_packet_of_sound_costs_only_itself(start: int, lost: int) -> None:
    numbers = [n for n in range(start, start + 200) if n != start + lost]
    assert fed(SoundOrder(), numbers) == numbers


@given(starts, st.integers(0, 2**32))
def test_sound_reordered_by_less_than_the_patience_is_put_right(start: int, seed: int) -> None:
    chance = random.Random(seed)
    numbers = list(range(start, start + 200))
    for at in range(1, 198, SOUND_PATIENCE):
        if chance.random() < 0.5:
            numbers[at], numbers[at + 1] = numbers[at + 1], numbers[at]
    assert fed(SoundOrder(), numbers) == sorted(numbers)


def test_late_and_repeated_sound_is_dropped() -> None:
    assert fed(SoundOrder(), [1, 2, 2, 1, 4, 5, 6, 3, 7]) == [1, 2, 4, 5, 6, 7]


@given(starts, st.integers(FAR + 10, 0xFFFF - FAR - 10))
def test_a_new_stream_of_sound_is_followed_at_once(start: int, jump: int) -> None:
    assert fed(SoundOrder(), [start, start + 1, start + jump + 1]) == [start, start + 1, start + jump + 1]


def test_sound_without_content_is_left_out_and_nothing_waits_for_it() -> None:
    order = SoundOrder()
    assert fed(order, [1]) == [1]
    order.push(Packet(2, 1_920, b""))
    assert order.pop(0.0) is None
    assert fed(order, [3]) == [3]
    for packet in (sound(6), Packet(5, 4_800, b""), Packet(4, 3_840, b"")):
        order.push(packet)
    assert fed(order, [7]) == [6, 7]


@given(st.lists(starts, max_size=300))
def test_sound_never_piles_up(numbers: list[int]) -> None:
    order = SoundOrder()
    fed(order, numbers)
    assert len(order._waiting) < SOUND_PATIENCE
    assert order.missing() == []
    assert not order.wants_key(0.0)


class Stream:
    """A sender of pictures of ``size`` packets each."""

    def __init__(self, start: int = 0, size: int = 3) -> None:
        self.sequence = start
        self.time = 0
        self.size = size

    def picture(self, *, key: bool = False, marker: bool = True) -> list[Packet]:
        self.time += 3_000
        packets = []
        for part in range(self.size):
            last = marker and part == self.size - 1
            payload = self.sequence.to_bytes(4, "big")
            packets.append(
                Packet(self.sequence & 0xFFFF, self.time, payload, part == 0, last, key and part == 0)
            )
            self.sequence += 1
        return packets


def shown(order: PictureOrder, packets: list[Packet], now: float = 0.0) -> list[int]:
    out = []
    for packet in packets:
        order.push(packet)
        while (picture := order.pop(now)) is not None:
            out.append(picture.timestamp)
    return out


@given(starts, st.integers(1, 40))
def test_a_picture_leaves_with_its_last_packet(start: int, size: int) -> None:
    stream, order = Stream(start, size), PictureOrder()
    for number in range(20):
        packets = stream.picture(key=number == 0)
        assert shown(order, packets[:-1]) == []
        assert shown(order, packets[-1:]) == [stream.time]


def test_a_picture_is_put_together_from_all_its_packets() -> None:
    stream, order = Stream(7), PictureOrder()
    packets = stream.picture(key=True)
    for packet in reversed(packets):
        order.push(packet)
    picture = order.pop(0.0)
    assert picture is not None
    assert picture.data == b"".join(packet.payload for packet in packets)


def test_pictures_begin_with_a_key_picture_which_is_asked_for_now_and_then() -> None:
    stream, order = Stream(), PictureOrder()
    assert shown(order, stream.picture()) == []
    assert order.wants_key(0.0)
    assert not order.wants_key(ASK_KEY_S / 2)
    assert order.wants_key(ASK_KEY_S)
    assert shown(order, stream.picture(key=True)) == [stream.time]
    assert not order.wants_key(9.0)


def test_without_markers_a_picture_leaves_with_the_next_ones_first_packet() -> None:
    stream, order = Stream(), PictureOrder()
    assert shown(order, stream.picture(key=True, marker=False)) == []
    assert shown(order, stream.picture(marker=False)) == [3_000]


def test_a_repaired_loss_leaves_no_lag() -> None:
    stream, order = Stream(), PictureOrder()
    shown(order, stream.picture(key=True))
    first, lost, last = stream.picture()
    assert shown(order, [first, last]) == []
    assert order.missing() == [lost.sequence]
    waiting = [packet for _ in range(5) for packet in stream.picture()]
    assert shown(order, waiting, now=0.05) == []
    assert shown(order, [lost], now=0.1) == [6_000 + 3_000 * n for n in range(6)]
    assert order.missing() == []


def test_an_unrepaired_loss_ends_with_the_next_key_picture() -> None:
    stream, order = Stream(), PictureOrder()
    shown(order, stream.picture(key=True))
    shown(order, stream.picture()[1:])
    assert shown(order, stream.picture(), now=PICTURE_PATIENCE_S / 2) == []
    assert not order.wants_key(PICTURE_PATIENCE_S / 2)
    assert shown(order, stream.picture(), now=PICTURE_PATIENCE_S * 2) == []
    assert order.wants_key(PICTURE_PATIENCE_S * 2)
    assert order.missing() == []
    assert shown(order, stream.picture(), now=PICTURE_PATIENCE_S * 3) == []
    assert shown(order, stream.picture(key=True), now=PICTURE_PATIENCE_S * 3) == [stream.time]
    assert shown(order, stream.picture(), now=PICTURE_PATIENCE_S * 3) == [stream.time]


def test_a_key_picture_that_is_there_is_not_waited_for() -> None:
    stream, order = Stream(), PictureOrder()
    shown(order, stream.picture(key=True))
    shown(order, stream.picture()[:-1])
    assert shown(order, stream.picture(key=True)) == [stream.time]


def test_more_is_not_asked_for_than_a_message_should_hold() -> None:
    stream, order = Stream(size=1), PictureOrder()
    shown(order, stream.picture(key=True))
    for _ in range(200):
        stream.picture()
    shown(order, stream.picture())
    assert len(order.missing()) == MAX_MISSING


@given(st.lists(st.tuples(starts, st.booleans(), st.booleans(), st.booleans()), max_size=400))
def test_pictures_never_pile_up_whatever_comes(packets: list[tuple[int, bool, bool, bool]]) -> None:
    order = PictureOrder()
    for at, (number, first, last, key) in enumerate(packets):
        order.push(Packet(number, number * 7, b"x", first, last, key))
        while order.pop(at / 50) is not None:
            pass
    assert len(order._waiting) <= MAX_WAITING
    assert all(0 <= number < 1 << 16 for number in order.missing())


def test_pictures_that_cannot_be_decoded_are_not_kept() -> None:
    stream, order = Stream(size=2), PictureOrder()
    for _ in range(MAX_WAITING):
        shown(order, stream.picture())
    assert len(order._waiting) <= MAX_WAITING // 4 + 2
    assert shown(order, stream.picture(key=True)) == [stream.time]


@given(starts, st.integers(FAR + 10, 0xFFFF - FAR - 10))
def test_a_new_stream_of_pictures_begins_with_its_key_picture(start: int, jump: int) -> None:
    stream, order = Stream(start), PictureOrder()
    shown(order, stream.picture(key=True))
    stream.sequence += jump
    assert shown(order, stream.picture()) == []
    assert order.wants_key(0.0)
    assert shown(order, stream.picture(key=True)) == [stream.time]


def test_the_beginning_of_a_key_picture_is_seen_in_its_descriptor() -> None:
    key, delta = b"\x10\x02\x00", b"\x11\x02\x00"
    assert vp8_packet(1, 2, b"\x90\x80\x01" + key, key, last=False).key
    assert not vp8_packet(1, 2, b"\x90\x80\x01" + delta, delta, last=False).key
    assert not vp8_packet(1, 2, b"\x80\x80\x01" + key, key, last=False).first  # not its first packet
    assert not vp8_packet(1, 2, b"\x91\x80\x01" + key, key, last=False).first  # another partition
    assert not vp8_packet(1, 2, b"", b"", last=True).first


def test_the_beginning_of_a_key_picture_of_h264_is_its_parameter_set() -> None:
    def key(payload: bytes) -> bool:
        return h264_packet(1, 2, payload, payload, last=False).key

    assert key(b"\x67\x42\xe0\x1f")  # alone
    assert key(b"\x78\x00\x04\x67\x42\xe0\x1f\x00\x01\x68")  # with others in one packet
    assert key(b"\x7c\x87\x42")  # the first part of it
    assert not key(b"\x7c\x07\x42")  # a later one
    assert not key(b"\x65\x88")  # a picture without it
    assert not key(b"\x41\x9a")
    assert not any(key(payload) for payload in (b"", b"\x78", b"\x78\x00", b"\x7c"))


def test_padding_between_pictures_is_left_out() -> None:
    stream, order = Stream(), PictureOrder()
    assert shown(order, stream.picture(key=True)) == [3_000]
    padding = [Packet(stream.sequence + n, 3_000, b"") for n in range(3)]
    stream.sequence += 3
    assert shown(order, padding) == []
    assert shown(order, stream.picture()) == [6_000]
    assert order.missing() == []
