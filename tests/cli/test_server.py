from __future__ import annotations

from pathlib import Path

import pytest

from pycall.cli.server import identity_of, server_of
from pycall.config import Limits, ServerConfig
from pycall.errors import ConfigError
from pycall.server.ice.service import Ice


def test_without_options_there_is_no_certificate() -> None:
    assert identity_of(ServerConfig()) is None


@pytest.mark.parametrize("given", [{"cert": Path("cert.pem")}, {"key": Path("key.pem")}])
def test_a_certificate_needs_its_key(given: dict[str, Path]) -> None:
    with pytest.raises(ConfigError, match="only one was given"):
        identity_of(ServerConfig(**given))  # type: ignore[arg-type]


async def test_a_server_is_as_its_options_describe_it() -> None:
    server = server_of(ServerConfig(host="127.0.0.1", port=0), Limits(), None, Ice())
    await server.start()
    try:
        assert server.port > 0
    finally:
        await server.stop()
