"""What browsers put around their pictures: repairs (RFC 4588), redundancy (RFC 2198) and parity in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from aiortc.rtp import HeaderExtensionsMap, unwrap_rtx

from pycall.client.compat.guarding import packet_of
from pycall.client.compat.releases import has_all
from pycall.client.receiving.redundant import as_protected, block_of

_NUMBER: Final = 2
"""Bytes that a repair begins with: the number of what it repairs."""


def unwrapped(packet: Any, codec: Any, streams: Mapping[int, int], present: int | None) -> Any:
    """What a packet of a stream of repairs (RFC 4588 section 4) brings of the ``present`` one, if anything.

    ``streams`` has those that are repaired by those that repair, where that was told. When browsers probe the
    path they fill the stream up with what they sent lately; what is empty only probes. Its own numbers do not
    matter.
    """
    payload_type = codec.parameters.get("apt")
    if present is None or streams.get(packet.ssrc, present) != present or len(packet.payload) <= _NUMBER:
        return None
    return unwrap_rtx(packet, payload_type, present) if isinstance(payload_type, int) else None


def opened(payload: bytes, codecs: Mapping[int, Any], present: Any) -> tuple[Any, bytes, bytes]:
    """What is in a packet of redundancy: the codec, ``None`` if it is of no use, its payload, and parity.

    A packet of parity, whose number is one of the stream's, is one of the ``present`` codec without payload.
    """
    block = block_of(payload)
    codec = None if block is None else codecs.get(block[0])
    if block is None or codec is None:
        return None, b"", b""
    if codec.name == "ulpfec":
        return present, b"", block[1]
    return codec, block[1], b""


def protected(transport: Any) -> bytes | None:
    """The packet of redundancy that ``transport`` handles now, as parity is made of it."""
    ids = transport._rtp_header_extensions_map._HeaderExtensionsMap__ids
    filled = {ids.abs_send_time, ids.transport_sequence_number, ids.transmission_offset}
    return as_protected(packet_of(transport), filled - {None})


def is_known(transport: Any) -> bool:
    """Whether the inside of a transport is known by which packets are told as parity is made of them."""
    extensions = HeaderExtensionsMap()
    return has_all(transport, "_rtp_header_extensions_map") and has_all(
        extensions, "_HeaderExtensionsMap__ids"
    )
