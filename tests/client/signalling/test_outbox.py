"""What is kept until the server confirms it."""

from __future__ import annotations

from pycall.client.signalling.outbox import MOST_CHARACTERS, MOST_LETTERS, Letter, Outbox


def test_letters_stay_in_order_until_they_are_confirmed() -> None:
    outbox = Outbox()
    letters = [outbox.put("message", {"n": n}, n) for n in range(3)]
    first, second, third = letters
    assert first
    assert second
    assert list(outbox) == letters
    outbox.confirm(second)
    outbox.confirm(second)
    assert list(outbox) == [first, third]
    outbox.clear()
    outbox.confirm(first)
    assert not list(outbox)


def test_letters_may_be_confirmed_while_they_are_sent_again() -> None:
    outbox = Outbox()
    for n in range(5):
        outbox.put("message", n)
    for letter in outbox:
        outbox.confirm(letter)
    assert not list(outbox)


def test_the_same_request_is_kept_once() -> None:
    outbox = Outbox()
    assert outbox.put("renew", "kitchen", 3) == Letter("renew", ("kitchen", 3))
    assert outbox.put("renew", "kitchen", 3) is None
    assert outbox.put("renew", "kitchen", 4)
    assert len(list(outbox)) == 2


def test_no_more_is_kept_than_fits() -> None:
    outbox = Outbox()
    for n in range(MOST_LETTERS + 10):
        outbox.put("message", n)
    kept = list(outbox)
    assert [letter.arguments for letter in kept] == [(n,) for n in range(MOST_LETTERS)]
    outbox.confirm(kept[0])
    assert outbox.put("message", "one more")
    assert outbox.put("message", "and another") is None


def test_no_more_characters_are_kept_than_fit() -> None:
    outbox = Outbox()
    half = "x" * (MOST_CHARACTERS // 2 - 10)
    first = outbox.put("message", half, 1)
    assert first
    assert outbox.put("message", half, 2)
    assert outbox.put("message", half, 3) is None
    outbox.confirm(first)
    assert outbox.put("message", half, 4)
    outbox.clear()
    assert outbox.put("message", half, 5)
    assert outbox.put("message", half, 6)
