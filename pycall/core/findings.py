"""What `pycall doctor` finds, check by check, and what follows from all of it for calls."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

State: TypeAlias = Literal["ok", "warning", "failed", "skipped"]

Check: TypeAlias = Literal[
    "server",
    "clock",
    "join",
    "stun",
    "nat",
    "relay",
    "ipv6",
    "camera",
    "microphone",
    "speaker",
    "encoder",
    "self-call",
    "relayed self-call",
    "calls",
]
"""Stable words of ``--json``; ``stun``, ``relay`` and ``encoder`` may come several times."""

Figure: TypeAlias = str | int | float | bool | None

ESSENTIAL: Final = frozenset({"server", "join", "self-call", "camera", "microphone", "speaker"})
"""Without one of these there is no call at all."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found.

    ``found`` is one sentence, ``cause`` (the likely one) and ``advice`` (the next step) one each on trouble,
    else empty. All may hold words of strangers: they are made safe where they are printed.
    """

    check: Check
    state: State
    found: str
    subject: str = ""
    """What was looked at, where there may be several: a server, a codec."""
    cause: str = ""
    advice: str = ""
    figures: Mapping[str, Figure] = field(default_factory=dict)
    """The same for programs; names end in their unit."""


def outlook(findings: Iterable[Finding], *, relay_only: bool = False) -> Finding:
    """Whether calls can be expected to work: the last finding, ``calls``.

    They can when the server lets two in and these two see and hear each other, and there is a way to people
    on other networks: a NAT that direct connections pass, or a relay. What is not known is no obstacle.
    """
    findings = list(findings)
    broken = [each for each in findings if each.state == "failed" and each.check in ESSENTIAL]
    if broken:
        names = ", ".join(dict.fromkeys(each.check for each in broken))
        return Finding(
            "calls",
            "failed",
            f"Calls cannot be expected to work: {names} failed.",
            advice=next((each.advice for each in broken if each.advice), ""),
        )
    relayed = _relayed(findings)
    if relay_only and not relayed:
        return Finding(
            "calls",
            "failed",
            "Calls cannot be expected to work: only relays may be used, and none works.",
            advice="Call without --relay-only, or run the server with `pycall serve --turn`.",
        )
    nat = next((each for each in findings if each.check == "nat"), None)
    if nat is not None and nat.state in {"warning", "failed"} and not relayed:
        return Finding(
            "calls",
            "failed",
            "Calls to other networks cannot be expected to work: "
            "direct connections do not get through, and no relay works.",
            advice="Run the server with `pycall serve --turn`, or name a TURN server with --ice-server.",
        )
    troubled = [each for each in findings if each.state in {"warning", "failed"}]
    if troubled:
        return Finding("calls", "warning", "Calls can be expected to work, but see the remarks above.")
    return Finding("calls", "ok", "Calls can be expected to work.")


def _relayed(findings: list[Finding]) -> bool:
    """Whether a relay can be counted on."""
    states = {(each.check, each.state) for each in findings}
    is_there = bool(states & {("relay", "ok"), ("relay", "warning")})
    return is_there and ("relayed self-call", "failed") not in states
