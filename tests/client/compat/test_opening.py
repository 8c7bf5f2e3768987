"""A connection shows the certificate it is given."""

from __future__ import annotations

from typing import Any

from aiortc import RTCPeerConnection

from pycall.client.compat.opening import new_connection
from pycall.client.iceservers import StunServer
from pycall.client.identity import Identity
from pycall.core.verification import keys_in


async def test_all_connections_of_one_end_show_the_same_key() -> None:
    mine, other = Identity(), Identity()
    shown = []
    for identity in (mine, mine, other):
        connection = new_connection([], identity.certificate, relay_only=False)
        connection.addTransceiver("audio")
        await connection.setLocalDescription(await connection.createOffer())
        shown.append(keys_in(connection.localDescription.sdp))
        await connection.close()
    named = [f"{each.algorithm} {each.value}".upper() for each in mine.certificate.getFingerprints()]
    assert shown[0] == shown[1] == set(named)
    assert shown[0].isdisjoint(shown[2])


def test_the_name_that_is_set_is_one_that_aiortc_has() -> None:
    assert "_RTCPeerConnection__certificates" in vars(RTCPeerConnection())


async def test_servers_and_policy_are_passed_on() -> None:
    connection: Any = new_connection([StunServer("192.0.2.1", 3478)], Identity().certificate, relay_only=True)
    [transceiver] = [connection.addTransceiver("audio")]
    gatherer = transceiver.receiver.transport.transport.iceGatherer
    assert gatherer._connection._transport_policy.name == "RELAY"
    await connection.close()
