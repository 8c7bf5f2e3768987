"""Changes of the network under a call: real addresses, in a network namespace of the test's own."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from dataclasses import replace

import ifaddr
import pytest

from pycall.client import network
from pycall.client.network import LOOK_EVERY_S, SLEPT_S, Change, Look, NetworkWatch, usable_addresses

NAMESPACES = (
    shutil.which("unshare") is not None
    and shutil.which("ip") is not None
    and subprocess.run(["unshare", "-n", "true"], check=False, capture_output=True).returncode == 0
)

SLEPT = Change(frozenset(), slept=True)
BEFORE = Look(frozenset({"192.0.2.1"}), 1_000.0, 50_000.0)


def later(passed_s: float = LOOK_EVERY_S, *, asleep_s: float = 0.0) -> Look:
    """The next look after some time on the monotonic clock; the other one went further by ``asleep_s``."""
    sleepless = BEFORE.sleepless + passed_s + asleep_s
    return replace(BEFORE, monotonic=BEFORE.monotonic + passed_s, sleepless=sleepless)


def adapter(name: str, *addresses: str) -> ifaddr.Adapter:
    """An interface as the library reports it."""
    ips = [ifaddr.IP((each, 0, 0) if ":" in each else each, 24, name) for each in addresses]
    return ifaddr.Adapter(name, name, ips)


@pytest.mark.parametrize("passed_s", [0.0, LOOK_EVERY_S, LOOK_EVERY_S + 1.5])
@pytest.mark.parametrize("asleep_s", [0.0, 1.5, -1.5, -3_600.0])
def test_clocks_that_go_on_or_are_set_back_are_no_change(passed_s: float, asleep_s: float) -> None:
    assert later(passed_s, asleep_s=asleep_s).change_since(BEFORE) is None


@pytest.mark.parametrize("slept_s", [SLEPT_S + 0.1, 60.0, 86_400.0])
def test_sleep_is_noticed_whether_or_not_the_monotonic_clock_counts_it(slept_s: float) -> None:
    assert later(asleep_s=slept_s).change_since(BEFORE) == SLEPT
    assert later(LOOK_EVERY_S + slept_s).change_since(BEFORE) == SLEPT


@pytest.mark.parametrize("step_s", [3_600.0, -3_600.0])
def test_a_clock_that_is_set_is_one_notice_at_most(step_s: float) -> None:
    stepped = later(asleep_s=step_s)
    after = replace(stepped, monotonic=stepped.monotonic + 0.4, sleepless=stepped.sleepless + 0.4)
    assert after.change_since(stepped) is None


@pytest.mark.skipif(sys.platform != "linux", reason="needs a clock that nobody can set")
def test_setting_the_clock_is_no_sleep(monkeypatch: pytest.MonkeyPatch) -> None:
    before = network._look()
    monkeypatch.setattr(time, "time", lambda: 4_000_000_000.0)
    change = network._look().change_since(before)
    assert change is None or not change.slept


@pytest.mark.parametrize(
    ("addresses", "gone"),
    [(set(), {"192.0.2.1"}), ({"192.0.2.2"}, {"192.0.2.1"}), ({"192.0.2.1", "2001:db8::1"}, set())],
)
def test_addresses_that_come_and_go_are_noticed(addresses: set[str], gone: set[str]) -> None:
    change = replace(later(), addresses=frozenset(addresses)).change_since(BEFORE)
    assert change == Change(frozenset(gone), slept=False)


def test_only_addresses_that_lead_elsewhere_count() -> None:
    adapters = [
        adapter("lo-x", "127.0.0.1", "::1"),
        adapter("eth-x", "192.0.2.1", "2001:db8::1", "fe80::1", "169.254.1.1"),
        adapter("docker0-x", "172.17.0.1"),
        adapter("br-12345", "172.18.0.1"),
    ]
    assert usable_addresses(adapters) == {"192.0.2.1", "2001:db8::1"}
    assert usable_addresses(adapters[:1]) == usable_addresses([]) == {"127.0.0.1"}


async def test_nothing_is_said_while_nothing_changes_and_watching_can_begin_again() -> None:
    posted: list[Change] = []
    watch = NetworkWatch(posted.append)
    await watch.close()
    for _ in range(2):
        watch.start()
        watch.start()
        await watch.close()
    assert not posted


SCRIPT = """
import asyncio, subprocess
from pycall.client import network

looks, posted = [], []
look = network._look
network._look = lambda: (looks.append(look()), looks[-1])[1]

def ip(*arguments):
    subprocess.run(["ip", *arguments], check=True)

async def looked(times):
    async with asyncio.timeout(10):
        while len(looks) < times:
            await asyncio.sleep(0.02)

async def after(change, *gone):
    before = len(posted)
    ip(*change.split())
    await looked(len(looks) + 3)
    assert [each.gone for each in posted[before:]] == list(map(set, gone)), change

async def main():
    ip("link", "set", "lo", "up")
    watch = network.NetworkWatch(posted.append)
    watch.start()
    await looked(1)
    await after("addr add 198.51.100.1/32 dev lo", {"127.0.0.1"})  # until then the loopback was the best
    await after("addr add 198.51.100.2/32 dev lo", ())
    await after("addr add 169.254.7.7/32 dev lo")
    await after("tuntap add docker7 mode tun")
    await after("addr add 172.17.0.1/16 dev docker7")
    await after("link set docker7 up")
    await after("addr del 198.51.100.1/32 dev lo", {"198.51.100.1"})
    await after("addr add 2001:db8::1/128 dev lo", ())
    await after("addr flush dev lo", {"198.51.100.2", "2001:db8::1"})
    await watch.close()

asyncio.run(main())
"""


@pytest.mark.integration
@pytest.mark.skipif(not NAMESPACES, reason="needs root and iproute2 for a network namespace")
def test_changes_of_a_real_network_are_noticed() -> None:
    ran = subprocess.run(
        ["unshare", "-n", sys.executable, "-c", SCRIPT],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ran.returncode == 0, ran.stderr
