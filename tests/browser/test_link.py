"""The page's link.js and pycall's link.py: the same happenings lead to the same orders."""

from __future__ import annotations

import random
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from typing import Any, Final, Literal

from pycall.core import events
from pycall.core import inputs as i
from pycall.core import outputs as o
from pycall.core.attempts import Pairing
from pycall.core.link import Link
from pycall.core.messages import Answer, Candidate, Keep, Message, Offer, Reveal, dump_message
from pycall.core.verification import FORGED, NO_WORDS, NONCE_BYTES, OTHER_KEY, commitment_to
from tests.browser.guests import Guests

STORIES: Final = 300
LENGTH: Final = 40
RECONNECT_S: Final = 8.0

PEERS: Final = (i.PeerInfo("b", "Bob", renews=True), i.PeerInfo("p", "Pia"))
ATTEMPTS: Final = 5
NONCES: Final = tuple(bytes([byte] * NONCE_BYTES) for byte in (0x10, 0xFB, 0xFF))
TOKENS: Final = tuple(urlsafe_b64encode(nonce).decode().rstrip("=") for nonce in NONCES)
SDPS: Final = ("a\r\na=fingerprint:sha-256 A:A\r\n", "é\r\na=fingerprint:sha-256 B:B\r\n", "none")
PATHS: Final = (events.Path("direct", "host", "host"), events.Path("relay", "relay", "host", "tcp"))

TELL: Final = """
async ([stories, reconnectMs]) => {
  const { Link } = await import("/static/link.js");
  return stories.map(story => {
    const link = new Link(reconnectMs);
    return story.map(([name, ...args]) => {
      const orders = link[name](...args) ?? null;
      return [orders, link.deadline, link.epoch, link.isOpen];
    });
  });
}
"""

Step = tuple[str, list[Any], list[Any]]
"""What happens, with the arguments for link.py and those for link.js."""


async def test_the_page_decides_as_pycall_does(guests: Guests) -> None:
    ann = await guests.come("/")
    tellers = [random.Random(seed) for seed in range(STORIES)]
    stories = [list(story(teller)) for teller in tellers]

    page = await ann.page.evaluate(
        TELL, [[[[name, *js] for name, _, js in steps] for steps in stories], 1000 * RECONNECT_S]
    )

    seen = set()
    for seed, (steps, told) in enumerate(zip(stories, page, strict=True)):
        link = Link(RECONNECT_S)
        for (name, args, _), by_page in zip(steps, told, strict=True):
            orders = decide(link, name, args)
            due = link.deadline
            assert by_page == [
                orders,
                None if due is None else 1000 * due,
                link.epoch,
                link.is_open,
            ], (seed, name, args)
            seen |= {kind(order) for order in orders} if isinstance(orders, list) else set()
    assert len(seen) == 19  # every kind of order there is


def story(teller: random.Random) -> Iterator[Step]:
    """Anything that can happen to a call, in any order; times are quarters of a second, exact in both."""
    now, peer = 0.0, teller.choice(PEERS)
    yield "open", [(), now], [[], now]
    now = teller.choice((0.0, 30.0))
    yield meeting("pair", peer, 1, now, offering=teller.random() < 0.5)
    for _ in range(LENGTH):
        now += teller.choice((0.0, 0.25, 0.25, 1.0, 2.0))
        if teller.random() < 0.2:
            yield from exchange(teller, now)
        yield happening(teller, peer, now)


def kind(order: dict[str, Any]) -> tuple[str, bool]:
    """What an order is, and whether it tells that something is wrong."""
    return order["order"], order.get("changed", False) or order.get("forged", False)


def exchange(teller: random.Random, now: float) -> Iterator[Step]:
    """An offer and an answer, with all that the words are made of, most times; and perhaps it stands."""
    token, sdp, known = teller.choice(TOKENS), teller.choice(SDPS), teller.choice((*TOKENS, None))
    seen = None if known is None else commitment_to(known)
    if teller.random() < 0.5:
        for attempt in range(1, ATTEMPTS + 1):
            yield description(teller, "offer", attempt)
        yield received(Answer(sdp, None, teller.choice((token, token, None)), seen), now)
    else:
        yield received(Offer(sdp, None, teller.choice((commitment_to(token),) * 3 + (None,)), seen), now)
        for attempt in range(1, ATTEMPTS + 1):
            yield description(teller, "answer", attempt)
        if teller.random() < 0.8:
            yield received(Reveal(teller.choice((token, token, TOKENS[0])), None), now)
    if teller.random() < 0.7:
        for attempt in range(1, ATTEMPTS + 1):
            yield connection(attempt, PATHS[0], now)
            yield "heard", [attempt, now], [attempt, 1000 * now]


def happening(teller: random.Random, peer: i.PeerInfo, now: float) -> Step:
    attempt, epoch, ms = teller.randint(1, ATTEMPTS), teller.randint(1, 4), 1000 * now
    path = teller.choice(PATHS)
    lost = teller.random() < 0.5
    said = teller.choice((epoch, None))
    silent_s = teller.choice((1.0, 2.0, 3.0))
    message: Message = teller.choice(
        (
            Offer("o", said),
            Answer("a", said),
            Reveal(TOKENS[0], said),
            Candidate("c", None, 0, said),
            Keep(epoch),
        )
    )
    steps: list[Step] = [
        connection(attempt, path, now),
        connection(attempt, path, now),
        ("pathChanged", [attempt, path], [attempt, way_of(path)]),
        ("silentFor", [attempt, silent_s, now], [attempt, 1000 * silent_s, ms]),
        ("silentFor", [attempt, silent_s, now], [attempt, 1000 * silent_s, ms]),
        ("heard", [attempt, now], [attempt, ms]),
        ("broke", [attempt, now], [attempt, ms]),
        ("networkChanged", [now, lost], [ms, lost]),
        ("renewed", [epoch, (), now], [epoch, [], ms]),
        ("renewed", [epoch, (), now], [epoch, [], ms]),
        received(message, now),
        description(teller, "offer", attempt),
        ("gathered", [i.CandidateGathered(attempt, None)], [attempt, None]),
        ("tick", [now], [ms]),
        ("tick", [now], [ms]),
        ("gaveUp", [now], [ms]),
        ("silence", [now], [ms]),
        ("owns", [attempt], [attempt]),
        pairing("adopt", peer, epoch, now, offering=teller.random() < 0.5),
        meeting("resumed", peer, epoch, now, offering=teller.random() < 0.5),
    ]
    return teller.choice([*steps, ("unpair", [], [])] if teller.random() < 0.2 else steps)


def way_of(path: events.Path) -> dict[str, str]:
    return {"kind": path.kind, "local": path.local, "remote": path.remote, "protocol": path.protocol}


def connection(attempt: int, path: events.Path, now: float) -> Step:
    return "connected", [attempt, path, now], [attempt, way_of(path), 1000 * now]


def received(message: Message, now: float) -> Step:
    return "received", [message, now], [dump_message(message), 1000 * now]


def description(teller: random.Random, role: Literal["offer", "answer"], attempt: int) -> Step:
    created = i.OfferCreated if role == "offer" else i.AnswerCreated
    sdp, nonce = teller.choice(SDPS), teller.choice(NONCES)
    return "described", [created(attempt, sdp, nonce)], [attempt, role, sdp, list(nonce)]


def pairing(name: str, peer: i.PeerInfo, epoch: int, *now: float, offering: bool) -> Step:
    told = {
        "peer": {"id": peer.id, "name": peer.name, "renews": peer.renews},
        "epoch": epoch,
        "offering": offering,
    }
    return name, [Pairing(peer, epoch, offering), *now], [told, *(1000 * at for at in now)]


def meeting(name: str, peer: i.PeerInfo, epoch: int, now: float, *, offering: bool) -> Step:
    _, [known], [told] = pairing(name, peer, epoch, offering=offering)
    return name, [known, (), now], [told, [], 1000 * now]


def decide(link: Link, name: str, args: list[Any]) -> object:
    """What link.py makes of it, as link.js would say it."""
    names = {
        "pathChanged": "path_changed",
        "silentFor": "silent_for",
        "gaveUp": "gave_up",
        "gathered": "described",
    }
    if name == "networkChanged":
        decided: object = link.network_changed(args[0], lost=args[1])
    elif name == "silence":
        return 1000 * link.silence(args[0])
    else:
        decided = getattr(link, names.get(name, name))(*args)
    return [in_page(order) for order in decided] if isinstance(decided, list) else decided


def in_page(order: o.Output) -> dict[str, Any]:
    match order:
        case o.OpenPeer(attempt):
            return {"order": "open", "attempt": attempt, "iceServers": []}
        case o.SendMedia(attempt):
            return {"order": "send media", "attempt": attempt}
        case o.CreateOffer(attempt, wait_s):
            return {"order": "create offer", "attempt": attempt, "waitMs": 1000 * wait_s}
        case o.AcceptOffer(attempt, sdp, wait_s):
            return {"order": "accept offer", "attempt": attempt, "sdp": sdp, "waitMs": 1000 * wait_s}
        case o.AcceptAnswer(attempt, sdp):
            return {"order": "accept answer", "attempt": attempt, "sdp": sdp}
        case o.AddCandidate(attempt, candidate):
            init = dump_message(candidate)["candidate"]
            return {"order": "add candidate", "attempt": attempt, "candidate": init}
        case o.MeasurePeer(attempt):
            return {"order": "carry", "attempt": attempt}
        case o.ClosePeer(attempt, say_bye):
            return {"order": "close", "attempt": attempt, "farewell": say_bye}
        case o.SendMessage(message):
            return {"order": "send", "message": dump_message(message)}
        case o.RenewPairing(epoch):
            return {"order": "renew", "epoch": epoch}
        case o.CheckSignalling():
            return {"order": "check"}
        case o.Announce(events.PathChanged(way, local, remote, protocol)):
            path = {"kind": way, "local": local, "remote": remote, "protocol": protocol}
            return {"order": "tell path", "path": path}
        case o.Announce(events.Words(words, changed)):
            return {"order": "tell words", "words": list(words), "changed": changed}
        case o.Announce(notice) if notice == OTHER_KEY:
            return {"order": "tell other key"}
        case o.Announce(notice) if notice in {NO_WORDS, FORGED}:
            return {"order": "tell no words", "forged": notice == FORGED}
        case o.Announce(events.Reconnecting(silent_s)):
            return {"order": "tell reconnecting", "silentMs": 1000 * silent_s}
        case o.Announce(events.Reconnected(gap_s)):
            return {"order": "tell reconnected", "gapMs": 1000 * gap_s}
        case _:
            raise AssertionError(order)
