"""The page's liveness.js and peer.js: what counts as hearing the other end."""

from __future__ import annotations

from typing import Final

import pytest

from tests.browser.guests import Guests

LOOK: Final = """
async looks => {
  const { Liveness } = await import("/static/liveness.js");
  const liveness = new Liveness();
  return looks.map(([now, newest]) => liveness.look(new Map(Object.entries(newest)), now));
}
"""

STAND: Final = """
async () => {
  const { Peer } = await import("/static/peer.js");
  const far = new RTCPeerConnection(), told = [], note = word => () => told.push(word);
  const section = far.addTransceiver("audio");
  const near = new Peer([], [], { audio: null, video: null }, {
    described: (_, sdp) => void far.setRemoteDescription({ type: "answer", sdp }),
    gathered: candidate => void far.addIceCandidate(candidate ?? undefined),
    connected: note("connected"), pathChanged: () => {}, failed: note("failed"), track: () => {},
    heard: note("heard"), silent: note("silent"),
  });
  far.onicecandidate = ({ candidate }) => near.addCandidate(candidate?.toJSON() ?? null);
  await far.setLocalDescription();
  near.acceptOffer(far.localDescription.sdp, 0);
  globalThis.told = told;
  const tone = () => {
    const context = new AudioContext(), into = context.createMediaStreamDestination();
    const source = context.createOscillator();
    source.connect(into);
    source.start();
    return into.stream.getAudioTracks()[0];
  };
  globalThis.speak = () => section.sender.replaceTrack(tone());
  globalThis.listen = () => near.send("audio", tone());
}
"""
"""A connection by peer.js to one that sends nothing until told to `speak`, or given a tone to `listen` to."""


async def test_it_reports_when_something_comes_again_and_how_long_nothing_has_come(guests: Guests) -> None:
    ann = await guests.come("/")
    told = await ann.page.evaluate(
        LOOK,
        [
            [0, {"audio": 1}], [250, {"audio": 9}], [500, {"audio": 9}], [1000, {"audio": 9}],
            [1250, {"audio": 9}], [1500, {"audio": 9}], [1750, {"audio": 9, "messages": 1}],
        ],
    )  # fmt: skip
    assert told == ["heard", None, None, None, 1000, 1250, "heard"]


async def test_the_first_packet_may_take_longer(guests: Guests) -> None:
    ann = await guests.come("/")
    told = await ann.page.evaluate(LOOK, [[at * 250, {"audio": 0}] for at in range(14)])
    assert told == [None] * 12 + [1000, 1250]


async def test_the_time_in_which_the_page_slept_is_no_silence_of_the_other_end(guests: Guests) -> None:
    ann = await guests.come("/")
    looks = [[0, {"audio": 5}], [250, {"audio": 6}], [20_500, {"audio": 6}], [20_750, {"audio": 9}]]
    assert await ann.page.evaluate(LOOK, looks) == ["heard", None, None, None]


@pytest.mark.parametrize("does", ["speak()", "listen()"])
async def test_a_connection_that_merely_stands_is_not_heard(does: str, guests: Guests) -> None:
    ann = await guests.come("/")
    await ann.page.evaluate(STAND)
    await ann.until("told.includes('silent')")
    assert set(await ann.call("told")) == {"connected", "silent"}

    await ann.call(does)
    await ann.until("told.includes('heard')")
