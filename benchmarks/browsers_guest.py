"""One Chromium at the call page, measured: its page from inside, its processes from outside."""

from __future__ import annotations

import itertools
import json
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import Playwright
from processes import cpu_s, process_with

CHROMIUM: Final = "/usr/bin/chromium"
FLAGS: Final = (
    "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--autoplay-policy=no-user-gesture-required",
    "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream",
)  # fmt: skip
CAMERA: Final = Path(__file__).with_name("paced_camera.js").read_text(encoding="utf-8")
MEASURES: Final = Path(__file__).with_name("browsers_page.js").read_text(encoding="utf-8")
PATIENCE_MS: Final = 60_000

_numbers = itertools.count()


class Guest:
    """A person in a browser of their own; close it in the end."""

    def __init__(
        self,
        playwright: Playwright,
        origin: str,
        name: str,
        *,
        program: str | Path = CHROMIUM,
        flags: Sequence[str] = (),
        ice_servers: Sequence[Mapping[str, str]] = (),
        measures: str = MEASURES,
    ) -> None:
        """``ice_servers`` are asked besides those of the call page; ``measures`` is a script for it."""
        mark = f"--pycall-benchmark={os.getpid()}-{next(_numbers)}"
        self._browser = playwright.chromium.launch(executable_path=program, args=[*FLAGS, *flags, mark])
        self.root = process_with(mark)
        self._page = self._browser.new_page(viewport={"width": 1280, "height": 800})
        self._page.set_default_timeout(PATIENCE_MS)
        self._page.add_init_script(f"{{const MORE = {json.dumps(list(ice_servers))};{CAMERA}{measures}}}")
        self._page.goto(f"{origin}/r/bench?name={name}")
        self._page.wait_for_selector("#status[data-state=ready]")

    def join(self, state: str) -> None:
        """Come into the room, and wait for this state."""
        self._page.click("#join")
        self._page.wait_for_selector(f"#status[data-state={state}]")

    def first_picture_s(self) -> float:
        """Wait for the first picture; seconds from the server's word that the two are together."""
        seconds: float = self._page.evaluate("benchmark.first()")
        return seconds

    def begin(self, warm_up_s: float) -> None:
        """Wait for the first picture and the warming up, and measure from now on."""
        self._page.evaluate(f"benchmark.begin({1000 * warm_up_s})")
        self._begun, self._cpu = time.monotonic(), cpu_s(self.root)

    def report(self) -> dict[str, Any]:
        """The figures since :meth:`begin`."""
        cpu = (cpu_s(self.root) - self._cpu) / (time.monotonic() - self._begun)
        figures: dict[str, Any] = self._page.evaluate("benchmark.report()")
        return figures | {"cpu": cpu}

    def close(self) -> None:
        """End the browser."""
        self._browser.close()
