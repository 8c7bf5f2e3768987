"""`pycall serve --workers` as a real process and its workers, over a real Redis."""

from __future__ import annotations

import asyncio
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from pycall.cli.scrape import Reading, scrape
from pycall.cli.workers import WORKER, Workers
from pycall.config import Limits, ServerConfig
from pycall.errors import ListenFailed, ServerUnreachable
from pycall.server.ice.service import Ice
from tests.cli.serving import serve
from tests.program import PYCALL, Program, Programs
from tests.server.nodes.nodes import OK, auth, join
from tests.server.raw import Clients, RawClient, raw_clients
from tests.server.redis import RedisServer, free_port, redis_server

pytestmark = pytest.mark.integration

WORKERS = 2
PATIENCE_S = 60.0


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[RedisServer]:
    with redis_server(tmp_path / "redis", free_port()) as server:
        yield server


@contextmanager
def ended_with(program: Program) -> Iterator[list[psutil.Process]]:
    """The workers of a program, all of which are gone in the end."""
    children = workers(program)
    try:
        yield children
    finally:
        _, alive = psutil.wait_procs(children, timeout=PATIENCE_S)
        for each in alive:
            each.kill()
        assert not alive


def workers(program: Program) -> list[psutil.Process]:
    return psutil.Process(program.process.pid).children()


def start(start_pycall: Programs, redis: RedisServer, *options: str) -> tuple[Program, int]:
    return serve(start_pycall, "--workers", str(WORKERS), "--redis", redis.url, *options)


async def on_each(clients: Clients) -> list[RawClient]:
    """One client on each worker: connections are spread by chance."""
    found: dict[str, RawClient] = {}
    while len(found) < WORKERS:
        client = await clients()
        if found.setdefault(client.id.partition(".")[0], client) is not client:
            await client.socket.close()
            await asyncio.sleep(0.02)  # one that was only started is not there yet
    return list(found.values())


async def test_they_share_a_port_and_their_rooms(start_pycall: Programs, own_redis: RedisServer) -> None:
    program, port = start(start_pycall, own_redis, "--no-limits")
    with ended_with(program) as children:
        assert len(children) == WORKERS
        assert program.stdout.splitlines()[:4] == [
            f"Signalling server listening on http://127.0.0.1:{port}",
            "Other machines do not reach it directly: see --host.",
            "2 processes share the port",
            f"STUN is answered on UDP port {port}",
        ]
        async with raw_clients(port) as clients:
            ann, bob = await on_each(clients)
            await join(ann, "kitchen")
            await join(bob, "kitchen")
            assert await ann.event() == ["other_joined", "kitchen", bob.id]
            assert await ann.call("message", "hello") == OK
            assert await bob.event() == ["message", "hello"]
            extended = await clients(auth())
            servers = (await join(extended, "garden"))[3]["ice_servers"]
            assert servers == [{"urls": [f"stun:127.0.0.1:{port}"]}]
            program.send_signal(signal.SIGTERM)
            assert await bob.close_code() == 1001
        assert program.wait() == 0
        assert "Traceback" not in program.stderr


async def test_one_that_dies_is_started_again_and_its_callers_go_on_at_another(
    start_pycall: Programs, own_redis: RedisServer
) -> None:
    program, port = start(start_pycall, own_redis, "--no-limits", "--no-stun")
    async with raw_clients(port) as clients:
        ann = await clients(auth())
        token = (await join(ann, "kitchen"))[3]["resume"]
        for child in workers(program):
            if any(each.raddr[1:] == (_port_of(ann),) for each in child.net_connections("tcp")):
                child.kill()
        assert await ann.close_code() is not None
        again = await _connected(clients, token)
        assert (await join(again, "kitchen"))[3]["resumed"]
        program.wait_for("it is started again")
        deadline = time.monotonic() + PATIENCE_S
        while len(workers(program)) < WORKERS:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        with ended_with(program):
            await on_each(clients)
            program.send_signal(signal.SIGINT)
            assert program.wait() == 0


async def test_whichever_is_asked_tells_the_figures_of_all(
    start_pycall: Programs, own_redis: RedisServer, free_port: int
) -> None:
    options = (
        "--workers",
        "2",
        "--redis",
        own_redis.url,
        "--no-stun",
        "--node",
        "lab",
        "--port",
        str(free_port),
    )
    program, port = serve(start_pycall, *options)

    def status() -> tuple[int, dict[str, str]]:
        asking = start_pycall("serve", "--host", "127.0.0.1", *options, "--status")
        code = asking.wait()
        return code, {line[:13].strip(): line[13:].strip() for line in asking.stdout.splitlines()}

    with ended_with(program) as children:
        async with raw_clients(port) as clients:
            for client in await on_each(clients):
                await join(client, "kitchen")
            for _ in range(2 * WORKERS):
                reading = scrape(f"http://127.0.0.1:{port}")
                assert reading.by_label("pycall_joins_total", "node") == {"lab-1": 1, "lab-2": 1}
            code, shown = await asyncio.to_thread(status)
            assert (code, shown["Node"], shown["State"]) == (0, "lab-1, lab-2", "ready")
            assert (shown["Rooms"], shown["Joins"]) == ("1, with 2 members", "2")
            assert shown["Connections"].startswith("2 now")
        children[0].suspend()
        reading = _answered(port)
        assert sorted(reading.by_label("pycall_ready", "node").values()) == [0, 1]
        children[0].resume()
        program.send_signal(signal.SIGINT)
        assert program.wait() == 0


async def test_one_that_cannot_be_started_again_is_tried_again(
    start_pycall: Programs, own_redis: RedisServer
) -> None:
    program, port = start(start_pycall, own_redis, "--no-limits", "--no-stun")
    parent = psutil.Process(program.process.pid)
    limit = parent.rlimit(psutil.RLIMIT_NOFILE)
    parent.rlimit(psutil.RLIMIT_NOFILE, (3, limit[1]))
    workers(program)[0].kill()
    program.wait_for("cannot be started")
    parent.rlimit(psutil.RLIMIT_NOFILE, limit)
    with ended_with(program):
        async with raw_clients(port) as clients:
            await on_each(clients)
        program.send_signal(signal.SIGINT)
        assert program.wait() == 0
    assert "Traceback" not in program.stderr


def test_they_end_when_nobody_can_be_told_of_them(start_pycall: Programs, own_redis: RedisServer) -> None:
    full = ("bash", "-c", 'exec "$0" "$@" >/dev/full', PYCALL)
    options = ("--host", "127.0.0.1", "--port", "0", "--no-stun", "--workers", "2", "--redis", own_redis.url)
    program = start_pycall("serve", *options, command=full)
    assert program.wait(PATIENCE_S) != 0


def test_workers_end_when_who_started_them_is_killed(start_pycall: Programs, own_redis: RedisServer) -> None:
    program, _ = start(start_pycall, own_redis, "--no-stun")
    with ended_with(program):
        program.process.kill()
        program.process.wait()


def test_asked_to_end_while_they_start_it_does(start_pycall: Programs, own_redis: RedisServer) -> None:
    program = start_pycall("serve", "--port", "0", "--workers", "2", "--redis", own_redis.url)
    deadline = time.monotonic() + PATIENCE_S
    while not (starting := [each for each in workers(program) if WORKER in each.cmdline()]):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    (first,) = starting
    first.suspend()
    while first.status() != psutil.STATUS_STOPPED:  # a signal to end would come first
        assert time.monotonic() < deadline
        time.sleep(0.01)
    program.send_signal(signal.SIGTERM)
    while not _is_asked_to_end(first):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    first.resume()
    assert program.wait() == 0
    assert program.stdout + program.stderr == ""


async def test_not_ready_in_time_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pycall.cli.workers.START_S", 0.0)
    monkeypatch.setattr("pycall.cli.workers.EACH_S", 0.005)
    config = ServerConfig(host="127.0.0.1", port=0, workers=2, stun=False)
    redis = f"redis://127.0.0.1:{free_port()}"
    several = Workers(config, Limits(), redis, Ice(), verbose=False)
    started = asyncio.Event()
    with pytest.raises(ListenFailed, match="not ready within"):
        await several.run(started, asyncio.Event())
    assert not started.is_set()


def test_without_a_redis_to_share_it_says_what_is_missing(start_pycall: Programs) -> None:
    program = start_pycall("serve", "--port", "0", "--workers", "2")
    assert program.wait() == 2
    assert "share their rooms by a Redis" in program.stderr


def test_what_a_worker_cannot_do_is_said_once_and_ends_all(start_pycall: Programs) -> None:
    program = start_pycall(
        "serve", "--port", "0", "--workers", "2", "--redis", f"redis://127.0.0.1:{free_port()}"
    )
    assert program.wait() == 3
    assert program.stderr.count("No Redis answers at") == 1


def test_a_port_that_another_program_has_is_not_shared_with_it(
    start_pycall: Programs, own_redis: RedisServer
) -> None:
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        other.bind(("127.0.0.1", 0))
        other.listen()
        program = start_pycall(
            "serve", "--host", "127.0.0.1", "--port", str(other.getsockname()[1]),
            "--workers", "2", "--redis", own_redis.url,
        )  # fmt: skip
        assert program.wait() == 3
        assert "the port is in use" in program.stderr


def _is_asked_to_end(process: psutil.Process) -> bool:
    """Whether SIGTERM waits for a process that is suspended."""
    status = Path("/proc", str(process.pid), "status").read_text(encoding="ascii")
    waiting = next(line.split()[1] for line in status.splitlines() if line.startswith("ShdPnd"))
    return bool(int(waiting, 16) >> (signal.SIGTERM - 1) & 1)


def _answered(port: int) -> Reading:
    """The figures; the system may send who asks for them to a process that stands still."""
    while True:
        try:
            return scrape(f"http://127.0.0.1:{port}")
        except ServerUnreachable:
            continue


def _port_of(client: RawClient) -> int:
    connection = client.socket._response.connection
    assert connection is not None
    assert connection.transport is not None
    port: int = connection.transport.get_extra_info("sockname")[1]
    return port


async def _connected(clients: Clients, token: str) -> RawClient:
    """At whoever is left."""
    while True:
        try:
            return await clients(auth(token))
        except OSError:  # the system still sent it to who is dead
            continue
