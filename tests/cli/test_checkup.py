from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from pycall.cli import checkup
from pycall.cli.checkup import check_up
from pycall.config import CallConfig
from pycall.media.devices.listing import Listing
from tests.client.signalling_rig import serving

QUIET = CallConfig(camera="none", microphone="none", speaker="none", size=(160, 120), fps=5)


async def test_urls_that_name_no_usable_server_are_told_and_ask_nobody() -> None:
    async with serving() as server:
        url = f"http://127.0.0.1:{server.port}"
        findings = await check_up(
            replace(QUIET, server=url, ice_server=("turn:192.0.2.1", "turns:192.0.2.1?transport=udp"))
        )

    relays = [each for each in findings if each.check == "relay"]
    assert [each.state for each in relays] == ["failed", "failed"]
    assert "user name" in relays[0].found
    assert "DTLS" in relays[1].found
    assert "turn_username" in relays[0].advice
    assert findings[-1].check == "calls"


async def test_who_uses_relays_only_is_not_called_directly() -> None:
    async with serving() as server:
        url = f"http://127.0.0.1:{server.port}"
        findings = await check_up(replace(QUIET, server=url, relay_only=True))

    assert "self-call" not in [each.check for each in findings]
    assert (findings[-1].check, findings[-1].state) == ("calls", "failed")


async def test_what_hangs_in_the_system_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch, free_port: int
) -> None:
    release = threading.Event()

    def hang(*_: object) -> list[Listing]:
        release.wait(20)
        return []

    monkeypatch.setattr(checkup, "LOCAL_S", 0.1)
    monkeypatch.setattr(checkup, "check_devices", hang)
    monkeypatch.setattr(checkup, "check_encoders", hang)
    try:
        findings = await check_up(replace(QUIET, server=f"http://127.0.0.1:{free_port}"))
    finally:
        release.set()

    states = {each.check: each.state for each in findings}
    assert (states["camera"], states["encoder"], states["self-call"]) == ("warning", "warning", "skipped")
