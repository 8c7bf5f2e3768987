from __future__ import annotations

import asyncio
import json
import re
import socket
from pathlib import Path
from typing import Final

import pytest
from prometheus_client import REGISTRY, generate_latest

import pycall
from pycall.limits import Limits
from pycall.server.app import SignallingServer
from pycall.server.monitoring.figures import BOUNDS_S, EVENTS
from tests.server.raw import Clients, raw_clients
from tests.server.scraping import answered, scraped
from tests.server.seating import serving

DOCS: Final = Path(__file__).parents[3] / "docs"


async def test_it_tells_rooms_members_and_connections(server: SignallingServer, clients: Clients) -> None:
    async def now() -> tuple[float | None, ...]:
        reading = await scraped(server)
        return tuple(reading.value(f"pycall_{name}") for name in ("rooms", "members", "connections"))

    assert await now() == (0, 0, 0)
    ann, _ = await clients.pair("kitchen")
    await (await clients()).call("join", "garden")
    assert await now() == (2, 3, 3)
    await ann.call("leave", "kitchen")
    assert await now() == (2, 2, 3)


async def test_it_counts_joins_messages_and_bytes(server: SignallingServer, clients: Clients) -> None:
    ann, bob = await clients.pair("kitchen")
    before = await scraped(server)
    for number in range(10):
        await ann.call("message", "x" * 1000)
        assert await bob.event() == ["message", "x" * 1000], number
    after = await scraped(server)

    def grew(name: str) -> float:
        return (after.value(name) or 0) - (before.value(name) or 0)

    assert after.value("pycall_joins_total") == 2
    assert grew("pycall_relayed_messages_total") == 10
    assert 10_000 < grew("pycall_received_bytes_total") < 10_500
    assert 10_000 < grew("pycall_sent_bytes_total") < 10_500


async def test_it_counts_refusals_by_code(server: SignallingServer, clients: Clients) -> None:
    await clients.pair("kitchen")
    late = await clients()
    await late.call("join", "kitchen")
    await late.call("join", "kitchen")
    await late.call("join", "no room name")
    await late.call("message", "x")
    await late.call("nonsense")
    assert (await answered(server, "/socket.io/?EIO=4&transport=polling"))[0] == 400
    assert (await answered(server, "/socket.io/?EIO=3&transport=websocket"))[0] == 400
    refusals = (await scraped(server)).by_label("pycall_refusals_total", "code")
    assert {code: count for code, count in refusals.items() if count} == {
        "full": 2,
        "bad-room": 1,
        "not-in-room": 1,
        "unknown-event": 1,
        "no-connection-transport-unknown": 1,
        "no-connection-unsupported-protocol-version": 1,
    }


async def test_it_times_what_was_handled(server: SignallingServer, clients: Clients) -> None:
    ann, _ = await clients.pair("kitchen")
    await ann.call("message", "x")
    await ann.call("message")
    reading = await scraped(server)
    counts = reading.by_label("pycall_handling_seconds_count", "event")
    assert counts == {"join": 2, "leave": 2, "message": 2, "renew": 0}
    assert tuple(counts) == EVENTS
    buckets = reading.by_label("pycall_handling_seconds_bucket", "le", event="join")
    assert [*map(float, buckets)] == [*BOUNDS_S, float("inf")]
    assert [*buckets.values()] == sorted(buckets.values())
    assert buckets["+Inf"] == 2
    assert 0 < reading.by_label("pycall_handling_seconds_sum", "event")["join"] < 10


async def test_it_counts_slow_readers_that_were_cut_off() -> None:
    async with serving(limits=Limits(queue_bytes=100_000)) as (clients, server):
        ann, bob = await clients.pair("kitchen")
        bob.stop_reading()
        ended: dict[str, float] = {}
        for _ in range(1000):
            await ann.call("message", "x" * 60_000)
            ended = (await scraped(server)).by_label("pycall_connections_ended_total", "cause")
            if ended["too-slow-a-reader"]:
                break
        assert ended["too-slow-a-reader"] == 1


async def test_it_counts_connections_and_how_they_ended(server: SignallingServer, clients: Clients) -> None:
    polite, rude = await clients(), await clients()
    await polite.send("1")
    await polite.close_code()
    await rude.send("nonsense")
    await rude.close_code()
    reading = await scraped(server)
    ended = reading.by_label("pycall_connections_ended_total", "cause")
    assert reading.value("pycall_connections_opened_total") == 2
    assert {cause: count for cause, count in ended.items() if count} == {
        "client-disconnect": 1,
        "bad-message": 1,
    }


async def test_nothing_that_clients_send_is_in_it(server: SignallingServer, clients: Clients) -> None:
    ann = await clients({"pycall": 1, "name": "canary-name"})
    await ann.call("join", "canary-room")
    await ann.call("canary-event", "canary-sdp")
    await ann.send("canary-frame")
    await ann.close_code()
    await answered(server, "/canary-path?canary=query")
    await answered(server, "/socket.io/?EIO=4&transport=canary-transport")
    _, text = await answered(server, "/metrics")
    assert "canary" not in text


async def test_no_client_can_make_new_series(server: SignallingServer, clients: Clients) -> None:
    await clients.pair("kitchen")
    _, before = await answered(server, "/metrics")
    for number in range(30):
        ann = await clients()
        await ann.emit(f"event-{number}", {})
        await ann.call("join", f"room-{number}")
        await ann.send(f"x{number}")
        await ann.close_code()
    _, after = await answered(server, "/metrics")
    assert _series(after) == _series(before)


async def test_each_node_has_its_name_on_every_sample() -> None:
    server = SignallingServer("127.0.0.1", 0, node='a "node"\\')
    await server.start()
    _, text = await answered(server, "/metrics")
    await server.stop()
    samples = [line for line in text.splitlines() if not line.startswith("#")]
    assert samples
    assert all(r'node="a \"node\"\\"' in line for line in samples)


async def test_a_node_is_named_like_its_machine_unless_told_otherwise(server: SignallingServer) -> None:
    reading = await scraped(server)
    assert reading.label("pycall_build_info", "node") == socket.gethostname()
    assert reading.label("pycall_build_info", "version") == pycall.__version__


async def test_two_servers_in_one_process_count_for_themselves(server: SignallingServer) -> None:
    other = SignallingServer("127.0.0.1", 0)
    await other.start()
    async with raw_clients(other.port) as clients:
        await clients.pair("kitchen")
        assert (await scraped(server)).value("pycall_joins_total") == 0
        assert (await scraped(other)).value("pycall_joins_total") == 2
    await other.stop()
    assert b"pycall_" not in generate_latest(REGISTRY)


@pytest.mark.parametrize("readers", [20])
async def test_many_may_read_at_once(server: SignallingServer, readers: int) -> None:
    answers = await asyncio.gather(*(answered(server, "/metrics") for _ in range(readers)))
    assert {status for status, _ in answers} == {200}


async def test_the_dashboard_asks_for_what_there_is(server: SignallingServer) -> None:
    dashboard = json.loads((DOCS / "grafana.json").read_text(encoding="utf-8"))
    panels = [each for each in dashboard["panels"] if each["type"] != "row"]
    asked = "".join(target["expr"] for panel in panels for target in panel["targets"])
    _, text = await answered(server, "/metrics")
    told = {re.split(r"[{ ]", each)[0] for each in _series(text)}
    wanted = set(re.findall(r"\b(?:pycall|process)_\w+", asked))
    assert wanted <= told
    assert {name for name in told if name.startswith("pycall_")} - wanted == {
        "pycall_build_info", "pycall_handling_seconds_count", "pycall_handling_seconds_sum",
    }  # fmt: skip
    assert asked.count("{") == asked.count('node=~"$node"')
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])
    taken = [cell for panel in dashboard["panels"] for cell in _cells(**panel["gridPos"])]
    assert len(taken) == len(set(taken))


def _cells(x: int, y: int, w: int, h: int) -> list[tuple[int, int]]:
    assert x + w <= 24
    return [(column, row) for column in range(x, x + w) for row in range(y, y + h)]


def _series(text: str) -> set[str]:
    return {line.rpartition(" ")[0] for line in text.splitlines() if not line.startswith("#")}
