from __future__ import annotations

import asyncio
import gc
import hashlib
import json
import re
import tracemalloc
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


async def test_requests_for_unknown_pages_cost_nothing_that_lasts(server: SignallingServer) -> None:
    async with aiohttp.ClientSession(base_url=f"http://127.0.0.1:{server.port}") as session:

        async def ask(numbers: range) -> None:
            for number in numbers:
                kind = ("/nowhere/", "/r/room", "/r/.bad", "/static/")[number % 4]
                async with session.get(f"{kind}{number}", allow_redirects=False) as response:
                    await response.read()

        async def ask_many(begin: int, count: int) -> None:
            each = count // 4
            await asyncio.gather(
                *(ask(range(begin + part * each, begin + (part + 1) * each)) for part in range(4))
            )

        await ask_many(0, 1000)  # fills what is bounded: caches of aiohttp, yarl and this client
        gc.collect()
        tracemalloc.start()
        try:
            await ask_many(1000, 200)
            gc.collect()
            before, _ = tracemalloc.get_traced_memory()
            await ask_many(2000, 2000)
            gc.collect()
            after, _ = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()

    assert after - before < 100 * 2000


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
