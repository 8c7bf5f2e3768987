"""The page's hearsay.js and peer.js: servers that are no use do not cost those that are."""

from __future__ import annotations

from typing import Any, Final

from tests.browser.guests import Guests

READ: Final = """
async told => {
  const { readIceServers } = await import("/static/hearsay.js");
  return told.map(readIceServers);
}
"""

USED: Final = """
async servers => {
  const { Peer } = await import("/static/peer.js");
  new Peer(servers, [], { audio: null, video: null }, {}).close({ farewell: false });
  return connections[0].getConfiguration().iceServers.map(each => each.urls).flat();
}
"""

WITNESS: Final = """
  globalThis.connections = [];
  globalThis.RTCPeerConnection = class extends RTCPeerConnection {
    constructor(...how) { super(...how); connections.unshift(this); }
  };
"""
"""Knows the page's connections, the newest first."""


async def test_each_url_is_a_server_of_its_own_and_those_of_no_use_are_skipped(guests: Guests) -> None:
    ann = await guests.come("/")
    secret = {"username": "ann", "credential": "pass"}
    told: list[Any] = [
        [{"urls": "stun:s:1"}, {"urls": ["turn:t:2", "turns:t:3"], **secret}],
        [{"urls": ["turn:t:2", "stun:s:1"]}, {"urls": "stun:s:4", "username": None, "credential": None}],
        [{"urls": "turn:t:2", "username": "ann"}, {"urls": "turn:t:2", "username": "", "credential": ""}],
        [{"urls": "https://s"}, {"urls": 7}, {}, None, {"urls": ["stun:s:1", "stun:" + 512 * "s"]}],
    ]
    assert await ann.page.evaluate(READ, [{"ice_servers": servers} for servers in told]) == [
        [{"urls": "stun:s:1"}, {"urls": "turn:t:2", **secret}, {"urls": "turns:t:3", **secret}],
        [{"urls": "stun:s:1"}, {"urls": "stun:s:4"}],
        [],
        [{"urls": "stun:s:1"}],
    ]


async def test_a_url_that_the_browser_takes_offence_at_costs_no_other(guests: Guests) -> None:
    guests.strict = False  # the page says which one it is
    ann = await guests.come("/", script=WITNESS)
    secret = {"username": "ann", "credential": "pass"}
    good = [{"urls": "stun:127.0.0.1:1"}, {"urls": "turn:127.0.0.1:2", **secret}]
    bad = [{"urls": "stun:host:port"}, {"urls": "turn:127.0.0.1:70000", **secret}]

    used = await ann.page.evaluate(USED, [bad[0], good[0], bad[1], good[1]])
    assert used == [server["urls"] for server in good]
    assert ["stun:host:port" in error for error in ann.errors] == [True, False]
