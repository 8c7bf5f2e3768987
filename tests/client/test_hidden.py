"""Browsers hide their addresses behind mDNS names: they reach us when we cannot reach them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from pycall.core import events, inputs
from tests.client.hidden import call_from_hidden
from tests.rig import needs

REPO = Path(__file__).parents[2]
CALLER = events.Path("direct", "host", "host")
CALLEE = events.Path("direct", "host", "prflx")
CONNECTED = str([[inputs.PeerConnected(1, CALLER)], [inputs.PeerConnected(1, CALLEE)]])
ALONE = ("--user", "--map-root-user", "--net")


async def test_names_that_cannot_be_resolved_do_not_keep_two_apart() -> None:
    assert await call_from_hidden() == CONNECTED


@pytest.mark.parametrize("more", [[], ["occupied"]])
def test_without_multicast_or_its_port_two_still_connect(more: list[str]) -> None:
    alone = [needs("unshare", "util-linux"), *ALONE]
    if subprocess.run([*alone, "true"], check=False, capture_output=True).returncode:
        pytest.skip("this machine allows no network namespaces")
    command = [*alone, sys.executable, "-m", "tests.client.hidden", *more]
    done = subprocess.run(command, cwd=REPO, check=False, capture_output=True, text=True, timeout=60)
    assert (done.stdout.strip(), done.stderr) == (CONNECTED, "")
