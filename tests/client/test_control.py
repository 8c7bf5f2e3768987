"""The control channel says what it is told, answers pings and takes nonsense without harm."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any, cast

from aiortc import InvalidStateError, RTCDataChannel
from pyee.asyncio import AsyncIOEventEmitter

from pycall.client.control import MAX_BUFFERED, ControlChannel
from pycall.core.messages import Bye, Control, Ping, Pong, Sending, Shares, State, dump_control, parse_control
from tests.client.pair import until

QUIET = State(muted=True, camera_off=False, recording=False)
LOUD = State(muted=False, camera_off=False, recording=False)


class Wire(AsyncIOEventEmitter):
    """One end of a data channel: what is sent is kept, or arrives at the other."""

    def __init__(self, state: str = "connecting") -> None:
        super().__init__()
        self.readyState = state
        self.bufferedAmount = 0
        self.sent: list[Control] = []
        self.other: Wire | None = None

    def open(self) -> None:
        self.readyState = "open"
        self.emit("open")

    def send(self, text: str) -> None:
        if self.readyState != "open":
            raise InvalidStateError
        self.sent.append(parse_control(text))
        if self.other is not None:
            self.other.emit("message", text)
        self.emit("bufferedamountlow")


def channel(wire: Any, heard: list[Control]) -> ControlChannel:
    control = ControlChannel(heard.append)
    control.attach(wire)
    return control


async def test_the_newest_state_is_said_when_the_channel_opens() -> None:
    wire = Wire()
    control = channel(wire, [])
    control.send(LOUD)
    control.send(QUIET)
    assert wire.sent == []
    wire.open()
    assert wire.sent == [QUIET]
    await control.close()


async def test_both_ends_learn_the_round_trip_and_the_clock() -> None:
    wires = Wire("open"), Wire("open")
    wires[0].other, wires[1].other = wires[1], wires[0]
    heard: list[Control] = []
    ends = [channel(wire, heard) for wire in wires]
    await until(lambda: all(end.clock.seconds is not None for end in ends))
    for end in ends:
        assert end.clock.seconds is not None
        assert abs(end.clock.seconds) < 1
    assert heard == []  # pings are between the two channels
    ends[0].send(QUIET)
    assert heard == [QUIET]
    for end in ends:
        await end.close()


async def test_a_ping_is_answered_with_its_own_time_and_our_clock() -> None:
    wire = Wire("open")
    control = channel(wire, [])
    wire.emit("message", dump_control(Ping(12.5)))
    answer = next(said for said in wire.sent if isinstance(said, Pong))
    assert answer.time == 12.5
    assert abs(answer.clock - time.time()) < 5  # noqa: TID251  it is the wall clock that is sent
    await control.close()


async def test_an_answer_nobody_asked_for_does_not_set_the_clock() -> None:
    wire = Wire("open")
    control = channel(wire, [])
    wire.emit("message", dump_control(Pong(1.0, 99_999.0)))
    assert control.clock.seconds is None
    await control.close()


async def test_of_many_states_in_a_row_the_first_and_the_newest_are_heard() -> None:
    wire = Wire("open")
    heard: list[Control] = []
    control = channel(wire, heard)
    for number in range(101):
        wire.emit("message", dump_control(State(number % 2 == 0, camera_off=number == 100, recording=False)))
    first, newest = State(True, False, False), State(True, True, False)
    assert heard == [first]
    await until(lambda: heard == [first, newest])
    await control.close()


async def test_a_state_after_a_while_is_heard_at_once_again() -> None:
    wire = Wire("open")
    heard: list[Control] = []
    control = channel(wire, heard)
    wire.emit("message", dump_control(QUIET))
    await until(lambda: control._state_timer is None)
    wire.emit("message", dump_control(LOUD))
    assert heard == [QUIET, LOUD]
    await control.close()


async def test_of_many_pings_in_a_row_one_is_answered() -> None:
    wire = Wire("open")
    control = channel(wire, [])
    for number in range(100):
        wire.emit("message", dump_control(Ping(float(number))))
    assert [said.time for said in wire.sent if isinstance(said, Pong)] == [0.0]
    await control.close()


async def test_each_end_tells_the_other_where_its_part_of_the_delay_is() -> None:
    wires = Wire("open"), Wire("open")
    wires[0].other, wires[1].other = wires[1], wires[0]
    said = Sending(Shares(wait_s=0.02), Shares(encode_s=0.005))
    teller, listener = ControlChannel(lambda _: None, lambda: said), ControlChannel(lambda _: None)
    listener.attach(cast("RTCDataChannel", wires[1]))
    teller.attach(cast("RTCDataChannel", wires[0]))
    await until(lambda: listener.told is not None)
    assert listener.told == said
    assert teller.told is None
    for end in (teller, listener):
        await end.close()


async def test_an_answer_counts_once() -> None:
    wire = Wire("open")
    control = channel(wire, [])
    await until(lambda: wire.sent)
    [asked] = [said.time for said in wire.sent if isinstance(said, Ping)]
    for _ in range(3):
        wire.emit("message", dump_control(Pong(asked, asked)))
    assert len(control.clock._samples) == 1
    await control.close()


async def test_nothing_is_heard_after_a_goodbye_or_the_end() -> None:
    wires = Wire("open"), Wire("open")
    heard: list[Control] = []
    leaving, ended = (channel(wire, heard) for wire in wires)
    await ended.close()
    for said in (QUIET, LOUD, Bye(), LOUD, Bye()):
        for wire in wires:
            wire.emit("message", dump_control(said))
    await leaving.close()
    assert heard == [QUIET, Bye()]


async def test_nonsense_is_dropped() -> None:
    wire = Wire("open")
    heard: list[Control] = []
    control = channel(wire, heard)
    for text in (b"\x00", "", "{", "[]", json.dumps({"type": "x"}), "[" * 5_000, None):
        wire.emit("message", text)
    wire.emit("message", dump_control(Bye()))
    assert heard == [Bye()]
    await control.close()


async def test_an_end_that_takes_nothing_is_told_nothing_more() -> None:
    wire = Wire("open")
    control = channel(wire, [])
    wire.bufferedAmount = MAX_BUFFERED + 1
    wire.emit("message", dump_control(Ping(1.0)))
    control.send(QUIET)
    assert wire.sent == []
    await control.close()


async def test_goodbye_is_said_and_not_waited_for_long() -> None:
    wire = Wire("open")
    control = channel(wire, [])
    await control.say_bye()
    assert wire.sent[-1] == Bye()
    wire.readyState = "closed"
    await control.say_bye()
    await ControlChannel(lambda _: None).say_bye()
    await control.close()


async def test_a_channel_that_closes_while_sending_does_no_harm() -> None:
    class Closing(Wire):
        def send(self, text: str) -> None:
            raise ConnectionError

    control = channel(Closing("open"), [])
    control.send(QUIET)
    await control.close()


async def test_a_channel_that_opens_after_the_end_is_not_pinged() -> None:
    wire = Wire()
    control = channel(wire, [])
    await control.close()
    wire.open()
    await asyncio.sleep(0)
    assert wire.sent == []
