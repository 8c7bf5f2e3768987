"""What the two ends say to each other is bounded and checked, and survives the way there and back."""

from __future__ import annotations

import contextlib
import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pycall.core.messages import (
    MAX_CANDIDATE,
    MAX_CONTROL,
    MAX_SDP,
    Answer,
    Bye,
    Candidate,
    Control,
    Keep,
    Message,
    Offer,
    Ping,
    Pong,
    Sending,
    Shares,
    State,
    dump_control,
    dump_message,
    parse_control,
    parse_message,
)

epochs = st.none() | st.integers(0, 2**53 - 1)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=200)
moments = st.floats(-1e11, 1e11)
durations = st.none() | st.floats(0, 10)
lines = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=MAX_CANDIDATE)
messages = st.one_of(
    st.builds(Offer, texts, epochs),
    st.builds(Answer, texts, epochs),
    st.builds(Candidate, lines, st.none() | texts, st.none() | st.integers(0, 100), epochs),
    st.builds(Candidate, st.none(), st.none(), st.none(), epochs),
    st.builds(Keep, st.integers(0, 2**53 - 1)),
)
shares = st.builds(Shares, durations, durations, durations)
controls = st.one_of(
    st.builds(State, st.booleans(), st.booleans(), st.booleans()),
    st.just(Bye()),
    st.builds(Ping, moments),
    st.builds(Pong, moments, moments),
    st.builds(Sending, shares, shares),
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)
message_like = st.fixed_dictionaries(
    {"type": st.sampled_from(["offer", "answer", "candidate", "keep"]) | json_values},
    optional={
        "sdp": json_values,
        "epoch": json_values,
        "candidate": json_values
        | st.fixed_dictionaries(
            {"candidate": json_values}, optional={"sdpMid": json_values, "sdpMLineIndex": json_values}
        ),
    },
)
control_like = st.fixed_dictionaries(
    {"type": st.sampled_from(["state", "bye", "ping", "pong", "sending"]) | json_values},
    optional={
        "t": json_values,
        "clock": json_values,
        "muted": json_values,
        "audio": json_values | st.dictionaries(st.sampled_from(["wait", "encode", "pace"]), json_values),
    },
)


@given(messages)
def test_a_message_comes_back_from_json_as_it_was(message: Message) -> None:
    assert parse_message(json.loads(json.dumps(dump_message(message)))) == message


@given(controls)
def test_a_control_message_comes_back_as_it_was(control: Control) -> None:
    assert parse_control(dump_control(control)) == control


@given(json_values | message_like)
def test_what_is_no_message_is_refused_with_one_error(payload: object) -> None:
    with contextlib.suppress(ValueError):
        message = parse_message(payload)
        assert parse_message(dump_message(message)) == message


@given(st.text() | st.binary() | json_values | control_like.map(json.dumps))
def test_what_is_no_control_message_is_refused_with_one_error(text: object) -> None:
    with contextlib.suppress(ValueError):
        control = parse_control(text)
        assert parse_control(dump_control(control)) == control


def test_a_message_of_a_plain_client_has_no_epoch() -> None:
    assert parse_message({"type": "offer", "sdp": "v=0"}) == Offer("v=0", None)
    assert parse_message({"type": "candidate", "candidate": None}) == Candidate(None, None, None, None)


def test_an_empty_candidate_line_ends_the_candidates_as_null_does() -> None:
    init = {"candidate": "", "sdpMid": "0", "sdpMLineIndex": 0}
    assert parse_message({"type": "candidate", "candidate": init}) == Candidate(None, None, None, None)


@pytest.mark.parametrize(
    "payload",
    [
        {"type": "offer", "sdp": "x" * (MAX_SDP + 1)},
        {"type": "offer", "sdp": "\ud800"},
        {"type": "offer", "sdp": "v=0", "epoch": -1},
        {"type": "offer", "sdp": "v=0", "epoch": True},
        {"type": "offer", "sdp": "v=0", "epoch": 2**53},
        {"type": "candidate", "candidate": {"candidate": "x" * (MAX_CANDIDATE + 1)}},
        {"type": "candidate", "candidate": {"candidate": "x", "sdpMid": "x" * (MAX_CANDIDATE + 1)}},
        {"type": "candidate", "candidate": {"candidate": "x", "sdpMLineIndex": "0"}},
        {"type": "candidate", "candidate": "candidate:1 1 udp 1 192.0.2.1 1 typ host"},
        {"type": "bye"},
    ],
)
def test_a_message_beyond_the_bounds_is_refused(payload: object) -> None:
    with pytest.raises(ValueError, match=r"\.$"):
        parse_message(payload)


@pytest.mark.parametrize(
    "text",
    [
        '{"type": "ping", "t": NaN}',
        '{"type": "ping", "t": Infinity}',
        '{"type": "ping", "t": 1e13}',
        '{"type": "ping", "t": true}',
        '{"type": "pong", "t": 1}',
        '{"type": "state"' + " " * MAX_CONTROL + "}",
        "[" * MAX_CONTROL,
        b'{"type": "bye"}',
    ],
)
def test_a_control_message_beyond_the_bounds_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match=r"\.$"):
        parse_control(text)


@pytest.mark.parametrize("wait", ["NaN", "-1", "10.5", "1e400", "true", '"1"', "null", "[]"])
def test_a_share_of_the_delay_that_is_no_time_is_not_known(wait: str) -> None:
    said = parse_control(f'{{"type": "sending", "audio": {{"wait": {wait}, "pace": 0.5}}, "video": 7}}')
    assert said == Sending(Shares(pace_s=0.5), Shares())


def test_a_state_says_only_what_is_plainly_true() -> None:
    assert parse_control('{"type": "state", "muted": 1, "recording": true}') == State(
        muted=False, camera_off=False, recording=True
    )


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_ping_keeps_its_time_to_the_last_digit(moment: float) -> None:
    if abs(moment) < 1e12:
        ping = parse_control(dump_control(Ping(moment)))
        assert isinstance(ping, Ping)
        assert math.isclose(ping.time, moment, rel_tol=0)
