from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from pycall.core import room
from pycall.server.app import SignallingServer
from pycall.server.monitoring.logs import (
    UNTOLD,
    WITHHELD,
    Formatter,
    JsonFormatter,
    Private,
    TextFormatter,
    tell,
)
from pycall.server.store import MemoryRoomStore
from tests.server.raw import raw_clients

log = logging.getLogger("pycall.tests")

NAME, ROOM, SDP, ADDRESS = "Canary-Name", "Canary-Room", "v=0 canary-sdp", "127.0.0.77"
SECRET = "secret-bird"
CANARIES = (SECRET, "canary", ADDRESS)


class Lines(logging.Handler):
    """Keeps every record as the formatter writes it."""

    def __init__(self, formatter: Formatter) -> None:
        super().__init__()
        self.setFormatter(formatter)
        self.text = ""

    def emit(self, record: logging.LogRecord) -> None:
        self.text += self.format(record) + "\n"

    @property
    def objects(self) -> list[dict[str, Any]]:
        """The lines, read as JSON."""
        return [json.loads(line) for line in self.text.splitlines()]


FORMATTERS = [TextFormatter(), JsonFormatter("lab")]


@pytest.fixture
def lines(request: pytest.FixtureRequest) -> Iterator[Lines]:
    """Everything that is logged meanwhile, down to the least."""
    handler = Lines(request.param)
    root = logging.getLogger()
    before = root.level
    root.setLevel(logging.DEBUG)
    root.addHandler(handler)
    yield handler
    root.removeHandler(handler)
    root.setLevel(before)


class Broken(MemoryRoomStore):
    """A store with a bug, which tells of everything that it was given."""

    async def apply(self, name: str, input_: room.Input) -> bool:
        if isinstance(input_, room.MessageSent):
            try:
                dict[str, str]()[f"{name} {input_}"]
            except LookupError as error:
                raise ValueError(f"cannot do {input_} in {name}") from error
        return await super().apply(name, input_)


async def be_canaries() -> None:
    """Do everything that makes a server log, with canaries wherever a client can put them."""
    server = SignallingServer("127.0.0.1", 0, store=Broken())
    server._runner.app.router._frozen = False
    server._runner.app.router.add_get("/buggy/{canary}/{more}", _bug)
    server._runner.app.router._resources.insert(0, server._runner.app.router._resources.pop())
    await server.start()
    connector = aiohttp.TCPConnector(local_addr=(ADDRESS, 0))
    async with raw_clients(server.port) as clients:
        clients._session, plain = aiohttp.ClientSession(connector=connector), clients._session
        ann = await clients({"pycall": 1, "name": NAME, "password": SECRET, "invite": SECRET})
        await ann.call("join", ROOM)
        bob = await clients({"pycall": 1, "name": NAME, "password": [SECRET], "invite": {SECRET: 1}})
        await bob.call("join", ROOM)
        await bob.call("join", "canary is no room")
        await bob.call("canary-event", SDP)
        await bob.send("42canary-frame")
        await bob.close_code()
        await ann.emit("message", {"sdp": SDP}, 1)
        await ann.close_code()
        for path in ("/canary", "/socket.io/?EIO=4&transport=canary", "/buggy/canary/canary"):
            async with clients._session.get(f"http://127.0.0.1:{server.port}{path}") as response:
                assert response.status >= 400
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port, local_addr=(ADDRESS, 0))
        writer.write(b"canary no http\r\n\r\n")
        await reader.read()
        writer.close()
        await clients._session.close()
        clients._session = plain
    logging.getLogger("engineio").error("canary %s", SDP)
    asyncio.get_running_loop().call_exception_handler({"message": "canary", "exception": OSError("canary")})
    await server.stop()


async def _bug(request: web.Request) -> web.Response:
    raise ValueError(str(request))


@pytest.mark.parametrize("lines", FORMATTERS, indirect=True, ids=["text", "json"])
async def test_nothing_of_anybody_is_logged(lines: Lines) -> None:
    await be_canaries()
    lowered = lines.text.lower()
    for canary in CANARIES:
        assert canary not in lowered.replace("be_canaries", "").replace("canaries.py", "")
    assert f"joined {WITHHELD} as {WITHHELD}" in lines.text
    assert "ended: bad-message: malformed packet" in lines.text
    assert "a bug in the server" in lines.text
    assert "builtins.ValueError" in lines.text
    assert "builtins.KeyError" in lines.text
    assert "test_logs.py:" in lines.text
    assert "a bug in answering a request" in lines.text
    assert UNTOLD in lines.text


@pytest.mark.parametrize("lines", [JsonFormatter("lab")], indirect=True)
async def test_what_happens_is_told_by_events_and_codes(lines: Lines) -> None:
    await be_canaries()
    told = [each for each in lines.objects if each["logger"].startswith("pycall")]
    assert {each["event"] for each in told} == {
        "listening", "connected", "joined", "refused", "disconnected", "bug", "stopping",
    }  # fmt: skip
    assert [each["code"] for each in told if each["event"] == "refused"] == [
        "bad-room", "unknown-event", "bad-message", "no-connection-transport-unknown",
    ]  # fmt: skip
    assert {each["code"] for each in told if each["event"] == "disconnected"} == {
        "bad-message",
        "server-error",
    }
    connections = {each["connection"] for each in told if each["event"] == "connected"}
    assert {each["connection"] for each in told if each["event"] == "joined"} == connections
    for each in lines.objects:
        assert datetime.fromisoformat(each["time"]).tzinfo is not None
        assert each["level"] in {"debug", "info", "warning", "error"}
        assert each["node"] == "lab"
        assert each["message"]
        assert not {"room", "name", "address"} & each.keys()


@pytest.mark.parametrize(
    "lines",
    [TextFormatter(is_private_shown=True), JsonFormatter("lab", is_private_shown=True)],
    indirect=True,
    ids=["text", "json"],
)
async def test_who_asks_for_it_sees_names_rooms_addresses_and_what_errors_say(lines: Lines) -> None:
    await be_canaries()
    assert f"joined {ROOM} as {NAME}" in lines.text
    assert f"from {ADDRESS}" in lines.text
    assert "cannot do MessageSent" in lines.text
    assert WITHHELD not in lines.text
    assert SECRET not in lines.text


def record(
    sentence: str, *args: object, error: BaseException | None = None, **more: object
) -> logging.LogRecord:
    made = logging.LogRecord(
        "pycall", logging.INFO, "", 0, sentence, args, (type(error), error, None) if error else None
    )
    made.__dict__ |= more
    return made


def test_what_is_private_prints_as_such_under_any_formatter(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    tell(log, logging.INFO, "joined", "%(who)s joined", who=Private("canary"))
    assert caplog.messages == [f"{WITHHELD} joined"]
    assert "canary" not in repr(caplog.records[0].args)


def test_a_sentence_needs_no_fields(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    tell(log, logging.INFO, "ending", "100 % of all is over")
    assert caplog.messages == ["100 % of all is over"]
    assert "100 % of all" in TextFormatter().format(caplog.records[0])


def test_a_line_does_nothing_to_the_terminal_and_stays_one() -> None:
    hostile = record("%(why)s", {"why": "\x1b[2J\nsecond \u202e"}, event="failed")
    text = TextFormatter().format(hostile)
    assert text.isprintable()
    written = JsonFormatter("lab").format(hostile)
    assert written.isprintable()
    assert written.isascii()
    assert json.loads(written)["why"] == "\x1b[2J\nsecond \u202e"


def test_an_error_that_causes_itself_is_told_to_an_end() -> None:
    error = ValueError("canary")
    error.__cause__ = LookupError("canary")
    error.__cause__.__cause__ = error
    text = TextFormatter().format(record("broken", error=error, event="bug"))
    assert text.splitlines()[1:3] == ["builtins.ValueError", "builtins.LookupError"]
    assert len(text.splitlines()) < 10


def test_a_library_is_quoted_only_if_that_is_wanted() -> None:
    theirs = record("peer %s", "198.51.100.7")
    assert json.loads(JsonFormatter("lab").format(theirs))["message"] == UNTOLD
    shown = JsonFormatter("lab", is_private_shown=True).format(theirs)
    assert json.loads(shown)["message"] == "peer 198.51.100.7"
    assert json.loads(shown)["event"] == "library"
