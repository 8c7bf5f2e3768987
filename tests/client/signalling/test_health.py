from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from aiohttp import web

import pycall
from pycall.client.signalling.health import ask_health
from pycall.errors import ServerUnreachable
from pycall.server.certificate import own_identity
from tests.client.signalling_rig import listening, serving


async def test_a_server_tells_its_version_and_its_time() -> None:
    async with serving() as server:
        health = await ask_health(f"http://127.0.0.1:{server.port}", timeout_s=10)

    assert health.version == pycall.__version__
    assert not health.stopping
    assert health.certificate_days is None
    assert health.ahead_s is not None
    assert abs(health.ahead_s) < 5


async def test_how_long_a_trusted_certificate_is_valid_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    identity = own_identity(tmp_path, ["localhost"], needed=[], now=datetime.now(UTC))
    async with serving(tls=identity.context) as server:
        url = f"https://localhost:{server.port}"
        pinned = await ask_health(url, cert_sha256=identity.sha256, timeout_s=10)
        with pytest.raises(ServerUnreachable, match="cannot be trusted"):
            await ask_health(url, timeout_s=10)

    assert pinned.version == pycall.__version__
    assert pinned.certificate_days is None


async def test_nobody_there_is_said_in_a_sentence(free_port: int) -> None:
    with pytest.raises(ServerUnreachable, match="No server answers"):
        await ask_health(f"http://127.0.0.1:{free_port}", timeout_s=10)


@pytest.mark.parametrize(
    ("body", "status"),
    [("It works!", 200), ('{"version": 3}', 200), ("[" * 4000, 200), ("", 404), ('["version"]', 200)],
)
async def test_what_is_no_pycall_server_has_no_version(body: str, status: int) -> None:
    async def answer(_request: web.Request) -> web.Response:
        return web.Response(text=body, status=status, headers={"Date": "yesterday"})

    app = web.Application()
    app.router.add_get("/healthz", answer)
    async with listening(app) as port:
        health = await ask_health(f"http://127.0.0.1:{port}/", timeout_s=10)

    assert health.version == ""
    assert health.ahead_s is None


async def test_a_server_whose_clock_is_wrong_is_found_out() -> None:
    async def answer(_request: web.Request) -> web.Response:
        said = {"Date": "Thu, 01 Jan 2015 00:00:00 GMT"}
        return web.json_response({"version": "9.9", "status": "stopping"}, status=503, headers=said)

    app = web.Application()
    app.router.add_get("/healthz", answer)
    async with listening(app) as port:
        health = await ask_health(f"http://127.0.0.1:{port}", timeout_s=10)

    assert health.stopping
    assert health.ahead_s is not None
    assert health.ahead_s < -1e8
