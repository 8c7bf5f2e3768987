"""Everything `pycall doctor` checks, put together: what does not need each other runs at the same time."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from itertools import groupby
from typing import Final, TypeVar

from pycall.cli.credentials import credentials_of
from pycall.cli.session import own_ice_servers
from pycall.client.compat.asking import StunSocket
from pycall.client.doctor.encoding import check_encoders
from pycall.client.doctor.ipv6 import check_ipv6, global_addresses
from pycall.client.doctor.nat import check_nat
from pycall.client.doctor.relays import check_relay
from pycall.client.doctor.selfcall import SelfCall
from pycall.client.doctor.server import check_join, check_server
from pycall.client.doctor.stun import Sighting, check_stun, sight
from pycall.client.iceservers import MAX_SERVERS, StunServer, TurnServer, parse_server
from pycall.client.peer import Outgoing
from pycall.config import CallConfig
from pycall.core.credentials import Credentials
from pycall.core.findings import Check, Finding, State, outlook
from pycall.core.messages import IceServer
from pycall.media.devices.checkup import check_devices
from pycall.media.spec import parse_camera, parse_microphone, parse_speaker
from pycall.media.testsignals.grain import grainy_pictures
from pycall.media.testsignals.testcard import CardSource
from pycall.media.testsignals.tones import ToneSource

LOCAL_S: Final = 5.0
"""What listing the devices, and what measuring the encoders, may take."""

PICTURES: Final = 15

SELF_CALL_SIZE: Final = (320, 240)
SELF_CALL_FPS: Final = 15
"""It is there to see that something arrives; speed is measured apart."""

T = TypeVar("T")


async def check_up(config: CallConfig) -> list[Finding]:
    """All findings in the order in which they are shown; the last is ``calls``. Takes up to about 20 s.

    Raises:
        ConfigError: the file with the password cannot be used.
    """
    credentials = credentials_of(config)
    async with asyncio.TaskGroup() as group:
        devices = group.create_task(_devices(config))
        encoders = group.create_task(_encoders(config))
        server = group.create_task(check_server(config.server, cert_sha256=config.cert_sha256))
        join = group.create_task(
            check_join(config.server, cert_sha256=config.cert_sha256, credentials=credentials)
        )
        joined, told = await join
        network = group.create_task(_network(config, (*own_ice_servers(config), *told)))
        await encoders  # which a call beside it would slow down
        calls = await _self_calls(config, credentials, joined.state, (*own_ice_servers(config), *told))
    findings = [*server.result(), joined, *network.result(), *devices.result(), *encoders.result(), *calls]
    return [*findings, outlook(findings, relay_only=config.relay_only)]


async def _network(config: CallConfig, offered: tuple[IceServer, ...]) -> list[Finding]:
    """STUN, NAT, relays and IPv6."""
    servers, wrong = _servers(offered)
    stun = [each for each in servers if isinstance(each, StunServer)][:MAX_SERVERS]
    turn = [each for each in servers if isinstance(each, TurnServer)][:MAX_SERVERS]
    async with asyncio.TaskGroup() as group:
        seen = group.create_task(_seen(config, stun, turn))
        relays = [group.create_task(check_relay(each)) for each in turn]
    told = [each.result() for each in relays]
    if not turn and not any(each.check == "relay" for each in wrong):
        found = "No TURN server is named: calls that cannot go directly do not come about."
        told.append(
            Finding(
                "relay", "skipped", found, advice="`pycall serve --turn` runs one; --ice-server names one."
            )
        )
    return [*wrong, *seen.result()[:-1], *told, seen.result()[-1]]


def _servers(offered: Iterable[IceServer]) -> tuple[list[StunServer | TurnServer], list[Finding]]:
    """The servers to ask, each once, and a finding for each URL that names none."""
    found: dict[StunServer | TurnServer, None] = {}
    wrong = []
    for server in offered:
        for url in server.urls:
            try:
                found[parse_server(url, server.username, server.credential)] = None
            except ValueError as error:
                check: Check = "stun" if url.startswith("stun") else "relay"
                advice = "Correct it; credentials are turn_username and turn_credential in the configuration."
                wrong.append(Finding(check, "failed", f"It cannot be used: {error}.", url, "", advice))
    return list(found), wrong[: 2 * MAX_SERVERS]


async def _seen(config: CallConfig, stun: list[StunServer], turn: list[TurnServer]) -> list[Finding]:
    """The findings of all STUN servers, then ``nat`` and ``ipv6``.

    Where a TURN server is reached by UDP it is asked too: it answers STUN as well.
    """
    own = await asyncio.to_thread(global_addresses)
    relays = [StunServer(each.host, each.port) for each in turn if each.transport == "udp"]
    places = list(dict.fromkeys((*stun, *relays)))
    async with _socket(4) as old, _socket(6) as new:
        sighted = await asyncio.gather(
            sight(places, old, 4) if old is not None else _nothing(),
            sight(places, new, 6) if new is not None and own else _nothing(),
        )
        by_old, by_new = sighted
        # Only IPv4 is translated, so that tells more, if there is any here.
        is_new = _is_answered(by_new) and not _is_answered(by_old)
        version, sock, compared = (6, new, by_new) if is_new else (4, old, by_old)
        nat, ipv6 = await asyncio.gather(
            check_nat(compared, sock or StunSocket(), version), check_ipv6(config.server, own, by_new)
        )
    said = sorted([*by_old, *by_new], key=lambda each: places.index(each.server))
    by_server = [list(each) for _, each in groupby(said, key=lambda each: each.server)]
    return [*(check_stun(each) for each in by_server if each[0].server in stun), nat, ipv6]


def _is_answered(sightings: list[Sighting]) -> bool:
    return any(each.binding is not None for each in sightings)


async def _nothing() -> list[Sighting]:
    return []


@contextlib.asynccontextmanager
async def _socket(version: int) -> AsyncIterator[StunSocket | None]:
    """A socket of this IP while the context lasts, if this computer has that."""
    sock = StunSocket()
    try:
        await sock.open(version)
    except OSError:
        yield None
    else:
        try:
            yield sock
        finally:
            sock.close()


async def _self_calls(
    config: CallConfig, credentials: Credentials, joined: State, known: tuple[IceServer, ...]
) -> list[Finding]:
    """The self-calls: one as calls go here, and one through a relay if there is any."""
    if joined != "ok":
        lacking = "being let into a room" if joined == "skipped" else "the server"
        return [Finding("self-call", "skipped", f"Nobody can be called without {lacking}.")]
    is_relayed = any(url.startswith("turn") for server in known for url in server.urls)
    ways = ([] if config.relay_only else [False]) + ([True] if is_relayed or config.relay_only else [])
    with _test_signals() as outgoing:
        calls = [
            SelfCall(
                config.server,
                cert_sha256=config.cert_sha256,
                credentials=credentials,
                ice_servers=own_ice_servers(config),
                relay_only=relay_only,
                outgoing=outgoing,
            )
            for relay_only in ways
        ]
        return list(await asyncio.gather(*(call.run() for call in calls)))


@contextlib.contextmanager
def _test_signals() -> Iterator[Outgoing]:
    pictures, sound = CardSource(SELF_CALL_SIZE, SELF_CALL_FPS), ToneSource()
    pictures.start()
    sound.start()
    try:
        yield Outgoing(pictures.feed, sound.feed, SELF_CALL_FPS)
    finally:
        pictures.close()
        sound.close()


async def _devices(config: CallConfig) -> list[Finding]:
    specs = (
        parse_camera(config.camera),
        parse_microphone(config.microphone),
        parse_speaker(config.speaker),
    )
    try:
        return await _aside("pycall-list-devices", lambda: check_devices(*specs))
    except TimeoutError:
        found = f"The system does not say within {LOCAL_S:g} s which devices there are."
        advice = "Unplug what was plugged in last, or start the sound server again."
        return [Finding("camera", "warning", found, "", "A driver or the sound server hangs.", advice)]


async def _encoders(config: CallConfig) -> list[Finding]:
    try:
        return await _aside("pycall-measure-encoders", lambda: _measure(config))
    except TimeoutError:
        found = f"No encoder is done with {PICTURES} pictures within {LOCAL_S:g} s."
        cause, advice = "This computer is slow, or busy with something else.", "Choose a smaller --size."
        return [Finding("encoder", "warning", found, "", cause, advice)]


def _measure(config: CallConfig) -> list[Finding]:
    return check_encoders(grainy_pictures(config.size, config.fps, PICTURES), config.fps)


async def _aside(name: str, work: Callable[[], T]) -> T:
    """Do what blocks in a thread that nobody waits for longer than :data:`LOCAL_S`."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def settle(answer: T | None, error: Exception | None) -> None:
        if done.done():
            return
        if error is not None:
            done.set_exception(error)
        else:
            done.set_result(answer)  # type: ignore[arg-type]  # there is no error, so it is one

    def run() -> None:
        try:
            outcome = work(), None
        except Exception as error:  # noqa: BLE001  handed to who waits
            outcome = None, error  # type: ignore[assignment]
        with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(settle, *outcome)

    threading.Thread(target=run, name=name, daemon=True).start()
    async with asyncio.timeout(LOCAL_S):
        return await done
