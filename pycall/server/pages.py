"""The call page for browsers: three HTML pages and the files they are made of.

Everything is read once, at the start, and the same for everybody: a request is a look into a
dictionary, never a path, and nothing about it is kept. What is in an address is read by the page's
own script, and shown as text.
"""

from __future__ import annotations

import hashlib
import html
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from aiohttp import web

from pycall.core.names import ROOM_NAME_RULE, check_room_name

STATIC: Final = Path(__file__).parent / "static"

_TYPES: Final = {
    ".css": "text/css",
    ".html": "text/html",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
    ".LICENSE": "text/plain",
}

_POLICY: Final = (
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
)

_USED: Final = ("autoplay", "camera", "display-capture", "fullscreen", "microphone", "screen-wake-lock",
                "speaker-selection")  # fmt: skip
_UNUSED: Final = ("accelerometer", "geolocation", "gyroscope", "magnetometer", "payment", "usb")

HEADERS: Final = {
    "Cache-Control": "no-cache",  # kept, and asked about each time: a new release is seen at once
    "Content-Security-Policy": "; ".join(_POLICY),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": ", ".join(
        [f"{name}=(self)" for name in _USED] + [f"{name}=()" for name in _UNUSED]
    ),
    "Referrer-Policy": "no-referrer",  # a room's name is its key
    "X-Content-Type-Options": "nosniff",
}
"""What every answer carries; see https://owasp.org/www-project-secure-headers."""


@dataclass(frozen=True, slots=True)
class Document:
    """A file as it is sent."""

    body: bytes
    content_type: str
    etag: str

    @classmethod
    def read(cls, path: Path) -> Document:
        """The document in a file; raises :class:`KeyError` for an ending that is not served."""
        return cls.of(path.read_bytes(), _TYPES[path.suffix])

    @classmethod
    def of(cls, body: bytes, content_type: str) -> Document:
        """The document of this content."""
        return cls(body, content_type, hashlib.sha256(body).hexdigest()[:16])


class Pages:
    """The handlers of everything a browser loads."""

    def __init__(self, turn_away: Callable[[web.Request], web.Response | None] | None = None) -> None:
        """``turn_away`` may answer a request for what is not here, or cannot be done, instead."""
        self._turn_away = turn_away or (lambda _: None)
        self._files = {
            path.relative_to(STATIC).as_posix(): Document.read(path)
            for path in STATIC.rglob("*")
            if path.is_file()
        }
        self._missing = self._apology("There is no such page here.")
        self._no_room = self._apology(ROOM_NAME_RULE)

    def add_to(self, router: web.UrlDispatcher) -> None:
        """Serve the pages; comes last, since it answers everything that nobody else does."""
        router.add_get("/", self._home)
        router.add_get("/r/{room}", self._call)
        router.add_get("/static/{name:.+}", self._file)
        router.add_get("/{anything:.*}", self._nothing)
        router.add_route("*", "/{anything:.*}", self._unheard_of)

    async def _home(self, request: web.Request) -> web.Response:
        return _answer(request, self._files["index.html"])

    async def _call(self, request: web.Request) -> web.Response:
        try:
            check_room_name(request.match_info["room"])
        except ValueError:
            return self._turn_away(request) or _answer(request, self._no_room, status=400)
        return _answer(request, self._files["call.html"])

    async def _file(self, request: web.Request) -> web.Response:
        document = self._files.get(request.match_info["name"])
        if document is None or document.content_type == "text/html":
            return await self._nothing(request)
        return _answer(request, document)

    async def _nothing(self, request: web.Request) -> web.Response:
        return self._turn_away(request) or _answer(request, self._missing, status=404)

    async def _unheard_of(self, request: web.Request) -> web.StreamResponse:
        return self._turn_away(request) or web.Response(status=405, headers={"Allow": "GET,HEAD"})

    def _apology(self, sentence: str) -> Document:
        page = self._files["missing.html"]
        body = page.body.replace(b"SENTENCE", html.escape(sentence).encode())
        return Document.of(body, page.content_type)


def _answer(request: web.Request, document: Document, *, status: int = 200) -> web.Response:
    headers = HEADERS | {"ETag": f'"{document.etag}"'}
    known = {tag.value for tag in request.if_none_match or ()}
    if status == 200 and known & {document.etag, "*"}:
        return web.Response(status=304, headers=headers)
    return web.Response(
        body=document.body,
        status=status,
        headers=headers,
        content_type=document.content_type,
        charset="utf-8",
    )
