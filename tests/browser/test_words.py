"""Words to compare in browsers: the same as pycall's, and others when somebody sits between two pages."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable
from typing import Any, Final

import pytest
from playwright.async_api import WebSocketRoute

from pycall.core.verification import FORGED, NO_WORDS, commitment_to, keys_in, words_of
from pycall.core.wordlist import EVEN, ODD
from tests.browser.guests import Guest, Guests

MADE: Final = """
async exchanges => {
  const { EVEN, ODD, spell } = await import("/static/wordlist.js");
  const { commitmentTo, keysIn, wordsOf } = await import("/static/verification.js");
  const all = [EVEN, ODD, exchanges.map(each => wordsOf(...each))];
  return [...all, exchanges.map(each => commitmentTo(each[2])), exchanges.map(each => keysIn(each[0]))];
}
"""

BETWEEN: Final = """
  const described = async (connection) => {
    await connection.setLocalDescription();
    while (connection.iceGatheringState !== "complete") await new Promise(done => setTimeout(done, 20));
    return connection.localDescription.sdp;
  };
  const toAnn = new RTCPeerConnection(), toBob = new RTCPeerConnection();
  globalThis.offer = () => {
    toBob.createDataChannel("pycall");
    for (const kind of ["audio", "video"]) toBob.addTransceiver(kind);
    return described(toBob);
  };
  globalThis.answer = async ([offer, answer]) => {
    await toBob.setRemoteDescription({ type: "answer", sdp: answer });
    await toAnn.setRemoteDescription({ type: "offer", sdp: offer });
    return described(toAnn);
  };
"""
"""Has a connection of its own to each of two, who think that they have one with each other."""

Message = dict[str, Any]
Changed = Callable[[Message], Awaitable[Message | None]]

EVENT: Final = re.compile(r"(42\d*)(\[.*\])", re.DOTALL)


async def test_the_page_makes_words_as_pycall_does(guests: Guests) -> None:
    exchanges = [
        ["", "", "", ""],
        ["v=0\r\na=fingerprint:sha-256 aB:0C\r\n", "answer", "one", "other"],
        [
            "a=fingerprint:sha-1 2\r\na=fingerprint:sha-1 1\na=fingerprint:sha-1 2",
            "é 厨房 😀",
            "A" * 22,
            "_-",
        ],
        ["a=mid:0\x0ba=fingerprint:sha-256\tAA\ra=fingerprint:sha-256 BB", "x" * 48_000, "-" * 22, "9" * 22],
    ]
    page = await guests.come("/")
    assert await page.page.evaluate(MADE, exchanges) == [
        list(EVEN),
        list(ODD),
        [list(words_of(*each)) for each in exchanges],
        [commitment_to(each[2]) for each in exchanges],
        ["\n".join(sorted(keys_in(each[0]))) for each in exchanges],
    ]


async def test_somebody_between_two_pages_shows_each_other_words(guests: Guests) -> None:
    eve, offers = await guests.come("/", script=BETWEEN), list[str]()

    async def change(message: Message) -> Message | None:
        if message["type"] == "offer":
            offers.append(message["sdp"])
            return message | {"sdp": await eve.page.evaluate("offer()")}
        if message["type"] == "answer":
            said = [*offers, message["sdp"]]
            return message | {"sdp": await eve.page.evaluate("said => answer(said)", said)}
        return None if message["type"] == "candidate" else message

    ann, bob = await call_over(guests, change)
    assert await ann.words() != await bob.words()


@pytest.mark.parametrize(
    ("field", "false", "advice"),
    [("commitment", None, NO_WORDS.message), ("nonce", "A" * 22, FORGED.message)],
)
async def test_words_that_are_kept_back_or_forged_are_told(
    guests: Guests, field: str, false: str | None, advice: str
) -> None:
    async def change(message: Message) -> Message | None:
        is_it = field in message and message["type"] != "answer"
        return message | {field: false} if is_it else message

    _, bob = await call_over(guests, change)
    await bob.shows("#toast", advice)
    state = "none" if false is None else "forged"
    await bob.shows(f"#comparison[data-state={state}]")
    assert await bob.page.text_content("#comparison-advice") == advice
    assert await bob.page.is_visible("#comparison-advice") == (state == "forged")


async def call_over(guests: Guests, change: Changed) -> tuple[Guest, Guest]:
    """Ann and Bob in a call, whose messages are changed on Bob's way to the server."""
    ann, bob = await guests.come("/r/kitchen?name=Ann"), await guests.come("/")
    await bob.page.route_web_socket(re.compile("socket.io"), lambda socket: pass_on(socket, change))
    await bob.visit("/r/kitchen?name=Bob")
    await ann.join()
    await ann.reads("waiting")
    await bob.join()
    await ann.reads("connected", "Bob")
    await bob.reads("connected", "Ann")
    return ann, bob


def pass_on(socket: WebSocketRoute, change: Changed) -> None:
    server = socket.connect_to_server()
    for one, other in ((socket, server), (server, socket)):
        one.on_message(passing(other, change))


def passing(there: WebSocketRoute, change: Changed) -> Callable[[str | bytes], Awaitable[None]]:
    """Hands a frame on, with its message changed, if it has one."""

    async def hand_on(frame: str | bytes) -> None:
        event = EVENT.fullmatch(frame) if isinstance(frame, str) else None
        said: list[Any] = json.loads(event[2]) if event else [None]
        if event and said[0] == "message":
            said[1] = await change(said[1])
            if said[1] is None:
                return
            frame = event[1] + json.dumps(said)
        there.send(frame)

    return hand_on
