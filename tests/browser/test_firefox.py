"""Real Firefox with a real `pycall call` and with Chromium: judged by what arrives."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.browser.guests import PATIENCE_S, SHOWN_WORDS, Guests, State
from tests.browser.known import BARS, PITCHES, SNAPSHOT, WHISTLE_HZ, decoded_png, whistled
from tests.browser.test_interop import (
    ENCODINGS,
    ROOM,
    Caller,
    Viewer,
    arrived_card,
    caller,
    film,
    filming,
    hears_the_melody,
    origin,
    same_words,
    sees_the_card,
)
from tests.rig import Pulse, needs, running_pulse

__all__ = ["caller", "film", "filming", "origin"]

DRIVER: Final = Path(__file__).with_name("firefox.mjs")
PUPPETEER: Final = Path(__file__).parent / "node_modules" / "puppeteer-core"
START_S: Final = 75.0
"""Longer than firefox.mjs waits for it. With a new profile each time, a busy machine takes long."""

LINE_BYTES: Final = 8 << 20
"""An answer may be a picture."""

TONE_HZ: Final = 1000.0
"""What Firefox's fake microphone hears."""

VIVID: Final = 80
"""How far apart red, green and blue at least are in what its fake camera films: one colour that changes."""

STATUS: Final = """
async () => {
  await new Promise(done => setTimeout(done, 50));
  const status = document.querySelector("#status");
  return [status.dataset.state, status.textContent];
}
"""

LEVEL: Final = """
async () => {
  await new Promise(done => setTimeout(done, 50));
  return Number(document.querySelector("#level").style.getPropertyValue("--level"));
}
"""

REMEMBER_THE_CONNECTIONS: Final = """
  globalThis.connections = [];
  const describe = RTCPeerConnection.prototype.setLocalDescription;
  RTCPeerConnection.prototype.setLocalDescription = function (...how) {
    globalThis.connections.push(this);
    return describe.apply(this, how);
  };
"""


class FoxPage:
    """The page in Firefox; its methods are named as Playwright's, and done by firefox.mjs."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def evaluate(self, expression: str, arg: object = None) -> Any:
        """What a JavaScript function gives for this argument, once it is known."""
        return await self.do("evaluate", f"({expression})({json.dumps(arg)})")

    async def click(self, selector: str) -> None:
        await self.do("click", selector)

    async def do(self, method: str, *args: str, patience: float = PATIENCE_S) -> Any:
        """Call a method of puppeteer's page."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps([method, *args]).encode() + b"\n")
        async with asyncio.timeout(patience):
            line = await self._process.stdout.readline()
        assert line, "Firefox ended"
        answer = json.loads(line)
        assert "error" not in answer, answer["error"]
        return answer["value"]


class Fox:
    """A guest in Firefox."""

    def __init__(self, page: FoxPage) -> None:
        self.page = page

    async def join(self) -> None:
        await self.page.click("#join")

    async def reads(self, state: State, words: str = "") -> None:
        """Wait for this state of `#status`, with these words in its sentence."""
        read: list[str] = []
        async with asyncio.timeout(PATIENCE_S):
            while read[:1] != [state] or words not in read[1]:
                read = await self.page.evaluate(STATUS)

    async def check(self, origin: str) -> None:
        """The page complained of nothing, and asked no other host for anything."""
        told = await self.page.do("told")
        assert told["complaints"] == []
        assert [url for url in told["requests"] if not url.startswith(f"{origin}/")] == []


@pytest.fixture(scope="module")
def speaker() -> Iterator[Pulse]:
    """A sound server: without one, Firefox never starts what measures sound in a page."""
    with running_pulse("module-null-sink sink_name=speaker") as pulse:
        yield pulse


@pytest.fixture
async def fox(origin: str, speaker: Pulse, tmp_path: Path) -> AsyncIterator[Fox]:
    """A guest in Firefox at the page of the room, who has not joined; nothing of Firefox stays."""
    home = tmp_path / "fox"
    home.mkdir()
    async with firefox(home, speaker) as page:
        await page.do("evaluateOnNewDocument", REMEMBER_THE_CONNECTIONS)
        await page.do("goto", f"{origin}/r/{ROOM}?name=Fox")
        guest = Fox(page)
        await guest.reads("ready")
        yield guest
        await guest.check(origin)
    async with asyncio.timeout(PATIENCE_S):
        while processes_of(home):
            await asyncio.sleep(0.05)
    assert list(home.glob("puppeteer*")) == []


@asynccontextmanager
async def firefox(home: Path, speaker: Pulse) -> AsyncIterator[FoxPage]:
    """Firefox with an empty page; what it writes goes to ``home``."""
    node, path = needs("node", "nodejs"), needs("firefox-esr", "firefox-esr")
    if not PUPPETEER.exists():
        pytest.skip("puppeteer-core is missing: npm --prefix tests/browser ci")
    process = await asyncio.create_subprocess_exec(
        node, str(DRIVER), path,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=LINE_BYTES,
        env=speaker.env | {"HOME": str(home), "TMPDIR": str(home)},
    )  # fmt: skip
    page = FoxPage(process)
    try:
        await page.do("url", patience=START_S)
        yield page
    finally:
        assert process.stdin
        process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), PATIENCE_S)
        except TimeoutError:
            process.terminate()
            await process.wait()


def processes_of(home: Path) -> list[str]:
    """The ids of the processes that write to ``home``."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            environment = (process / "environ").read_bytes()
        except OSError:  # it ended, or is another user's
            continue
        if f"TMPDIR={home}\0".encode() in environment:
            found.append(process.name)
    return found


@pytest.mark.parametrize("first", ["firefox", "pycall"])
async def test_firefox_and_pycall_see_and_hear_each_other(
    first: str, fox: Fox, caller: Callable[..., Caller], tmp_path: Path
) -> None:
    record = tmp_path / "call.mp4"
    options = ("--record", record, "--record-layout", "remote")
    if first == "firefox":
        await fox.join()
        await fox.reads("waiting")
        ann = caller(*options)
    else:
        ann = caller(*options)
        await ann.event("joined")
        await fox.join()

    await fox.reads("connected", "Connected to Ann")
    assert (await ann.event("peer_joined"))["name"] == "Fox"
    assert (await ann.event("connected"))["path"] == "direct"
    assert await same_words(fox, ann)
    await sees_the_card(fox)
    await hears_the_melody(fox)
    encodings = await fox.page.evaluate(ENCODINGS)
    assert {encodings["inbound-rtp"], encodings["outbound-rtp"]} == {"video/VP8"}  # it has no H.264
    await fox.page.click("#hangup")
    assert await asyncio.to_thread(ann.program.wait) == 0
    assert (await ann.event("ended"))["reason"] == "peer-hangup"
    await asyncio.to_thread(recorded_firefox, record)


async def test_firefox_leaves_and_joins_again_and_after_a_reload_too(
    fox: Fox, caller: Callable[..., Caller]
) -> None:
    ann = caller("--stay")
    await ann.event("joined")
    await fox.join()
    await fox.reads("connected", "Connected to Ann")
    await sees_the_card(fox)

    await fox.page.click("#hangup")
    await fox.reads("ended", "You left the call.")
    assert (await ann.event("peer_left"))["reason"] == "left"
    await fox.join()
    await fox.reads("connected", "Connected to Ann")
    await sees_the_card(fox)

    await fox.page.do("reload")
    await ann.count("peer_left", 2)
    await fox.reads("ready")
    await fox.join()
    await fox.reads("connected", "Connected to Ann")
    await sees_the_card(fox)
    await hears_the_melody(fox)
    await ann.count("first_frame", 6)
    assert await ann.hang_up() == 130
    await fox.reads("waiting")


@pytest.mark.parametrize("first", ["firefox", "chromium"])
async def test_firefox_and_chromium_see_and_hear_each_other(first: str, fox: Fox, filming: Guests) -> None:
    bob = await filming.come(f"/r/{ROOM}?name=Bob")
    one, other = (fox, bob) if first == "firefox" else (bob, fox)
    await one.join()
    await one.reads("waiting")
    await other.join()

    await fox.reads("connected", "Connected to Bob")
    await bob.reads("connected", "Connected to Fox")
    assert await fox.page.evaluate(SHOWN_WORDS) == await bob.words()
    seen: set[int] = set()
    async with asyncio.timeout(PATIENCE_S):
        while len(seen) < 3:
            card = await arrived_card(fox)
            assert card.bars == BARS
            seen.add(card.number)
    await hears(fox, *WHISTLE_HZ)
    await sees_the_fake_camera(bob)
    await hears(bob, TONE_HZ)
    await fox.page.click("#hangup")
    await bob.reads("waiting")


async def test_before_joining_one_sees_oneself_and_how_loud_one_is(fox: Fox) -> None:
    await sees_the_fake_camera(fox, "#local")
    async with asyncio.timeout(PATIENCE_S):
        while await fox.page.evaluate(LEVEL) < 0.3:
            pass


async def hears(viewer: Viewer, *hertz: float) -> None:
    """Wait for each of these tones."""
    pitches: list[float] = []
    async with asyncio.timeout(PATIENCE_S):
        while not all(any(abs(pitch - each) < 6 for pitch in pitches) for each in hertz):
            pitches += await viewer.page.evaluate(PITCHES, ["#remote", 1])


async def sees_the_fake_camera(viewer: Viewer, selector: str = "#remote") -> None:
    """Wait for a colour of Firefox's fake camera, and for another one after it."""
    colours: list[NDArray[Any]] = []
    async with asyncio.timeout(PATIENCE_S):
        while not changing(colours):
            colours += plain([decoded_png(await viewer.page.evaluate(SNAPSHOT, selector))])


def plain(frames: Iterable[av.VideoFrame]) -> list[NDArray[Any]]:
    """Red, green and blue of those pictures that are one vivid colour, below the time in the first lines."""
    shown = [frame.to_ndarray(format="rgb24")[frame.height // 8 :] for frame in frames]
    means = [pixels.mean(axis=(0, 1)) for pixels in shown if pixels.std(axis=(0, 1)).max() < 10]
    return [mean for mean in means if np.ptp(mean) > VIVID]


def changing(colours: list[NDArray[Any]]) -> bool:
    """Whether it is not one and the same colour."""
    return bool(colours) and float(np.ptp(colours, axis=0).max()) > 20


def recorded_firefox(path: Path) -> None:
    """What its fake camera films and its fake microphone hears, for some time."""
    with av.open(str(path)) as file:
        colours = plain(file.decode(video=0))
    assert len(colours) >= 10
    assert changing(colours)
    assert whistled(path, (TONE_HZ,))[TONE_HZ] >= 5
