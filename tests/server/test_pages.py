from __future__ import annotations

import asyncio
import gc
import hashlib
import json
import logging
import re
import subprocess
import sys
from pathlib import Path
from typing import Final
from urllib.parse import quote

import aiohttp
import pytest
from yarl import URL

from pycall.core.names import ROOM_NAME_RULE
from pycall.server.app import SignallingServer
from pycall.server.pages import STATIC

BROWSER: Final = Path(__file__).parents[1] / "browser"
VENDORED: Final = STATIC / "vendor/socket.io-4.8.4.esm.min.js"
SHA256: Final = STATIC / "vendor/noble-sha256-2.4.0.esm.js"


async def get(
    server: SignallingServer, path: str, headers: dict[str, str] | None = None
) -> tuple[aiohttp.ClientResponse, str]:
    """The answer to a path that goes out exactly as it is written."""
    url = URL(f"http://127.0.0.1:{server.port}{path}", encoded=True)
    async with aiohttp.ClientSession() as session, session.get(url, headers=headers) as response:
        return response, await response.text()


@pytest.mark.parametrize(
    ("path", "content_type", "contains"),
    [
        ("/", "text/html", 'id="enter"'),
        ("/r/kitchen", "text/html", 'id="remote"'),
        ("/r/kitchen?name=Ann", "text/html", 'id="remote"'),
        (f"/r/{quote('küche-厨房.2')}", "text/html", 'id="remote"'),
        ("/static/page.js", "text/javascript", "import { Call }"),
        ("/static/style.css", "text/css", ":root"),
        ("/static/icon.svg", "image/svg+xml", "<svg"),
        ("/static/vendor/socket.io-client.LICENSE", "text/plain", "MIT"),
        ("/static/vendor/noble-hashes.LICENSE", "text/plain", "MIT"),
    ],
)
async def test_pages_and_their_files_are_served(
    server: SignallingServer, path: str, content_type: str, contains: str
) -> None:
    response, body = await get(server, path)

    assert response.status == 200
    assert response.content_type == content_type
    assert response.charset == "utf-8"
    assert contains in body


@pytest.mark.parametrize("path", ["/", "/r/kitchen", "/static/page.js", "/nowhere", "/r/.hidden"])
async def test_every_answer_is_strict(server: SignallingServer, path: str) -> None:
    response, _ = await get(server, path)
    policy = response.headers["Content-Security-Policy"]

    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert "*" not in policy
    assert "http" not in policy
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Referrer-Policy"] == "no-referrer"
    assert response.headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert "camera=(self)" in response.headers["Permissions-Policy"]
    assert "geolocation=()" in response.headers["Permissions-Policy"]


@pytest.mark.parametrize("path", ["/", "/r/kitchen", "/static/page.js"])
async def test_what_a_browser_has_already_is_not_sent_again(server: SignallingServer, path: str) -> None:
    first, _ = await get(server, path)
    again, body = await get(server, path, {"If-None-Match": f'"other", {first.headers["ETag"]}'})
    changed, _ = await get(server, path, {"If-None-Match": '"other"'})

    assert first.headers["Cache-Control"] == "no-cache"
    assert (again.status, body) == (304, "")
    assert again.headers["ETag"] == first.headers["ETag"]
    assert changed.status == 200


@pytest.mark.parametrize(
    "path",
    [
        "/nowhere",
        "/r",
        "/r/",
        "/r/kitchen/",
        "/r/kitchen/x",
        "/static",
        "/static/",
        "/static/call.html",
        "/static/missing.js",
        "/static/vendor",
        "/static/../app.py",
        "/static/..%2fapp.py",
        "/static/%2e%2e/%2e%2e/errors.py",
        "/static//etc/passwd",
        "/static/%00",
        "/%3Cscript%3Ealert(1)%3C/script%3E",
        "/r/{kitchen}",
    ],
)
async def test_a_wrong_path_is_a_small_page_that_says_so(server: SignallingServer, path: str) -> None:
    response, body = await get(server, path)

    assert response.status == 404
    assert response.content_type == "text/html"
    assert "There is no such page here." in body
    assert "alert" not in body
    assert len(body) < 2000


@pytest.mark.parametrize(
    "room",
    [
        "a" * 65,
        "é" * 65,
        ".hidden",
        "a b",
        "a/b",
        "<script>alert(1)</script>",
        "a\u202eb",
        "a\x1b[31m",
        "a\x00b",
        "\ud7ff\u200b",
        "😀",
    ],
)
async def test_what_is_no_room_name_is_told_the_rule_and_never_repeated(
    server: SignallingServer, room: str
) -> None:
    response, body = await get(server, f"/r/{quote(room, safe='')}")

    assert response.status == 400
    assert ROOM_NAME_RULE.replace("'", "&#x27;") in body
    assert "alert" not in body
    assert len(body) < 2000


@pytest.mark.parametrize("path", ["/r/%ff%fe", "/static/%ff", "/%ff"])
async def test_bytes_that_are_no_text_are_refused(server: SignallingServer, path: str) -> None:
    response, _ = await get(server, path)

    assert response.status in {400, 404}


async def test_an_endless_address_is_refused(server: SignallingServer) -> None:
    response, _ = await get(server, "/r/" + "a" * 20_000)

    assert response.status == 400


async def test_only_reading_is_allowed(server: SignallingServer) -> None:
    base = f"http://127.0.0.1:{server.port}"
    async with aiohttp.ClientSession() as session:
        async with session.head(f"{base}/r/kitchen") as head:
            assert (head.status, await head.read()) == (200, b"")
        for path in ("/", "/r/kitchen", "/static/page.js", "/nowhere"):
            async with session.post(base + path, data=b"x") as post:
                assert post.status == 405


async def ask_in_turn(port: int, paths: list[str]) -> set[bytes]:
    """Ask for pages on one connection that is kept; the first lines of the answers."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    answers = set()
    for path in paths:
        writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        head = await reader.readuntil(b"\r\n\r\n")
        answers.add(head.partition(b"\r\n")[0])
        await reader.readexactly(int(head.lower().partition(b"content-length:")[2].split()[0]))
    writer.close()
    await writer.wait_closed()
    return answers


async def test_ten_thousand_requests_for_unknown_pages_cost_nothing_that_lasts(
    server: SignallingServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)

    async def ask(numbers: range) -> None:
        kinds = ("/nowhere/", "/r/.bad", "/static/", "/r/kitchen/")
        paths = [f"{kinds[number % 4]}{number}" for number in numbers]
        parts = (paths[part::8] for part in range(8))
        answers = set().union(*await asyncio.gather(*(ask_in_turn(server.port, part) for part in parts)))
        assert answers == {b"HTTP/1.1 404 Not Found", b"HTTP/1.1 400 Bad Request"}

    async def held() -> tuple[int, int, int]:
        """Blocks of memory, tasks and descriptors, when the server has let go of the connections."""
        async with asyncio.timeout(10):
            while len(asyncio.all_tasks()) > tasks:
                await asyncio.sleep(0.01)
        gc.collect()
        return sys.getallocatedblocks(), len(asyncio.all_tasks()), len(list(Path("/proc/self/fd").iterdir()))

    tasks = len(asyncio.all_tasks())
    await ask(range(2_000))  # fills what is bounded: caches of aiohttp and yarl
    before = await held()
    await ask(range(2_000, 12_000))
    after = await held()

    assert after[0] - before[0] < 1_000
    assert after[1:] == before[1:]
    assert caplog.records == []


def test_pages_ask_no_other_host_for_anything() -> None:
    ours = [path for path in STATIC.rglob("*") if path.is_file() and path.parent.name != "vendor"]
    elsewhere = {
        (path.name, url)
        for path in ours
        for url in re.findall(r"(?:https?:)?//[a-z][^\s\"'`)]*", path.read_text(encoding="utf-8"))
        if not url.startswith(("http://www.w3.org/", "http://localhost", "https://host:port"))
    }

    assert elsewhere == set()


def test_pages_have_no_script_or_style_of_their_own() -> None:
    for page in STATIC.glob("*.html"):
        text = page.read_text(encoding="utf-8")
        assert not re.search(r"\son\w+=|\sstyle=|<style|javascript:", text), page.name
        assert all('src="/static/' in tag for tag in re.findall(r"<script[^>]*>", text)), page.name


def test_a_module_of_the_page_can_be_read_in_one_sitting() -> None:
    for module in STATIC.glob("*.js"):
        text = module.read_text(encoding="utf-8")
        assert len(text.splitlines()) <= 400, module.name
        assert "innerHTML" not in text, module.name


def test_the_vendored_client_is_the_one_its_types_are_checked_with() -> None:
    locked = json.loads((BROWSER / "package-lock.json").read_text(encoding="utf-8"))
    version = locked["packages"]["node_modules/socket.io-client"]["version"]

    assert f"socket.io-{version}.esm.min.js" == VENDORED.name
    assert f"Socket.IO v{version}" in VENDORED.read_text(encoding="utf-8")[:100]
    installed = BROWSER / "node_modules/socket.io-client/dist/socket.io.esm.min.js"
    if installed.exists():  # it is after `npm ci`
        digest = hashlib.sha256(VENDORED.read_bytes()).digest()
        assert digest == hashlib.sha256(installed.read_bytes()).digest()


@pytest.mark.integration
@pytest.mark.parallel
def test_the_vendored_hash_is_what_its_package_is_bundled_to() -> None:
    locked = json.loads((BROWSER / "package-lock.json").read_text(encoding="utf-8"))
    version = locked["packages"]["node_modules/@noble/hashes"]["version"]

    assert f"noble-sha256-{version}.esm.js" == SHA256.name
    assert f"@noble/hashes v{version}" in SHA256.read_text(encoding="utf-8")[:100]
    if (BROWSER / "node_modules/@noble/hashes").exists():  # as above
        bundle = ["npm", "run", "--silent", "sha256"]
        made = subprocess.run(bundle, cwd=BROWSER, check=True, capture_output=True, timeout=60)
        assert made.stdout == SHA256.read_bytes()
