"""What is asked for is sent again while that helps, and no storm comes of it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pycall.client.sending.repairs import (
    AT_ONCE_LEAST,
    KEPT,
    KEPT_S,
    SHARE,
    SHARE_OVER_S,
    Allowance,
    SentPacket,
    SentPackets,
)

RATE = 1_000_000


def sent(count: int, *, interval: float = 0.001, size: int = 1_200) -> SentPackets:
    """A history of packets numbered from 0, the first of which left at 1.0."""
    history = SentPackets()
    for number in range(count):
        history.sent(SentPacket(number & 0xFFFF, bytes(size), number & 0xFFFF, 1.0 + number * interval))
    return history


def allowed(rate: int = RATE) -> Allowance:
    """What repairs may take at first."""
    allowance = Allowance()
    allowance.grow(rate, 1.0)
    return allowance


def repaired(
    history: SentPackets,
    asked: list[int],
    now: float,
    *,
    allowance: Allowance | None = None,
    rate: int = RATE,
    rtt_s: float = 0.05,
) -> list[int]:
    allowance = allowance or allowed()
    allowance.grow(rate, now)
    repairs = history.repair(asked, now, allowance, loss=0.0, rtt_s=rtt_s)
    return [packet.sequence for packet, _ in repairs]


def test_a_packet_is_repaired_with_the_very_same_bytes() -> None:
    history = SentPackets()
    packet = SentPacket(7, b"encoded", 99, 1.0)
    history.sent(packet)
    [(again, twice)] = history.repair([7, 8], 1.1, allowed(), loss=0.0, rtt_s=0.05)
    assert again is packet
    assert not twice


def test_it_is_not_repaired_twice_within_a_round_trip() -> None:
    history = sent(10)
    assert repaired(history, [3], 1.1) == [3]
    assert repaired(history, [3], 1.14) == []
    assert repaired(history, [3], 1.16) == [3]
    assert repaired(history, [3], 1.165, rtt_s=0.0) == []


def test_a_path_that_loses_much_gets_each_repair_twice() -> None:
    assert [twice for _, twice in sent(5).repair([1], 1.1, allowed(), loss=0.03, rtt_s=0.05)] == [True]


def test_what_is_too_old_is_given_up_and_forgotten() -> None:
    history = sent(10)
    assert repaired(history, [9], 1.009 + KEPT_S + 0.01) == []
    history.sent(SentPacket(10, b"", None, 3.0))
    assert len(history) == 1
    assert len(sent(3 * KEPT, interval=0.0001)) == KEPT


def test_numbers_begin_again_after_sixteen_bits() -> None:
    history = sent((1 << 16) + 10, interval=0.002)
    assert len(history) == KEPT_S / 0.002 + 1
    assert repaired(history, [5], 1.0 + 65_546 * 0.002) == [5]


def test_who_asks_for_everything_again_and_again_gets_a_share_of_the_rate() -> None:
    streams, allowance, total = [sent(900, interval=0.0001) for _ in range(2)], allowed(), 0
    for step in range(90):
        for history in streams:
            again = repaired(history, list(range(900)), 1.1 + step / 100, allowance=allowance, rtt_s=0.0)
            total += len(again) * 1_200 * 8
    assert RATE * SHARE / 2 < total <= RATE * SHARE * (0.9 + SHARE_OVER_S)


def test_on_a_narrow_path_a_few_are_repaired_at_once_and_no_more_than_the_share_after_that() -> None:
    rate, history, total = 50_000, sent(900, interval=0.0001), 0
    allowance = allowed(rate)
    for step in range(90):
        again = repaired(
            history, list(range(900)), 1.1 + step / 100, allowance=allowance, rate=rate, rtt_s=0.0
        )
        total += len(again) * 1_200
    assert AT_ONCE_LEAST / 2 < total <= AT_ONCE_LEAST + rate * SHARE / 8


@given(st.lists(st.lists(st.integers(0, 65_535), max_size=50), max_size=50))
def test_nothing_that_is_asked_for_breaks_it(asked: list[list[int]]) -> None:
    history = sent(100)
    for number, sequences in enumerate(asked):
        again = repaired(history, sequences, 1.1 + number / 1000)
        assert set(again) <= set(sequences)
        assert len(again) == len(set(again))
