"""The process that is a link: it carries IP packets between two TUN devices as their shapes say.

``python -m tests.netlab.emulator LEFT RIGHT CONTROL``, three descriptors it inherits. On CONTROL, a
socket of type SEQPACKET, come requests in JSON; each is answered with the counters of both directions.
It ends when the other end of CONTROL is closed, so it never outlives the test.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import select
import socket
import sys
import time
from dataclasses import asdict
from typing import Any, Final

from tests.netlab.shaping import Direction

READ_AT_ONCE: Final = 64
"""Packets taken from one device before the other gets its turn."""

LARGEST: Final = 65536
PRIORITY: Final = 10


class Emulator:
    """Two directions between two devices, and whoever changes them."""

    def __init__(self, left: int, right: int, control: socket.socket) -> None:
        self._out, self._back = Direction(), Direction()
        self._entries = {left: self._out, right: self._back}
        self._exits = {right: self._out, left: self._back}
        self._control = control

    def run(self) -> None:
        """Carry packets until the other end of the control socket is closed."""
        watched: list[Any] = [*self._entries, self._control]
        while True:
            for device, direction in self._exits.items():
                for packet in direction.due(time.monotonic()):
                    with contextlib.suppress(OSError):  # the interface is down: so the packet is lost
                        os.write(device, packet)
            wait = min(direction.next_at for direction in self._exits.values()) - time.monotonic()
            timeout = None if wait == math.inf else max(0.0, wait)
            for ready in select.select(watched, (), (), timeout)[0]:
                if ready is not self._control:
                    self._take(ready)
                elif not self._answer():
                    return

    def _take(self, device: int) -> None:
        for _ in range(READ_AT_ONCE):
            try:
                packet = os.read(device, LARGEST)
            except OSError:  # no more, or the interface is down
                return
            self._entries[device].push(packet, time.monotonic())

    def _answer(self) -> bool:
        message = self._control.recv(LARGEST)
        if not message:
            return False
        request = json.loads(message)
        for direction, name in ((self._out, "out"), (self._back, "back")):
            direction.reshape(**request.get(name, {}))
            if "cut_s" in request:
                direction.cut(time.monotonic() + request["cut_s"])
        counters = {"out": asdict(self._out.counters), "back": asdict(self._back.counters)}
        self._control.send(json.dumps(counters).encode())
        return True


def main() -> None:
    """Be a link until nobody wants it any more."""
    left, right, control = map(int, sys.argv[1:])
    with contextlib.suppress(PermissionError):  # then busy neighbours add to the delays
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(PRIORITY))
    with contextlib.suppress(KeyboardInterrupt, ConnectionError), socket.socket(fileno=control) as asked:
        Emulator(left, right, asked).run()


if __name__ == "__main__":
    main()
