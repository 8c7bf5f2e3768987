"""Why a connection ended: what its cause says, which is also its word in figures and logs."""

from __future__ import annotations

from typing import Final

from aiohttp import WSCloseCode

CLIENT_DISCONNECT: Final = "client disconnect"
"""The cause when the client said that it goes; every other cause is a loss."""

SEAT_RESUMED: Final = "seat resumed"
"""The cause when the same client is here again, on a newer connection."""

CONNECTION_LOST: Final = "connection lost"
NO_ANSWER: Final = "no answer to a ping"
TOO_SLOW: Final = "too slow a reader"
SERVER_ERROR: Final = "server error"
SERVER_STOPPING: Final = "server stopping"
NEVER_CONNECTED: Final = "never connected"
NEVER_JOINED: Final = "never joined"
UNREADABLE: Final = "unreadable frame"
MALFORMED: Final = "bad-message"
"""This one is followed by a colon and what is wrong."""

CAUSES: Final = (
    CLIENT_DISCONNECT, SEAT_RESUMED, CONNECTION_LOST, NO_ANSWER, TOO_SLOW, SERVER_ERROR, SERVER_STOPPING,
    NEVER_CONNECTED, NEVER_JOINED, UNREADABLE, MALFORMED,
)  # fmt: skip
"""All causes but refusals that came too often, which begin with the code of the last one."""

BROKEN: Final = frozenset({CONNECTION_LOST, NO_ANSWER, TOO_SLOW, SERVER_ERROR})
"""Causes that are nobody's will and nobody's fault: the same client may soon be here again."""

CLOSED_ON_PURPOSE: Final = frozenset({0, WSCloseCode.OK, WSCloseCode.GOING_AWAY})
"""Codes of a client's close frame; 0 is a frame without code."""

REFUSED_TOO_OFTEN: Final = "refused too often"
