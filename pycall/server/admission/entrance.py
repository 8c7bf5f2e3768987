"""Whom the server lets in: which requests become connections, and which are not worth an answer."""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from pycall.limits import Limits
from pycall.server.admission.addresses import Proxies, Visitor
from pycall.server.admission.descriptors import Descriptors
from pycall.server.admission.origins import Origins
from pycall.server.admission.quotas import FULL_WAIT_S, Admission
from pycall.server.monitoring.figures import Figures
from pycall.server.monitoring.logs import tell

log = logging.getLogger(__name__)

NOT_LISTED: Final = (
    "a web server on this machine that was not named with --proxy asks for others:"
    " its clients have no limits by address"
)


@dataclass(frozen=True, slots=True)
class NoConnection:
    """Why a request cannot become a connection; ``number`` is a code of Engine.IO protocol revision 4."""

    status: int
    number: int
    sentence: str
    wait_s: float = 0.0
    """After which it may be tried again, if it is only a matter of time."""

    @property
    def code(self) -> str:
        """The word for it in figures and logs."""
        return "no-connection-" + self.sentence.lower().replace(" ", "-")

    def answer(self) -> web.Response:
        """What the client is told (``Retry-After``: RFC 9110, section 10.2.3)."""
        answer = web.json_response({"code": self.number, "message": self.sentence}, status=self.status)
        if self.wait_s:
            answer.headers["Retry-After"] = str(math.ceil(self.wait_s))
            answer.force_close()
        return answer


STOPPING: Final = NoConnection(503, 3, "The server is stopping")
FULL: Final = NoConnection(503, 3, "The server is full", FULL_WAIT_S)
CROWDED: Final = NoConnection(429, 4, "Too many connections", FULL_WAIT_S)

NO_PAGE: Final = "no-page-too-many-requests"
"""The word in figures for requests for what is not here, beyond those an address may waste."""


class Entrance:
    """The one way in, for every request."""

    def __init__(
        self,
        limits: Limits,
        figures: Figures,
        *,
        proxies: Proxies,
        origins: Origins,
        descriptors: Descriptors,
    ) -> None:
        self.admission = Admission(limits)
        self._figures = figures
        self._proxies = proxies
        self._origins = origins
        self._descriptors = descriptors
        self._has_warned = False

    def visitor(self, request: web.BaseRequest) -> Visitor:
        """Who sent ``request``."""
        visitor = self._proxies.visitor(request)
        if visitor.is_local and not visitor.is_certain and not self._has_warned:
            self._has_warned = True
            tell(log, logging.WARNING, "proxy-not-listed", NOT_LISTED)
        return visitor

    def refusal(
        self, request: web.BaseRequest, visitor: Visitor, *, asks_for_websocket: bool, is_stopping: bool
    ) -> NoConnection | None:
        """Why this handshake leads to no connection; it may ask for something else than a websocket.

        With None it has taken a place among those of its address, until ``admission.closed``.
        """
        refusal = STOPPING if is_stopping else self._mistake(request, visitor, asks_for_websocket)
        if refusal is not None:
            wait_s = self.admission.missed(visitor.source)
            refusal = NoConnection(429, 4, "Too many refused requests", wait_s) if wait_s else refusal
        elif self._descriptors.are_short(_descriptor(request)):
            refusal = FULL
        elif excess := self.admission.admit(visitor.source):
            refusal = NoConnection(429, 4, *excess)
        if refusal is not None:
            self._figures.refusals[refusal.code] += 1
            tell(log, logging.DEBUG, "refused", "no connection was made: %(code)s", code=refusal.code)
        return refusal

    def turn_away(self, request: web.BaseRequest) -> web.Response | None:
        """The answer to a request for what is not here, if more than that is not worth its while."""
        wait_s = self.admission.missed(self.visitor(request).source)
        if not wait_s:
            return None
        self._figures.refusals[NO_PAGE] += 1
        answer = web.Response(status=429, headers={"Retry-After": str(math.ceil(wait_s))})
        answer.force_close()
        return answer

    def _mistake(
        self, request: web.BaseRequest, visitor: Visitor, asks_for_websocket: bool
    ) -> NoConnection | None:
        query = request.query
        if query.get("EIO") != "4":
            return NoConnection(400, 5, "Unsupported protocol version")
        if "sid" in query:
            return NoConnection(400, 1, "Session ID unknown")
        if query.get("transport") != "websocket":
            return NoConnection(400, 0, "Transport unknown")
        if not asks_for_websocket:  # also how a page asks why its websocket failed: it is not told
            is_crowded = self.admission.would_refuse(visitor.source)
            return CROWDED if is_crowded else NoConnection(400, 3, "Bad request")
        if not self._origins.allow(request, visitor):
            return NoConnection(403, 4, "Forbidden")
        return None


def _descriptor(request: web.BaseRequest) -> int:
    """Of the connection a request came by; -1 if that is gone."""
    socket = request.transport.get_extra_info("socket") if request.transport is not None else None
    return -1 if socket is None else int(socket.fileno())
