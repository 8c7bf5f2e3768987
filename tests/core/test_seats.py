from __future__ import annotations

from pycall.core.seats import Holding, Member, Seat

HOLDING = Holding(exclusive_s=15, total_s=60, messages_s=30)


def test_a_seat_that_is_sat_on_has_no_deadline() -> None:
    seat = Seat(Member("a"), "c")
    assert seat.deadline(HOLDING) is None
    assert seat.absent_for(1000) == 0


def test_the_seat_of_somebody_absent_is_held_for_so_long() -> None:
    seat = Seat(Member("a"), None, absent_since=100)
    assert seat.deadline(HOLDING) == 160
    assert seat.absent_for(115) == 15


def test_what_was_sent_to_it_is_given_up_when_the_last_of_it_is_old() -> None:
    seat = Seat(Member("a"), "c")
    seat.outbox.add("one", 10)
    seat.outbox.add("two", 20)
    assert seat.deadline(HOLDING) == 50
    seat.connection, seat.absent_since = None, 0
    assert seat.deadline(HOLDING) == 50
    seat.outbox.add("three", 40)
    assert seat.deadline(HOLDING) == 60
