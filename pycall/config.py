"""What can be configured: every key with its default, its help and its check, in one place.

A key of section ``call`` named ``size`` is the flag ``--size``, the environment variable
``PYCALL_CALL_SIZE`` and ``size`` under ``[call]`` in a TOML file; flags win over the environment, the
environment over the file, the file over the default. To add a key, add a field to its section here, or
in :mod:`pycall.limits`. Secrets have no flag: anybody on the computer can read a command line.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Final, Literal, TypeAlias

from pycall import checks
from pycall.checks import FOREVER, Raw, Size
from pycall.errors import ConfigError
from pycall.keys import Key, keys
from pycall.keys import described as _key
from pycall.keys import described_list as _keys
from pycall.keys import described_secret as _secret
from pycall.limits import Limits

__all__ = ["SECTIONS", "CallConfig", "Key", "Limits", "Section", "ServerConfig", "keys", "read_file"]


# --- the sections ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ServerConfig:
    """Section ``[server]``: what `pycall serve` does."""

    section: ClassVar[str] = "server"

    host: str = _key("0.0.0.0", checks.text, "Address to listen on; 127.0.0.1 for this machine only.", "ADDR")  # noqa: S104
    port: int = _key(8080, checks.whole(0, 65535), "TCP port to listen on; 0 for any free one.", "N")
    tls: bool = _key(False, checks.switch, "Speak https, with a certificate made here once and kept.")
    cert: Path | None = _key("", checks.file, "Speak https with the certificate in this PEM file.", "FILE")
    key: Path | None = _key("", checks.file, "The key of --cert, in a PEM file.", "FILE")
    qr: Literal["auto", "always", "never"] = _key(
        "auto",
        checks.one_of("auto", "always", "never"),
        "Print the link as a QR code too.",
        "auto|always|never",
    )
    public_host: str = _key(
        "", checks.host, "Name callers reach this server by; else each is told the one it came by.", "HOST"
    )
    stun: bool = _key(True, checks.switch, "Tell callers their address by UDP (STUN).")
    stun_host: str = _key(
        "", checks.ip_address, "Address to answer STUN on, if it is not that of --host.", "ADDR"
    )
    stun_port: int = _key(0, checks.whole(0, 65535), "UDP port for STUN; 0 for the number of --port.", "N")
    turn: bool = _key(False, checks.switch, "Run an installed coturn, which relays calls (TURN).")
    turn_host: str = _key("", checks.ip_address, "Address of --turn, if it is not that of --host.", "ADDR")
    turn_port: int = _key(3478, checks.whole(1, 65535), "UDP and TCP port of --turn.", "N")
    turn_tls_port: int = _key(5349, checks.whole(1, 65535), "TLS port of --turn; only with --cert.", "N")
    turn_relay_ports: tuple[int, int] = _key(
        "61000-65535", checks.port_range, "UDP ports that --turn relays to.", "FIRST-LAST"
    )
    turn_external_ip: str = _key(
        "", checks.ip_address, "Address of the NAT in front of --turn, which passes all its ports on.", "ADDR"
    )
    turn_lifetime: int = _key(
        3600, checks.whole(60, 86400), "For how long credentials for TURN begin a call.", "SECONDS"
    )
    turn_url: tuple[str, ...] = _keys(
        checks.turn_server, "A TURN server elsewhere to tell callers of; may be repeated.", "URL"
    )
    turn_secret: str = _key(
        "", checks.secret_text, "Secret shared with --turn-url, which `ps` shows everybody.", is_shown=False
    )
    turn_secret_file: Path | None = _key("", checks.file, "File with that secret, which does not.", "FILE")

    proxy: tuple[str, ...] = _keys(
        checks.network, "A network of web servers that may ask for others; may be repeated.", "NETWORK"
    )
    origin: tuple[str, ...] = _keys(
        checks.origin, "A site elsewhere whose pages may connect; may be repeated.", "URL"
    )
    limits: bool = _key(
        True, checks.switch, "Bound what a client may do, as in section [limits]; without is for load tests."
    )
    password_file: Path | None = _key(
        "", checks.file, "File with a password that whoever joins a room must know.", "FILE"
    )
    require_invite: bool = _key(
        False, checks.switch, "Let into rooms only who has an invite; `pycall invite` makes them."
    )
    invite_key_file: Path | None = _key(
        "", checks.file, "Where the key is kept that signs invites, if not in the data folder.", "FILE"
    )

    redis: str = _key(
        "", checks.redis_url, "Share the rooms by this Redis with other servers.", "URL", is_shown=False
    )
    redis_file: Path | None = _key("", checks.file, "File with that URL, which may hold a password.", "FILE")
    workers: int = _key(
        1, checks.whole(1, 64), "Run so many processes on the port, as one server; only with --redis.", "N"
    )

    node: str = _key("", checks.own_name, "Name of this server in metrics and logs; else the machine's.")
    metrics_from: tuple[str, ...] = _keys(
        checks.network, "A network that may read /metrics, beside this machine; may be repeated.", "NETWORK"
    )
    metrics_key_file: Path | None = _key(
        "", checks.file, "File with a key of at least 16 characters; who shows it may read /metrics.", "FILE"
    )
    log_format: Literal["text", "json"] = _key(
        "text", checks.one_of("text", "json"), "Log lines for people, or one JSON object a line.", "text|json"
    )
    log_private: bool = _key(
        False, checks.switch, "Log names, rooms and addresses too, and what errors and libraries say."
    )


@dataclass(frozen=True, slots=True)
class CallConfig:
    """Section ``[call]``: what `pycall call` does."""

    section: ClassVar[str] = "call"

    server: str = _key("http://localhost:8080", checks.server_url, "Where `pycall serve` listens.", "URL")
    cert_sha256: str = _key(
        "", checks.sha256, "Accept the certificate with this SHA-256, and no other.", "HEX"
    )
    name: str = _key("", checks.own_name, "Name shown to the other one; your login name if empty.")
    password: str = _secret("Password of the server.")
    password_file: Path | None = _key("", checks.file, "File with the password of the server.", "FILE")
    invite_file: Path | None = _key("", checks.file, "File with your invite, or the link it came in.", "FILE")
    camera: str = _key("default", checks.device, "Picture to send.", "SPEC")
    microphone: str = _key("default", checks.device, "Sound to send.", "SPEC")
    speaker: str = _key("default", checks.device, "Where the other one is heard.", "SPEC")
    display: Literal["window", "none"] = _key(
        "window", checks.one_of("window", "none"), "Where the other one is seen.", "window|none"
    )
    size: Size = _key("640x480", checks.size, "Picture size to send and record.", "WxH")
    fps: int = _key(30, checks.whole(1, 60), "Pictures to send each second.", "N")
    record: Path | bool = _key(
        False, checks.record, "Record to FILE; without FILE to recordings/ROOM-DATE.mp4.", "[FILE]"
    )
    record_layout: Literal["together", "remote", "local"] = _key(
        "together",
        checks.one_of("together", "remote", "local"),
        "Whose picture is recorded.",
        "together|remote|local",
    )
    duration: float | None = _key(FOREVER, checks.seconds, "Hang up this long after connecting.", "SECONDS")
    wait: float | None = _key(FOREVER, checks.seconds, "Give up if nobody came within this time.", "SECONDS")
    stay: bool = _key(False, checks.switch, "Wait for the next caller after a hang-up.")
    reconnect: float = _key(
        60, checks.patience, "When the media is gone, try this long to get it back.", "SECONDS"
    )
    ice_server: tuple[str, ...] = _keys(
        checks.ice_server, "A STUN or TURN server to use beside those of the server; may be repeated.", "URL"
    )
    turn_username: str = _secret("User name at your TURN servers.")
    turn_credential: str = _secret("Password at your TURN servers.")
    relay_only: bool = _key(
        False, checks.switch, "Go through a relay only: the other one never sees your address."
    )
    audio_processing: bool = _key(
        True, checks.switch, "Cancel echo, suppress noise and level the microphone."
    )
    latency_trace: bool = _key(
        False,
        checks.switch,
        "Show each second how long every stage takes from camera and microphone to here.",
    )
    json: bool = _key(False, checks.switch, "Print one JSON object per event and nothing else.")
    verbose: bool = _key(False, checks.switch, "Say more about what happens.")


Section: TypeAlias = ServerConfig | Limits | CallConfig

SECTIONS: Final[tuple[type[Section], ...]] = (ServerConfig, Limits, CallConfig)


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
        origin = f"{path}: {name} in [{section.section}]"
        if known[name].many != isinstance(raw, list):
            raise ConfigError(f"{origin} is {'a list' if known[name].many else 'a single value'}.")
        for each in raw if isinstance(raw, list) else [raw]:
            if not isinstance(each, str | int | float | bool):
                raise ConfigError(
                    f"{origin} is {'a list of texts' if known[name].many else 'a single value'}."
                )
            known[name].read(each, origin)


def _meant(wrong: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(wrong, known, n=1)
    return f"Did you mean {near[0]}?" if near else f"What there is: {', '.join(known)}."
