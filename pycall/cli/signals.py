"""SIGINT and SIGTERM as calls on the event loop."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from typing import Final

ENDING: Final = (signal.SIGINT, signal.SIGTERM)


def on_ending(handle: Callable[[signal.Signals], None]) -> None:
    """Call ``handle`` on the running event loop for every signal that asks the process to end."""
    loop = asyncio.get_running_loop()
    for number in ENDING:
        try:
            loop.add_signal_handler(number, handle, number)
        except NotImplementedError:  # Windows
            signal.signal(number, lambda number, _frame: _hand_over(loop, handle, number))


def _hand_over(
    loop: asyncio.AbstractEventLoop, handle: Callable[[signal.Signals], None], number: int
) -> None:
    loop.call_soon_threadsafe(handle, signal.Signals(number))
