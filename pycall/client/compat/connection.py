"""What aiortc does not tell of a connection, and its end by force."""

from __future__ import annotations

from typing import Any, Final

from aiortc import RTCDtlsTransport, RTCIceTransport, RTCPeerConnection

from pycall.client.compat.receiving import forget
from pycall.client.compat.relaying import Relay
from pycall.core.events import CandidateType, Path, PathProtocol

_RECEIVED_SHUTDOWN: Final = 2
"""``SSL_RECEIVED_SHUTDOWN`` of OpenSSL."""


def nominated_path(transport: RTCIceTransport) -> Path:
    """The chosen pair's way; where that cannot be told, the plainest one."""
    pair = _nominated(transport)
    if pair is None:
        return Path("direct", "host", "host")
    local = _local_type(transport._connection, pair)
    remote: CandidateType = pair.remote_candidate.type
    relay = getattr(pair.protocol, "transport", None)
    protocol: PathProtocol = relay.server.transport if isinstance(relay, Relay) else "udp"
    return Path("relay" if "relay" in {local, remote} else "direct", local, remote, protocol)


def local_address(transport: RTCIceTransport) -> str | None:
    """The address of this computer that the chosen pair's packets leave by: to the peer, or to a relay."""
    pair = _nominated(transport)
    if pair is None:
        return None
    if pair.local_candidate.type != "relay":
        return str(pair.local_candidate.host)
    relay = getattr(pair.protocol, "transport", None)
    return relay.local_address if isinstance(relay, Relay) else None


def _nominated(transport: RTCIceTransport) -> Any:
    return getattr(getattr(transport, "_connection", None), "_nominated", {}).get(1)


def _local_type(connection: Any, pair: Any) -> CandidateType:
    """Our candidate of a pair: a socket's is the one that the other side sees us at."""
    base = pair.local_candidate
    mapped = getattr(pair, "mapped", None)
    if base.type == "relay":
        return "relay"
    if mapped in {None, (base.host, base.port)}:
        return "host"
    told = {(each.host, each.port) for each in connection._local_candidates if each.type == "srflx"}
    return "srflx" if mapped in told else "prflx"


def packets_heard(transport: RTCDtlsTransport) -> int:
    """Packets of media, reports and data that came from the other end and were not forged."""
    return int(getattr(transport, "_pycall_heard", 0))


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
    tasks = [
        getattr(owner, name, None)
        for owner, name in (
            (connection, "_RTCPeerConnection__closeTask"),
            (transport, "_RTCIceTransport__monitor_task"),
            (ice, "_query_consent_task"),
        )
    ]
    for task in (*tasks, *getattr(ice, "_tasks", ())):
        if task is not None:
            task.cancel()
