"""Chromium, driven through Playwright: people at the call page, and what they see and hear."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final, Literal

from playwright.async_api import Browser, ConsoleMessage, Page, async_playwright, expect

CHROMIUM: Final = "/usr/bin/chromium"
PATIENCE_S: Final = 25.0
"""Only a page that hangs is given up: the machine may be busy with others."""

FLAGS: Final = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
DEVICES: Final = ("--use-fake-device-for-media-stream=device-count=3", "--use-fake-ui-for-media-stream")
"""Cameras with a clock and a moving disk (the second gives depths, not colours), and microphones that beep;
nobody is asked for permission."""

State = Literal[
    "ready", "joining", "waiting", "connecting", "connected", "reconnecting", "unreachable", "refused",
    "lost", "ended",
]  # fmt: skip

PICTURE: Final = """
async video => {
  await new Promise(done => video.requestVideoFrameCallback(done));
  const canvas = new OffscreenCanvas(32, 24), context = canvas.getContext("2d");
  context.drawImage(video, 0, 0, 32, 24);
  return [...context.getImageData(0, 0, 32, 24).data];
}
"""

LOUDEST: Final = """
async ([video, seconds]) => {
  const context = new AudioContext(), analyser = context.createAnalyser();
  context.createMediaStreamSource(video.srcObject).connect(analyser);
  const samples = new Float32Array(analyser.fftSize), ends = performance.now() + 1000 * seconds;
  let loudest = 0;
  while (performance.now() < ends) {
    analyser.getFloatTimeDomainData(samples);
    for (const sample of samples) loudest = Math.max(loudest, Math.abs(sample));
    await new Promise(done => setTimeout(done, 20));
  }
  await context.close();
  return loudest;
}
"""


SHOWN_WORDS: Final = """
async () => {
  const words = document.querySelector("#comparison:is([data-state=known], [data-state=changed]) #words");
  while (!words?.checkVisibility()) await new Promise(done => setTimeout(done, 50));
  return words.textContent;
}
"""


class Guest:
    """One person's page, in a browser profile of its own."""

    def __init__(self, page: Page, origin: str) -> None:
        self.page = page
        self.origin = origin
        self.errors: list[str] = []
        self.requests: set[str] = set()
        page.on("console", self._said)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("request", lambda request: self.requests.add(request.url))
        page.on("websocket", lambda socket: self.requests.add(socket.url.replace("ws", "http", 1)))

    async def visit(self, path: str) -> None:
        """Open a page, and wait until camera and microphone are there or known to be missing."""
        await self.page.goto(self.origin + path)
        if path.startswith("/r/"):
            await self.reads("ready")

    async def join(self) -> None:
        await self.page.click("#join")

    async def reads(self, state: State, words: str = "") -> None:
        """Wait for this state of `#status`, with these words in its sentence."""
        status = self.page.locator(f"#status[data-state={state}]")
        await expect(status).to_contain_text(words, timeout=1000 * PATIENCE_S)

    async def shows(self, selector: str, words: str = "") -> None:
        """Wait for a visible part of the page with these words."""
        part = self.page.locator(selector)
        await expect(part).to_be_visible(timeout=1000 * PATIENCE_S)
        await expect(part).to_contain_text(words, timeout=1000 * PATIENCE_S)

    async def words(self) -> str:
        """Wait for the words to compare, and return them."""
        async with asyncio.timeout(PATIENCE_S):
            words: str = await self.page.evaluate(SHOWN_WORDS)
        return words

    async def until(self, expression: str) -> None:
        """Wait for a JavaScript expression to hold; what Playwright has for this needs `unsafe-eval`."""
        async with asyncio.timeout(PATIENCE_S):
            while not await self.page.evaluate(f"!!({expression})"):
                await asyncio.sleep(0.05)

    async def picture(self, video: str = "#remote") -> list[int]:
        """What a video element shows next, 32 by 24 pixels of red, green, blue and alpha."""
        pixels: list[int] = await self.page.eval_on_selector(video, PICTURE)
        return pixels

    async def sees_somebody_move(self, video: str = "#remote") -> None:
        """Wait for the fake camera's picture, which is green, and for another one after it."""
        async with asyncio.timeout(PATIENCE_S):
            first = await self.picture(video)
            while not _green(first):
                first = await self.picture(video)
            while (await self.picture(video)) == first:
                pass

    async def loudest(self, seconds: float = 2.5) -> float:
        """The largest sample of what comes within these seconds, 0 to 1; the fake microphone beeps each."""
        video = await self.page.query_selector("#remote")
        loudest: float = await self.page.evaluate(LOUDEST, [video, seconds])
        return loudest

    async def call(self, expression: str) -> Any:
        """What a JavaScript expression gives in the page."""
        return await self.page.evaluate(expression)

    def _said(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.errors.append(message.text)


class Guests:
    """Opens pages at one server; with ``strict`` what a page complains of on its console fails the test."""

    def __init__(self, browser: Browser, origin: str) -> None:
        self._browser = browser
        self._all: list[Guest] = []
        self.origin = origin
        self.strict = True

    async def come(self, path: str, *, script: str = "", origin: str = "", **context: Any) -> Guest:
        """A new guest at this path; ``script`` runs in the page before its own."""
        profile = await self._browser.new_context(**({"viewport": {"width": 1280, "height": 800}} | context))
        if script:
            await profile.add_init_script(script)
        guest = Guest(await profile.new_page(), origin or self.origin)
        self._all.append(guest)
        await guest.visit(path)
        return guest

    async def pair(self, room: str) -> tuple[Guest, Guest]:
        """Ann, who was there first, and Bob, in a call."""
        ann, bob = await self.come(f"/r/{room}?name=Ann"), await self.come(f"/r/{room}?name=Bob")
        await ann.join()
        await ann.reads("waiting")
        await bob.join()
        await ann.reads("connected", "Connected to Bob")
        await bob.reads("connected", "Connected to Ann")
        return ann, bob

    def check(self) -> None:
        """No page complained, and none asked another host for anything."""
        for guest in self._all:
            assert all(url.startswith((guest.origin + "/", "blob:")) for url in guest.requests), (
                guest.requests
            )
            assert not (self.strict and guest.errors), guest.errors


@asynccontextmanager
async def at_the_page(origin: str, *flags: str, chromium: str | Path = CHROMIUM) -> AsyncIterator[Guests]:
    """Guests of the server at ``origin``, in a Chromium with these further flags."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=[*FLAGS, *flags])
        guests = Guests(browser, origin)
        try:
            yield guests
            guests.check()
        finally:
            await browser.close()


def _green(pixels: list[int]) -> bool:
    red, green, blue = (sum(pixels[channel::4]) for channel in range(3))
    return green > 2 * red and green > 2 * blue
