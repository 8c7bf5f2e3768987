"""What a server does for callers behind NATs: a STUN responder, a relay, and telling members of both."""

from __future__ import annotations

import errno
import ipaddress
import logging
from collections.abc import Iterable

from pycall.errors import ListenFailed
from pycall.server.ice.coturn import RelaySettings
from pycall.server.ice.iceservers import HERE, LIFETIME_S, LOOPBACK, IceServers, Turn
from pycall.server.ice.relay import Relay
from pycall.server.ice.stun import StunResponder
from pycall.server.monitoring.logs import tell

log = logging.getLogger(__name__)


class Ice:
    """The STUN responder and the relay of one signalling server."""

    def __init__(
        self,
        *,
        stun_port: int | None = None,
        stun_addresses: Iterable[str] = (),
        relay: RelaySettings | None = None,
        elsewhere: Iterable[Turn] = (),
        public_host: str = "",
        lifetime_s: int = LIFETIME_S,
    ) -> None:
        """What is wanted; ``elsewhere`` are more relays.

        ``stun_port`` is 0 for HTTP's number, ``None`` for no STUN; without ``stun_addresses`` those of
        HTTP are meant.
        """
        self.servers = IceServers(public_host=public_host, lifetime_s=lifetime_s)
        self.servers.turns = tuple(elsewhere)
        self.relay_settings = relay
        self._wanted_port = stun_port
        self._stun_addresses = tuple(stun_addresses)
        self._stun = StunResponder()
        self._relay = Relay(relay) if relay else None

    @property
    def stun_port(self) -> int | None:
        """The UDP port that answers; ``None`` if there is none."""
        return self._stun.port

    async def start_relay(self) -> None:
        """Run the relay, if one is wanted; raises what :meth:`Relay.start` does."""
        if self._relay is not None:
            await self._relay.start()
            self.servers.turns = (self._relay.turn, *self.servers.turns)

    async def start_stun(self, http_addresses: Iterable[str], http_port: int) -> None:
        """Answer STUN, if that is wanted.

        Raises:
            ListenFailed: the address or port that was asked for cannot be used. What was not is done without.
        """
        if self._wanted_port is None:
            return
        port = self._wanted_port or http_port
        addresses = self._stun_addresses or tuple(http_addresses)
        try:
            await self._stun.start(addresses, port)
        except OSError as error:
            sentence, hint = _why_not(error, port)
            if self._wanted_port or self._stun_addresses:
                raise ListenFailed(sentence, hint) from error
            tell(log, logging.WARNING, "no-stun", "%(why)s %(hint)s", why=sentence, hint=hint)
        else:
            is_local = all(ipaddress.ip_address(each).is_loopback for each in addresses)
            self.servers.stun = (f"stun:{LOOPBACK if is_local else HERE}:{port}",)

    async def stop(self) -> None:
        """End both."""
        self._stun.stop()
        if self._relay is not None:
            await self._relay.stop()


def _why_not(error: OSError, port: int) -> tuple[str, str]:
    """One sentence, and what to do."""
    if error.errno == errno.EADDRNOTAVAIL:
        return "STUN is not answered: the address is not of this machine.", "Choose another --stun-host."
    why = "is in use" if error.errno == errno.EADDRINUSE else "cannot be used"
    hint = "Choose another --stun-port, or see who has it with `ss -lunp`."
    return f"STUN is not answered: UDP port {port} {why}.", hint
