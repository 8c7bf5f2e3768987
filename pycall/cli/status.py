"""`pycall serve --status`: the figures of a running server, for a person."""

from __future__ import annotations

import hashlib
import ssl
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import Final

import click

from pycall.cli.addresses import reachable
from pycall.cli.folders import data_folder
from pycall.cli.scrape import Reading, scrape
from pycall.cli.secretfile import read_secret
from pycall.config import ServerConfig
from pycall.errors import ConfigError

LEAST_CHARACTERS: Final = 16
"""A key shorter than this can be guessed."""

STARTING_S: Final = 60.0
"""Workers that were started together are not further apart."""

_END: Final = "-----END CERTIFICATE-----"


def metrics_key(config: ServerConfig) -> str:
    """The key for reading the figures; empty if there is none.

    Raises:
        ConfigError: its file cannot be used.
    """
    path = config.metrics_key_file
    if path is None:
        return ""
    key = read_secret(path, "--metrics-key-file", "who reads /metrics shows")
    if len(key) < LEAST_CHARACTERS or not key.isascii() or " " in key:
        raise ConfigError(
            f"{path}: the key is too short, or not made of ASCII characters without spaces.",
            "Make one with: openssl rand -hex 32",
        )
    return key


def show_status(config: ServerConfig, url: str, cert_sha256: str) -> int:
    """Print the figures of the server at ``url``, or of the one that runs here with ``config``.

    Returns the exit code: 0 if it can be sent clients, 3 if it, or one of its workers, cannot now.

    Raises:
        ConfigError: the server cannot be known from the options.
        SignallingError: see :func:`pycall.cli.scrape.scrape`.
    """
    reading = scrape(
        url or _own_url(config),
        key=metrics_key(config),
        cert_sha256=cert_sha256 or ("" if url else _own_certificate(config)),
    )
    rows = _rows(reading)
    width = max(len(title) for title, _ in rows)
    for title, what in rows:
        click.echo(f"{title:<{width}}  {what}")
    return 0 if reading.value("pycall_ready", min) else 3


def _own_url(config: ServerConfig) -> str:
    if not config.port:
        raise ConfigError("Which port the server took is not known.", "Give its address with --server URL.")
    scheme = "https" if config.tls or config.cert else "http"
    host = reachable(config.host)[-1]
    return f"{scheme}://[{host}]:{config.port}" if ":" in host else f"{scheme}://{host}:{config.port}"


def _own_certificate(config: ServerConfig) -> str:
    """The SHA-256 of the certificate the options name; empty if it cannot be read."""
    path: Path | None = config.cert
    if path is None and config.tls:
        path = data_folder() / "server.pem"
    try:
        pem = path.read_text(encoding="ascii") if path else ""
        first = pem[pem.index("-----BEGIN CERTIFICATE-----") : pem.index(_END) + len(_END)]
        return hashlib.sha256(ssl.PEM_cert_to_DER_cert(first)).hexdigest()
    except (OSError, ValueError):
        return ""


def _rows(reading: Reading) -> list[tuple[str, str]]:
    rooms, members = (_number(reading.value(f"pycall_{name}", max)) for name in ("rooms", "members"))
    connections, opened, joins, relayed = (
        _number(reading.value(f"pycall_{name}"))
        for name in ("connections", "connections_opened_total", "joins_total", "relayed_messages_total")
    )
    received, sent = (_bytes(reading.value(f"pycall_{name}_bytes_total")) for name in ("received", "sent"))
    rows = [
        ("Server", f"pycall {reading.label('pycall_build_info', 'version')}"),
        ("Node", ", ".join(reading.by_label("pycall_ready", "node"))),
        ("State", _state(reading.by_label("pycall_ready", "node"))),
        ("Up", _up(reading)),
        ("Rooms", f"{rooms}, with {members} members"),
        ("Connections", f"{connections} now, {opened} since the start"),
        ("Joins", joins),
        ("Messages", f"{relayed} relayed"),
        ("Traffic", f"{received} in, {sent} out"),
        *((f"Time to {what}", _times(reading, event)) for what, event in _TIMES),
        ("Refused", _listed(reading.by_label("pycall_refusals_total", "code"))),
        ("Credentials", _listed(reading.by_label("pycall_credentials_total", "outcome"))),
        ("Ended", _listed(reading.by_label("pycall_connections_ended_total", "cause"))),
        ("Bugs", _number(reading.value("pycall_bugs_total"))),
    ]
    if reading.value("process_resident_memory_bytes") is not None:
        files, most = (_number(reading.value(f"process_{name}_fds")) for name in ("open", "max"))
        cpu = _duration(reading.value("process_cpu_seconds_total"))
        memory = _bytes(reading.value("process_resident_memory_bytes"))
        rows.append(("Process", f"{memory} of memory, {cpu} of CPU, {files} of {most} open files"))
    return rows


def _state(ready: dict[str, float]) -> str:
    """Of all nodes, by what each says of itself."""
    hindered = [node for node, is_ready in ready.items() if not is_ready]
    if ready and not hindered:
        return "ready"
    return "not ready" if len(hindered) == len(ready) else f"not ready: {', '.join(hindered)}"


def _up(reading: Reading) -> str:
    """How long; of several processes one may have been started again."""
    longest, shortest = (_duration(reading.value("pycall_uptime_seconds", of)) for of in (max, min))
    is_one_later = (reading.value("pycall_uptime_seconds", _spread) or 0) > STARTING_S
    return f"{longest}, one of them only {shortest}" if is_one_later else longest


def _spread(times: Iterable[float]) -> float:
    listed = list(times)
    return max(listed) - min(listed)


_TIMES: Final = (("join", "join"), ("relay", "message"))


def _times(reading: Reading, event: str) -> str:
    """The average of handling an event, and the bound that holds for 99 of 100."""
    counts = reading.by_label("pycall_handling_seconds_count", "event")
    count = counts.get(event, 0)
    if not count:
        return "nothing yet"
    average_s = reading.by_label("pycall_handling_seconds_sum", "event").get(event, 0) / count
    up_to = reading.by_label("pycall_handling_seconds_bucket", "le", event=event)
    bound = next((bound for bound, below in up_to.items() if below >= 0.99 * count), "+Inf")
    bounded = (
        "some take longer than all bounds" if bound == "+Inf" else f"99 of 100 within {_ms(float(bound))}"
    )
    return f"{_ms(average_s)} on average, {bounded}"


def _listed(counts: dict[str, float]) -> str:
    listed = ", ".join(f"{word} {_number(count)}" for word, count in counts.items() if count)
    return listed or "none"


def _number(value: float | None) -> str:
    return "?" if value is None else f"{value:,.0f}"


def _ms(seconds: float) -> str:
    return f"{1000 * seconds:.3g} ms"


def _bytes(value: float | None) -> str:
    if value is None:
        return "?"
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000:
            return f"{value:.3g} {unit}"
        value /= 1000
    return f"{value:,.1f} TB"


def _duration(seconds: float | None) -> str:
    return "?" if seconds is None else str(timedelta(seconds=int(seconds)))
