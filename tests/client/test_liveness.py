from __future__ import annotations

from pycall.client.liveness import FIRST_S, LOOK_S, Liveness
from pycall.core import inputs as i


def reports(*looks: tuple[float, int]) -> list[i.MediaHeard | i.MediaSilent | None]:
    """What is said at each look, a time and the packets so far."""
    liveness = Liveness(1)
    return [liveness.look(packets, now) for now, packets in looks]


def test_the_first_packet_is_told_and_the_next_ones_are_not() -> None:
    assert reports((0.0, 0), (0.25, 3), (0.5, 9)) == [None, i.MediaHeard(1), None]


def test_silence_is_told_from_a_second_on_and_its_end_once() -> None:
    looks = [(at * LOOK_S, 5) for at in range(8)]
    said = reports(*looks, (2.0, 6), (2.25, 7))
    assert said == [
        i.MediaHeard(1),
        None,
        None,
        None,
        *[i.MediaSilent(1, silent_s) for silent_s in (1.0, 1.25, 1.5, 1.75)],
        i.MediaHeard(1),
        None,
    ]


def test_the_time_in_which_this_process_did_not_run_is_no_silence_of_the_other_end() -> None:
    assert reports((0.0, 5), (0.25, 6), (20.5, 6), (20.75, 9)) == [i.MediaHeard(1), None, None, None]


def test_the_first_packet_may_take_longer() -> None:
    looks = [(at * LOOK_S, 0) for at in range(round((FIRST_S + 1.0) / LOOK_S) + 1)]
    assert reports(*looks) == [None] * (len(looks) - 1) + [i.MediaSilent(1, 1.0)]
