"""Who is on a connection: what a client says of itself when it connects."""

from __future__ import annotations

import hashlib
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from pycall.core import room as orders
from pycall.core.credentials import NONE, Credentials, read_credentials
from pycall.core.names import clean_display_name
from pycall.core.seats import TOKEN, TOKEN_BYTES, Member
from pycall.server.admission.addresses import UNKNOWN, Visitor, host_name

ID_LENGTH: Final = 16
"""Characters of an id made of a token, 6 bits each."""

MAX_NUMBER: Final = 2**53 - 1
"""The largest number a message can have: what JavaScript counts to."""


@dataclass(slots=True)
class Client:
    """A connection; ``room`` is the one it has a seat in."""

    member: Member
    host: str = ""
    """The name or address by which it reached the server; empty when that is not known."""

    source: int | None = None
    """What limits by address count it by; None: there are none for it."""

    token: str = field(default="", repr=False)
    """The secret of its seats; only extended clients have one."""

    received: int | None = None
    """The number of the last message it got on an earlier connection."""

    room: str | None = None
    peer: str | None = None
    """The id of the other one there, as it was told."""

    told: int | None = None
    """The number of the last message it was sent, if it is known which it has."""

    shown: Credentials = NONE
    """What it shows to be let into closed rooms; where they are open that is not kept."""

    network: int = UNKNOWN
    """Where it is, for counting wrong passwords."""

    def note(self, output: orders.Output) -> None:
        """Keep in mind what it is told, but for messages."""
        match output:
            case orders.SendJoined(_, _, _, peer, _, resumed):
                self.peer = peer.id if peer else None
                if not resumed:
                    self.told = self.received or 0
                elif self.told is None:
                    self.told = self.received
            case orders.SendOtherJoined(_, other):
                self.peer = other.id
            case orders.SendBye():
                self.peer = None
            case orders.SendLeft():
                self.peer = self.told = None
            case _:
                pass

    @property
    def extended(self) -> bool:
        """Whether it asked for what pycall adds to the protocol."""
        return self.member.extended


def read_client(id_: str, auth: object, visitor: Visitor, *, keeps_shown: bool) -> Client:
    """The client that connected with the payload ``auth``; ``id_`` is its Socket.IO id.

    ``keeps_shown`` is whether what it shows to be let in will be looked at. Whatever is not as it should be
    counts as not given.
    """
    shown, network = (read_credentials(auth), visitor.network) if keeps_shown else (NONE, UNKNOWN)
    asked = auth if isinstance(auth, Mapping) else {}
    if not (type(asked.get("pycall")) is int and asked["pycall"] >= 1):
        return Client(Member(id_), source=visitor.source, shown=shown, network=network)
    name = asked.get("name")
    resume, received = asked.get("resume"), asked.get("received")
    token = resume if isinstance(resume, str) and TOKEN.fullmatch(resume) else None
    token = token or secrets.token_urlsafe(TOKEN_BYTES)
    return Client(
        Member(id_of(token), clean_display_name(name) if isinstance(name, str) else "", extended=True),
        host=host_name(visitor.host),
        source=visitor.source,
        token=token,
        received=received if type(received) is int and 0 <= received <= MAX_NUMBER else None,
        shown=shown,
        network=network,
    )


def id_of(token: str) -> str:
    """The id of whoever knows ``token``: everybody may see it, and only the token's owner can have it.

    The first 96 bits of the token's SHA-256, in base64 for URLs.
    """
    return urlsafe_b64encode(hashlib.sha256(token.encode()).digest())[:ID_LENGTH].decode()
