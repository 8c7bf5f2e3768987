"""How long a call waits for what, in seconds."""

from __future__ import annotations

from typing import Final

JOIN_TIMEOUT_S: Final = 10.0
"""How long the server may take to answer `join`."""

CONNECT_TIMEOUT_S: Final = 20.0
"""From both being in the room to media; an ICE pair that works answers within a few seconds."""

CANDIDATES_S: Final = 1.0
"""How long a description for a client that may take no later candidates waits for all of them."""

SILENCE_S: Final = 2.0
"""Silence after which another connection is built; sound comes 50 times a second, reports every one."""

FRESH_S: Final = 20.0
"""How long what was gathered is offered: a NAT forgets a mapping nobody uses after half a minute."""

OVERSLEPT_S: Final = 2.0
"""A deadline seen this late passed in a sleep of this computer."""

RESEAT_S: Final = 5.0
"""Between two questions for a seat that somebody has taken while our call goes on."""

RECONNECT_S: Final = 60.0
"""How long a call tries to get its media back."""

TELL_S: Final = 1.0
"""How long a connection that the other end closed may only be the beginning of its goodbye."""

ASK_AGAIN_S: Final = 2.0
"""When asking for another connection led to nothing: the question, or its answer, went astray."""

PAUSE_S: Final = 1.0
"""After a new connection that failed, and before the next is asked for."""

BUILD_S: Final = 10.0
"""What a new connection may take before one more is tried; one offer, one answer and a few checks."""

SILENCE_AFTER_BYE_S: Final = 3.0
"""Silence after which the peer counts as lost when the server has already lost it."""

KNOCK_S: Final = 1.0
"""How long the server gets to say that who knocked was only the one who has just gone."""

FIRST_PAUSE_S: Final = 1.0
LONGEST_PAUSE_S: Final = 60.0
"""Before a fresh seat is asked for after an attempt that failed, each time twice as long."""

WORDS_S: Final = 5.0
"""How much later than the connection the other end's part of the words may come, through the server."""
