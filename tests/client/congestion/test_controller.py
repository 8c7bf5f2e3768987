"""In simulated calls the way's rate is found and its queue stays empty; loss and jitter alone do no harm."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pycall.client.congestion.controller import HIGHEST, LOWEST, START, UNPROVEN, Controller
from pycall.client.congestion.feedback import Feedback
from pycall.client.congestion.sent import Acknowledged, Result, SentLog
from tests.client.congestion.simulated import Call, Link, Log, Source

CAMERA = 1_800_000
"""What the simulated source sends at most, bit/s, if nothing else is said."""


def insatiable() -> Source:
    return Source(most=8_000_000)


@pytest.mark.parametrize(
    ("rate", "within_s", "mean_ms", "p95_ms"),
    [(500_000, 0.2, 15, 60), (1_000_000, 1.5, 15, 50), (5_000_000, 4.0, 20, 50)],
)
@pytest.mark.parametrize("seed", [1, 2])
def test_the_rate_of_a_narrow_way_is_found_and_its_queue_left_empty(
    rate: int, within_s: float, mean_ms: float, p95_ms: float, seed: int
) -> None:
    log = Call(Link(rate=rate), Source(most=8_000_000, seed=seed)).run(15)
    mean, p95 = log.queue_ms(5, 15)

    assert log.reached(0.8 * rate) <= within_s
    assert 0.88 * rate < log.rate(5, 15)
    assert mean < mean_ms
    assert p95 < p95_ms
    assert log.loss(5, 15) == 0


@pytest.mark.parametrize(("keys_each_s", "spread", "p95_ms"), [(0, 0.25, 45), (4, 0.35, 65), (2, 0.5, 80)])
def test_key_pictures_and_sizes_that_vary_make_sound_wait_but_little(
    keys_each_s: float, spread: float, p95_ms: float
) -> None:
    for seed in range(1, 5):
        source = Source(seed=seed, spread=spread, keys_each_s=keys_each_s)
        log = Call(Link(rate=1_000_000), source, late_s=(0.0, 0.004)).run(30)

        assert log.queue_ms(5, 30)[1] < p95_ms
        assert log.picture_ms(5, 30) < 230
        assert log.rate(5, 30) > 900_000


def test_a_long_queue_is_left_as_empty_as_a_short_one() -> None:
    log = Call(Link(rate=1_000_000, queue_s=2.0)).run(30)

    assert log.queue_ms(5, 30)[0] < 15


def test_a_long_way_takes_no_more_queue() -> None:
    log = Call(Link(rate=500_000, delay_s=0.1)).run(30)

    assert log.rate(5, 30) > 430_000
    assert log.queue_ms(5, 30)[0] < 25


def test_on_an_open_way_the_rate_is_soon_more_than_is_needed_but_does_not_run_away() -> None:
    log = Call(Link()).run(20)

    assert log.reached(CAMERA) < 3
    assert max(target for _, target in log.targets) < 3 * CAMERA


def test_pictures_leave_at_once_on_an_open_way_and_gently_on_a_narrow_one() -> None:
    wide, narrow = Call(Link()), Call(Link(rate=1_000_000))
    wide.run(15)
    narrow.run(15)

    assert wide.controller.pacing_rate > 20_000_000
    assert narrow.controller.pacing_rate < 2 * narrow.controller.target


@pytest.mark.parametrize(
    "link",
    [
        pytest.param(Link(loss=0.01), id="1 %"),
        pytest.param(Link(loss=0.05), id="5 %"),
        pytest.param(Link(loss=0.1), id="10 %"),
        pytest.param(Link(loss=0.1, seed=3), id="10 % again"),
        pytest.param(Link(loss=0.2), id="20 %"),
        pytest.param(Link(burst_loss=0.05), id="bursts"),
        pytest.param(Link(burst_loss=0.05, seed=3), id="bursts again"),
    ],
)
def test_loss_that_sending_less_would_not_lessen_does_not_lower_the_rate(link: Link) -> None:
    log = Call(link, feedback_loss=0.05).run(30)

    assert log.rate(6, 30) > 0.9 * CAMERA * (1 - log.loss(6, 30))
    assert min(log.rate(at, at + 2) for at in range(6, 28)) > 1_150_000 * (1 - log.loss(6, 30))


@pytest.mark.parametrize("rate", [500_000, 1_000_000])
def test_a_policer_that_has_no_queue_is_found_by_its_loss(rate: int) -> None:
    log = Call(Link(rate=rate, queue_s=0.0, bucket=8_000)).run(40)

    assert log.rate(8, 40) > 0.85 * rate
    assert log.loss(8, 40) < 0.06


def test_a_queue_too_short_to_be_seen_is_no_reason_to_lose_much() -> None:
    log = Call(Link(rate=1_000_000, queue_s=0.03)).run(40)

    assert log.rate(8, 40) > 850_000
    assert log.loss(8, 40) < 0.04


def test_a_narrow_way_that_also_loses_is_used() -> None:
    log = Call(Link(rate=1_000_000, loss=0.1), feedback_loss=0.1).run(30)

    assert log.rate(5, 30) > 800_000
    assert log.queue_ms(5, 30)[0] < 20


@pytest.mark.parametrize("reorders", [False, True])
@pytest.mark.parametrize("jitter_s", [0.01, 0.03])
def test_jitter_is_no_queue(jitter_s: float, reorders: bool) -> None:
    log = Call(Link(delay_s=0.04, jitter_s=jitter_s, reorders=reorders)).run(20)

    assert log.rate(5, 20) > 0.9 * CAMERA


def test_a_narrow_way_with_jitter_keeps_its_queue_short() -> None:
    log = Call(Link(rate=1_000_000, jitter_s=0.01)).run(30)

    assert log.rate(5, 30) > 850_000
    assert log.queue_ms(5, 30)[0] < 40


def test_a_receiver_that_stands_still_now_and_then_is_no_queue() -> None:
    assert Call(Link(), stalls_s=0.05).run(20).rate(5, 20) > 0.9 * CAMERA
    assert Call(Link(rate=1_000_000), stalls_s=0.05).run(20).rate(5, 20) > 850_000


@pytest.mark.parametrize("drift", [-0.001, 0.001])
def test_clocks_that_drift_apart_by_a_tenth_of_a_percent_do_no_harm(drift: float) -> None:
    log = Call(Link(rate=1_000_000), drift=drift).run(60)

    assert log.rate(10, 60) > 850_000
    assert log.queue_ms(10, 60)[0] < 25


@pytest.mark.parametrize("feedback_each_s", [0.1, 0.25])
def test_feedback_may_come_as_seldom_as_from_browsers(feedback_each_s: float) -> None:
    log = Call(Link(rate=1_000_000), feedback_each_s=feedback_each_s).run(30)

    assert log.rate(5, 30) > 850_000
    assert log.queue_ms(5, 30)[0] < 20


def test_a_third_of_the_feedback_may_be_lost() -> None:
    log = Call(Link(rate=1_000_000), feedback_loss=0.3).run(30)

    assert log.rate(5, 30) > 850_000
    assert log.queue_ms(5, 30)[0] < 20


def changed(link: Link, at: float, until: float, source: Source | None = None, **fields: float) -> Log:
    """A call whose link changes once."""

    def each(now: float) -> None:
        if now >= at:
            for name, value in fields.items():
                setattr(link, name, value)

    return Call(link, source).run(until, each)


def test_a_way_that_becomes_narrow_is_followed_within_seconds() -> None:
    log = changed(Link(rate=5_000_000), 10, 20, insatiable(), rate=500_000)

    assert log.queue_ms(12, 20)[0] < 20
    assert log.loss(12, 20) == 0
    assert log.rate(12, 20) > 400_000


def test_a_way_that_becomes_wide_again_is_used_within_seconds() -> None:
    assert changed(Link(rate=500_000), 10, 20, insatiable(), rate=5e6).reached(3_500_000, 10) < 6
    assert changed(Link(rate=1_000_000), 10, 20, insatiable(), rate=3e6).reached(2_400_000, 10) < 4


def test_a_way_that_becomes_longer_is_not_taken_for_a_queue_for_long() -> None:
    log = changed(Link(), 10, 20, delay_s=0.08)

    assert log.rate(12, 20) > 0.9 * CAMERA


@pytest.mark.parametrize("cut_s", [3, 8])
def test_after_a_cut_the_call_goes_on_near_its_old_rate_within_a_second(cut_s: float) -> None:
    link = Link(rate=3_000_000)
    call = Call(link, insatiable())

    def each(now: float) -> None:
        link.is_cut = 10 <= now < 10 + cut_s

    log = call.run(10 + cut_s, each)
    assert call.controller.is_silent
    assert call.controller.target <= 200_000

    call.run(20 + cut_s, each)
    assert not call.controller.is_silent
    assert log.target(10.5 + cut_s, 11 + cut_s) > 0.75 * log.target(5, 10)
    assert log.rate(11 + cut_s, 20 + cut_s) > 0.8 * 3_000_000
    assert log.queue_ms(11 + cut_s, 20 + cut_s)[0] < 20


def test_where_little_is_sent_the_rate_does_not_run_away() -> None:
    log = Call(Link(rate=1_000_000), Source(most=200_000)).run(30)

    assert log.target(10, 30) < log.rate(10, 30) + 1.2 * UNPROVEN


@pytest.mark.parametrize("delay_s", [0.375, 0.75])
@pytest.mark.parametrize("rate", [500_000, 2_000_000])
def test_a_way_over_satellites_is_used_without_a_queue(delay_s: float, rate: int) -> None:
    call = Call(Link(rate=rate, delay_s=delay_s, queue_s=0.5), insatiable())
    log = call.run(60)

    assert not call.controller.is_silent
    assert log.rate(25, 60) > 0.75 * rate
    assert log.queue_ms(25, 60)[0] < 90
    assert log.loss(25, 60) < 0.01


@pytest.mark.parametrize("delay_s", [0.375, 0.75])
def test_an_open_way_over_satellites_is_no_silence(delay_s: float) -> None:
    assert Call(Link(delay_s=delay_s)).run(40).rate(20, 40) > 0.9 * CAMERA


@pytest.mark.parametrize(("delay_s", "within_s"), [(0.15, 3), (0.375, 3), (0.75, 8)])
def test_a_way_that_becomes_much_longer_is_no_silence_for_long(delay_s: float, within_s: float) -> None:
    link, back = Link(), Link()
    call = Call(link, back=back)
    log = call.run(10)

    link.delay_s = back.delay_s = delay_s
    call.run(30)

    assert log.target(10 + within_s, 30) > 0.75 * log.target(5, 10)
    assert log.rate(10 + within_s, 30) > 0.9 * CAMERA


@pytest.mark.parametrize("late_s", [(0.003, 0.015), (0.0, 0.005)])
def test_awakenings_that_are_late_cost_little(late_s: tuple[float, float]) -> None:
    for rate, queue_ms in ((1_000_000, 25), (5_000_000, 25)):
        log = Call(Link(rate=rate), insatiable(), late_s=late_s).run(20)

        assert log.rate(6, 20) > 0.85 * rate
        assert log.queue_ms(6, 20)[0] < queue_ms
        assert log.loss(6, 20) == 0
    assert Call(Link(), late_s=late_s).run(15).rate(6, 15) > 0.9 * CAMERA


def test_before_anything_is_heard_reports_and_estimates_count() -> None:
    controller = Controller()
    controller.estimated(300_000, 1.0)
    assert controller.target == 300_000

    controller.reported(0.2, 0.05, 2.0)

    assert controller.loss == 0.2
    assert controller.rtt_s == 0.05


def test_without_feedback_the_rate_follows_what_really_leaves() -> None:
    controller = Controller()
    for n in range(60 * 50):
        controller.left(1_250, n / 50)  # 500 kbit/s
        if n % 50 == 49:
            controller.estimated(2**40, n / 50)
            controller.reported(0.0, 0.05, n / 50)

    assert controller.target == pytest.approx(1_000_000, rel=0.03)


def test_silence_is_none_where_nothing_was_ever_heard() -> None:
    controller = Controller()
    controller.tick(10.0, 10.0)

    assert controller.target == START
    assert not controller.is_silent


def test_packets_that_are_told_to_be_missing_and_then_to_have_come_end_nothing() -> None:
    controller, log = Controller(), SentLog()
    sequences = [log.sent(1_000, n * 0.01) for n in range(200)]
    nothing = Feedback(sequences[0], 200, 0, 0, ())
    everything = Feedback(sequences[0], 200, 0, 1, tuple((at, at * 0.01) for at in sequences))

    controller.acknowledged(log.acknowledge(nothing, 2.1), 2.1)
    assert controller._loss.counted(0.0)[1] == 1.0
    controller.acknowledged(log.acknowledge(everything, 2.2), 2.2)

    assert controller.loss == 0


def test_what_was_lost_while_nobody_was_heard_is_not_told_as_loss() -> None:
    link = Link()
    call = Call(link)

    def each(now: float) -> None:
        link.is_cut = 5 <= now < 8

    call.run(8.5, each)

    assert call.controller.loss == 0


@given(
    st.lists(
        st.tuples(
            st.floats(0, 1.5),
            st.integers(0, 120),
            st.integers(1, 200),
            st.sets(st.integers(0, 199)),
            st.integers(0, 300),
        ),
        max_size=30,
    )
)
def test_whatever_is_told_of_what_was_sent_no_less_than_nothing_is_lost(
    messages: list[tuple[float, int, int, set[int], int]],
) -> None:
    controller, log, now, last = Controller(), SentLog(), 0.0, 0
    for at, (pause, back, count, came, reference) in enumerate(messages):
        for _ in range(60):
            last = log.sent(1_000, now)
            now += pause / 60
        base = (last - back) & 0xFFFF
        arrivals = tuple(((base + each) & 0xFFFF, each / 1_000) for each in sorted(came) if each < count)
        controller.tick(log.waiting_s(now), now)
        controller.acknowledged(log.acknowledge(Feedback(base, count, reference, at, arrivals), now), now)

        assert 0 <= controller.loss <= 1
        assert LOWEST <= controller.target <= HIGHEST


times = st.floats(-1e9, 1e9)
results = st.builds(
    Result, times, st.none() | times, st.integers(1, 1_500), late=st.booleans(), repeated=st.booleans()
)


@given(
    st.lists(
        st.tuples(
            st.lists(results, max_size=40), st.none() | st.floats(0, 100), st.booleans(), st.floats(0, 5)
        ),
        max_size=40,
    )
)
def test_whatever_is_told_the_rate_stays_within_its_bounds(
    messages: list[tuple[list[Result], float | None, bool, float]],
) -> None:
    controller, now = Controller(), 0.0
    for told, rtt_s, gap, pause in messages:
        now += pause
        controller.tick(pause, now)
        controller.acknowledged(Acknowledged(tuple(told), rtt_s, gap), now)

        assert LOWEST <= controller.target <= HIGHEST
        assert controller.pacing_rate >= controller.target
        assert 0 <= controller.loss <= 1
