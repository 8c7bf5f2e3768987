"""What a link does to packets, on a clock that is a number."""

from __future__ import annotations

import itertools

import pytest

from tests.netlab.shaping import BUCKET_BYTES, Direction


def sent(direction: Direction, times: list[float], octets: int = 1000) -> list[tuple[int, float]]:
    """Packets pushed at these times, as (number, time it left) in the order of leaving."""
    left = []
    packets = [number.to_bytes(4, "big").ljust(octets, b"\0") for number in range(len(times))]
    for packet, now in zip(packets, times, strict=True):
        direction.push(packet, now)
    while direction.next_at < float("inf"):
        now = direction.next_at
        left += [(int.from_bytes(packet[:4], "big"), now) for packet in direction.due(now)]
    return left


def every_10_ms(count: int) -> list[float]:
    return [number / 100 for number in range(count)]


def test_as_made_it_hands_everything_on_at_once() -> None:
    times = every_10_ms(100)
    assert sent(Direction(), times) == list(enumerate(times))


def test_a_delay_is_the_same_for_all() -> None:
    direction = Direction()
    direction.reshape(delay_s=0.25)
    assert sent(direction, [1.0, 2.0]) == [(0, 1.25), (1, 2.25)]


@pytest.mark.parametrize("reorders", [False, True])
def test_jitter_stays_within_its_bounds_and_reorders_only_if_told(reorders: bool) -> None:
    direction = Direction(seed=1)
    direction.reshape(delay_s=0.1, jitter_s=0.03, reorders=reorders)
    times = every_10_ms(1000)
    left = sent(direction, times)
    assert all(0.07 <= at - times[number] < 0.13 + 1e-9 for number, at in left)
    assert ([number for number, _ in left] != list(range(1000))) is reorders
    assert (direction.counters.reordered > 100) is reorders


def test_loss_takes_its_share_without_a_pattern() -> None:
    direction = Direction(seed=1)
    direction.reshape(loss=0.1)
    left = sent(direction, every_10_ms(10_000))
    assert direction.counters.lost == 10_000 - len(left)
    assert 0.09 < direction.counters.lost / 10_000 < 0.11
    assert 1.0 < sum(bursts(left)) / len(bursts(left)) < 1.2


def test_bursts_take_their_share_and_have_their_length() -> None:
    direction = Direction(seed=1)
    direction.reshape(burst_loss=0.1, burst_length=5)
    left = sent(direction, every_10_ms(50_000))
    assert 0.09 < direction.counters.lost / 50_000 < 0.11
    assert 4.5 < sum(bursts(left)) / len(bursts(left)) < 5.5


def bursts(left: list[tuple[int, float]]) -> list[int]:
    """The lengths of the gaps in what arrived."""
    return [
        later - earlier - 1 for (earlier, _), (later, _) in itertools.pairwise(left) if later > earlier + 1
    ]


def test_a_rate_spreads_what_comes_at_once_after_a_bucket_of_it() -> None:
    direction = Direction()
    direction.reshape(rate_bps=80_000, queue_s=10)
    left = sent(direction, [0.0] * 10)
    free = BUCKET_BYTES // 1000
    assert [at for _, at in left] == pytest.approx([0.0] * free + [each / 10 for each in range(1, 11 - free)])


def test_what_finds_the_queue_full_is_lost() -> None:
    direction = Direction()
    direction.reshape(rate_bps=80_000, queue_s=0.35)
    left = sent(direction, [0.0] * 20)
    assert left[-1][1] == pytest.approx(0.4)
    assert direction.counters.overflowed == 20 - len(left)


def test_a_cut_loses_all_that_comes_while_it_lasts_and_nothing_under_way() -> None:
    direction = Direction()
    direction.reshape(delay_s=1.0)
    direction.push(b"under way", 0.0)
    direction.cut(until=5.0)
    direction.push(b"lost", 4.9)
    direction.push(b"after", 5.0)
    assert list(direction.due(10.0)) == [b"under way", b"after"]
    assert direction.counters.cut == 1


def test_a_change_keeps_the_rest_of_the_shape() -> None:
    direction = Direction()
    direction.reshape(delay_s=1.0)
    direction.reshape(loss=0.0)
    assert sent(direction, [0.0]) == [(0, 1.0)]
    with pytest.raises(TypeError):
        direction.reshape(dealy_s=1.0)
