"""What comes over a channel is believed only if it is what a node could be told."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pycall.core import room
from pycall.core.seats import Member
from pycall.server.nodes.script import Orders, Ping, read_message


def said(*orders: object) -> bytes:
    return json.dumps({"told": 3, "orders": orders}).encode()


def test_every_order_is_read() -> None:
    ann = Member("A", "Ann", extended=True)
    message = read_message(
        said(
            ["den", "joined", "n.1", "A", "7", ["A", "Ann", True], True, False],
            ["den", "joined", "n.1", "A", "0", False, False, True],
            ["den", "dismiss", "n.1"],
            ["den", "other_joined", "n.1", ["A", "Ann", True], "7"],
            ["den", "renewed", "n.1", "9007199254740991"],
            ["den", "full", "n.1"],
            ["den", "left", "n.1", "A"],
            ["den", "bye", "n.1", "A", "lost"],
            ["den", "relay", "n.1", '{"a": [1, null]}', "9007199254740991"],
        )
    )
    assert isinstance(message, Orders)
    assert [output for _, output in message.orders] == [
        room.SendJoined("n.1", "A", 7, ann, offers=True, resumed=False),
        room.SendJoined("n.1", "A", 0, None, offers=False, resumed=True),
        room.Dismiss("n.1"),
        room.SendOtherJoined("n.1", ann, 7),
        room.SendRenewed("n.1", 2**53 - 1),
        room.SendFull("n.1"),
        room.SendLeft("n.1", "A"),
        room.SendBye("n.1", "A", "lost"),
        room.Relay("n.1", '{"a": [1, null]}', 2**53 - 1),
    ]
    assert read_message(b'{"beat": 4}') == Ping(4)


@pytest.mark.parametrize(
    "data",
    [
        None,
        1,
        b"",
        b"\xff",
        b"[" * 100_000,
        b"null",
        b'{"told": 1}',
        b'{"told": "1", "orders": []}',
        b'{"method": "emit", "event": "message", "data": "x"}',
    ],
)
def test_what_no_node_is_told_is_refused(data: object) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  whoever hears it drops it, whatever it is
        read_message(data)


@pytest.mark.parametrize(
    "order",
    [
        ["den", "joined", "n.1"],
        ["den", "joined", 1, "A", "7", False, True, False],
        ["den", "joined", "n.1", "A", 7, False, True, False],
        ["den", "joined", "n.1", "A", "7", [], True, False],
        ["den", "renewed", "n.1", "-1"],
        ["den", "renewed", "n.1", "1" * 21],
        ["den", "renewed", "n.1", "²"],
        ["den", "bye", "n.1", "A", "whatever"],
        ["den", "relay", "n.1", "no JSON", "1"],
        ["den", "relay", "n.1", "[" * 100_000, "1"],
        ["den", "shutdown", "n.1"],
        "den",
    ],
)
def test_an_order_that_is_none_takes_no_other_with_it(order: object) -> None:
    good = ["den", "full", "n.1"]
    assert read_message(said(good, order, good)) == Orders(3, [("den", room.SendFull("n.1"))] * 2, bad=1)


anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text()
    | st.sampled_from(["joined", "relay", "bye", "A", "7"]),
    lambda children: st.lists(children, max_size=8) | st.dictionaries(st.text(), children, max_size=3),
)


@given(st.lists(anything, max_size=3))
def test_nothing_but_a_value_error_comes_of_it(orders: list[Any]) -> None:
    with suppress(ValueError):
        read_message(said(*orders))
