from __future__ import annotations

import pytest

from pycall.core.outbox import MAX_BYTES, MAX_MESSAGES, Outbox, size_of


def numbers(outbox: Outbox, received: int = 0) -> list[int]:
    return [number for number, _ in outbox.after(received)]


def test_messages_are_numbered_from_one_and_come_out_in_order() -> None:
    outbox = Outbox()
    assert [outbox.add(text, 0) for text in ('"a"', "null", '{"é":["\\ud800",1.5]}')] == [1, 2, 3]
    assert outbox.after(0) == [(1, '"a"'), (2, "null"), (3, '{"é":["\\ud800",1.5]}')]


def test_what_was_received_does_not_come_again() -> None:
    outbox = Outbox()
    for payload in "abc":
        outbox.add(payload, 0)
    assert outbox.after(2) == [(3, "c")]
    assert outbox.after(3) == outbox.after(99) == []


def test_the_oldest_give_way_when_there_are_too_many() -> None:
    outbox = Outbox()
    for _ in range(MAX_MESSAGES + 2):
        outbox.add("", 0)
    assert numbers(outbox) == list(range(3, MAX_MESSAGES + 3))


def test_the_oldest_give_way_when_they_weigh_too_much() -> None:
    outbox = Outbox()
    for third in ("x" * (MAX_BYTES // 3), "王" * (MAX_BYTES // 9)):
        for _ in range(4):
            outbox.add(third, 0)
        assert len(numbers(outbox)) == 3
    assert numbers(outbox) == [6, 7, 8]


def test_what_weighs_too_much_alone_is_numbered_and_not_kept() -> None:
    outbox = Outbox()
    outbox.add("a", 0)
    assert outbox.add("x" * (MAX_BYTES + 1), 0) == 2
    assert numbers(outbox) == []
    assert outbox.add("b", 0) == 3
    assert outbox.after(0) == [(3, "b")]


def test_what_is_old_is_forgotten() -> None:
    outbox = Outbox()
    for second in range(5):
        outbox.add(str(second), second)
    outbox.forget(2)
    assert outbox.after(0) == [(4, "3"), (5, "4")]
    assert outbox.last_at == 4


def test_clearing_makes_room_and_numbers_go_on() -> None:
    outbox = Outbox()
    outbox.add("x" * MAX_BYTES, 0)
    outbox.clear()
    assert outbox.last_at is None
    assert outbox.add("x" * MAX_BYTES, 0) == 2
    assert numbers(outbox) == [2]


@pytest.mark.parametrize("text", ["", "2", "4é王", "\ud800"])
def test_a_size_is_that_in_utf_8(text: str) -> None:
    assert size_of(text) == len(text.encode(errors="surrogatepass"))
