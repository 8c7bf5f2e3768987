"""The signalling server as a whole: HTTP routes, start and stop.

``SignallingServer`` can be used inside another program::

    server = SignallingServer("127.0.0.1", 0)
    await server.start()
    ...                         # http://127.0.0.1:{server.port}
    await server.stop()
"""

from __future__ import annotations

import errno
import logging
import socket
import ssl
from functools import partial
from typing import Final

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from pycall.core.names import terminal_safe
from pycall.errors import ListenFailed
from pycall.limits import Limits
from pycall.server.admission.access import Access
from pycall.server.admission.addresses import Proxies
from pycall.server.admission.descriptors import Descriptors
from pycall.server.admission.entrance import Entrance
from pycall.server.admission.origins import Origins
from pycall.server.admission.requesttimeout import KEPT_S, RequestTimeout
from pycall.server.gateway import Gateway
from pycall.server.ice.service import Ice
from pycall.server.monitoring.figures import Figures
from pycall.server.monitoring.health import Health, State
from pycall.server.monitoring.logs import tell
from pycall.server.monitoring.metrics import Metrics
from pycall.server.monitoring.readers import Readers
from pycall.server.monitoring.siblings import Siblings
from pycall.server.pages import Pages
from pycall.server.store import MemoryRoomStore, RoomStore
from pycall.server.wire.arrival import Arrival
from pycall.server.wire.site import Site
from pycall.server.wire.transport import SocketServer
from pycall.server.wire.upgrade import PATH

BACKLOG: Final = 4096
"""Connections that wait to be accepted: after a restart all come at once. Linux has no more by default."""

SHUTDOWN_S: Final = 1.0
"""How long requests other than websockets may take after the stop."""

_HINTS: Final = {
    errno.EADDRINUSE: "Another program listens there: choose another --port, or see which with `ss -ltnp`.",
    errno.EACCES: "Ports below 1024 need special rights: choose a --port from 1024 up.",
    errno.EADDRNOTAVAIL: "The address is not one of this machine's: `--host 0.0.0.0` listens on all of them.",
}
_NOT_AN_ADDRESS: Final = "Give an address of this machine as --host, or 0.0.0.0 for all of them."

log = logging.getLogger(__name__)


class SignallingServer:
    """One signalling server in the running event loop; https with ``tls``, else http."""

    def __init__(
        self,
        host: str,
        port: int,
        *,
        tls: ssl.SSLContext | None = None,
        limits: Limits | None = None,
        store: RoomStore | None = None,
        access: Access | None = None,
        reuse_port: bool = False,
        ice: Ice | None = None,
        node: str = "",
        readers: Readers | None = None,
        siblings: Siblings | None = None,
        proxies: Proxies | None = None,
        origins: Origins | None = None,
    ) -> None:
        """``store`` has the rooms, by default this process alone; ``reuse_port`` lets several share a port.

        ``ice`` is what helps callers to connect, started and stopped with the server; default: nothing.

        ``access`` decides who is let into rooms, by default everybody.

        ``node`` is what its figures are labelled with, by default this machine's name; ``readers`` may read
        them, by default only this machine, and ``siblings`` are processes whose figures are shown with them.
        ``proxies`` are web servers that may ask for others, and
        ``origins`` sites elsewhere whose pages may connect, by default none.
        """
        self._host = host
        self._port = port
        self._tls = tls
        self._reuse_port = reuse_port
        self._store = store or MemoryRoomStore()
        limits, figures = limits or Limits(), Figures()
        self._descriptors = Descriptors()
        self._entrance = Entrance(
            limits,
            figures,
            proxies=proxies or Proxies(),
            origins=origins or Origins(),
            descriptors=self._descriptors,
        )
        self._wire = SocketServer(
            limits,
            figures,
            self._entrance,
            manager=self._store.register,
            is_instant=self._store.is_instant,
        )
        self._ice = ice or Ice()
        self._gateway = self._made_gateway(access or Access())
        self._request_timeout = RequestTimeout(limits.request_timeout_s)
        self._state: State = "starting"
        self._health = Health(lambda: self._state, self._store)
        self._siblings = siblings
        self._metrics = self._made_metrics(node or socket.gethostname(), readers or Readers())
        self._runner = self._made_runner()

    def _made_gateway(self, access: Access) -> Gateway:
        self._wire.figures.credentials = access.counts
        return Gateway(
            self._wire,
            self._store,
            ice_servers=self._ice.servers.for_member,
            admission=self._entrance.admission,
            access=access,
        )

    def _made_runner(self) -> web.AppRunner:
        return web.AppRunner(
            self._application(),
            access_log=None,
            logger=_http_log(),
            shutdown_timeout=SHUTDOWN_S,
            keepalive_timeout=KEPT_S,
            tcp_keepalive=False,  # websockets are pinged, and what is no websocket is soon closed
        )

    def _made_metrics(self, node: str, readers: Readers) -> Metrics:
        return Metrics(
            self._wire.figures,
            self._store,
            self._health,
            connections=lambda: self.connections,
            node=node,
            readers=readers,
            visitor=self._entrance.visitor,
            siblings=self._siblings,
        )

    @property
    def port(self) -> int:
        """The port it listens on, also when 0 was asked for."""
        port: int = self._runner.addresses[0][1]
        return port

    @property
    def connections(self) -> int:
        """How many clients are connected."""
        return len(self._wire.engine.connections)

    async def start(self) -> None:
        """Listen; returns when clients can connect.

        Raises:
            ListenFailed: it cannot listen at this address, or what helps callers to connect cannot.
            StoreUnreachable: the rooms are shared, and cannot be reached.
            ConfigError: a relay is wanted and not installed.
        """
        try:
            await self._store.start()
            if self._siblings is not None:
                await self._siblings.start(self._metrics.own)
            await self._ice.start_relay()
            await self._listen()
            await self._ice.start_stun([each[0] for each in self._runner.addresses], self.port)
        except BaseException:
            await self._runner.cleanup()
            await self._ice.stop()
            if self._siblings is not None:
                await self._siblings.stop()
            await self._store.stop()
            raise
        self._descriptors.watch()
        if self._runner.server is not None:
            self._request_timeout.watch(self._runner.server)
        self._state = "ok"
        tell(log, logging.DEBUG, "listening", "listening on port %(port)s", port=self.port)

    async def _listen(self) -> None:
        await self._runner.setup()
        try:
            await Site(
                self._runner,
                self._host,
                self._port,
                arrive=partial(Arrival, self._request_timeout, self._wire.engine.open_websocket),
                tls=self._tls,
                handshake_s=self._request_timeout.patience_s,
                reuse_port=self._reuse_port,
                backlog=BACKLOG,
            ).start()
        except (OSError, OverflowError, UnicodeError) as reason:
            raise listen_failed(self._host, self._port, reason) from reason

    async def stop(self) -> None:
        """Tell everybody, close every connection and stop listening; takes about a second at most."""
        self._state = "stopping"
        self._descriptors.stop()
        self._request_timeout.stop()
        for site in list(self._runner.sites):
            await site.stop()
        sentence = "stopping with %(connections)s connections"
        tell(log, logging.DEBUG, "stopping", sentence, connections=self.connections)
        await self._gateway.stop()
        if self._siblings is not None:
            await self._siblings.stop()
        await self._store.stop()
        await self._wire.close()
        await self._runner.cleanup()
        await self._ice.stop()

    def _application(self) -> web.Application:
        application = web.Application(middlewares=[self._request_timeout.note])
        application.router.add_get(PATH, self._wire.engine.handle_request)
        self._health.add_to(application.router)
        self._metrics.add_to(application.router)
        Pages(self._entrance.turn_away).add_to(application.router)
        return application


def listen_failed(host: str, port: int, reason: Exception) -> ListenFailed:
    """Why one cannot listen there, in one sentence."""
    where = f"{terminal_safe(host)} port {port}"
    number = reason.errno if isinstance(reason, OSError) else None
    what = {
        errno.EADDRINUSE: "the port is in use",
        errno.EACCES: "the system does not permit it",
        errno.EADDRNOTAVAIL: "the address is not of this machine",
    }.get(number or 0, "the address cannot be used")
    return ListenFailed(f"Cannot listen on {where}: {what}.", _HINTS.get(number or 0, _NOT_AN_ADDRESS))


def _http_log() -> logging.Logger:
    """For aiohttp: bugs are logged, but not what strangers send, which comes with their addresses."""
    http_log = logging.getLogger(f"{__name__}.http")
    http_log.addFilter(_as_bug)
    return http_log


def _as_bug(record: logging.LogRecord) -> bool:
    """Whether it is one; then it is told in our words, since aiohttp's have the address of who asked."""
    record.__dict__ |= {"event": "bug", "msg": "a bug in answering a request", "args": ()}
    return record.exc_info is not None and not isinstance(record.exc_info[1], HttpProcessingError)
