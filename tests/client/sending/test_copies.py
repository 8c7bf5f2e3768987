"""Copies are for losses here and there, and take what the rate leaves unused."""

from __future__ import annotations

import pytest
from aiortc.rtp import RtpPacket, unwrap_rtx

from pycall.client.sending.copies import COPIED_AT_LOSS, COPIED_FOR_S, SCATTERED, Copies, CopyStream
from pycall.client.sending.packets import MID, TRANSPORT_NUMBER, PacketWriter

RATE = 2_000_000
PICTURE = 4_000


def losing(loss: float = COPIED_AT_LOSS, clustering: float = SCATTERED) -> Copies:
    """After a second in which nothing was sent and so much was lost."""
    copies = Copies()
    copies.grow(RATE, 99.0)
    copies.grow(RATE, 100.0)
    copies.lost(loss, clustering, 100.0)
    return copies


def test_a_copy_is_what_browsers_take_for_a_repair() -> None:
    original = PacketWriter(1, 97, {MID: 1, TRANSPORT_NUMBER: 4}, "0").write(b"payload", 9, 7, marker=True)
    stream = CopyStream(PacketWriter(2, 98, {MID: 1}, "0"), 0xFFFF)
    copies = [RtpPacket.parse(bytes(stream.write(original, 9, 7))) for _ in range(2)]
    assert [(copy.ssrc, copy.payload_type) for copy in copies] == [(2, 98)] * 2
    assert [copy.sequence_number for copy in copies] == [0xFFFF, 0]
    read = unwrap_rtx(copies[0], 97, 1)
    assert read.payload == b"payload"
    assert (read.sequence_number, read.timestamp, read.marker) == (9, 7, 1)


def test_pictures_leave_twice_while_something_is_lost_and_for_a_time_after() -> None:
    copies = losing()
    assert copies.fit(PICTURE)
    copies.lost(0.0, SCATTERED, 100.0 + COPIED_FOR_S - 0.1)
    assert copies.wanted
    copies.lost(0.0, SCATTERED, 100.0 + COPIED_FOR_S)
    assert not copies.wanted
    assert not copies.fit(PICTURE)


@pytest.mark.parametrize(("loss", "clustering"), [(COPIED_AT_LOSS / 2, 1.5), (0.05, SCATTERED + 0.1)])
def test_they_leave_once_where_hardly_anything_is_lost_or_it_is_lost_in_runs(
    loss: float, clustering: float
) -> None:
    assert not losing(loss, clustering).fit(PICTURE)


@pytest.mark.parametrize(("used", "fits"), [(0.4, True), (0.8, True), (0.9, False), (1.2, False)])
def test_they_leave_twice_only_where_the_rate_is_not_used_up(used: float, *, fits: bool) -> None:
    copies, now = losing(), 100.0
    for _ in range(300):
        now += 0.03
        copies.grow(RATE, now)
        copies.left(int(used * RATE / 8 * 0.03))
    assert copies.fit(PICTURE) == fits


def test_what_was_sent_too_much_is_not_held_against_them_for_long() -> None:
    copies = losing()
    copies.left(100 * RATE)
    copies.grow(RATE, 100.0)
    assert not copies.fit(PICTURE)
    copies.grow(RATE, 100.6)
    assert copies.fit(PICTURE)
