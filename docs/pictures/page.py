"""Makes the pictures of the call page from a real call between two browsers.

    python docs/pictures/page.py

Needs Debian's chromium. The people in front of the cameras are drawn.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.async_api import BrowserType, Page, async_playwright

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parents[1]))

from pycall.server.app import SignallingServer  # noqa: E402  found by the line above
from tests.browser.guests import CHROMIUM, DEVICES, FLAGS, Guest  # noqa: E402  as above

SIZES: dict[str, dict[str, Any]] = {
    "desktop": {"viewport": {"width": 1280, "height": 800}},
    "phone": {"viewport": {"width": 360, "height": 740}, "device_scale_factor": 2, "is_mobile": True},
}

PORTRAIT = HERE / "portrait.svg"
ANN = {"light": "#f3e3cf", "dark": "#d9b48c", "wood": "#a5764d", "hair": "#5a3825", "skin": "#f2c6a5",
       "shade": "#dfae8c", "shirt": "#2f6f73", "hair-width": "116px", "hair-height": "136px"}  # fmt: skip
BOB = {"light": "#d6e1ea", "dark": "#8fa9bd", "wood": "#5d7488", "hair": "#20262e", "skin": "#c98f68",
       "shade": "#b57c57", "shirt": "#d97b4a", "hair-width": "98px", "hair-height": "122px"}  # fmt: skip


NAMES_LIKE_ANYBODYS = """
const names = { microphones: "Built-in microphone", cameras: "Built-in camera", speakers: "Headphones" };
for (const [id, name] of Object.entries(names)) document.getElementById(id).selectedOptions[0].text = name;
"""


@dataclass(frozen=True)
class Look:
    """How one series of pictures is taken."""

    size: str
    scheme: str

    def path(self, what: str) -> Path:
        """Where a picture goes."""
        return HERE / f"page-{what}-{self.size}-{self.scheme}.png"


async def main() -> None:
    """Let Ann and Bob call each other, in both sizes and by day and night."""
    server = SignallingServer("127.0.0.1", 0)
    await server.start()
    origin = f"http://127.0.0.1:{server.port}"
    async with async_playwright() as playwright:
        with tempfile.TemporaryDirectory() as folder:
            faces = Path(folder) / "ann.mjpeg", Path(folder) / "bob.mjpeg"
            await draw(playwright.chromium, dict(zip(faces, (ANN, BOB), strict=True)))
            for look in [Look(size, scheme) for size in SIZES for scheme in ("light", "dark")]:
                async with (
                    guest(playwright.chromium, origin, faces[0], look) as ann,
                    guest(playwright.chromium, origin, faces[1], look) as bob,
                ):
                    await take(ann, bob, look)
    await server.stop()


async def draw(browsers: BrowserType, portraits: dict[Path, dict[str, str]]) -> None:
    """Write each portrait as what a camera gives: a second of pictures, one JPEG after the other."""
    browser = await browsers.launch(executable_path=CHROMIUM, args=list(FLAGS))
    page = await browser.new_page(viewport={"width": 640, "height": 480})
    for path, colours in portraits.items():
        style = "; ".join(f"--{name}: {value}" for name, value in colours.items())
        await page.set_content(
            f'<body style="margin: 0; {style}">{PORTRAIT.read_text(encoding="utf-8")}</body>'
        )
        path.write_bytes(await page.screenshot(type="jpeg", quality=95) * 30)
    await browser.close()


@asynccontextmanager
async def guest(browsers: BrowserType, origin: str, face: Path, look: Look) -> AsyncIterator[Guest]:
    """Somebody with this face at the call page."""
    flags = [*FLAGS, *DEVICES, f"--use-file-for-fake-video-capture={face}"]
    browser = await browsers.launch(executable_path=CHROMIUM, args=flags)
    page: Page = await browser.new_page(color_scheme=look.scheme, **SIZES[look.size])  # type: ignore[arg-type]
    somebody = Guest(page, origin)
    await somebody.visit(f"/r/kitchen?name={face.stem.capitalize()}")
    yield somebody
    await browser.close()


async def take(ann: Guest, bob: Guest, look: Look) -> None:
    """Take the pictures of one call, on Ann's side."""
    await ann.until("document.querySelector('#local').videoWidth > 0")
    await ann.page.evaluate(NAMES_LIKE_ANYBODYS)
    await ann.page.wait_for_timeout(1000)  # the meter has moved
    await ann.page.screenshot(path=look.path("before"))
    await ann.join()
    await ann.reads("waiting")
    await bob.join()
    await ann.reads("connected")
    await ann.page.wait_for_timeout(4000)  # the picture has become sharp
    await ann.page.mouse.click(5, 300)
    await ann.page.screenshot(path=look.path("call"))


if __name__ == "__main__":
    asyncio.run(main())
