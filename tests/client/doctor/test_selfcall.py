from __future__ import annotations

import pytest

from pycall.client.doctor import selfcall
from pycall.client.doctor.selfcall import SelfCall
from pycall.client.peer import Outgoing
from pycall.core.credentials import Credentials
from pycall.server.admission.access import Access
from pycall.server.app import SignallingServer
from tests.client.pair import NOTHING, Source, running
from tests.client.signalling_rig import serving
from tests.client.turn import running_coturn
from tests.server.closed import PASSWORD


def url(server: SignallingServer) -> str:
    return f"http://127.0.0.1:{server.port}"


async def test_two_ends_hear_and_see_each_other_through_the_server() -> None:
    source = Source(200, 440)
    async with serving() as server:
        with running(source):
            finding = await SelfCall(url(server), outgoing=Outgoing(source.pictures, source.sounds)).run()
        assert server.connections == 0

    assert (finding.check, finding.state) == ("self-call", "ok")
    assert finding.figures["path"] == "direct"
    assert float(finding.figures["first_frame_s"] or 0) > 0


async def test_who_knows_the_password_calls_oneself_in_closed_rooms() -> None:
    source = Source(200, 440)
    async with serving(access=Access(password=PASSWORD)) as server:
        with running(source):
            outgoing = Outgoing(source.pictures, source.sounds)
            finding = await SelfCall(url(server), credentials=Credentials(PASSWORD), outgoing=outgoing).run()

    assert finding.state == "ok"


async def test_nothing_that_arrives_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selfcall, "CALL_S", 2.0)
    async with serving() as server:
        finding = await SelfCall(url(server), outgoing=NOTHING).run()

    assert finding.state == "failed"
    assert "no sound and picture arrives" in finding.found


async def test_without_a_relay_one_through_a_relay_fails_and_says_why() -> None:
    async with serving() as server:
        finding = await SelfCall(url(server), relay_only=True, outgoing=NOTHING).run()

    assert (finding.check, finding.state) == ("relayed self-call", "failed")
    assert "no TURN server answered" in finding.found


async def test_nobody_there_is_told(free_port: int) -> None:
    finding = await SelfCall(f"http://127.0.0.1:{free_port}", outgoing=NOTHING).run()

    assert finding.state == "failed"
    assert "No server answers" in finding.found


@pytest.mark.integration
async def test_it_goes_through_a_relay(tmp_path_factory: pytest.TempPathFactory) -> None:
    source = Source(200, 440)
    with running_coturn(tmp_path_factory.mktemp("coturn")) as coturn, running(source):
        async with serving() as server:
            finding = await SelfCall(
                url(server),
                ice_servers=(coturn.server("tcp"),),
                relay_only=True,
                outgoing=Outgoing(source.pictures, source.sounds),
            ).run()

    assert (finding.check, finding.state) == ("relayed self-call", "ok")
    assert (finding.figures["path"], finding.figures["protocol"]) == ("relay", "tcp")
