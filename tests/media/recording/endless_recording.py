"""A program that records until it is killed: ``python -m`` this, ``FILE LAYOUT``.

It prints a line after each block of sound it has given to the recorder: the seconds given so far.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from pycall.errors import RecordingFailed
from pycall.media.recording.composition import Layout
from pycall.media.recording.recorder import Recorder
from tests.media.recording.footage import numbered, tone

FPS = 30
SIZE = (320, 240)


def main(path: Path, layout: Layout) -> None:
    recorder = Recorder(path, layout=layout, size=SIZE, fps=FPS, notice=print, on_failed=fail)
    recorder.start()
    start = time.monotonic()
    number = block = 0
    while True:
        now = time.monotonic() - start
        while block / 50 <= now:
            recorder.remote_sound(tone(start + block / 50))
            recorder.local_sound(tone(start + block / 50 - 0.03))
            block += 1
        while number / FPS <= now:
            recorder.remote_picture(numbered(number, start + number / FPS, SIZE))
            recorder.local_picture(numbered(number, start + number / FPS - 0.02, SIZE))
            number += 1
        print(now, flush=True)
        time.sleep(0.01)


def fail(failure: RecordingFailed) -> None:
    sys.exit(failure.message)


if __name__ == "__main__":
    choice: dict[str, Layout] = {"together": "together", "remote": "remote", "local": "local"}
    main(Path(sys.argv[1]), choice[sys.argv[2]])
