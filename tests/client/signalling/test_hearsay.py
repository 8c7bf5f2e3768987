"""What a server may say, and what it should not."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pycall.client.iceservers import MAX_SERVERS
from pycall.client.signalling import hearsay
from pycall.core import inputs
from pycall.core.messages import IceServer

TOKEN = "vKz-_4567890123456789A"
BOB = inputs.PeerInfo("b", "Bob", renews=True)


def test_all_that_a_server_can_tell_is_heard() -> None:
    said = {
        "epoch": 4,
        "peer": {"id": "b", "name": "Bob", "pycall": 1},
        "offers": True,
        "ice_servers": [
            {"urls": "stun:s"},
            {"urls": ["turn:t", "turns:t"], "username": "u", "credential": "c"},
        ],
        "resume": TOKEN,
        "resumed": True,
    }
    servers = (IceServer(("stun:s",)), IceServer(("turn:t", "turns:t"), "u", "c"))
    assert hearsay.joined("a", said, "and more") == inputs.JoinedRoom(
        "a", 4, BOB, servers, resumed=True, offering=True
    )
    assert hearsay.token(said) == TOKEN
    assert hearsay.renewed(said) == inputs.Renewed(4, servers)
    assert hearsay.other_joined("b", {"epoch": 4, "name": "Bob", "pycall": 2}) == inputs.OtherJoined(BOB, 4)
    assert hearsay.other_left("b", {"reason": "lost"}) == inputs.OtherLeft("b", "lost")


def test_a_server_may_be_brief() -> None:
    assert hearsay.joined() == inputs.JoinedRoom("", None, None, ())
    assert hearsay.token(None) == ""
    assert hearsay.other_joined() == inputs.OtherJoined(inputs.PeerInfo("", ""), None)
    assert hearsay.other_left() == inputs.OtherLeft("", "left")
    assert hearsay.refused("full") == inputs.Refused("full", "")


@pytest.mark.parametrize("speaks", [None, 0, -1, "1", True, 1.0, [1]])
def test_only_who_says_so_renews(speaks: object) -> None:
    assert not hearsay.other_joined("b", {"pycall": speaks}).peer.renews


@pytest.mark.parametrize(
    "token",
    [None, 7, "", "short", TOKEN[:-1], TOKEN + "=", TOKEN + "\n", "x" * 65, "é" * 22, TOKEN[:-1] + " "],
)
def test_what_could_not_be_shown_again_is_no_token(token: object) -> None:
    assert hearsay.token({"resume": token}) == ""


@pytest.mark.parametrize("value", [None, True, -1, 1.5, "1", 2**53, [], float("nan")])
def test_what_does_not_count_is_no_number(value: object) -> None:
    with pytest.raises(ValueError, match="whole number"):
        hearsay.number(value)
    with pytest.raises(ValueError, match="whole number"):
        hearsay.renewed({"epoch": value})


@pytest.mark.parametrize(
    ("hear", "arguments"),
    [
        (hearsay.joined, (7,)),
        (hearsay.joined, ("x" * 129,)),
        (hearsay.joined, ("\x1b[31m",)),
        (hearsay.joined, ("a", {"epoch": "1"})),
        (hearsay.joined, ("a", {"peer": {"id": 3}})),
        (hearsay.joined, ("a", {"peer": "b"})),
        (hearsay.renewed, ()),
        (hearsay.other_joined, (None,)),
        (hearsay.other_left, ({},)),
        (hearsay.refused, ({},)),
        (hearsay.refused, ("code", None)),
    ],
)
def test_nonsense_is_refused(hear: Callable[..., object], arguments: tuple[Any, ...]) -> None:
    with pytest.raises(ValueError, match=r"expected|is a short text"):
        hear(*arguments)


def test_servers_nobody_could_use_are_skipped_and_not_too_many_are_taken() -> None:
    bad = [
        5,
        {},
        {"urls": 3},
        {"urls": "http:x"},
        {"urls": ["stun:", "stun:\x1b[31m", "stun:x:99999", "turn:x?transport=carrier-pigeon", "turn:-"]},
        {"urls": "stun:" + "x" * 600},
        {"urls": "turn:x", "username": 1},
    ]
    assert hearsay.joined("a", {"ice_servers": bad}).ice_servers == ()
    many = [{"urls": ["stun:x"] * 50}] * 50
    [*taken] = hearsay.joined("a", {"ice_servers": many}).ice_servers
    assert len(taken) == len(taken[0].urls) == MAX_SERVERS
    assert hearsay.joined("a", {"ice_servers": "stun:x"}).ice_servers == ()


def test_what_is_shown_is_safe_to_print() -> None:
    refused = hearsay.refused("a\x1bb" * 100, "Say\nwhat? \u202e" + "x" * 10_000)
    assert (refused.code + refused.message).isprintable()
    assert len(refused.code) <= 200
    assert len(refused.message) < 400
    came = hearsay.other_joined("b", {"name": "\x1b]0;x\x07 Bob\u202e"})
    assert came.peer.name == "]0;x Bob"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=50),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=8,
)
extras = st.fixed_dictionaries(
    {},
    optional=dict.fromkeys(
        ["epoch", "peer", "name", "ice_servers", "offers", "pycall", "reason", "resume", "resumed"],
        json_values,
    ),
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.sampled_from(
        [
            hearsay.joined,
            hearsay.other_joined,
            hearsay.renewed,
            hearsay.other_left,
            hearsay.refused,
            hearsay.token,
        ]
    ),
    json_values | extras,
    st.lists(json_values | extras, max_size=4),
)
def test_no_arguments_raise_anything_but_a_value_error(
    hear: Callable[..., object], first: object, more: list[object]
) -> None:
    with suppress(ValueError):
        hear(first, *([] if hear is hearsay.token else more))
