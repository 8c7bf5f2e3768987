"""python-socketio's Redis manager, as one of several nodes needs it.

The only module outside :mod:`pycall.server.wire` that touches private names of python-socketio;
``tests/server/nodes/test_register.py`` holds a contract test for each. What the stock one does is not
enough: it drops what it cannot publish without a word, waits up to a minute before it listens again, has
every node hear everything, and believes what it hears. So orders are published by the rooms' script, each to
the node it is for, and this one only listens.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import NoReturn

import socketio

from pycall.server.nodes.database import OPTIONS
from pycall.server.nodes.script import CHANNEL
from pycall.server.store import StoreUnavailable
from pycall.server.wire.register import ClientRegister


class NodeRegister(ClientRegister, socketio.AsyncRedisManager):  # type: ignore[misc]  # untyped library
    """Which client is on which connection of the node ``node``, and what other nodes tell it."""

    def __init__(self, url: str, node: str) -> None:
        super().__init__(url, channel=CHANNEL + node, redis_options=dict(OPTIONS))
        self.prefix = f"{node}."

    def initialize(self) -> None:
        """Begin nothing: whoever runs the node listens."""

    async def listen(self) -> AsyncIterator[object]:
        """None as soon as it is subscribed to; then what is said on the node's channel, as it came.

        That ends only when the connection breaks.

        Raises:
            StoreUnavailable: it broke, or could not be made.
        """
        self._redis_connect()
        self.pubsub.ignore_subscribe_messages = False
        try:
            await self.pubsub.subscribe(self.channel)
            async for message in self.pubsub.listen():
                yield message["data"] if message["type"] == "message" else None
        except Exception as error:  # the library's, whatever Redis or the network does to it
            raise StoreUnavailable(f"the channel broke: {type(error).__name__}") from error
        finally:
            await self._disconnect()
        raise StoreUnavailable("the channel was closed")

    async def _publish(self, data: object) -> NoReturn:
        raise NotImplementedError("the rooms' script publishes")

    async def _disconnect(self) -> None:
        with suppress(Exception):  # it may be broken in any way
            async with asyncio.timeout(1):
                await self.pubsub.aclose()
                await self.redis.aclose()
