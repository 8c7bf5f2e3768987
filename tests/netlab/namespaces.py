"""Network namespaces: made, entered and removed; nothing in one reaches the machine's own network."""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import itertools
import os
import re
import signal
import struct
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

NAMES: Final = re.compile(r"pycall-lab-(?P<owner>[0-9]+)-[0-9]+-[a-z-]+")
FOLDER: Final = Path("/run/netns")

CLONE_NEWNET: Final = 0x40000000
TUNSETIFF: Final = 0x400454CA
IFF_TUN: Final = 0x0001
IFF_NO_PI: Final = 0x1000

_libc = ctypes.CDLL(None, use_errno=True)
_numbers = itertools.count(1)


class LaboratoryError(Exception):
    """A tool refused to build a part of the laboratory."""


def run(command: Sequence[str], text: str = "") -> str:
    """What a tool prints, given ``text``; raises :class:`LaboratoryError` with its complaint."""
    done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=30, check=False)
    if done.returncode:
        raise LaboratoryError(f"{' '.join(command)}: {done.stderr.strip()}\n{text}")
    return done.stdout


class Namespace:
    """One namespace, as a machine of its own on the laboratory's network."""

    def __init__(self, name: str) -> None:
        self.name = name

    def command(self, *words: str | Path) -> list[str]:
        """The command that runs ``words`` in here; the process that starts becomes theirs."""
        return ["ip", "netns", "exec", self.name, *map(str, words)]

    def ip(self, *lines: str, version: int = 0) -> None:
        """Run these commands of ``ip``, such as ``addr add 192.0.2.10/24 dev eth0``.

        Only those that name no address need a ``version`` of IP, and rules.
        """
        options = [f"-{version}"] if version else []
        run(["ip", "-n", self.name, *options, "-batch", "-"], "\n".join(lines) + "\n")

    def nft(self, rules: str) -> None:
        """Apply this script of ``nft``, all of it or nothing."""
        run(self.command("nft", "-f", "-"), rules)

    def configure(self, key: str, value: str) -> None:
        """Set a key below ``/proc/sys/net``, such as ``ipv4/ip_forward``."""
        with self.inside():
            Path("/proc/sys/net", key).write_text(value, encoding="ascii")

    @contextlib.contextmanager
    def inside(self) -> Iterator[None]:
        """Put this thread here: its new sockets, processes and threads belong here and stay here."""
        with Path("/proc/thread-self/ns/net").open("rb") as home:
            with (FOLDER / self.name).open("rb") as here:
                _enter(here.fileno())
            try:
                yield
            finally:
                _enter(home.fileno())

    def open_tun(self, device: str) -> int:
        """Make a TUN device; the descriptor (non-blocking) gives and takes its IP packets, from anywhere.

        The device is there as long as its descriptor is open.
        """
        with self.inside():
            descriptor = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            request = struct.pack("16sH22x", device.encode("ascii"), IFF_TUN | IFF_NO_PI)
            fcntl.ioctl(descriptor, TUNSETIFF, request)
        except OSError:
            os.close(descriptor)
            raise
        return descriptor

    def remove(self) -> None:
        """Kill what still runs here and remove the namespace, with everything in it."""
        with contextlib.suppress(LaboratoryError):
            for process in run(["ip", "netns", "pids", self.name]).split():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(process), signal.SIGKILL)
        if (FOLDER / self.name).exists():
            with contextlib.suppress(LaboratoryError):  # another run sweeps the same one
                run(["ip", "netns", "del", self.name])


@contextlib.contextmanager
def namespaces(*parts: str) -> Iterator[list[Namespace]]:
    """One namespace for each part, with a loopback, under names no other run has; removed at the end."""
    number = next(_numbers)
    made = [Namespace(f"pycall-lab-{os.getpid()}-{number}-{part}") for part in parts]
    try:
        run(["ip", "-batch", "-"], "".join(f"netns add {each.name}\n" for each in made))
        for each in made:
            each.ip("link set dev lo up")
        yield made
    finally:
        for each in made:
            each.remove()


def sweep() -> None:
    """Remove what earlier runs left which were killed before they could."""
    for path in FOLDER.glob("pycall-lab-*"):
        match = NAMES.fullmatch(path.name)
        if match is not None and not Path("/proc", match["owner"]).exists():
            Namespace(path.name).remove()


def _enter(descriptor: int) -> None:
    if _libc.setns(descriptor, CLONE_NEWNET):
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))
