"""A call from one whose addresses are all hidden behind mDNS names that nobody resolves.

``python -m tests.client.hidden`` makes it and prints what was posted. In a network namespace without anything
but the loopback it is a machine without multicast; with ``occupied`` somebody else has mDNS's port.
"""

from __future__ import annotations

import asyncio
import fcntl
import socket
import struct
import sys

from pycall.core import inputs
from pycall.core.messages import Candidate
from tests.client.pair import End, until

NAMES = [f"0a1b2c3d-0000-4000-8000-00000000000{number}.local" for number in range(4)]
LINES = [f"candidate:1 1 udp 1 {name} 5000 typ host" for name in NAMES]
MDNS_PORT = 5353
IFF_UP, SIOCGIFFLAGS, SIOCSIFFLAGS = 1, 0x8913, 0x8914


async def call_from_hidden() -> str:
    """What both ends posted until they were connected; some names are in the offer, some come later."""
    caller, callee = End(), End()
    try:
        await caller.peer.open()
        await callee.peer.open()
        lines = (await caller.peer.create_offer(1.0)).splitlines()
        kept = [line for line in lines if not line.startswith(("a=candidate:", "a=end-of-candidates"))]
        offer = "\r\n".join([*kept, *(f"a={line}" for line in LINES[:2]), ""])
        answer = await callee.peer.accept_offer(offer, 1.0)
        for line in LINES[2:]:
            await callee.peer.add_candidate(Candidate(line, "0", 0, None))
        await callee.peer.add_candidate(Candidate(None, None, None, None))
        await caller.peer.accept_answer(answer)
        await until(lambda: caller.said(inputs.PeerConnected) and callee.said(inputs.PeerConnected))
        return str([end.said(inputs.PeerConnected) for end in (caller, callee)])
    finally:
        await caller.peer.close(say_bye=False)
        await callee.peer.close(say_bye=False)


def raise_loopback() -> None:
    """Use the loopback of a network namespace that was just made."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        flags = fcntl.ioctl(any_socket, SIOCGIFFLAGS, struct.pack("16sh14x", b"lo", 0))
        [up] = struct.unpack("16xh14x", flags)
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", up | IFF_UP))


if __name__ == "__main__":
    raise_loopback()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        if "occupied" in sys.argv:
            other.bind(("", MDNS_PORT))
        print(asyncio.run(call_from_hidden()))
