"""Checks of what was configured: from what a file, a flag or the environment says to what is used.

Each check takes one value and returns the usable one, or raises :class:`Unusable`.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from math import isfinite, nan
from pathlib import Path
from typing import Final, TypeAlias
from urllib.parse import urlsplit

from pycall.core.iceurls import ICE_URL_RULE, check_host, parse_ice_url
from pycall.core.names import clean_display_name
from pycall.core.origin import parse_origin

Raw: TypeAlias = str | int | float | bool
"""A value as a TOML file, a flag or the environment gives it; the latter two give text only."""

Size: TypeAlias = tuple[int, int]
"""Width and height in pixels, both even."""

RECORDING_ENDINGS: Final = (".mp4", ".mkv", ".webm")
FOREVER: Final = "forever"
OFF: Final = "off"


class Unusable(ValueError):
    """Why a value cannot be used, and what to write instead."""

    def __init__(self, why: str, hint: str) -> None:
        super().__init__(why)
        self.why = why
        self.hint = hint


def switch(raw: Raw) -> bool:
    """True or false."""
    if not isinstance(raw, bool):
        raise Unusable(f"{shown(raw)} is neither true nor false.", "Write true or false, without quotes.")
    return raw


def text(raw: Raw) -> str:
    """A text that is not empty."""
    if not isinstance(raw, str) or not raw.strip():
        raise Unusable(f"{shown(raw)} is not a text.", 'Write it in quotes, such as "default".')
    return raw


def device(raw: Raw) -> str:
    """A device's name, id or number, as text."""
    return str(raw) if isinstance(raw, int) and not isinstance(raw, bool) else text(raw)


def whole(low: int, high: int) -> Callable[[Raw], int]:
    """A check for a whole number from ``low`` to ``high``."""

    def check(raw: Raw) -> int:
        is_whole = re.fullmatch(r"[0-9]{1,9}", str(raw)) is not None
        if not is_whole or not low <= int(raw) <= high:
            raise Unusable(f"{shown(raw)} is not a whole number from {low} to {high}.", "")
        return int(raw)

    return check


def whole_or_off(low: int, high: int) -> Callable[[Raw], int | None]:
    """A check for a whole number from ``low`` to ``high``; ``None`` is no limit."""
    number = whole(low, high)

    def check(raw: Raw) -> int | None:
        try:
            return None if raw == OFF else number(raw)
        except Unusable as error:
            raise Unusable(error.why, f'"{OFF}" is no limit.') from error

    return check


def time(low: float, high: float) -> Callable[[Raw], float]:
    """A check for a time from ``low`` to ``high``, in seconds."""

    def check(raw: Raw) -> float:
        number = _number(raw)
        if not low <= number <= high:
            raise Unusable(f"{shown(raw)} is not a number of seconds from {low:g} to {high:g}.", "")
        return number

    return check


def time_or_off(low: float, high: float) -> Callable[[Raw], float | None]:
    """A check for a time from ``low`` to ``high``, in seconds; ``None`` is no limit."""
    return _number_or_off(low, high, "number of seconds")


def rate_or_off(low: float, high: float) -> Callable[[Raw], float | None]:
    """A check for how often a second, from ``low`` to ``high``; ``None`` is no limit."""
    return _number_or_off(low, high, "number")


def one_of(*choices: str) -> Callable[[Raw], str]:
    """A check for one of these words."""

    def check(raw: Raw) -> str:
        if not isinstance(raw, str) or raw not in choices:
            raise Unusable(f"{shown(raw)} is not a choice.", f"Choose one of {', '.join(choices)}.")
        return raw

    return check


def seconds(raw: Raw) -> float | None:
    """A time in seconds above zero; ``None`` is forever."""
    if raw == FOREVER:
        return None
    seconds = _number(raw)
    if not seconds > 0:
        hint = f'Give seconds, such as 90, or the word "{FOREVER}".'
        raise Unusable(f"{shown(raw)} is not a number of seconds above zero.", hint)
    return seconds


def size(raw: Raw) -> Size:
    """Width and height."""
    match = re.fullmatch(r"([0-9]{1,5})[x×]([0-9]{1,5})", str(raw))
    if match is None:
        raise Unusable(f"{shown(raw)} is not a picture size.", 'Give WIDTHxHEIGHT, such as "640x480".')
    width, height = int(match[1]), int(match[2])
    if any(side % 2 or not 16 <= side <= 4096 for side in (width, height)):
        hint = 'Give WIDTHxHEIGHT, such as "640x480" or "1280x720".'
        raise Unusable(f"both sides of {shown(raw)} must be even numbers from 16 to 4096.", hint)
    return width, height


def server_url(raw: Raw) -> str:
    """Scheme, host and port of a server."""
    given = text(raw)
    hint = "Give where `pycall serve` listens, such as http://localhost:8080."
    try:
        url = urlsplit(given)
        port = url.port
    except ValueError as error:
        raise Unusable(f"{shown(raw)} is not an address.", hint) from error
    if url.scheme not in {"http", "https"} or "://" not in given:
        raise Unusable(f"{shown(raw)} does not begin with http:// or https://.", hint)
    if not url.hostname or port == 0 or "@" in url.netloc or re.search(r"\s", given):
        raise Unusable(f"{shown(raw)} does not name a host.", hint)
    if url.path not in {"", "/"} or url.query or url.fragment:
        raise Unusable(f"{shown(raw)} has more than a host and a port.", hint)
    return f"{url.scheme}://{url.netloc}"


def redis_url(raw: Raw) -> str:
    """Where a Redis is; empty if none is given. What is wrong is said without it: a password may be in it."""
    if raw == "":
        return ""
    given = text(raw).strip()
    hint = "Give it as redis://HOST:PORT/NUMBER, rediss://... for TLS, or unix://PATH."
    try:
        url = urlsplit(given)
        port = url.port
    except ValueError as error:
        raise Unusable("This is not the URL of a Redis.", hint) from error
    if url.scheme not in {"redis", "rediss", "unix"}:
        raise Unusable("The URL of a Redis begins with redis://, rediss:// or unix://.", hint)
    if url.scheme == "unix":
        if not url.path.startswith("/"):
            raise Unusable("The URL names no path.", hint)
    elif not url.hostname or port == 0 or not re.fullmatch(r"/?[0-9]{0,4}", url.path):
        raise Unusable("The URL does not name a host, a port and a number.", hint)
    if re.search(r"\s", given) or url.fragment:
        raise Unusable("This is not the URL of a Redis.", hint)
    return given


def own_name(raw: Raw) -> str:
    """A name that can be shown; may be empty."""
    if raw == "":
        return ""
    name = clean_display_name(text(raw))
    if not name:
        raise Unusable(f"{shown(raw)} has nothing in it that can be shown.", "Use letters, digits or spaces.")
    return name


def record(raw: Raw) -> Path | bool:
    """Whether to record, or the file to record to."""
    if isinstance(raw, bool):
        return raw
    if raw in {"true", "false"}:
        return raw == "true"
    path = Path(text(raw))
    if path.suffix.lower() not in RECORDING_ENDINGS:
        hint = "Use a name that ends in .mp4, .mkv or .webm; the room's name stands before --record."
        raise Unusable(f"{shown(raw)} is no kind of recording pycall can write.", hint)
    return path


def ice_server(raw: Raw) -> str:
    """The URL of a STUN or TURN server (RFC 7064, RFC 7065)."""
    given = text(raw).strip()
    try:
        parse_ice_url(given)
    except ValueError as error:
        raise Unusable(f"{shown(raw)} is not the address of a STUN or TURN server.", ICE_URL_RULE) from error
    return given


def turn_server(raw: Raw) -> str:
    """The URL of a TURN server (RFC 7065)."""
    url = ice_server(raw)
    if url.startswith("stun:"):
        raise Unusable(f"{shown(raw)} is a STUN server.", "Give turn:HOST:PORT or turns:HOST:PORT.")
    return url


def host(raw: Raw) -> str:
    """A host as in a URL, an IPv6 address in brackets; empty if none is given."""
    if raw == "":
        return ""
    try:
        return check_host(text(raw).strip())
    except ValueError as error:
        hint = "Give a name or an address without scheme and port, such as call.example.org."
        raise Unusable(f"{shown(raw)} is not the name or address of a host.", hint) from error


def ip_address(raw: Raw) -> str:
    """An IPv4 or IPv6 address; empty if none is given."""
    try:
        return "" if raw == "" else str(ipaddress.ip_address(text(raw).strip()))
    except ValueError as error:
        raise Unusable(f"{shown(raw)} is not an IP address.", "Give one such as 198.51.100.7.") from error


def network(raw: Raw) -> str:
    """An IPv4 or IPv6 network, or one address as such."""
    try:
        return str(ipaddress.ip_network(text(raw).strip()))
    except ValueError as error:
        hint = "Give one such as 192.0.2.0/24, or an address such as 192.0.2.7."
        raise Unusable(f"{shown(raw)} is not a network.", hint) from error


def port_range(raw: Raw) -> tuple[int, int]:
    """First and last port, ``61000-65535``."""
    match = re.fullmatch(r"([0-9]{1,5})-([0-9]{1,5})", str(raw))
    first, last = (int(match[1]), int(match[2])) if match else (0, 0)
    if not 1024 <= first <= last <= 65535:
        raise Unusable(f"{shown(raw)} is not a range of ports.", "Give FIRST-LAST, from 1024 to 65535.")
    return first, last


def secret_text(raw: Raw) -> str:
    """A text; may be empty."""
    return "" if raw == "" else text(raw)


def patience(raw: Raw) -> float:
    """A time in seconds; may be zero."""
    seconds = _number(raw)
    if not seconds >= 0:
        raise Unusable(f"{shown(raw)} is not a number of seconds.", "Give seconds, such as 60; 0 for never.")
    return seconds


def origin(raw: Raw) -> str:
    """The origin of a web page (RFC 6454): scheme, host, and port if it is not the scheme's own."""
    given = text(raw).strip().rstrip("/")
    try:
        parse_origin(given)
    except ValueError as error:
        hint = "Give scheme and host, and a port if it is not the usual one, such as https://www.example.org."
        raise Unusable(f"{shown(raw)} is not the origin of a page.", hint) from error
    return given.lower()


def file(raw: Raw) -> Path | None:
    """The path of a file; ``None`` if none is given."""
    return None if raw == "" else Path(text(raw))


def sha256(raw: Raw) -> str:
    """In the usual form, ``AB:CD:…``; empty if none is given."""
    if raw == "":
        return ""
    digits = text(raw).replace(":", "").strip().upper()
    if re.fullmatch(r"[0-9A-F]{64}", digits) is None:
        hint = "Give the 64 hexadecimal digits `pycall serve --tls` prints, with or without colons."
        raise Unusable(f"{shown(raw)} is not the SHA-256 of a certificate.", hint)
    return ":".join(digits[at : at + 2] for at in range(0, 64, 2))


def _number_or_off(low: float, high: float, what: str) -> Callable[[Raw], float | None]:
    def check(raw: Raw) -> float | None:
        number = _number(raw)
        if raw != OFF and not low <= number <= high:
            hint = f'"{OFF}" is no limit.'
            raise Unusable(f"{shown(raw)} is not a {what} from {low:g} to {high:g}.", hint)
        return None if raw == OFF else number

    return check


def _number(raw: Raw) -> float:
    """A finite number; not a number if it is none."""
    try:
        number = nan if isinstance(raw, bool) else float(raw)
    except ValueError:
        return nan
    return number if isfinite(number) else nan


def shown(raw: Raw) -> str:
    """How a sentence quotes what was given."""
    return repr(raw) if isinstance(raw, str) else str(raw).lower()
