"""What can be configured: every key with its default, its help and its check, in one place.

A key of section ``call`` named ``size`` is the flag ``--size``, the environment variable
``PYCALL_CALL_SIZE`` and ``size`` under ``[call]`` in a TOML file; flags win over the environment, the
environment over the file, the file over the default. To add a key, add a field to its section here.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import Field, dataclass, field, fields
from math import isfinite
from pathlib import Path
from typing import Any, ClassVar, Final, Literal, TypeAlias
from urllib.parse import urlsplit

from pycall.core.names import clean_display_name
from pycall.errors import ConfigError

Raw: TypeAlias = str | int | float | bool
"""A value as a TOML file, a flag or the environment gives it; the latter two give text only."""

Size: TypeAlias = tuple[int, int]
"""Width and height in pixels, both even."""

RECORDING_ENDINGS: Final = (".mp4", ".mkv", ".webm")
FOREVER: Final = "forever"


class _Unusable(ValueError):
    """Why a value cannot be used, and what to write instead."""

    def __init__(self, why: str, hint: str) -> None:
        super().__init__(why)
        self.why = why
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Key:
    """One thing that can be configured."""

    section: str
    name: str
    default: Raw
    """As it would stand in a file."""
    check: Callable[[Raw], Any]
    help: str
    metavar: str

    @property
    def flag(self) -> str:
        """The option of the command line, such as ``--record-layout``."""
        return "--" + self.name.replace("_", "-")

    @property
    def variable(self) -> str:
        """The environment variable, such as ``PYCALL_CALL_RECORD_LAYOUT``."""
        return f"PYCALL_{self.section}_{self.name}".upper()

    @property
    def is_switch(self) -> bool:
        """Whether the key is only true or false."""
        return self.check is _switch

    def read(self, raw: Raw, origin: str) -> Any:
        """The usable value; raises :class:`ConfigError` beginning with ``origin``, e.g. ``--size``."""
        try:
            return self.check(raw)
        except _Unusable as error:
            raise ConfigError(f"{origin}: {error.why}", error.hint) from error


# --- checks: from what was written to what is used ---------------------------------------------------


def _switch(raw: Raw) -> bool:
    if not isinstance(raw, bool):
        raise _Unusable(f"{_shown(raw)} is neither true nor false.", "Write true or false, without quotes.")
    return raw


def _text(raw: Raw) -> str:
    if not isinstance(raw, str) or not raw.strip():
        raise _Unusable(f"{_shown(raw)} is not a text.", 'Write it in quotes, such as "default".')
    return raw


def _device(raw: Raw) -> str:
    return str(raw) if isinstance(raw, int) and not isinstance(raw, bool) else _text(raw)


def _whole(low: int, high: int) -> Callable[[Raw], int]:
    def check(raw: Raw) -> int:
        is_whole = re.fullmatch(r"[0-9]{1,9}", str(raw)) is not None
        if not is_whole or not low <= int(raw) <= high:
            raise _Unusable(f"{_shown(raw)} is not a whole number from {low} to {high}.", "")
        return int(raw)

    return check


def _one_of(*choices: str) -> Callable[[Raw], str]:
    def check(raw: Raw) -> str:
        if not isinstance(raw, str) or raw not in choices:
            raise _Unusable(f"{_shown(raw)} is not a choice.", f"Choose one of {', '.join(choices)}.")
        return raw

    return check


def _seconds(raw: Raw) -> float | None:
    if raw == FOREVER:
        return None
    try:
        seconds = 0.0 if isinstance(raw, bool) else float(raw)
    except ValueError:
        seconds = 0.0
    if not isfinite(seconds) or seconds <= 0:
        hint = f'Give seconds, such as 90, or the word "{FOREVER}".'
        raise _Unusable(f"{_shown(raw)} is not a number of seconds above zero.", hint)
    return seconds


def _size(raw: Raw) -> Size:
    match = re.fullmatch(r"([0-9]{1,5})[x×]([0-9]{1,5})", str(raw))
    if match is None:
        raise _Unusable(f"{_shown(raw)} is not a picture size.", 'Give WIDTHxHEIGHT, such as "640x480".')
    width, height = int(match[1]), int(match[2])
    if any(side % 2 or not 16 <= side <= 4096 for side in (width, height)):
        hint = 'Give WIDTHxHEIGHT, such as "640x480" or "1280x720".'
        raise _Unusable(f"both sides of {_shown(raw)} must be even numbers from 16 to 4096.", hint)
    return width, height


def _server_url(raw: Raw) -> str:
    text = _text(raw)
    hint = "Give where `pycall serve` listens, such as http://localhost:8080."
    try:
        url = urlsplit(text)
        port = url.port
    except ValueError as error:
        raise _Unusable(f"{_shown(raw)} is not an address.", hint) from error
    if url.scheme not in {"http", "https"} or "://" not in text:
        raise _Unusable(f"{_shown(raw)} does not begin with http:// or https://.", hint)
    if not url.hostname or port == 0 or "@" in url.netloc or re.search(r"\s", text):
        raise _Unusable(f"{_shown(raw)} does not name a host.", hint)
    if url.path not in {"", "/"} or url.query or url.fragment:
        raise _Unusable(f"{_shown(raw)} has more than a host and a port.", hint)
    return f"{url.scheme}://{url.netloc}"


def _own_name(raw: Raw) -> str:
    if raw == "":
        return ""
    name = clean_display_name(_text(raw))
    if not name:
        raise _Unusable(
            f"{_shown(raw)} has nothing in it that can be shown.", "Use letters, digits or spaces."
        )
    return name


def _record(raw: Raw) -> Path | bool:
    if isinstance(raw, bool):
        return raw
    if raw in {"true", "false"}:
        return raw == "true"
    path = Path(_text(raw))
    if path.suffix.lower() not in RECORDING_ENDINGS:
        hint = "Use a name that ends in .mp4, .mkv or .webm; the room's name stands before --record."
        raise _Unusable(f"{_shown(raw)} is no kind of recording pycall can write.", hint)
    return path


def _file(raw: Raw) -> Path | None:
    return None if raw == "" else Path(_text(raw))


def _sha256(raw: Raw) -> str:
    """In the usual form, ``AB:CD:…``; empty if none is given."""
    if raw == "":
        return ""
    digits = _text(raw).replace(":", "").strip().upper()
    if re.fullmatch(r"[0-9A-F]{64}", digits) is None:
        hint = "Give the 64 hexadecimal digits `pycall serve --tls` prints, with or without colons."
        raise _Unusable(f"{_shown(raw)} is not the SHA-256 of a certificate.", hint)
    return ":".join(digits[at : at + 2] for at in range(0, 64, 2))


def _shown(raw: Raw) -> str:
    return repr(raw) if isinstance(raw, str) else str(raw).lower()


# --- the sections ---------------------------------------------------------------------------------------


def _key(default: Raw, check: Callable[[Raw], Any], help_text: str, metavar: str = "TEXT") -> Any:
    described = {"default": default, "check": check, "help": help_text, "metavar": metavar}
    return field(default=check(default), metadata=described)


@dataclass(frozen=True, slots=True)
class ServerConfig:
    """Section ``[server]``: what `pycall serve` does."""

    section: ClassVar[str] = "server"

    host: str = _key("0.0.0.0", _text, "Address to listen on; 127.0.0.1 for this machine only.", "ADDR")  # noqa: S104
    port: int = _key(8080, _whole(0, 65535), "TCP port to listen on; 0 for any free one.", "N")
    tls: bool = _key(False, _switch, "Speak https, with a certificate made here once and kept.")
    cert: Path | None = _key("", _file, "Speak https with the certificate in this PEM file.", "FILE")
    key: Path | None = _key("", _file, "The key of --cert, in a PEM file.", "FILE")
    qr: Literal["auto", "always", "never"] = _key(
        "auto", _one_of("auto", "always", "never"), "Print the link as a QR code too.", "auto|always|never"
    )


@dataclass(frozen=True, slots=True)
class CallConfig:
    """Section ``[call]``: what `pycall call` does."""

    section: ClassVar[str] = "call"

    server: str = _key("http://localhost:8080", _server_url, "Where `pycall serve` listens.", "URL")
    cert_sha256: str = _key("", _sha256, "Accept the certificate with this SHA-256, and no other.", "HEX")
    name: str = _key("", _own_name, "Name shown to the other one; your login name if empty.")
    camera: str = _key("default", _device, "Picture to send.", "SPEC")
    microphone: str = _key("default", _device, "Sound to send.", "SPEC")
    speaker: str = _key("default", _device, "Where the other one is heard.", "SPEC")
    display: Literal["window", "none"] = _key(
        "window", _one_of("window", "none"), "Where the other one is seen.", "window|none"
    )
    size: Size = _key("640x480", _size, "Picture size to send and record.", "WxH")
    fps: int = _key(30, _whole(1, 60), "Pictures to send each second.", "N")
    record: Path | bool = _key(
        False, _record, "Record to FILE; without FILE to recordings/ROOM-DATE.mp4.", "[FILE]"
    )
    record_layout: Literal["together", "remote", "local"] = _key(
        "together",
        _one_of("together", "remote", "local"),
        "Whose picture is recorded.",
        "together|remote|local",
    )
    duration: float | None = _key(FOREVER, _seconds, "Hang up this long after connecting.", "SECONDS")
    wait: float | None = _key(FOREVER, _seconds, "Give up if nobody came within this time.", "SECONDS")
    stay: bool = _key(False, _switch, "Wait for the next caller after a hang-up.")
    audio_processing: bool = _key(True, _switch, "Cancel echo, suppress noise and level the microphone.")
    json: bool = _key(False, _switch, "Print one JSON object per event and nothing else.")
    verbose: bool = _key(False, _switch, "Say more about what happens.")


Section: TypeAlias = ServerConfig | CallConfig

SECTIONS: Final[tuple[type[Section], ...]] = (ServerConfig, CallConfig)


def keys(section: type[Section]) -> tuple[Key, ...]:
    """Every key of a section, in the order in which help shows them."""
    return tuple(_described(section.section, each) for each in fields(section))


def _described(section: str, each: Field[Any]) -> Key:
    return Key(section=section, name=each.name, **each.metadata)


# --- the file -------------------------------------------------------------------------------------------


def read_file(path: Path) -> dict[str, dict[str, Raw]]:
    """The sections of a TOML file as ``{section: {key: raw value}}``, everything in it checked.

    Raises :class:`ConfigError` naming the file and the key, or the line where it is no TOML.
    """
    try:
        written = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        why = error.strerror or "it cannot be read"
        raise ConfigError(f"{path}: {why}.", "Check --config or PYCALL_CONFIG.") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: the file is not text in UTF-8.", "Write it as TOML.") from error
    except tomllib.TOMLDecodeError as error:
        hint = "See config.example.toml; texts stand in quotes."
        raise ConfigError(f"{path}: not TOML: {error}.", hint) from error
    known = {each.section: each for each in SECTIONS}
    for name, content in written.items():
        if name not in known:
            raise ConfigError(f"{path}: there is no section [{name}].", _meant(name, known))
        if not isinstance(content, dict):
            raise ConfigError(f"{path}: {name} is a section.", f"Write [{name}] on a line of its own.")
        _check_section(path, known[name], content)
    return written


def _check_section(path: Path, section: type[Section], content: Mapping[str, Any]) -> None:
    known = {key.name: key for key in keys(section)}
    for name, raw in content.items():
        if name not in known:
            raise ConfigError(f"{path}: [{section.section}] has no key {name}.", _meant(name, known))
        if not isinstance(raw, str | int | float | bool):
            raise ConfigError(f"{path}: {name} in [{section.section}] is a single value.")
        known[name].read(raw, f"{path}: {name} in [{section.section}]")


def _meant(wrong: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(wrong, known, n=1)
    return f"Did you mean {near[0]}?" if near else f"What there is: {', '.join(known)}."
