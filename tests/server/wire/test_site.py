from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path

from pycall.limits import Limits
from pycall.server.app import SignallingServer
from pycall.server.certificate import own_identity
from tests.server.raw import PATIENCE_S


async def test_who_begins_no_tls_is_cut_off(tmp_path: Path) -> None:
    tls = own_identity(tmp_path, ("localhost",), needed=(), now=datetime.now(UTC)).context
    server = SignallingServer("127.0.0.1", 0, limits=Limits(request_timeout_s=0.5), tls=tls)
    await server.start()
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    try:
        async with asyncio.timeout(PATIENCE_S):
            assert await reader.read() == b""
    except ConnectionResetError:
        pass
    finally:
        writer.close()
        await server.stop()
