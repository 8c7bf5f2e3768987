"""Session descriptions and candidates of the other end, looked at before aiortc sees them.

aiortc's parser trusts its input and resolves every candidate's name before it goes on; so a
description is checked here, and its candidates are taken out and added one by one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from aiortc import RTCIceCandidate
from aiortc.sdp import candidate_from_sdp

from pycall.client.guards import may_be_a_peer
from pycall.core.messages import MAX_CANDIDATE, MAX_SDP

MAX_CANDIDATES: Final = 40
"""Candidates of one end that are tried; each costs checks to an address of the sender's choice."""

KINDS: Final = frozenset({"audio", "video", "application"})

TOOL: Final = "a=tool:pycall"
"""What made a description of ours (RFC 8866 section 6.4): it tells one that is no browser's."""

_UFRAG = re.compile(r"[A-Za-z0-9+/]{4,256}")
_PASSWORD = re.compile(r"[A-Za-z0-9+/]{22,256}")
_CANDIDATE = re.compile(r"(?:a=)?candidate:([ -~]*)")
_PRINTABLE = re.compile(r"[ -~]*")
_RTPMAP = re.compile(r"a=rtpmap:(\d{1,3}) ([A-Za-z0-9-]{1,32})/")
_MDNS_NAME = re.compile(r"[A-Za-z0-9-]{1,63}\.local")


@dataclass(frozen=True, slots=True)
class TakenApart:
    """A description without its candidates, and these; ``complete`` when no more will come.

    ``video_codecs`` are the MIME types of the pictures it speaks of, the preferred one first. It is
    ``ours`` when a pycall made it.
    """

    sdp: str
    candidates: tuple[str, ...]
    complete: bool
    video_codecs: tuple[str, ...]
    ours: bool


def take_apart(sdp: str) -> TakenApart:
    """Check a description and separate its candidates; raises :class:`ValueError`.

    Lines of more than printable ASCII are left out: only names of sessions have that, and libraries log
    what they read. At most one section of each kind is accepted, sound, pictures and data, all bundled
    (RFC 9143).
    """
    if len(sdp) > MAX_SDP:
        raise ValueError(f"A description has at most {MAX_SDP} characters.")
    kept: list[str] = []
    kinds: list[str] = []
    candidates: dict[str, None] = {}
    for line in filter(_PRINTABLE.fullmatch, sdp.splitlines()):
        if line.startswith("m="):
            kinds.append(line[2:].split(" ")[0])
        if line.startswith("a=candidate:"):
            candidates[line] = None  # every section repeats them
        elif line != "a=end-of-candidates":
            kept.append(line)
    if not kinds or len(set(kinds)) != len(kinds) or not KINDS.issuperset(kinds):
        raise ValueError("A description has one section of sound, pictures and data each, at most.")
    _check_bundle(kept)
    _check_credentials(kept)
    complete = "a=end-of-candidates" in sdp
    candidate_lines = tuple(candidates)[:MAX_CANDIDATES]
    sdp = "\r\n".join([*kept, ""])
    return TakenApart(sdp, candidate_lines, complete, _video_codecs(kept), ours=TOOL in kept)


def with_candidates(sdp: str, lines: Iterable[str], *, complete: bool) -> str:
    """A description of ours with these candidates instead of its own, in every section.

    It says that more may come (RFC 8840 section 4.1), and the end of them only when ``complete``; and what
    made it.
    """
    told = [f"a={line}" for line in lines] + (["a=end-of-candidates"] if complete else [])
    written: list[str] = []
    section = False
    for line in sdp.splitlines():
        if line.startswith("m="):
            written += told if section else [TOOL, "a=ice-options:trickle"]
            section = True
        if not line.startswith(("a=candidate:", "a=end-of-candidates")):
            written.append(line)
    return "\r\n".join([*written, *told, ""])


def _video_codecs(lines: list[str]) -> tuple[str, ...]:
    """In the order of the payload types, which is that of preference (RFC 8829 section 5.3.1)."""
    start = next((at for at, line in enumerate(lines) if line.startswith("m=video ")), len(lines))
    names: dict[str, str] = {}
    for line in lines[start + 1 :]:
        if line.startswith("m="):
            break
        if match := _RTPMAP.match(line):
            names[match[1]] = f"video/{match[2]}"
    order = lines[start].split(" ")[3:] if start < len(lines) else []
    return tuple(dict.fromkeys(names[number] for number in order if number in names))


def _check_bundle(lines: list[str]) -> None:
    """A group that names sections which are not there would cost aiortc its transport."""
    mids = [line.removeprefix("a=mid:") for line in lines if line.startswith("a=mid:")]
    groups = [line.split(" ")[1:] for line in lines if line.startswith("a=group:BUNDLE")]
    sections = sum(line.startswith("m=") for line in lines)
    if len(mids) != sections or len(set(mids)) != sections:
        raise ValueError("Each section of a description has a name of its own.")
    if len(groups) != 1 or not groups[0] or not set(groups[0]) <= set(mids):
        raise ValueError("The sections of a description go over one transport.")


def _check_credentials(lines: list[str]) -> None:
    """RFC 8839 section 5.4 and RFC 8122 section 5; aiortc finds out only later, and in no one's task."""
    ufrags = [line for line in lines if line.startswith("a=ice-ufrag:")]
    passwords = [line for line in lines if line.startswith("a=ice-pwd:")]
    fingerprints = [line for line in lines if line.startswith("a=fingerprint:")]
    if not (ufrags and passwords and fingerprints):
        raise ValueError("A description has ICE credentials and a fingerprint.")
    if not all(_UFRAG.fullmatch(line.partition(":")[2]) for line in ufrags):
        raise ValueError("An ICE user name fragment has 4 to 256 letters, digits, + and /.")
    if not all(_PASSWORD.fullmatch(line.partition(":")[2]) for line in passwords):
        raise ValueError("An ICE password has 22 to 256 letters, digits, + and /.")


def parse_candidate(line: str) -> RTCIceCandidate | None:
    """The candidate in a line of RFC 8839 section 5.1, with or without ``a=``.

    ``None`` when it is of a kind that is not used here (TCP, a second component); raises
    :class:`ValueError` when it is none. Its address is an IP address or an mDNS name.
    """
    match = _CANDIDATE.fullmatch(line.strip())
    if match is None or len(line) > MAX_CANDIDATE:
        raise ValueError("That is no candidate.")
    try:
        candidate = candidate_from_sdp(match[1])
    except (AssertionError, IndexError, ValueError) as error:
        raise ValueError("That is no candidate.") from error
    if candidate.type not in {"host", "srflx", "prflx", "relay"} or not 0 < candidate.port < 1 << 16:
        raise ValueError("That is no candidate.")
    _check_address(candidate.ip)
    if candidate.component != 1 or candidate.protocol.lower() != "udp":
        return None
    return candidate


def _check_address(text: str) -> None:
    if _MDNS_NAME.fullmatch(text):
        return
    if not may_be_a_peer(text):
        raise ValueError("A candidate's address is one computer's.")
