"""Random frames by the thousand: none is a bug of the server, none harms a pair that talks meanwhile."""

from __future__ import annotations

import logging
import os
import random

import pytest

from tests.server.raw import Clients

FRAMES = int(os.environ.get("FUZZ_FRAMES", "1000"))
SEEDS = [
    *("2", "3", "40", '40{"pycall":1,"name":"x"}', "40/admin,", "41", '43["x"]', "44{}"),
    *('42["join","kitchen"]', '427["leave","kitchen"]', '42["disconnect"]', '42["connect",{},{"pycall":1}]'),
    *('42["message",{"type":"offer","sdp":"v=0"}]', '420["message",[1,2.5e3,null,true,"\\ud800"]]'),
    '451-["message",{"_placeholder":true,"num":0}]',
]
ALPHABET = '0123456789-,/"[]{}:\\\x00\x1b é王²٣ truefalsnNaInfity_.?'


def mutated(chance: random.Random) -> str:
    """A frame of the protocol with some of its characters replaced, doubled, lost or moved."""
    frame = list(chance.choice(SEEDS))
    for _ in range(chance.randrange(6)):
        at = chance.randrange(len(frame) + 1)
        match chance.randrange(4):
            case 0:
                frame.insert(at, chance.choice(ALPHABET))
            case 1:
                del frame[at : at + chance.randrange(1, 4)]
            case 2:
                frame[at:at] = frame[at : at + 8] * chance.randrange(1, 30)
            case _:
                frame += chance.choice(SEEDS)[2:]
    return "".join(frame)


async def test_no_frame_is_a_bug_of_the_server(clients: Clients, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    chance = random.Random(20_260_131)
    ann, bob = await clients.pair("ann-and-bob")
    client = await clients()
    for number in range(FRAMES):
        try:
            await client.send(mutated(chance))
            await client.socket.receive(timeout=0.001)
        except (TimeoutError, ConnectionError):
            pass
        if client.socket.closed or client.socket.close_code is not None:
            client.cut()
            client = await clients()
        if number % 100 == 0:
            await ann.call("message", number)
            assert await bob.event() == ["message", number]
    client.cut()
    assert [record.getMessage() for record in caplog.records] == []
    assert await ann.heard() == await bob.heard() == []
