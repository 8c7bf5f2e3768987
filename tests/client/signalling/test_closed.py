"""The signalling client at servers whose rooms are closed."""

from __future__ import annotations

from pycall.core import inputs
from pycall.core.credentials import Credentials
from pycall.server.admission.access import Access
from tests.client.cable import cable
from tests.client.pair import until
from tests.client.signalling_rig import Caller, serving
from tests.server.closed import KEY, PASSWORD, WRONG, invite


async def test_who_shows_what_is_asked_for_is_let_in_and_who_does_not_is_told_once() -> None:
    async with serving(access=Access(password=PASSWORD)) as server:
        url = f"http://127.0.0.1:{server.port}"
        ann, eve = (Caller(url, credentials=Credentials(each)) for each in (PASSWORD, WRONG))
        try:
            for each in (ann, eve):
                await each.client.open()
                await each.client.join("kitchen")
            await until(lambda: ann.said(inputs.JoinedRoom) and eve.said(inputs.Refused))
            assert [each.code for each in eve.said(inputs.Refused)] == ["password-refused"]
            assert eve.posted[1:] == eve.said(inputs.Refused)
        finally:
            await ann.client.close()
            await eve.client.close()


async def test_an_invite_for_one_stays_ours_over_broken_connections() -> None:
    async with serving(access=Access(invite_key=KEY)) as server, cable(server.port) as wire:
        ann = Caller(wire.url, credentials=Credentials(invite=invite(for_one=True)))
        try:
            await ann.client.open()
            await ann.client.join("kitchen")
            await until(lambda: ann.said(inputs.JoinedRoom))
            await ann.client.leave("kitchen")
            wire.cut()
            await until(lambda: len(ann.said(inputs.SignallingOpened)) == 2)
            await ann.client.join("kitchen")
            await until(lambda: len(ann.said(inputs.JoinedRoom)) == 2)
            first, again = ann.said(inputs.JoinedRoom)
            assert (again.id, again.resumed) == (first.id, False)
        finally:
            await ann.client.close()
