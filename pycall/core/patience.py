"""How long a call waits for what, in seconds."""

from __future__ import annotations

from typing import Final

JOIN_TIMEOUT_S: Final = 10.0
"""How long the server may take to answer `join`."""

CONNECT_TIMEOUT_S: Final = 20.0
"""From both being in the room to media; an ICE pair that works answers within a few seconds."""

SILENCE_LOST_S: Final = 30.0
"""Silence after which the peer counts as lost although the server still sees it (RFC 7675)."""

SILENCE_AFTER_BYE_S: Final = 3.0
"""The same when the server has already lost it."""

KNOCK_S: Final = 1.0
"""How long the server gets to say that who knocked was only the one who has just gone."""

FIRST_PAUSE_S: Final = 1.0
LONGEST_PAUSE_S: Final = 60.0
"""Before a fresh seat is asked for after an attempt that failed, each time twice as long."""
