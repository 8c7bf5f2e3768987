"""Why two did not come together, in a sentence for people, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

_REFUSALS: Final = {
    401: "the relay refused: its user name or password is not valid (401).",
    403: "the relay refused: it is not for us (403).",
    441: "the relay refused: its user name or password is not valid (441).",
    486: "the relay refused: too many relays are in use under this name (486).",
    508: "the relay refused: it has no capacity left (508).",
}

RELAY_HINT: Final = "A TURN server reached over TCP or TLS helps: `pycall serve --turn`, or --ice-server."
CREDENTIALS_HINT: Final = "Credentials are short-lived: call again, or check the server's TURN settings."


@dataclass(slots=True)
class Findings:
    """What asking STUN and TURN servers showed."""

    udp_asked: bool = False
    """Whether a server was asked over UDP."""
    udp_answered: bool = False
    refusals: dict[int, str] = field(default_factory=dict)
    """Why relays were refused: STUN error codes and the server's words."""
    untrusted: str = ""
    """A TURN server whose certificate is not trusted."""
    peer_refusals: dict[int, str] = field(default_factory=dict)
    """Why a relay does not send to the other side's addresses."""

    def refused(self, code: int, reason: str) -> None:
        """A server refused to relay for us."""
        self.refusals[code] = reason

    def peer_refused(self, code: int, reason: str) -> None:
        """A server refused to relay to an address of the other side."""
        self.peer_refusals[code] = reason


@dataclass(frozen=True, slots=True)
class Reason:
    """``why`` is a clause without a capital letter, ``hint`` a sentence or empty."""

    why: str
    hint: str = ""


def no_candidates(findings: Findings, *, relay_only: bool) -> Reason:
    """Why there is no address to tell the other side."""
    if not relay_only:
        return Reason("this computer has no network address.", "Connect it to a network.")
    if findings.refusals:
        return _refusal(findings)
    if findings.untrusted:
        return _untrusted(findings)
    return Reason(
        "only relays may be used, and no TURN server answered.",
        "Call without --relay-only, or name another TURN server.",
    )


def no_path(findings: Findings, *, others: int, relay_only: bool, relayed: bool) -> Reason:
    """Why no pair of candidates carries packets.

    Args:
        findings: what our servers answered.
        others: how many candidates the other side told.
        relay_only: whether nothing but relays may be used.
        relayed: whether we have a relay.
    """
    if others == 0:
        return Reason(
            "the other side told no address at which it can be reached.",
            "It may have no network, or may be allowed to use relays only and have none.",
        )
    if not relayed and findings.refusals:
        return _refusal(findings)
    if not relayed and findings.untrusted:
        return _untrusted(findings)
    if findings.udp_asked and not findings.udp_answered and not relayed:
        return Reason("UDP seems to be blocked here: no STUN or TURN server answered.", RELAY_HINT)
    if relayed and 403 in findings.peer_refusals:
        return Reason(
            "the relay does not send to the other side's addresses (403).",
            "They may be private ones: both sides should use the relay.",
        )
    if relay_only or relayed:
        return Reason("no network path between the two was found, not even through the relay.")
    return Reason("no network path between the two was found.", RELAY_HINT)


def _refusal(findings: Findings) -> Reason:
    code = next((code for code in _REFUSALS if code in findings.refusals), next(iter(findings.refusals)))
    if code in _REFUSALS:
        return Reason(_REFUSALS[code], CREDENTIALS_HINT if code in {401, 441} else "")
    return Reason(f"the relay refused with error {code}.")


def _untrusted(findings: Findings) -> Reason:
    return Reason(
        f"the certificate of the TURN server {findings.untrusted} is not trusted.",
        "Name it as its certificate does, or let the system trust that certificate.",
    )
