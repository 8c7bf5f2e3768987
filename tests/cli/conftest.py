"""Fixtures of the commands' tests."""

from __future__ import annotations

from tests.cli.terminal import terminal
from tests.integration.conftest import server, start_call, url

__all__ = ["server", "start_call", "terminal", "url"]
