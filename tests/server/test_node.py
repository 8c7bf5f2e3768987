"""The seed's protocol, checked by the Socket.IO project's own client in Node."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from pathlib import Path

import pytest

from pycall.server.app import SignallingServer

FOLDER = Path(__file__).with_name("node")
INSTALL_S = 120.0
SCENARIO_S = 60.0

pytestmark = [pytest.mark.integration, pytest.mark.parallel, pytest.mark.timeout(INSTALL_S + SCENARIO_S)]


@pytest.fixture(scope="module")
def node() -> str:
    """The path of node, with socket.io-client installed beside the script as its lock file says."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.skip("node and npm are missing: apt install nodejs npm")
    if not (FOLDER / "node_modules" / "socket.io-client").exists():
        install = [npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts"]
        subprocess.run(install, cwd=FOLDER, check=True, capture_output=True, timeout=INSTALL_S)
    return node


@pytest.mark.parametrize(
    "scenario",
    ["call", "order", "full", "again", "second", "elsewhere", "hangup", "drop", "race", "refusals"],
)
async def test_a_plain_client_sees_the_protocol(server: SignallingServer, node: str, scenario: str) -> None:
    process = await asyncio.create_subprocess_exec(
        node,
        "plain.mjs",
        f"http://127.0.0.1:{server.port}",
        scenario,
        cwd=FOLDER,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(SCENARIO_S):
            said, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert (process.returncode, said.decode()) == (0, "")
