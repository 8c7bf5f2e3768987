from __future__ import annotations

import re
from pathlib import Path

import pytest

from pycall.config import Key, keys
from pycall.core.outbox import MAX_BYTES
from pycall.errors import ConfigError
from pycall.limits import Limits

HERE = Path(__file__).parents[1]
PROTOCOL = (HERE / "docs" / "protocol.md").read_text(encoding="utf-8")


def test_the_protocol_document_states_the_limits() -> None:
    limits = Limits()
    table = PROTOCOL.split("## Limits")[1].split("##")[0]
    for size in (limits.message_bytes, limits.frame_bytes, limits.queue_bytes, limits.json_depth):
        assert f" {size} " in table
    for count in (limits.connections_per_address, limits.rooms_per_address):
        assert f"| {count}" in table
    assert f"| {limits.wrong_passwords} in {limits.wrong_passwords_s:g} s |" in table
    for burst, per_s in (
        (limits.connect_burst, limits.connects_per_s),
        (limits.miss_burst, limits.misses_per_s),
    ):
        assert re.search(rf"\b{burst} (new ones )?at once, then {per_s:g} a second", table)
    for events in (limits.events_per_s, limits.event_burst, 2 * limits.event_burst):
        assert f" {events:g} " in table
    for time in (
        *(limits.ping_interval_s, limits.ping_timeout_s),
        *(limits.connect_timeout_s, limits.join_timeout_s, limits.stall_s),
    ):
        assert f"{time:g} s" in table


def test_a_vanished_client_is_noticed_within_fifteen_seconds() -> None:
    assert Limits().ping_timeout_s < Limits().ping_interval_s
    assert Limits().ping_interval_s + Limits().ping_timeout_s <= 15


def test_what_waits_for_a_slow_reader_holds_several_of_the_largest_messages() -> None:
    queue, message = Limits().queue_bytes, Limits().message_bytes
    assert queue is not None
    assert message is not None
    assert queue >= 4 * message


def test_the_least_that_may_wait_is_what_the_smallest_messages_need_and_is_told() -> None:
    by_name = {key.name: key for key in keys(Limits)}
    message, queue = (_least(by_name[name]) for name in ("message_bytes", "queue_bytes"))
    Limits(message_bytes=message, queue_bytes=queue).check()
    with pytest.raises(ConfigError):
        Limits(message_bytes=message + 1, queue_bytes=queue).check()
    assert str(MAX_BYTES) in by_name["queue_bytes"].help
    for file in ("config.example.toml", "docs/operating.md"):
        assert f"{MAX_BYTES} more than" in (HERE / file).read_text(encoding="utf-8")


def test_no_limits_leaves_what_keeps_the_protocol_sound() -> None:
    off = Limits(ping_interval_s=20).off()
    left = {key.name for key in keys(Limits) if getattr(off, key.name) is not None}
    times = {"ping_interval_s", "ping_timeout_s", "farewell_s", "wrong_passwords_s"}
    assert left == times | {"json_depth", "connect_burst", "event_burst", "miss_burst"}
    assert off.ping_interval_s == 20


@pytest.mark.parametrize("key", keys(Limits), ids=lambda key: key.name)
def test_a_limit_is_a_number_in_bounds_or_off(key: Key) -> None:
    for wrong in ("-1", "nan", "many", "", True, 2**40):
        with pytest.raises(ConfigError, match=f"^{key.variable}: .* is not a (whole )?number"):
            key.read(wrong, key.variable)


@pytest.mark.parametrize(
    ("limits", "hint"),
    [
        (Limits(ping_interval_s=6), "ping_timeout_s shorter"),
        (Limits(message_bytes=300_000), "frame_bytes larger"),
        (Limits(message_bytes=None), "frame_bytes larger"),
        (Limits(queue_bytes=196_607), "queue_bytes larger"),
        (Limits(message_bytes=None, frame_bytes=None), "queue_bytes larger"),
    ],
)
def test_what_cannot_be_together_is_told(limits: Limits, hint: str) -> None:
    with pytest.raises(ConfigError) as caught:
        limits.check()
    assert hint in caught.value.hint


def test_what_can_be_together_is_taken() -> None:
    for limits in (Limits(), Limits().off(), Limits(message_bytes=10**6, frame_bytes=None, queue_bytes=None)):
        limits.check()


def _least(key: Key) -> int:
    """The smallest number that a key's check takes, as it says itself."""
    with pytest.raises(ConfigError) as refused:
        key.read("0", key.variable)
    found = re.search(r"from ([0-9]+) to", refused.value.message)
    assert found is not None
    return int(found[1])
