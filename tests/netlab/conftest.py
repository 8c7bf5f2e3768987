"""A network laboratory for tests of calls on networks as they are.

A test asks for ``laboratory`` and builds one, or several (0.1 s each, 1 s with IPv6)::

    def test_...(laboratory: Laboratories) -> None:
        lab = laboratory(a="cone", b="symmetric")  # or open, udp-blocked; ipv6 with ipv6 only
        turn = lab.coturn()                        # also turn.urls, turn.secret, turn.credentials("ann")
        server = lab.server(*turn.options)         # a Program of tests/program.py; listens on lab.url
        ann = lab.caller("a", "den", name="Ann")   # `pycall call den --json`, as a Program
        bob = lab.caller("b", "den", "--relay-only")
        bob.wait_for_event("connected")

While they talk, each call returning once it is so::

        lab.a.change_address()              # same network, another address
        lab.a.switch_to("eth0")             # from Wi-Fi (wlan0) to cable; disconnect() and connect(…) apart
        lab.a.add_dead_interface()          # vpn0, whose packets vanish; best before the caller starts
        lab.nat_a.rebind()                  # cone, symmetric: other public ports for UDP from now on
        lab.link.cut(8.0)                   # between side a and everything; returns at once, ends by itself
        lab.link.shape(delay_s=0.2, loss=0.05, rate_bps=500e3)  # both directions; shape_out, shape_back
        lab.link.counters                   # what was lost on the way out, and on the way back
        ann.send_signal(signal.SIGSTOP)     # freeze; SIGCONT; SIGKILL
        server.send_signal(signal.SIGKILL); server.wait(); lab.server()

A test's own sockets are put on a machine with ``with lab.a.namespace.inside():`` (or ``lab.public``), and
stay there; ``lab.run("a", "ping", "-c1", lab.server_address)`` runs a program there.
``lab.black_hole`` is an address that never answers. Shaping and cutting is between a and the rest.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Protocol

import pytest

from tests.netlab.addresses import Kind
from tests.netlab.laboratory import Laboratory, running_laboratory
from tests.netlab.namespaces import LaboratoryError, namespaces, sweep
from tests.rig import needs


class Laboratories(Protocol):
    """Builds a laboratory that is there until the test ends."""

    def __call__(self, a: Kind = "open", b: Kind = "open") -> Laboratory: ...


@pytest.fixture(scope="session")
def _can_be_built() -> None:
    """Skip where no laboratory can be, and sweep what a killed run left."""
    if os.geteuid() != 0:
        pytest.skip("only root can make network namespaces")
    needs("ip", "iproute2")
    needs("nft", "nftables")
    needs("conntrack", "conntrack")
    sweep()
    try:
        with namespaces("trial") as (trial,):
            os.close(trial.open_tun("trial0"))
    except (LaboratoryError, OSError) as error:
        pytest.skip(f"no network namespaces or TUN devices here: {str(error).splitlines()[0]}")


@pytest.fixture
def laboratory(_can_be_built: None, tmp_path: Path) -> Iterator[Laboratories]:
    """Builds laboratories, which end with the test whatever happens in it."""
    with contextlib.ExitStack() as stack:

        def build(a: Kind = "open", b: Kind = "open") -> Laboratory:
            folder = tmp_path / f"laboratory-{len(list(tmp_path.iterdir()))}"
            folder.mkdir()
            return stack.enter_context(running_laboratory(a, b, folder))

        yield build


TABLES: Final = {
    "pair": "side a, side b, path, time from the other's coming to the first picture",
    "survived": "what calls outlived",
    "held": "bad networks: figures of pycall, of plain aiortc",
}
"""Properties that tests record, a line each, and what stands above them at the end of a run."""


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what the tests measured."""
    reports = terminalreporter.stats.get("passed", [])
    for table, title in TABLES.items():
        rows = [str(value) for each in reports for name, value in each.user_properties if name == table]
        if rows:
            terminalreporter.section(title)
            terminalreporter.write_line("\n".join(rows))
