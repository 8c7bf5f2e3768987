"""What the one who waits passes on to the other side, so that it lands in the same room."""

from __future__ import annotations

import dataclasses
from typing import Final
from urllib.parse import urlsplit

from pycall.cli.addresses import is_loopback
from pycall.cli.links import Link
from pycall.config import CallConfig

WITH_INVITE: Final = "The other side needs an invite, too: the link you have, unless it is for one person."

ONLY_HERE: Final = "Other machines do not reach this server directly: see `pycall serve --host`."


def invitation(link: Link, *, cert_sha256: str = "", lan_address: str | None = None) -> str:
    """The commands to type and the links to open, in words.

    ``cert_sha256`` is what one needs oneself to accept the server's certificate. ``lan_address`` is
    this machine's in its network, if the server listens there; it counts when the server is on this
    machine. An invite is not repeated: it would stay on the screen.
    """
    if link.invite:
        return WITH_INVITE
    url = urlsplit(link.server)
    if not is_loopback(url.hostname or ""):
        return f"The other side types{_ways(link, cert_sha256)}"
    text = f"The other side types on this machine{_ways(link, cert_sha256)}"
    if lan_address is None:
        return f"{text}\n{ONLY_HERE}\n"
    port = f":{url.port}" if url.port else ""
    there = dataclasses.replace(link, server=f"{url.scheme}://{lan_address}{port}")
    return f"{text}\nand on another machine of this network{_ways(there, cert_sha256)}"


def _ways(link: Link, cert_sha256: str) -> str:
    """Into the room ``link`` leads to: by a terminal and by a browser."""
    url = urlsplit(link.server)
    remark = ""
    if url.scheme == "http" and not is_loopback(url.hostname or ""):
        remark = " (for camera and microphone browsers ask for https)"
    return f"\n\n    {_command(link, cert_sha256)}\n\nor opens {link} in a browser{remark}.\n"


def _command(link: Link, cert_sha256: str) -> str:
    if link.server == CallConfig().server:
        return f"pycall call {'-- ' if link.room.startswith('-') else ''}{link.room}"
    return f"pycall call {link}{f' --cert-sha256 {cert_sha256}' if cert_sha256 else ''}"
