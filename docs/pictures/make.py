"""Makes the pictures of the README from a real call on a virtual screen.

    python docs/pictures/make.py

Needs Debian's xvfb, xterm, fonts-dejavu-core and imagemagick.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

HERE = Path(__file__).parent
PYCALL = f"{sys.executable} -m pycall"
SIZE = "960x540"
QUIET = "--microphone test --speaker none --camera test"


def main() -> None:
    """Run a server and two callers, and take the pictures while they talk."""
    with ExitStack() as stack:
        screen = stack.enter_context(virtual_screen())
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        environment = os.environ | {"DISPLAY": screen, "PS1": "$ "}
        stack.enter_context(running(f"{PYCALL} serve --host 127.0.0.1", environment, folder))
        time.sleep(3)
        call = f"pycall call kitchen --name Ann --size {SIZE} {QUIET} --record kitchen.mp4"
        (Path(folder) / "bin").mkdir()
        (Path(folder) / "bin" / "pycall").symlink_to(Path(sys.executable).with_name("pycall"))
        shell = f"export PATH={folder}/bin:$PATH; echo '$ {call}'; {call}"
        look = "-geometry 108x22+0+560 -fs 10 -bg #15171c -fg #d8dee9"
        terminal = ["xterm", *look.split(), "-fa", "DejaVu Sans Mono", "-e", "sh", "-c", shell]
        stack.enter_context(running(terminal, environment, folder))
        time.sleep(5)
        bob = f"{PYCALL} call kitchen --name Bob --size {SIZE} {QUIET} --display none --json"
        stack.enter_context(running(bob, environment, folder))
        time.sleep(12)
        take(environment, "960x540+0+0", HERE / "window.png")
        window = subprocess.run(
            ["xwininfo", "-name", "sh"], env=environment, capture_output=True, text=True, check=False
        ).stdout
        take(environment, _geometry(window) or "870x380+0+560", HERE / "terminal.png")


def _geometry(window: str) -> str | None:
    fields = dict(line.strip().split(": ", 1) for line in window.splitlines() if ": " in line)
    try:
        x, y = int(fields["Absolute upper-left X"]), int(fields["Absolute upper-left Y"])
        return f"{int(fields['Width'])}x{int(fields['Height'])}+{x}+{y}"
    except KeyError:
        return None


def take(environment: dict[str, str], region: str, path: Path) -> None:
    """Save a region of the screen."""
    subprocess.run(
        ["import", "-window", "root", "-crop", region, "+repage", str(path)], env=environment, check=True
    )


@contextmanager
def virtual_screen() -> Iterator[str]:
    """An Xvfb under a free display number."""
    read, write = os.pipe()
    command = ["Xvfb", "-displayfd", str(write), "-screen", "0", "1280x1000x24", "-nolisten", "tcp"]
    server = subprocess.Popen(command, pass_fds=[write], stderr=subprocess.DEVNULL)
    os.close(write)
    try:
        with os.fdopen(read) as answer:
            yield f":{answer.readline().strip()}"
    finally:
        server.terminate()
        server.wait()


@contextmanager
def running(command: str | list[str], environment: dict[str, str], folder: str) -> Iterator[None]:
    """Run a command in a folder of its own."""
    words = command.split() if isinstance(command, str) else command
    process = subprocess.Popen(words, env=environment, cwd=folder, stdout=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.terminate()
        process.wait()


if __name__ == "__main__":
    main()
