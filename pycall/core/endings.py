"""What a call ends with when it fails: the sentences and hints."""

from __future__ import annotations

from typing import Final

from pycall.core import patience
from pycall.core.credentials import BOTH_REFUSED, INVITE_REFUSED, PASSWORD_REFUSED
from pycall.errors import JoinRefused, NobodyCame, NoConnection, PeerLost, ServerUnreachable

SEAT_TAKEN: Final = "Our place in the room is taken; the call itself goes on."
_SHOW_IT: Final = "Give the server's password in a file with --password-file."
_GET_INVITE: Final = "Ask for an invite to this room, and paste its link after `pycall call -`."
_HINTS: Final = {
    PASSWORD_REFUSED: _SHOW_IT,
    INVITE_REFUSED: _GET_INVITE,
    BOTH_REFUSED: f"{_GET_INVITE} {_SHOW_IT}",
    "too-many-rooms": "Try again in a minute; everybody behind the same router counts as one address.",
}
"""What to do about a refusal, by its code."""


def room_full(room: str) -> JoinRefused:
    """Two are in the room already."""
    return JoinRefused(
        f"The room {room} is full: two are talking there already.",
        "Choose another room name, or try again later.",
        refusal="full",
    )


def refused(code: str, sentence: str) -> JoinRefused:
    """The server said no, in its own words; ``code`` is the stable one."""
    return JoinRefused(sentence, _HINTS.get(code, ""), refusal=code)


def no_answer_to_join() -> ServerUnreachable:
    """The server stands and says nothing."""
    return ServerUnreachable(
        f"The server did not answer within {patience.JOIN_TIMEOUT_S:g} s.",
        "Check the address: it is perhaps not a pycall server.",
    )


def nobody_came(room: str, wait_s: float | None) -> NobodyCame:
    """The time to wait for somebody is over."""
    return NobodyCame(
        f"Nobody came to the room {room} within {wait_s or 0:g} s.",
        "Wait longer with --wait, or agree on the room name with the other side.",
    )


def no_connection(peer: str, why: str, hint: str = "") -> NoConnection:
    """The first connection to ``peer`` did not come about."""
    return NoConnection(
        f"No connection to {peer} came about: {why}",
        hint or "Both sides need a network path to each other; `pycall doctor` says what is in the way.",
    )


def broken(peer: str, why: str) -> PeerLost:
    """The connection to ``peer`` broke, and it cannot build another one."""
    return PeerLost(f"The connection to {peer} broke: {why}")


def lost(peer: str) -> PeerLost:
    """``peer`` vanished, and its place in the room with it."""
    return PeerLost(f"The connection to {peer} was lost.")


def not_reconnected(peer: str, within_s: float) -> PeerLost:
    """The media did not come back in time."""
    return PeerLost(
        f"The connection to {peer} was lost and did not come back within {within_s:g} s.",
        "Call again, or have it try longer with --reconnect.",
    )
