"""Reading the figures of a running server, as monitoring does: one bounded request for its `/metrics`."""

from __future__ import annotations

import hashlib
import http.client
import socket
import ssl
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Final
from urllib.parse import urlsplit

from prometheus_client.parser import text_string_to_metric_families

from pycall.core.names import terminal_safe
from pycall.errors import ServerUnreachable, SignallingError

TIMEOUT_S: Final = 5.0
MOST_BYTES: Final = 1_000_000

_WHERE: Final = "Check the address given with --server, and whether it is https://."
_TRUST: Final = "Give the SHA-256 that `pycall serve` printed at its start as --cert-sha256."


class Reading:
    """The samples of one server: its figures by name, those with a label by it too.

    Of several processes on its port it has them all, each with the label ``node``.
    """

    def __init__(self, text: str) -> None:
        """Raises :class:`ValueError` if the text is none of Prometheus'."""
        self._samples: dict[str, list[tuple[dict[str, str], float]]] = defaultdict(list)
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                self._samples[sample.name].append((sample.labels, sample.value))

    def value(self, name: str, of: Callable[[Iterable[float]], float] = sum) -> float | None:
        """The figure ``name``, the sum (or what ``of`` says) of all processes; ``None`` if it is not told."""
        found = self._samples.get(name)
        return of(value for _, value in found) if found else None

    def label(self, name: str, label: str) -> str:
        """What the label of a figure says, safe to print; empty if there is none."""
        found = self._samples.get(name)
        return terminal_safe(found[0][0].get(label, "")) if found else ""

    def by_label(self, name: str, label: str, **among: str) -> dict[str, float]:
        """The figures ``name`` by what their ``label`` says, of those whose other labels are ``among``.

        Those of several processes are added up.
        """
        figures: dict[str, float] = {}
        for labels, value in self._samples.get(name, ()):
            if among.items() <= labels.items():
                said = terminal_safe(labels.get(label, ""))
                figures[said] = figures.get(said, 0) + value
        return figures


def scrape(url: str, *, key: str = "", cert_sha256: str = "") -> Reading:
    """Read the figures of the server at ``url`` (scheme, host, port).

    Over https its certificate is verified as usual, or must have ``cert_sha256``. ``key`` is shown to
    no other server.

    Raises:
        ServerUnreachable: nobody answers there, or the certificate is not the right one.
        SignallingError: it does not let us, or is no pycall server.
    """
    host = terminal_safe(urlsplit(url).netloc)
    try:
        status, body = _get(url, key, cert_sha256)
    except TimeoutError as error:
        raise ServerUnreachable(f"{host} did not answer within {TIMEOUT_S:g} s.", _WHERE) from error
    except ssl.SSLCertVerificationError as error:
        raise ServerUnreachable(f"The certificate of {host} cannot be trusted.", _TRUST) from error
    except ssl.SSLError as error:
        raise ServerUnreachable(f"The server at {host} does not speak TLS as expected.", _WHERE) from error
    except socket.gaierror as error:
        raise ServerUnreachable(f"The name in {host} is not known.", _WHERE) from error
    except OSError as error:
        hint = f"Is `pycall serve` running there? {_WHERE}"
        raise ServerUnreachable(f"No server answers at {host}.", hint) from error
    except (http.client.HTTPException, UnicodeError) as error:
        raise SignallingError(f"What answers at {host} is no pycall server.", _WHERE) from error
    if status in {401, 403}:
        raise SignallingError(
            f"The server at {host} shows its figures to this computer or user only with permission.",
            "Ask on the server's own machine, or give its --metrics-key-file; see --metrics-from.",
        )
    try:
        reading = Reading(body.decode()) if status == 200 else Reading("")
    except ValueError as error:
        raise SignallingError(f"What answers at {host} is no pycall server.", _WHERE) from error
    if reading.value("pycall_uptime_seconds") is None:
        raise SignallingError(f"What answers at {host} is no pycall server, or an old one.", _WHERE)
    return reading


def _get(url: str, key: str, cert_sha256: str) -> tuple[int, bytes]:
    where = urlsplit(url)
    connection = _connection(where.scheme, where.hostname or "", where.port, is_pinned=bool(cert_sha256))
    deadline = time.monotonic() + TIMEOUT_S
    try:
        connection.connect()
        if cert_sha256:
            _check(connection.sock, cert_sha256)
        connection.request("GET", "/metrics", headers={"Authorization": f"Bearer {key}"} if key else {})
        with connection.getresponse() as answer:
            body = b""
            while chunk := answer.read1(65_536):
                body += chunk
                if time.monotonic() > deadline:
                    raise TimeoutError
                if len(body) > MOST_BYTES:
                    raise http.client.HTTPException("too much")
            return answer.status, body
    finally:
        connection.close()


def _connection(scheme: str, host: str, port: int | None, *, is_pinned: bool) -> http.client.HTTPConnection:
    if scheme == "http":
        return http.client.HTTPConnection(host, port, timeout=TIMEOUT_S)
    context = ssl.create_default_context()
    if is_pinned:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE  # _check takes its place
    return http.client.HTTPSConnection(host, port, timeout=TIMEOUT_S, context=context)


def _check(connected: socket.socket, cert_sha256: str) -> None:
    certificate = connected.getpeercert(binary_form=True) if isinstance(connected, ssl.SSLSocket) else None
    if hashlib.sha256(certificate or b"").hexdigest() != cert_sha256.replace(":", "").lower():
        raise ssl.SSLCertVerificationError("not the certificate that was expected")
