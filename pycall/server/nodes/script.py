"""What the rooms' script in Redis is asked, and what it has told to nodes.

Inputs of :mod:`pycall.core.room` become its arguments. The orders that follow it publishes to the nodes they
are for, and whoever can publish could have said what comes over a channel: so everything is checked.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Final, TypeAlias, assert_never

from pycall.core import room
from pycall.core.seats import Member
from pycall.server.wire.strictjson import StrictJson

SCRIPT: Final = "\n".join(
    files(__package__).joinpath(part).read_text(encoding="utf-8") for part in ("room.lua", "nodes.lua")
)
"""The script itself, in Lua: what a room does, and then what nodes ask."""

Order: TypeAlias = tuple[str, room.Output]
"""With the name of its room."""

CHANNEL: Final = "pycall:node:"
"""And a node's id: where it is told orders."""

_REASONS: Final[dict[str, room.ByeReason]] = {"left": "left", "lost": "lost"}


@dataclass(frozen=True, slots=True)
class Orders:
    """Orders for connections of one node; they are the ``told``-th it is given."""

    told: int
    orders: list[Order]
    bad: int = 0
    """How many others were none; one of them must not take those with it."""


@dataclass(frozen=True, slots=True)
class Ping:
    """What a node says to itself with its beat."""

    beat: int


def arguments_of(input_: room.Input, name: str, *, is_told_anew: bool = False) -> tuple[str, ...]:
    """The operation, and what it needs, for a fact about the room ``name``.

    ``is_told_anew`` says that who joins was there before Redis forgot it, or may have missed something.
    """
    match input_:
        case room.JoinAsked(connection, member, received, admitted):
            about = (member.id, member.name, "1" if member.extended else "")
            number = "" if received is None else str(received)
            flags = ("1" if is_told_anew else "", "1" if admitted else "")
            return "join", name, connection, *about, number, *flags
        case room.LeaveAsked(connection):
            return "leave", name, connection
        case room.ConnectionLost(connection, silent_s):
            return "lose", name, connection, repr(silent_s)
        case room.MemberGone(connection, reason):
            return "gone", name, connection, reason
        case room.MessageSent(connection, payload, number):
            return "pass_on", name, connection, payload, str(number)
        case room.RenewAsked(connection, epoch):
            return "renew", name, connection, str(int(epoch))
        case room.Expired():
            return "expire", name
        case _:
            assert_never(input_)


def read_message(data: object) -> Orders | Ping:
    """What came over a node's channel; raises :class:`ValueError` if it is nothing that is said there."""
    if not isinstance(data, bytes):
        raise ValueError("a message of the channel is bytes")
    try:
        said = StrictJson.loads(data.decode())
    except RecursionError as error:
        raise ValueError("too deeply nested") from error
    match said:
        case {"beat": int(beat)}:
            return Ping(beat)
        case {"told": int(told), "orders": list(orders)}:
            return Orders(told, *_read_each(orders))
        case _:
            raise ValueError("neither orders nor a ping")


def _read_each(orders: list[object]) -> tuple[list[Order], int]:
    """Those that are orders, and how many are not."""
    read = []
    for each in orders:
        with suppress(ValueError):
            read.append(read_order(each))
    return read, len(orders) - len(read)


def read_order(order: object) -> Order:
    """One order, and its room; raises :class:`ValueError` if it is none."""
    match order:
        case [str(name), str(kind), str(to), *about]:
            return name, _order(kind, to, about)
        case _:
            raise ValueError("an order is a list of room, kind, connection and more")


def _order(kind: str, to: str, about: list[Any]) -> room.Output:
    match kind, about:
        case "joined", [str(id_), str(epoch), peer, bool(offers), bool(resumed)]:
            other = None if peer is False else _member(peer)
            return room.SendJoined(to, id_, _number(epoch), other, offers, resumed)
        case "dismiss", []:
            return room.Dismiss(to)
        case "other_joined", [other, str(epoch)]:
            return room.SendOtherJoined(to, _member(other), _number(epoch))
        case "renewed", [str(epoch)]:
            return room.SendRenewed(to, _number(epoch))
        case "full", []:
            return room.SendFull(to)
        case "left", [str(id_)]:
            return room.SendLeft(to, id_)
        case "bye", [str(other), str(reason)] if reason in _REASONS:
            return room.SendBye(to, other, _REASONS[reason])
        case "relay", [str(text), str(number)]:
            return room.Relay(to, _payload(text), _number(number))
        case _:
            raise ValueError("no such order")


def _member(about: object) -> Member:
    match about:
        case [str(id_), str(name), bool(extended)]:
            return Member(id_, name, extended)
        case _:
            raise ValueError("a member is a list of id, name and whether it is told more")


def _number(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= 20):
        raise ValueError("a number is a text of digits")
    return int(text)


def _payload(text: str) -> str:
    try:
        StrictJson.loads(text)
    except RecursionError as error:
        raise ValueError("too deeply nested") from error
    return text
