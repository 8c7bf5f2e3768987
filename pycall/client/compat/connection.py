"""What aiortc does not tell of a connection, and its end by force."""

from __future__ import annotations

from typing import Final

from aiortc import RTCDtlsTransport, RTCIceTransport, RTCPeerConnection

from pycall.client.compat.receiving import forget
from pycall.core.events import PathKind

_RECEIVED_SHUTDOWN: Final = 2
"""``SSL_RECEIVED_SHUTDOWN`` of OpenSSL."""


def nominated_path(transport: RTCIceTransport) -> PathKind:
    """Whether the chosen pair goes through a relay at either end."""
    pairs = getattr(getattr(transport, "_connection", None), "_nominated", {})
    ends = [end.type for pair in pairs.values() for end in (pair.local_candidate, pair.remote_candidate)]
    return "relay" if "relay" in ends else "direct"


def consent_lost(transport: RTCIceTransport) -> bool:
    """Whether the transport ended because the other end stopped answering (RFC 7675)."""
    return bool(getattr(getattr(transport, "_connection", None), "_closing", False))


def hung_up(transport: RTCDtlsTransport) -> bool:
    """Whether the other end closed on purpose (close_notify); where that cannot be told, it did."""
    ssl = getattr(transport, "_ssl", None)
    return ssl is None or bool(ssl.get_shutdown() & _RECEIVED_SHUTDOWN)


def abandon(connection: RTCPeerConnection, transport: RTCIceTransport) -> None:
    """Let go of what a connection that does not close in time still holds."""
    for receiver in connection.getReceivers():
        queue = getattr(receiver, "_RTCRtpReceiver__decoder_queue", None)
        if queue is not None:
            forget(queue)
            queue.put(None)
    ice = getattr(transport, "_connection", None)
    for protocol in getattr(ice, "_protocols", []):
        protocol.transport.close()
    for owner, name in (
        (connection, "_RTCPeerConnection__closeTask"),
        (transport, "_RTCIceTransport__monitor_task"),
        (ice, "_query_consent_task"),
    ):
        task = getattr(owner, name, None)
        if task is not None:
            task.cancel()
