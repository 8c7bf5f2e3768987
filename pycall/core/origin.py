"""Where a web page comes from (RFC 6454): scheme, host and port."""

from __future__ import annotations

import re
from typing import Final, NamedTuple
from urllib.parse import urlsplit

_PORTS: Final = {"http": 80, "https": 443}
_HOST: Final = re.compile(r"[\w.:\[\]-]+", re.ASCII)


class Origin(NamedTuple):
    """An origin; the host is in small letters and without brackets."""

    scheme: str
    host: str
    port: int


def parse_origin(text: str) -> Origin:
    """The origin ``https://www.example.org`` or ``http://[::1]:3000``; else :class:`ValueError`."""
    url = urlsplit(text)
    host, port = url.hostname, url.port
    is_bare = text.lower() == f"{url.scheme}://{url.netloc}".lower()
    if url.scheme not in _PORTS or not host or port == 0 or not is_bare or not _HOST.fullmatch(url.netloc):
        raise ValueError("not the origin of a page")
    return Origin(url.scheme, host, port or _PORTS[url.scheme])
