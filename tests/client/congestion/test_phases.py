"""In simulated calls that send little for long, more is sent as soon as more is to be sent."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.client.congestion.simulated import Call, Link, Log, Slide, Source


def insatiable() -> Source:
    return Source(most=8_000_000)


@pytest.mark.parametrize("rate", [200_000, 400_000])
@pytest.mark.parametrize("jitter_s", [0.0, 0.01])
def test_a_slide_becomes_large_again_when_a_narrow_way_opens(rate: int, jitter_s: float) -> None:
    link, slide = Link(rate=rate, jitter_s=jitter_s), Slide()
    call = Call(link, slide)
    call.run(20)
    assert slide.size[0] <= 640

    link.rate = 5_000_000
    call.run(60)

    assert slide.size == (1280, 720)


def test_a_slide_on_an_open_way_stays_large() -> None:
    slide = Slide()
    log = Call(Link(), slide).run(20)

    assert slide.size == (1280, 720)
    assert log.target(5, 20) > 1_000_000


def test_a_slide_on_a_way_that_stays_narrow_seldom_finds_out_that_it_is() -> None:
    log = Call(Link(rate=300_000), Slide()).run(180)

    assert log.loss(10, 180) < 0.01
    assert sum(log.queue_ms(at, at + 2)[1] > 50 for at in range(10, 180, 2)) <= 8


def phases(link: Link, source: Source, until: float, each: Callable[[float], None]) -> Log:
    """A call whose source changes."""
    return Call(link, source, late_s=(0.003, 0.015)).run(until, each)


@pytest.mark.parametrize("rate", [1_000_000, 3_000_000])
def test_what_needed_little_for_long_and_then_much_finds_the_rate_at_once(rate: int) -> None:
    source = insatiable()

    def each(now: float) -> None:
        source.most = 8_000_000 if 20 <= now < 40 or now >= 70 else 150_000

    log = phases(Link(rate=rate), source, 80, each)

    for begin in (20, 70):
        assert log.loss(begin, begin + 10) < 0.01
        assert log.queue_ms(begin, begin + 10)[0] < 20
        assert log.rate(begin + 3, begin + 10) > 0.88 * rate


def test_a_camera_that_comes_after_sound_alone_has_its_rate_at_once() -> None:
    source = Source()

    def each(now: float) -> None:
        source.is_off = 10 <= now < 40

    log = phases(Link(rate=1_000_000), source, 60, each)

    assert log.target(20, 40) < 1_300_000
    assert log.rate(41, 46) > 850_000
    assert log.loss(40, 50) < 0.01
    assert log.queue_ms(40, 50)[0] < 25


def test_a_call_that_begins_with_sound_alone_takes_a_camera_later() -> None:
    source = Source()

    def each(now: float) -> None:
        source.is_off = now < 20

    log = phases(Link(rate=1_000_000), source, 40, each)

    assert log.rate(22, 40) > 850_000
    assert log.queue_ms(20, 30)[0] < 25


def test_a_camera_that_is_black_for_minutes_is_as_good_as_before() -> None:
    source = insatiable()

    def each(now: float) -> None:
        source.most = 5_000 if 10 <= now < 190 else 8_000_000

    log = phases(Link(rate=1_000_000), source, 210, each)

    assert log.rate(192, 210) > 850_000
    assert log.loss(190, 200) < 0.01
    assert log.queue_ms(190, 200)[0] < 25
