"""One side of a call in a bad network that is Chromium at the call page."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any, Final

import numpy as np
from browsers_guest import CHROMIUM, Guest
from playwright.sync_api import Playwright

from badnet.rows import Row
from badnet.scene import FPS, STEP_X, STEP_Y, texture
from pycall.media.frames import Samples
from tests.netlab.laboratory import Laboratory
from tests.netlab.namespaces import Namespace

SCRIPT: Final = Path(__file__).with_name("page.js").read_text(encoding="utf-8")

LOOK_MS: Final = 1000
LOOK_IN_A_CUT_MS: Final = 100
"""How often the figures of the sound are read, which costs some CPU."""


class BadNetworkGuest(Guest):
    """A browser of its own on one of the laboratory's machines; the page waits for being joined."""

    def __init__(
        self,
        playwright: Playwright,
        lab: Laboratory,
        machine: Namespace,
        *,
        row: Row,
        text: Samples,
        folder: Path,
    ) -> None:
        width, height = row.size
        scene = {
            "width": width,
            "height": height,
            "fps": FPS,
            "step_x": STEP_X,
            "step_y": STEP_Y,
            "texture": base64.b64encode(texture(width, height).tobytes()).decode(),
            "speech": base64.b64encode(text.tobytes()).decode(),
            "hold": row.held,
            "look_ms": LOOK_IN_A_CUT_MS if row.cut_s else LOOK_MS,
        }
        super().__init__(
            playwright,
            lab.url,
            "Guest",
            program=program_on(machine, folder),
            flags=(f"--unsafely-treat-insecure-origin-as-secure={lab.url}",),
            measures=f"const SCENE = {json.dumps(scene)};{SCRIPT}",
        )
        self._recording = folder / f"{machine.name}.npy"

    def ask(self, word: str) -> dict[str, Any]:
        """As a side in Python answers; see gauge.py."""
        figures: dict[str, Any] = self._page.evaluate(f"benchmark.{word}()") or {}
        sound = figures.get("recording")
        if sound is not None:
            np.save(self._recording, np.frombuffer(base64.b64decode(sound), np.int16))
            figures["recording"] = str(self._recording)
        return figures


def program_on(machine: Namespace, folder: Path) -> Path:
    """A program that is Chromium on this machine of the laboratory."""
    path = folder / f"chromium-{machine.name}"
    path.write_text(f'#!/bin/sh\nexec {" ".join(machine.command(CHROMIUM))} "$@"\n', encoding="utf-8")
    path.chmod(0o700)
    return path
