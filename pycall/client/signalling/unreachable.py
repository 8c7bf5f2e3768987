"""Why a signalling server cannot be reached: one sentence for people, and what they can do."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from urllib.parse import urlsplit

import aiohttp

from pycall.client.signalling.hearsay import MAX_SENTENCE, fields
from pycall.core.names import terminal_safe
from pycall.errors import ServerUnreachable


def refusal(said: tuple[object, ...]) -> str:
    """What the server gave as its reason (the arguments of ``connect_error``); safe to print."""
    first = said[0] if said else ""
    message = fields(first).get("message", first)
    return terminal_safe(message[:MAX_SENTENCE]) if isinstance(message, str) else ""


def unreachable(url: str, error: Exception, refusals: list[str], timeout_s: float) -> ServerUnreachable:
    """One sentence and a hint for what went wrong while dialling ``url``.

    ``refusals`` are the reasons the server itself gave, if it got that far.
    """
    host = terminal_safe(urlsplit(url).netloc or url)
    for cause in _causes(error):
        match cause:
            case aiohttp.WSServerHandshakeError():
                return _turned_away(host, cause.status, is_for_now="Retry-After" in (cause.headers or ()))
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


def _turned_away(host: str, status: int, *, is_for_now: bool) -> ServerUnreachable:
    """A server answered over HTTP, with this status; ``is_for_now``: and told when to come again."""
    match status:
        case 429:
            return ServerUnreachable(
                f"The server at {host} takes no more connections from your address for now.",
                "Try again in a minute; everybody behind the same router counts as one address.",
            )
        case 503 if is_for_now:
            return ServerUnreachable(
                f"The server at {host} takes no more connections for now.", "Try again in a minute."
            )
        case 503:
            return ServerUnreachable(
                f"The server at {host} is stopping.", "Try again when it has been started again."
            )
        case _:
            return ServerUnreachable(
                f"There is a web server at {host}, but no pycall server (HTTP status {status}).",
                "Check the address and port given with --server.",
            )


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _hex(sha256: bytes) -> str:
    return sha256.hex(":").upper()


def _brief(error: Exception) -> str:
    return terminal_safe(getattr(error, "verify_message", "") or str(error))[:MAX_SENTENCE].rstrip(".")


def _start_hint(url: str) -> str:
    if urlsplit(url).hostname in {"localhost", "127.0.0.1", "::1"}:
        return "Start one here with: pycall serve"
    return "Check the address given with --server, and that `pycall serve` runs there behind an open port."
