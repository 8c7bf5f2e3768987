"""Real nginx and HAProxy in front of two nodes, by the very text of docs/operating.md."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from tests.server.nodes.nodes import OK, auth, join, nodes
from tests.server.raw import RawClient, raw_clients
from tests.server.redis import RedisServer, free_port

pytestmark = pytest.mark.integration

DOCUMENT = (Path(__file__).parents[3] / "docs" / "operating.md").read_text(encoding="utf-8")
PATIENCE_S = 30.0


def written(language: str, containing: str) -> str:
    """The block of the document in this language that has this in it."""
    blocks = re.findall(rf"```{language}\n(.*?)```", DOCUMENT, re.DOTALL)
    (found,) = [str(block) for block in blocks if containing in block]
    return found


def nginx(folder: Path, port: int, ports: list[int]) -> list[str]:
    """Its command; without TLS, which is not what is tried here."""
    text = written("nginx", "upstream pycall")
    text = re.sub(
        r"server 192\.0\.2\.1([12]):8080;",
        lambda match: f"server 127.0.0.1:{ports[int(match[1]) - 1]};",
        text,
    )
    text = re.sub(r" *ssl_certificate.*\n", "", text.replace("listen 443 ssl;", f"listen 127.0.0.1:{port};"))
    paths = "".join(
        f"{name}_temp_path {folder}/{name};\n"
        for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (folder / "nginx.conf").write_text(
        f"daemon off; pid {folder}/pid; error_log {folder}/error.log; worker_processes 1;\n"
        f"events {{}}\nhttp {{\naccess_log off;\n{paths}{text}}}\n"
    )
    return ["nginx", "-p", str(folder), "-c", str(folder / "nginx.conf")]


def haproxy(folder: Path, port: int, ports: list[int]) -> list[str]:
    """Its command; without TLS, which is not what is tried here."""
    text = written("haproxy", "backend pycall")
    text = re.sub(r"192\.0\.2\.1([12]):8080", lambda match: f"127.0.0.1:{ports[int(match[1]) - 1]}", text)
    text = re.sub(r"bind :443 ssl crt \S+", f"bind 127.0.0.1:{port}", text)
    (folder / "haproxy.cfg").write_text(text)
    return ["haproxy", "-db", "-f", str(folder / "haproxy.cfg")]


@asynccontextmanager
async def running(command: list[str], folder: Path, port: int) -> AsyncIterator[None]:
    output = folder / "output"
    with output.open("wb") as out:
        process = await asyncio.create_subprocess_exec(*command, stdout=out, stderr=out)
    try:
        async with asyncio.timeout(PATIENCE_S):
            while await status(port, "/readyz") != 200:
                assert process.returncode is None, output.read_text()
                await asyncio.sleep(0.05)
        yield
    finally:
        process.terminate()
        await process.wait()


async def status(port: int, path: str) -> int:
    """What it answers; 0 while it does not."""
    try:
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"http://127.0.0.1:{port}{path}") as answer,
        ):
            return answer.status
    except aiohttp.ClientError:
        return 0


@pytest.mark.parametrize("web_server", [nginx, haproxy])
async def test_callers_meet_behind_it_and_go_on_when_a_node_ends(
    redis: RedisServer, tmp_path: Path, web_server: Callable[[Path, int, list[int]], list[str]]
) -> None:
    port = free_port()
    async with AsyncExitStack() as stack:
        (there,) = await stack.enter_async_context(nodes(redis, 1))
        ending = await stack.enter_async_context(AsyncExitStack())
        (here,) = await ending.enter_async_context(nodes(redis, 1))
        ports = [here.server.port, there.server.port]
        await stack.enter_async_context(running(web_server(tmp_path, port, ports), tmp_path, port))
        clients = await stack.enter_async_context(raw_clients(port))
        by_node: dict[str, RawClient] = {}
        while len(by_node) < 2:  # without stickiness they come to both
            client = await clients(auth())
            by_node.setdefault(client.id.partition(".")[0], client)
        ann, bob = by_node[here.rooms.node], by_node[there.rooms.node]
        token = (await join(ann, "kitchen"))[3]["resume"]
        await join(bob, "kitchen")
        assert (await ann.heard())[-1][0] == "other_joined"
        assert await ann.call("message", "hello", 1) == OK
        assert (await bob.heard())[-1] == ["message", "hello", 1]
        assert await status(port, "/metrics") == 404
        await ending.aclose()
        again = await clients(auth(token, received=0))
        assert (await join(again, "kitchen"))[3]["resumed"]
        assert await again.call("message", "still here", 2) == OK
        assert (await bob.heard())[-1] == ["message", "still here", 2]
