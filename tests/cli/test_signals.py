from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys

import pytest

from pycall.cli.signals import ENDING, on_ending
from tests.client.pair import until


async def test_each_ending_signal_is_handed_over_on_the_loop() -> None:
    if hasattr(signal, "SIGHUP"):  # whoever runs the tests may have it ignored
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
    came: list[tuple[signal.Signals, asyncio.AbstractEventLoop]] = []
    on_ending(lambda number: came.append((signal.Signals(number), asyncio.get_running_loop())))
    for number in ENDING:
        os.kill(os.getpid(), number)
        await until(lambda number=number: (number, asyncio.get_running_loop()) in came)  # type: ignore[misc]
    for number in ENDING:
        asyncio.get_running_loop().remove_signal_handler(number)


PROGRAM = """
import asyncio, os, signal, sys
from pycall.cli.signals import on_ending

async def main():
    on_ending(lambda number: print(number.name))
    for number in (signal.SIGHUP, signal.SIGINT):
        os.kill(os.getpid(), number)
    await asyncio.sleep(0.1)

asyncio.run(main())
"""


@pytest.mark.integration
@pytest.mark.parametrize(("wrapper", "said"), [([], {"SIGHUP", "SIGINT"}), (["nohup"], {"SIGINT"})])
def test_a_hang_up_that_is_to_be_ignored_is_ignored(wrapper: list[str], said: set[str]) -> None:
    command = [*wrapper, sys.executable, "-c", PROGRAM]
    done = subprocess.run(command, capture_output=True, text=True, check=True, stdin=subprocess.DEVNULL)
    assert set(done.stdout.split()) == said
