"""The connection to the signalling server: Socket.IO in, inputs of the call out.

Everything the server or, through it, the other end says is checked before it is believed. The
connection is dialled again for as long as the client is open.
"""

from __future__ import annotations

import asyncio
import logging
import random
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Any, Final, Literal, TypeAlias
from urllib.parse import urlsplit

import aiohttp
import socketio
import socketio.exceptions

from pycall.core import inputs
from pycall.core.messages import IceServer, Message, dump_message, parse_message
from pycall.core.names import clean_display_name, terminal_safe
from pycall.errors import ServerUnreachable

logger = logging.getLogger(__name__)

FIRST_DELAY_S: Final = 0.5
LONGEST_DELAY_S: Final = 5.0
"""Between two attempts to reach the server again."""

REDIAL_TIMEOUT_S: Final = 10.0
LEAVE_S: Final = 1.0
CLOSE_S: Final = 2.0

MAX_ID: Final = 128
MAX_CODE: Final = 64
MAX_SENTENCE: Final = 300
MAX_ICE_SERVERS: Final = 8
MAX_URL: Final = 512
MAX_EPOCH: Final = 2**53
MAX_RECEIVED: Final = 256 * 1024
"""Bytes of a websocket message that are read; the server passes on at most 64 kB."""


Heard: TypeAlias = inputs.Input | None
"""What an event means; ``None`` when it concerns nobody."""


class SignallingClient:
    """A place at the signalling server at ``url`` (http or https), under a display name.

    Over https the server's certificate is verified as usual, or, with ``cert_sha256`` (hexadecimal,
    colons allowed), it must be the one with this SHA-256, whoever vouches for it.

    ``post`` gets :class:`~pycall.core.inputs.SignallingOpened` whenever the connection stands, and
    what the server says after that.
    """

    def __init__(
        self, url: str, name: str, post: Callable[[inputs.Input], None], *, cert_sha256: str = ""
    ) -> None:
        self._url = url
        self._trusted = aiohttp.Fingerprint(_bytes(cert_sha256)) if cert_sha256 else True
        self._name = name
        self._post = post
        self._socket: socketio.AsyncClient | None = None
        self._session: aiohttp.ClientSession | None = None
        self._room: str | None = None
        self._token = ""  # of the seat in this room
        self._left = asyncio.Event()
        self._broke = asyncio.Event()
        self._keeping: asyncio.Task[None] | None = None

    async def open(self, timeout_s: float = 10.0) -> None:
        """Dial, once; raises :class:`~pycall.errors.ServerUnreachable`. Afterwards it stays open."""
        await self._dial(timeout_s)
        self._keeping = asyncio.create_task(self._keep(), name="pycall-signalling")
        self._post(inputs.SignallingOpened())

    async def join(self, room: str) -> None:
        """Ask for a seat in ``room``; after a break of the connection, for the one held before."""
        if room != self._room:
            self._room, self._token = room, ""
        await self._emit("join", room)

    async def leave(self, room: str) -> None:
        """Give the seat up; waits at most a second for the server to confirm it."""
        self._left.clear()
        if await self._emit("leave", room):
            with suppress(TimeoutError):
                async with asyncio.timeout(LEAVE_S):
                    await self._left.wait()
        self._room, self._token = None, ""

    async def send(self, message: Message) -> None:
        """Pass ``message`` to the other one in the room; lost when the server is not there."""
        await self._emit("message", dump_message(message))

    async def close(self) -> None:
        """Hang up on the server within 2 s; nothing is left open. May be called again."""
        if self._keeping is not None:
            self._keeping.cancel()
            await asyncio.gather(self._keeping, return_exceptions=True)
            self._keeping = None
        await self._hang_up()

    # The connection

    async def _dial(self, timeout_s: float) -> None:
        self._broke = asyncio.Event()
        self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=self._trusted))
        self._socket = socketio.AsyncClient(
            reconnection=False,  # done here, with the same care as the first time
            handle_sigint=False,
            http_session=self._session,
            websocket_extra_options={"max_msg_size": MAX_RECEIVED},
        )
        self._listen(self._socket)
        refusals: list[str] = []
        self._socket.on("connect_error", lambda *said: refusals.append(_refusal(said)))
        try:
            async with asyncio.timeout(timeout_s):
                await self._socket.connect(
                    self._url,
                    auth={
                        "pycall": 1,
                        "name": self._name,
                        **({"resume": self._token} if self._token else {}),
                    },
                    transports=["websocket"],
                    wait_timeout=timeout_s,
                )
        except Exception as error:
            await self._hang_up()
            raise _unreachable(self._url, error, refusals, timeout_s) from error
        except BaseException:
            await self._hang_up()
            raise

    async def _keep(self) -> None:
        """Wait for the connection to break and dial until it stands again."""
        while True:
            await self._broke.wait()
            self._post(inputs.SignallingLost())
            await self._hang_up()
            delay_s = FIRST_DELAY_S
            while True:
                await asyncio.sleep(delay_s * random.uniform(0.8, 1.2))  # noqa: S311  only spreads callers out
                try:
                    await self._dial(REDIAL_TIMEOUT_S)
                    break
                except ServerUnreachable as error:
                    logger.debug("Dialling again: %s", error)
                delay_s = min(2 * delay_s, LONGEST_DELAY_S)
            self._post(inputs.SignallingOpened())

    async def _hang_up(self) -> None:
        socket, self._socket = self._socket, None
        session, self._session = self._session, None
        if socket is not None:
            with suppress(Exception):  # whatever state the library is in, the session ends it
                async with asyncio.timeout(CLOSE_S / 2):
                    await socket.disconnect()
        if session is not None:
            await session.close()

    async def _emit(self, event: str, argument: object) -> bool:
        """Whether it was handed to a standing connection."""
        if self._socket is None or self._broke.is_set():
            logger.info("The signalling server is not there: %s was not sent.", event)
            return False
        try:
            await self._socket.emit(event, argument)
        except socketio.exceptions.SocketIOError as error:
            logger.info("The signalling server is not there: %s was not sent (%s).", event, error)
            return False
        return True

    # What the server says

    def _listen(self, socket: socketio.AsyncClient) -> None:
        broke = self._broke
        heard: dict[str, Callable[..., Heard]] = {
            "joined": self._joined,
            "other_joined": self._other_joined,
            "left": self._seat_left,
            "bye": self._bye,
            "full": self._full,
            "error": _refused,
            "message": _message,
        }
        for event, parse in heard.items():
            socket.on(event, self._posting(event, parse))
        socket.on("disconnect", lambda *_: broke.set())

    def _posting(self, event: str, parse: Callable[..., Heard]) -> Callable[..., None]:
        def handle(*arguments: object) -> None:
            try:
                happened = parse(*arguments)
            except (TypeError, ValueError) as error:  # too few arguments, or not what they should be
                logger.info("Dropped %s from the signalling server: %s", event, terminal_safe(str(error)))
                return
            if happened is not None:
                self._post(happened)

        return handle

    def _joined(self, room: object, own_id: object = "", extra: object = None, *_: object) -> Heard:
        if room != self._room:
            return None
        fields = _fields(extra)
        peer = fields.get("peer")
        joined = inputs.JoinedRoom(
            id=_id(own_id),
            epoch=_epoch(fields),
            peer=_peer(_fields(peer).get("id"), _fields(peer)) if peer is not None else None,
            ice_servers=tuple(_ice_servers(fields.get("ice_servers"))),
            resumed=fields.get("resumed") is True,
        )
        self._token = _token(fields.get("resume"))
        return joined

    def _other_joined(self, room: object, id_: object = "", extra: object = None, *_: object) -> Heard:
        if room != self._room:
            return None
        fields = _fields(extra)
        return inputs.OtherJoined(_peer(id_, fields), _epoch(fields))

    def _bye(self, room: object, id_: object = "", extra: object = None, *_: object) -> Heard:
        if room != self._room:
            return None
        reason: Literal["left", "lost"] = "lost" if _fields(extra).get("reason") == "lost" else "left"
        return inputs.OtherLeft(_id(id_), reason)

    def _full(self, room: object, *_: object) -> Heard:
        return inputs.RoomFull() if room == self._room else None

    def _seat_left(self, *_: object) -> None:
        self._left.set()


def _message(payload: object, *_: object) -> inputs.Input:
    return inputs.MessageReceived(parse_message(payload))


def _refused(code: object, message: object = "", *_: object) -> inputs.Input:
    return inputs.Refused(_text(code, MAX_CODE), _text(message, MAX_SENTENCE))


def _fields(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _text(value: object, limit: int) -> str:
    if not isinstance(value, str):
        raise ValueError("a text was expected")
    return terminal_safe(value[:limit])


def _id(value: object) -> str:
    if not isinstance(value, str) or len(value) > MAX_ID or not value.isprintable():
        raise ValueError("an id is a short text")
    return value


def _token(value: object) -> str:
    return value if isinstance(value, str) and len(value) <= MAX_ID else ""


def _epoch(fields: Mapping[str, Any]) -> int | None:
    epoch = fields.get("epoch")
    if epoch is None:
        return None
    if isinstance(epoch, bool) or not isinstance(epoch, int) or not 0 <= epoch < MAX_EPOCH:
        raise ValueError("an epoch is a whole number")
    return epoch


def _peer(peer_id: object, fields: Mapping[str, Any]) -> inputs.PeerInfo:
    name = fields.get("name")
    return inputs.PeerInfo(_id(peer_id), clean_display_name(name) if isinstance(name, str) else "")


def _ice_servers(value: object) -> Iterator[IceServer]:
    """The usable ones among the servers (``RTCIceServer``) in a list; the others are skipped."""
    for server in value[:MAX_ICE_SERVERS] if isinstance(value, list) else []:
        fields = _fields(server)
        urls = fields.get("urls")
        texts = [urls] if isinstance(urls, str) else urls if isinstance(urls, list) else []
        good = tuple(
            url
            for url in texts[:MAX_ICE_SERVERS]
            if isinstance(url, str) and len(url) <= MAX_URL and url.startswith(("stun:", "turn:", "turns:"))
        )
        secrets = [fields.get("username"), fields.get("credential")]
        if good and all(s is None or (isinstance(s, str) and len(s) <= MAX_URL) for s in secrets):
            yield IceServer(good, *secrets)


# Why a server cannot be reached


def _refusal(said: tuple[object, ...]) -> str:
    first = said[0] if said else ""
    message = _fields(first).get("message", first)
    return terminal_safe(message[:MAX_SENTENCE]) if isinstance(message, str) else ""


def _unreachable(url: str, error: Exception, refusals: list[str], timeout_s: float) -> ServerUnreachable:
    """One sentence and a hint for what went wrong while dialling ``url``."""
    host = terminal_safe(urlsplit(url).netloc or url)
    for cause in _causes(error):
        match cause:
            case aiohttp.WSServerHandshakeError():
                return ServerUnreachable(
                    f"There is a web server at {host}, but no pycall server (HTTP status {cause.status}).",
                    "Check the address and port given with --server.",
                )
            case aiohttp.ServerFingerprintMismatch():
                seen, expected = _hex(cause.got), _hex(cause.expected)
                return ServerUnreachable(
                    f"The certificate of {host} has the SHA-256 {seen} and not {expected}.",
                    "Compare with what `pycall serve` prints there: if it differs, somebody is in between.",
                )
            case aiohttp.ClientConnectorCertificateError():
                return ServerUnreachable(
                    f"The certificate of {host} cannot be trusted: {_brief(cause.certificate_error)}.",
                    "If the server made it itself, give the SHA-256 `pycall serve` prints as --cert-sha256.",
                )
            case aiohttp.ClientConnectorSSLError() | ssl.SSLError():
                return ServerUnreachable(
                    f"The server at {host} does not speak TLS as expected.",
                    "Is it http:// instead of https://, or another port?",
                )
            case aiohttp.ClientConnectorDNSError():
                return ServerUnreachable(
                    f"The name {terminal_safe(urlsplit(url).hostname or '')} is not known.",
                    "Check the spelling of --server and your network connection.",
                )
            case ConnectionRefusedError() | aiohttp.ClientConnectorError():
                return ServerUnreachable(f"No server answers at {host}.", _start_hint(url))
            case TimeoutError():
                sentence = f"The server at {host} did not answer within {timeout_s:g} s."
                return ServerUnreachable(sentence, _start_hint(url))
            case _:
                pass
    if refusals and error.__cause__ is None:  # the connection stood, and the server turned us away
        return ServerUnreachable(f"The server at {host} refused the connection: {refusals[-1].rstrip('.')}.")
    wrong = ", and whether it is https://" if urlsplit(url).scheme == "http" else ""
    return ServerUnreachable(
        f"What answers at {host} is no pycall server.",
        f"Check the address and port given with --server{wrong}.",
    )


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _bytes(sha256: str) -> bytes:
    return bytes.fromhex(sha256.replace(":", ""))


def _hex(sha256: bytes) -> str:
    return sha256.hex(":").upper()


def _brief(error: Exception) -> str:
    return terminal_safe(getattr(error, "verify_message", "") or str(error))[:MAX_SENTENCE].rstrip(".")


def _start_hint(url: str) -> str:
    if urlsplit(url).hostname in {"localhost", "127.0.0.1", "::1"}:
        return "Start one here with: pycall serve"
    return "Check the address given with --server, and that `pycall serve` runs there behind an open port."
