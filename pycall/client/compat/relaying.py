"""An allocation on a TURN server (RFC 8656), in the place of a socket.

aioice's client speaks the protocol. What is done here instead: closing waits for no answer (stock: 63 s
for a dead server), a channel is refreshed before its permission ends (RFC 8656 section 9: 300 s; stock
after 500 s, and then holds up media), what waits is bounded, and each packet is sent without a task.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
import struct
from collections.abc import Callable
from typing import Any, Final

from aioice import stun, turn

from pycall.client.iceservers import TurnServer

logger = logging.getLogger(__name__)

Address = tuple[str, int]

LIFETIME_S: Final = 600
REFRESH_S: Final = 240.0
"""How often channels are bound anew: a permission ends after 300 s."""

BIND_S: Final = 8.0
ABORT_S: Final = 0.5
"""How long a closed TCP connection may flush before it is cut."""

MAX_PEERS: Final = 64
MAX_WAITING: Final = 8
"""Packets held for an address whose channel is being bound."""

MAX_BUFFERED: Final = 128_000
"""Bytes that wait for a TCP connection; above, packets are lost as they would be over UDP."""

FIRST_CHANNEL: Final = 0x4000
FAMILY_IPV6: Final = 0x02000000


class Relay:
    """Behaves like a datagram transport whose address is on the TURN server.

    ``refused`` is called with the code and reason of a peer address that the server does not relay to.
    """

    def __init__(self, client: Any, server: TurnServer, refused: Callable[[int, str], None]) -> None:
        self.server = server
        self.local_address: str = client.transport.get_extra_info("sockname")[0]
        """That of this computer that the server is spoken to from."""
        self._client = client
        self._refused = refused
        self._numbers: dict[Address, int] = {}
        self._waiting: dict[Address, list[bytes]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False

    def attach(self, protocol: asyncio.DatagramProtocol) -> None:
        """Hand what is relayed to ``protocol``, which sends by this."""
        protocol.connection_made(self)  # type: ignore[arg-type]  # it is one in all that is used
        self._client.receiver = protocol
        self._start(self._refresh(), "pycall-refresh-channels")

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """``sockname`` is the relayed address, ``related_address`` the one the server sees us at."""
        match name:
            case "sockname":
                return self._client.relayed_address
            case "related_address":
                return self._client.mapped_address
            case _:
                return default

    def sendto(self, data: bytes, address: Address) -> None:
        """Send to a peer; its channel is bound first, which takes a round trip to the server."""
        if self._closed or self._client.transport.is_closing():
            return
        number = self._client.peer_to_channel.get(address)
        if number is not None:
            self._send(number, data)
        elif address in self._waiting:
            if len(self._waiting[address]) < MAX_WAITING:
                self._waiting[address].append(data)
        elif address in self._numbers or len(self._numbers) < MAX_PEERS:
            self._numbers.setdefault(address, FIRST_CHANNEL + len(self._numbers))
            self._waiting[address] = [data]
            self._start(self._bind(address), "pycall-bind-channel")

    def is_closing(self) -> bool:
        """Whether nothing is sent any more."""
        return self._closed or bool(self._client.transport.is_closing())

    def close(self) -> None:
        """Tell the server once that the allocation is over, and wait for nothing."""
        if self._closed:
            return
        self._closed = True
        for task in (*self._tasks, self._client.refresh_task):
            if task is not None:
                task.cancel()
        transport = self._client.transport
        if not transport.is_closing():
            self._client.send_stun(self._farewell(), self._client.server)
            transport.close()
            if self.server.transport != "udp":  # it may have much to flush, and nobody to take it
                asyncio.get_running_loop().call_later(ABORT_S, transport.abort)

    def _farewell(self) -> stun.Message:
        request = stun.Message(message_method=stun.Method.REFRESH, message_class=stun.Class.REQUEST)
        request.attributes["LIFETIME"] = 0
        if self._client.integrity_key is not None:
            request.attributes["USERNAME"] = self._client.username
            request.attributes["NONCE"] = self._client.nonce
            request.attributes["REALM"] = self._client.realm
            request.add_message_integrity(self._client.integrity_key)
        return request

    def _send(self, number: int, data: bytes) -> None:
        transport = self._client.transport
        if self.server.transport == "udp" or transport.get_write_buffer_size() < MAX_BUFFERED:
            self._client._send(struct.pack("!HH", number, len(data)) + data)

    async def _bind(self, address: Address) -> None:
        number = self._numbers[address]
        self._client.channel_to_peer[number] = address  # the peer may speak before the answer is here
        try:
            async with asyncio.timeout(BIND_S):
                await self._client.channel_bind(number, address)
        except stun.TransactionFailed as failed:
            self._refused(*failed.response.attributes.get("ERROR-CODE", (0, "")))
        except (stun.TransactionError, ConnectionError, TimeoutError) as error:
            logger.debug("No channel to a peer: %s", error)
        else:
            self._client.peer_to_channel[address] = number
        held = self._waiting.pop(address, [])
        for data in held if address in self._client.peer_to_channel else []:
            self._send(number, data)

    async def _refresh(self) -> None:
        while True:
            await asyncio.sleep(REFRESH_S)
            for address in list(self._client.peer_to_channel):
                await self._bind(address)

    def _start(self, work: Any, name: str) -> None:
        task: asyncio.Task[None] = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def allocate(
    server: TurnServer,
    address: str,
    tls: ssl.SSLContext | None,
    refused: Callable[[int, str], None],
    *,
    ipv6: bool = False,
) -> Relay:
    """An allocation on ``server``, reached at ``address``; of an IPv4 address, or of an ``ipv6`` one.

    Raises:
        OSError: the server cannot be reached, or its certificate is not trusted.
        aioice.stun.TransactionError: it refused, or does not answer.
    """
    loop = asyncio.get_running_loop()
    place = (address, server.port)
    kind = turn.TurnClientUdpProtocol if server.transport == "udp" else turn.TurnClientTcpProtocol
    client: Any = kind(
        place,
        username=server.username,
        password=server.credential,
        lifetime=LIFETIME_S,
        channel_refresh_time=LIFETIME_S,
    )
    if server.transport == "udp":
        await loop.create_datagram_endpoint(lambda: client, remote_addr=place)
    else:
        name = server.host if tls is not None else None
        await loop.create_connection(lambda: client, *place, ssl=tls, server_hostname=name)
    relay = Relay(client, server, refused)
    if ipv6:
        _ask_for_ipv6(client)
    try:
        await client.connect()
    except BaseException:
        relay.close()  # what the server perhaps granted just now would count against us for ten minutes
        raise
    return relay


def _ask_for_ipv6(client: Any) -> None:
    """Let the client's allocation be of an IPv6 address (RFC 8656 section 7.1); aioice knows IPv4 only."""
    name, number = "REQUESTED-ADDRESS-FAMILY", 0x0017
    entry = (number, name, stun.pack_unsigned, stun.unpack_unsigned)
    stun.ATTRIBUTES_BY_TYPE[number] = stun.ATTRIBUTES_BY_NAME[name] = entry
    send = client.request_with_retry

    async def request_with_retry(request: stun.Message) -> Any:
        if request.message_method == stun.Method.ALLOCATE:
            request.attributes[name] = FAMILY_IPV6
        return await send(request)

    client.request_with_retry = request_with_retry
