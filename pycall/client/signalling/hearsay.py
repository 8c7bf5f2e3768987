"""What the server says, checked before it is believed: arguments of events become inputs of the call.

Each function here takes an event's arguments as they came, without the room's name, and raises
:class:`ValueError` with one sentence on what cannot be meant. Everything is bounded.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, Literal

from pycall.client.iceservers import MAX_SERVERS
from pycall.core import inputs
from pycall.core.iceurls import parse_ice_url
from pycall.core.messages import IceServer
from pycall.core.names import clean_display_name, terminal_safe
from pycall.core.seats import TOKEN

MAX_ID: Final = 128
MAX_CODE: Final = 64
MAX_SENTENCE: Final = 300
MAX_SECRET: Final = 512
MAX_NUMBER: Final = 2**53
"""Above it JSON's whole numbers are not exact everywhere (RFC 8259 section 6)."""


def joined(own_id: object = "", extra: object = None, *_: object) -> inputs.JoinedRoom:
    """We have a seat (`joined`)."""
    more = fields(extra)
    peer = more.get("peer")
    return inputs.JoinedRoom(
        id=_id(own_id),
        epoch=_epoch(more),
        peer=None if peer is None else _peer(fields(peer).get("id"), fields(peer)),
        ice_servers=tuple(_ice_servers(more.get("ice_servers"))),
        resumed=more.get("resumed") is True,
        offering=more.get("offers") is True,
    )


def token(extra: object) -> str:
    """The seat's secret that `joined` tells; empty when there is none that could be shown again."""
    value = fields(extra).get("resume")
    return value if isinstance(value, str) and TOKEN.fullmatch(value) else ""


def other_joined(id_: object = "", extra: object = None, *_: object) -> inputs.OtherJoined:
    """Somebody came (`other_joined`)."""
    more = fields(extra)
    return inputs.OtherJoined(_peer(id_, more), _epoch(more), tuple(_ice_servers(more.get("ice_servers"))))


def renewed(extra: object = None, *_: object) -> inputs.Renewed:
    """The pairing was counted up (`renewed`)."""
    more = fields(extra)
    return inputs.Renewed(number(more.get("epoch")), tuple(_ice_servers(more.get("ice_servers"))))


def other_left(id_: object = "", extra: object = None, *_: object) -> inputs.OtherLeft:
    """The other one is gone (`bye`)."""
    reason: Literal["left", "lost"] = "lost" if fields(extra).get("reason") == "lost" else "left"
    return inputs.OtherLeft(_id(id_), reason)


def refused(code: object = None, sentence: object = "", *_: object) -> inputs.Refused:
    """The server did not do what we asked (`error`)."""
    return inputs.Refused(_text(code, MAX_CODE), _text(sentence, MAX_SENTENCE))


def number(value: object) -> int:
    """An epoch, or the place of a message among those sent to a seat."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < MAX_NUMBER:
        raise ValueError("a whole number was expected")
    return value


def fields(value: object) -> Mapping[str, Any]:
    """The members of a JSON object; of anything else none."""
    return value if isinstance(value, Mapping) else {}


def _text(value: object, limit: int) -> str:
    if not isinstance(value, str):
        raise ValueError("a text was expected")
    return terminal_safe(value[:limit])


def _id(value: object) -> str:
    if not isinstance(value, str) or len(value) > MAX_ID or not value.isprintable():
        raise ValueError("an id is a short text")
    return value


def _epoch(more: Mapping[str, Any]) -> int | None:
    epoch = more.get("epoch")
    return None if epoch is None else number(epoch)


def _peer(id_: object, more: Mapping[str, Any]) -> inputs.PeerInfo:
    name, speaks = more.get("name"), more.get("pycall")
    return inputs.PeerInfo(
        _id(id_),
        clean_display_name(name) if isinstance(name, str) else "",
        renews=type(speaks) is int and speaks >= 1,
    )


def _ice_servers(value: object) -> Iterator[IceServer]:
    """The usable ones among the servers (``RTCIceServer``) in a list; the others are skipped."""
    for server in value[:MAX_SERVERS] if isinstance(value, list) else []:
        urls = fields(server).get("urls")
        texts = [urls] if isinstance(urls, str) else urls if isinstance(urls, list) else []
        good = tuple(url for url in texts[:MAX_SERVERS] if isinstance(url, str) and _is_ice_url(url))
        secrets = [fields(server).get("username"), fields(server).get("credential")]
        if good and all(s is None or (isinstance(s, str) and len(s) <= MAX_SECRET) for s in secrets):
            yield IceServer(good, *secrets)


def _is_ice_url(text: str) -> bool:
    try:
        parse_ice_url(text)
    except ValueError:
        return False
    return True
