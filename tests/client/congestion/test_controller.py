"""In simulated calls the rate of the way is found, its queue stays empty, and loss alone does not count."""

from __future__ import annotations

from tests.client.congestion.simulated import Call, Link


def test_half_a_megabit_is_found_and_its_queue_left_empty() -> None:
    log = Call(Link(rate=500_000)).run(30)

    assert log.rate(5, 30) > 400_000
    assert log.queue_ms(5, 30)[0] < 40


def test_the_rate_of_an_open_way_doubles_and_doubles() -> None:
    assert Call(Link()).run(5).reached(1_500_000) < 3
