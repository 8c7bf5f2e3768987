"""Each test that takes ``tls`` is done over plain TCP and over TLS."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pycall.server.certificate import own_identity


@pytest.fixture(params=[False, True], ids=["plain", "tls"])
def tls(request: pytest.FixtureRequest, tmp_path: Path) -> ssl.SSLContext | None:
    """None, and what a server over TLS shows."""
    if not request.param:
        return None
    return own_identity(tmp_path, ("localhost",), needed=(), now=datetime.now(UTC)).context
