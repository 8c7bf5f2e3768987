"""A connection of aiortc as pycall wants it from the first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from aiortc import (
    RTCBundlePolicy,
    RTCCertificate,
    RTCConfiguration,
    RTCIceTransportPolicy,
    RTCPeerConnection,
)

from pycall.client.compat.agent import servers_of_aiortc
from pycall.client.compat.releases import has_all
from pycall.client.iceservers import Server

_CERTIFICATES: Final = "_RTCPeerConnection__certificates"


def new_connection(
    servers: Sequence[Server], certificate: RTCCertificate, *, relay_only: bool
) -> RTCPeerConnection:
    """A connection with all on one transport, that shows this certificate; aiortc makes one for each."""
    connection = RTCPeerConnection(
        RTCConfiguration(
            iceServers=servers_of_aiortc(servers),
            bundlePolicy=RTCBundlePolicy.MAX_BUNDLE,
            iceTransportPolicy=RTCIceTransportPolicy.RELAY if relay_only else RTCIceTransportPolicy.ALL,
        )
    )
    if has_all(connection, _CERTIFICATES):
        setattr(connection, _CERTIFICATES, [certificate])
    return connection
