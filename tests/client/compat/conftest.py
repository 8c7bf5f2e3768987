"""Everything is installed, as in a call; and a connection to look into."""

from __future__ import annotations

from typing import Any

import pytest
from aiortc import RTCConfiguration, RTCPeerConnection

from pycall.client import compat


@pytest.fixture(autouse=True)
def _installed() -> None:
    compat.install()


@pytest.fixture
async def connection() -> Any:
    connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    yield connection
    await connection.close()
