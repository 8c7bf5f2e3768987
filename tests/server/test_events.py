from __future__ import annotations

from typing import Any

import pytest

from pycall.core import room
from pycall.core.seats import Member
from pycall.server.clients import Client
from pycall.server.events import Events, Told
from pycall.server.refusal import Refusal

ANN = Member("ann", "Ann", extended=True)
BOB = Member("bob")
ICE = [{"urls": "stun:call.test"}]


def event(output: Told, *, extended: bool, closed: Refusal | None = None) -> tuple[str, tuple[Any, ...]]:
    to = Client(Member("me", extended=extended), host="call.test", token="secret" if extended else "")
    return Events(lambda id_, host: [{"urls": f"stun:{host}"}], closed).of("den", output, to)


def test_who_joins_is_told_more_only_if_it_asked_for_it() -> None:
    joined = room.SendJoined("1", "me", 3, ANN, offers=True, resumed=True)
    assert event(joined, extended=False) == ("joined", ("den", "me"))
    name, (where, id_, more) = event(joined, extended=True)
    assert (name, where, id_) == ("joined", "den", "me")
    assert more == {
        "epoch": 3,
        "peer": {"id": "ann", "name": "Ann", "pycall": 1},
        "offers": True,
        "ice_servers": ICE,
        "resume": "secret",
        "resumed": True,
    }
    assert event(room.SendJoined("1", "me", 0, None), extended=True)[1][2]["peer"] is None


def test_the_other_one_is_told_with_fresh_servers() -> None:
    came = room.SendOtherJoined("1", BOB, 4)
    assert event(came, extended=False) == ("other_joined", ("den", "bob"))
    more = {"epoch": 4, "name": "", "pycall": 0, "ice_servers": ICE}
    assert event(came, extended=True) == ("other_joined", ("den", "bob", more))
    assert event(room.SendRenewed("1", 5), extended=True) == (
        "renewed",
        ("den", {"epoch": 5, "ice_servers": ICE}),
    )


@pytest.mark.parametrize(
    ("output", "told"),
    [
        (room.SendFull("1"), ("full", ("den",))),
        (room.SendLeft("1", "me"), ("left", ("den", "me"))),
        (room.SendBye("1", "bob", "lost"), ("bye", ("den", "bob", {"reason": "lost"}))),
    ],
)
def test_the_end_of_it_is_told_to_everybody_alike(output: Told, told: object) -> None:
    assert event(output, extended=False) == event(output, extended=True) == told


def test_a_closed_room_is_never_told_to_be_full() -> None:
    told = event(room.SendFull("1"), extended=True, closed=Refusal.INVITE)
    assert told == ("error", (Refusal.INVITE.code, Refusal.INVITE.sentence))
