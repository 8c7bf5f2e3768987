from __future__ import annotations

from pathlib import Path

from pycall.server.limits import Limits

PROTOCOL = (Path(__file__).parents[2] / "docs" / "protocol.md").read_text(encoding="utf-8")


def test_the_protocol_document_states_the_limits() -> None:
    limits = Limits()
    table = PROTOCOL.split("## Limits")[1].split("##")[0]
    for size in (limits.message_bytes, limits.frame_bytes, limits.queue_bytes, limits.json_depth):
        assert f" {size} " in table
    for time in (limits.ping_interval_s, limits.ping_timeout_s, limits.connect_timeout_s, limits.stall_s):
        assert f"{time:g} s" in table


def test_a_vanished_client_is_noticed_within_fifteen_seconds() -> None:
    assert Limits().ping_timeout_s < Limits().ping_interval_s
    assert Limits().ping_interval_s + Limits().ping_timeout_s <= 15


def test_what_waits_for_a_slow_reader_holds_several_of_the_largest_messages() -> None:
    assert Limits().queue_bytes >= 4 * Limits().message_bytes
