from __future__ import annotations

import itertools
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pycall.media.playout.lips import EARLY_S, FAR_S, LATE_S, MOST_S, PATIENCE_S, Lips

FRAME_S = 1 / 30


class Talk:
    """Pictures of 30 a second with simulated delays; ``sound`` is from capture to ear without the floor."""

    def __init__(self, *, picture: float, sound: float | None, held: float = 0.04) -> None:
        self.lips = Lips()
        self.picture, self.sound, self.held = picture, sound, held
        self.now = 1_000.0

    def run(self, seconds: float) -> list[float]:
        """How long each picture took until it was shown."""
        taken = []
        for _ in range(round(seconds / FRAME_S)):
            self.now += FRAME_S
            taken.append(self.one(self.now) - self.now)
        return taken

    def one(self, captured_at: float) -> float:
        extra = max(0.0, self.lips.floor_s - self.held)
        heard = None if self.sound is None else self.sound + extra
        arrival = captured_at + self.picture
        return self.lips.show_at(captured_at, arrival, heard_s=heard, held_s=self.held + extra)


def test_a_picture_waits_until_its_sound_is_nearly_due() -> None:
    talk = Talk(picture=0.020, sound=0.150)
    taken = talk.run(3)
    assert taken[-1] == pytest.approx(0.150 - EARLY_S)
    assert talk.lips.floor_s == 0


@pytest.mark.parametrize("sound", [0.055, 0.060, 0.040, None])
def test_a_picture_that_is_not_far_ahead_of_its_sound_is_shown_at_once(sound: float | None) -> None:
    taken = Talk(picture=0.020, sound=sound).run(2)
    assert taken == pytest.approx([0.020] * len(taken))


def test_sound_is_held_for_pictures_that_come_late() -> None:
    talk = Talk(picture=0.300, sound=0.080)
    taken = talk.run(3)
    assert taken[-1] == pytest.approx(0.300)
    assert talk.sound is not None
    heard = talk.sound + talk.lips.floor_s - talk.held
    assert heard == pytest.approx(0.300 - LATE_S)


def test_a_late_picture_now_and_then_delays_no_sound() -> None:
    talk = Talk(picture=0.020, sound=0.080)
    for number in range(200):
        talk.picture = 0.4 if number % 4 == 0 else 0.02
        talk.run(FRAME_S)
        assert talk.lips.floor_s == 0


def test_nothing_is_held_for_longer_than_a_quarter_second_whatever_the_clocks_say() -> None:
    talk = Talk(picture=0.02, sound=50.0)
    assert max(talk.run(5)) <= 0.02 + MOST_S + 1e-6
    talk = Talk(picture=0.9, sound=0.08)
    talk.run(5)
    assert talk.lips.floor_s == MOST_S


def test_nothing_is_held_where_the_two_were_not_timed_by_one_clock() -> None:
    for picture, sound in ((0.02, 50.0), (0.02, -50.0), (50.0, 0.08), (-50.0, 0.08)):
        talk = Talk(picture=picture, sound=sound)
        assert talk.run(5)[30:] == pytest.approx([picture] * 120)
        assert talk.lips.floor_s == 0


@pytest.mark.parametrize("step", [-3_600.0, -2.0, -0.5, 0.5, 2.0, 3_600.0])
@pytest.mark.parametrize("sound_after", [-30, -3, 0, 3, 30])
def test_after_a_clock_was_set_pictures_are_in_time_again_at_once(step: float, sound_after: int) -> None:
    """The step is in the times of pictures and sound, ``sound_after`` pictures later (or sooner)."""
    talk = Talk(picture=0.020, sound=0.150)
    before = talk.run(3)[-1]
    stepped = {"picture": 60 + max(0, -sound_after), "sound": 60 + max(0, sound_after)}
    held = []
    for number in range(60, 240):
        talk.picture = 0.020 + step * (number >= stepped["picture"])
        talk.sound = 0.150 + step * (number >= stepped["sound"])
        held += [shown - talk.picture for shown in talk.run(FRAME_S)]
    settled = max(stepped.values()) - 60 + 30 + abs(sound_after)  # a second, and the floor
    assert held[settled:] == pytest.approx([before - 0.020] * len(held[settled:]))
    assert talk.lips.floor_s == 0


def test_pictures_slow_down_and_hurry_by_little() -> None:
    talk = Talk(picture=0.020, sound=0.080)
    taken = talk.run(1)
    talk.sound = 0.250
    taken += talk.run(2)
    talk.sound = 0.080
    taken += talk.run(2)
    steps = [later - sooner for sooner, later in itertools.pairwise(taken)]
    assert max(steps) <= FRAME_S
    assert min(steps) > -FRAME_S / 4
    assert max(taken) == pytest.approx(0.250 - EARLY_S)
    assert taken[-1] == pytest.approx(0.080 - EARLY_S)


@pytest.mark.parametrize("later", [0.03, 0.06, 0.1, 0.2])
def test_when_sound_is_suddenly_later_its_pictures_are_together_with_it_soon(later: float) -> None:
    talk = Talk(picture=0.020, sound=0.080)
    talk.run(1)
    talk.sound = 0.080 + later
    apart = [talk.sound - shown for shown in talk.run(1)]
    seen = next(number for number, each in enumerate(apart) if max(apart[number:]) <= EARLY_S + FAR_S)
    assert seen * FRAME_S <= 0.1 + later  # a moment until it is believed, and half the pictures' speed
    settled = next(number for number, each in enumerate(apart) if each == pytest.approx(EARLY_S))
    assert settled * FRAME_S <= 0.2 + later


def test_pictures_wait_no_more_when_the_sound_stopped() -> None:
    talk = Talk(picture=0.020, sound=0.200)
    talk.run(3)
    talk.sound = None
    taken = talk.run(2)
    first = next(number for number, each in enumerate(taken) if each < 0.021)
    assert first * FRAME_S == pytest.approx(PATIENCE_S, abs=2 * FRAME_S)
    assert talk.lips.floor_s == 0


def test_a_moment_without_sound_changes_nothing() -> None:
    talk = Talk(picture=0.020, sound=0.200)
    talk.run(3)
    talk.sound = None
    assert min(talk.run(0.3)) == pytest.approx(0.200 - EARLY_S)


def test_a_picture_of_unknown_time_is_shown_at_once() -> None:
    talk = Talk(picture=0.020, sound=0.200)
    talk.run(3)
    assert talk.lips.show_at(None, 7.0, heard_s=0.2, held_s=0.04) == 7.0
    assert talk.lips.floor_s == 0


def test_the_jitter_of_pictures_and_of_what_is_heard_does_not_reach_the_screen() -> None:
    talk = Talk(picture=0.020, sound=0.200)
    talk.run(3)
    taken = []
    for number in range(90):
        talk.picture, talk.sound = 0.02 + 0.02 * (number % 3), 0.195 + 0.005 * (number % 3)
        taken += talk.run(FRAME_S)
    assert statistics.pstdev(taken) < 0.003


@given(
    pictures=st.lists(
        st.tuples(
            st.one_of(st.none(), st.floats(-1e6, 1e6)),
            st.one_of(st.none(), st.floats(-1e6, 1e6)),
            st.floats(0, 0.4),
        ),
        max_size=80,
    )
)
def test_whatever_is_claimed_the_wait_and_the_floor_are_bounded(
    pictures: list[tuple[float | None, float | None, float]],
) -> None:
    lips, arrival = Lips(), 500.0
    for captured_at, heard_s, held_s in pictures:
        arrival += FRAME_S
        at = lips.show_at(captured_at, arrival, heard_s=heard_s, held_s=held_s)
        assert arrival <= at <= arrival + MOST_S
        assert 0 <= lips.floor_s <= MOST_S
