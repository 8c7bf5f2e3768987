"""The signals that ask a process to end, as calls on the event loop."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from typing import Final

ENDING: Final = tuple(
    signal.Signals[name] for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)
"""Ctrl-C, a polite `kill`, and a terminal that was closed (which Windows does not have)."""


def on_ending(handle: Callable[[signal.Signals], None]) -> None:
    """Call ``handle`` on the running event loop for every signal that asks the process to end.

    A hang-up that was made to be ignored, as by `nohup`, stays so.
    """
    loop = asyncio.get_running_loop()
    for number in ENDING:
        if number.name == "SIGHUP" and signal.getsignal(number) is signal.SIG_IGN:
            continue
        try:
            loop.add_signal_handler(number, handle, number)
        except NotImplementedError:  # Windows
            signal.signal(number, lambda number, _frame: _hand_over(loop, handle, number))


def end_at_once_on_next() -> None:
    """Leave the next such signal to the system, which ends the process however busy its event loop is."""
    for number in ENDING:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)


def _hand_over(
    loop: asyncio.AbstractEventLoop, handle: Callable[[signal.Signals], None], number: int
) -> None:
    loop.call_soon_threadsafe(handle, signal.Signals(number))
