"""STUN asked for its own sake (RFC 8489, RFC 5780): which address a server sees, and who may answer."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from dataclasses import dataclass
from typing import Final, cast

from aioice import stun

from pycall.client.compat.relaying import Address

RETRIES: Final = 2
"""After 0.5 and 1.5 s; an answer may then take 2 s more: 3.5 s in all."""

CHANGE_ADDRESS: Final = 0x04
CHANGE_PORT: Final = 0x02
"""Of the attribute CHANGE-REQUEST (RFC 5780 section 7.2)."""


@dataclass(frozen=True, slots=True)
class Binding:
    """What a STUN server answered."""

    mapped: Address
    """Where our packets seem to come from."""
    other: Address | None
    """The server's other address and port, if it has such and tells (``OTHER-ADDRESS``)."""
    software: str


class NoBindingError(Exception):
    """There is no answer, or it tells no address; ``code`` is the error the server gave, or 0."""

    def __init__(self, code: int = 0) -> None:
        super().__init__(f"no mapped address ({code})")
        self.code = code


class StunSocket(asyncio.DatagramProtocol):
    """One UDP socket, on any port, from which any number of servers are asked at once."""

    def __init__(self) -> None:
        self._transactions: dict[bytes, stun.Transaction] = {}
        self._transport: asyncio.DatagramTransport | None = None

    async def open(self, version: int) -> None:
        """Bind it, for IPv4 (4) or IPv6 (6); raises :class:`OSError`."""
        family = socket.AF_INET if version == 4 else socket.AF_INET6
        with contextlib.ExitStack() as stack:
            sock = stack.enter_context(socket.socket(family, socket.SOCK_DGRAM))
            sock.setblocking(False)
            sock.bind(("", 0))
            await asyncio.get_running_loop().create_datagram_endpoint(lambda: self, sock=sock)
            stack.pop_all()

    @property
    def port(self) -> int:
        """Its port on this computer."""
        assert self._transport is not None
        return cast("int", self._transport.get_extra_info("sockname")[1])

    async def ask(self, place: Address, *, change: int = 0, retries: int = RETRIES) -> Binding:
        """Ask the server at ``place``; ``change`` asks it to answer from another place of its own.

        Raises:
            NoBindingError: it does not answer, or with an error.
        """
        request = stun.Message(message_method=stun.Method.BINDING, message_class=stun.Class.REQUEST)
        if change:
            request.attributes["CHANGE-REQUEST"] = change
        transaction = stun.Transaction(request, place, self, retransmissions=retries)
        self._transactions[request.transaction_id] = transaction
        try:
            response, _ = await transaction.run()
        except stun.TransactionFailed as failed:
            raise NoBindingError(failed.response.error_code or 0) from failed
        except stun.TransactionError as error:
            raise NoBindingError from error
        finally:
            del self._transactions[request.transaction_id]
        said = response.attributes
        mapped = said.get("XOR-MAPPED-ADDRESS") or said.get("MAPPED-ADDRESS")
        if mapped is None:
            raise NoBindingError
        return Binding(mapped, said.get("OTHER-ADDRESS"), said.get("SOFTWARE", ""))

    def close(self) -> None:
        """Let go of the socket; may be called without :meth:`open`."""
        if self._transport is not None:
            self._transport.abort()

    # Called by asyncio and aioice

    def connection_made(self, transport: asyncio.BaseTransport) -> None:  # noqa: D102
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, source: tuple[str, int]) -> None:
        """Take an answer; whatever else comes is no business of ours."""
        try:
            message = stun.parse_message(data)
        except ValueError:
            return
        transaction = self._transactions.get(message.transaction_id)
        if transaction is not None and message.message_class in {stun.Class.RESPONSE, stun.Class.ERROR}:
            transaction.response_received(message, source)

    def error_received(self, error: Exception) -> None:
        """Ignore it: that somebody cannot be reached shows in that no answer comes."""

    def send_stun(self, message: stun.Message, place: Address) -> None:
        """Send a request, for :class:`aioice.stun.Transaction`."""
        assert self._transport is not None
        self._transport.sendto(bytes(message), place)
