"""Everything is installed, as in a call; and a connection to look into."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from aiortc import RTCConfiguration, RTCPeerConnection

from pycall.client import compat
from tests.client.turn import Coturn, running_coturn


@pytest.fixture(autouse=True)
def _installed() -> None:
    compat.install()


@pytest.fixture
async def connection() -> Any:
    connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    yield connection
    await connection.close()


@pytest.fixture(scope="session")
def coturn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Coturn]:
    with running_coturn(tmp_path_factory.mktemp("coturn")) as server:
        yield server
