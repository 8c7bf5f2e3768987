"""A `pycall serve` that changes what two callers say to each other: `tampering.py WHAT serve ...`.

``WHAT`` is what it changes in every description: ``key`` or ``candidates``; or ``nothing``.
"""

from __future__ import annotations

import json
import re
import sys
from typing import Final

from pycall.cli.main import main
from pycall.server.wire.transport import SocketServer

CHANGES: Final = {
    "nothing": (r"^$", ""),
    "key": (r"(a=fingerprint:sha-256 )\S\S", r"\1FE"),
    "candidates": (r"(a=candidate:\S+ \d \w+ )\d+", r"\g<1>7"),
}

relay = SocketServer.relay


def tamper(self: SocketServer, client: str, payload: str, number: int | None) -> None:
    """Pass a message on, but for what is changed in it."""
    message = json.loads(payload)
    if "sdp" in message:
        message["sdp"] = re.sub(*CHANGES[what], message["sdp"])
    relay(self, client, json.dumps(message), number)


if __name__ == "__main__":
    what = sys.argv[1]
    SocketServer.relay = tamper  # type: ignore[method-assign]
    sys.exit(main(sys.argv[2:]))
