"""Calls in bad networks: pycall, plain aiortc and Chromium, each with itself, and pycall with Chromium.

    python benchmarks/bad_network.py [--rows clean,loss5] [--contestants pycall,aiortc,Chromium,mixed]
        [--runs 3] [--seconds 20] [--json FILE] [--plot FILE.svg]
    python benchmarks/bad_network.py --from FILE... [--plot FILE.svg]

As root: each call is in a network laboratory of its own (tests/netlab), impaired in both directions. With
``--json`` the figures of each call are added to a file as soon as they are there, with ``--from`` the tables
are made of such files. Needs Debian's chromium and espeak-ng. A call takes about half a minute, a run of all
rows and contestants about half an hour.
"""

from __future__ import annotations

import argparse
import os
import platform
import traceback
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from badnet.call import CHROMIUM, CONTESTANTS, Cell, Trial, one_call
from badnet.plot import drawing
from badnet.rows import BY_KEY
from badnet.scene import spoken
from badnet.tables import Results, behind, tables
from cells import collected, kept, names
from playwright.sync_api import sync_playwright

from tests.netlab.namespaces import sweep

NOTES: Final = """\
Cells are the mean over all sides and runs (lowest..highest). A row is what one side received; CPU, in
cores, and memory are of this side's whole process tree. Both sides share this machine.

Not the same measurement everywhere:

- **picture latency** is from the painting to the handing over: in pycall to window and recorder, in plain
  aiortc out of `track.recv()`, in Chromium to the compositor (`presentationTime`), with its smoothing. None
  has the screen in it. The clock of every shown picture is read.
- **fps** counts new pictures shown. Chromium tells of a picture at most once per refresh of its (60 Hz)
  screen, which merges some. Of plain aiortc many come late in a heap: read latency and freezes.
- **freezes** are gaps of more than 200 ms between shown pictures, counted whole.
- **sound lost**: in pycall what the playout had to conceal, in Chromium `concealedSamples` (of both, what
  came out of Opus FEC is not in it), in plain aiortc, which has no player, what never came or came more
  than 100 ms after the fastest of the window. Before its first sound came, all that pycall played is lost.
- **What a sender itself left out** nobody counts as lost, as its time stamps go on without it: in pycall
  blocks that the event loop came too late for, in Chromium what its audio thread did not make in time. A
  longer gap of pycall's, over which time stamps jump, is a pause to pycall and concealed sound to Chromium.
  Plain aiortc leaves out nothing here and sends late, which counts once it is 100 ms. STOI tells of all.
- **sound latency** is from the microphone to the speaker, without either's own: found by laying the
  recording over the spoken text. Plain aiortc's has no player's delay in it. Chromium's is right to about
  20 ms.
- **STOI** is of what was played, laid beside the text anew each half second; of plain aiortc, of everything
  that came, however late.
- **PSNR** is of the luma of each tenth shown picture against the one that was sent; a smaller one is scaled
  up.
- **received** is all that came in on the transport; pycall's is of whole seconds. **On the link** is what
  the other side sent, with repairs and IP headers, also of what the network lost.
- **sound after** a cut is the first 20 ms that were not concealed (pycall), the first block (plain aiortc),
  or the first 100 ms most of which was not concealed (Chromium).
- **CPU** has painting and measuring in it. pycall and plain aiortc do both with the same code: 0.01 core for
  painting, 0.004 for reading the clock of every picture and comparing each tenth. In Chromium's page the
  scripts for it take 0.02 core (0.03 at 1280x720; run alone in Node); copying pictures and sound into the
  browser and out of it comes on top, which is not known, and the drawing of the page."""


def run(arguments: argparse.Namespace) -> Iterator[Cell]:
    """Hold all calls in turn; their figures."""
    began = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S}"
    sweep()
    text = spoken()
    with ExitStack() as stack:
        needed = any(CHROMIUM in CONTESTANTS[name] for name in arguments.contestants)
        playwright = stack.enter_context(sync_playwright()) if needed else None
        for turn in range(arguments.runs):
            for key in arguments.rows:
                for name in arguments.contestants:
                    trial = Trial(name, BY_KEY[key], arguments.seconds, turn)
                    try:
                        cells = one_call(trial, text, playwright)
                    except Exception as error:  # noqa: BLE001  whatever went wrong is the result
                        traceback.print_exc()
                        cells = [{"row": key, "contestant": name, "error": repr(error)}]
                    for cell in cells:
                        yield cell | {"run": f"{began} {turn}", "load": os.getloadavg()[0]}


def main() -> int:
    """Run the calls, or read what is kept of some, and print the tables; 1 if a call failed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=names(BY_KEY), default=list(BY_KEY), help=", ".join(BY_KEY))
    parser.add_argument(
        "--contestants", type=names(CONTESTANTS), default=list(CONTESTANTS), help=", ".join(CONTESTANTS)
    )
    parser.add_argument("--runs", type=int, default=3, help="turns of all calls")
    parser.add_argument("--seconds", type=float, default=20, help="length of the measured window")
    parser.add_argument("--json", type=Path, help="add the figures to this file, a line of JSON each")
    parser.add_argument("--plot", type=Path, help="draw the two most telling figures into this SVG")
    parser.add_argument("--from", type=Path, nargs="+", dest="files", help="hold no call, read these files")
    arguments = parser.parse_args()
    began, load = datetime.now(UTC), os.getloadavg()[0]
    cells = list(kept(arguments.files)) if arguments.files else collected(run(arguments), arguments.json)
    results = Results(cells)
    if not arguments.files:
        print(
            f"{began:%Y-%m-%d %H:%M} UTC, {os.cpu_count()} cores ({platform.machine()}), "
            f"Python {platform.python_version()}, windows of {arguments.seconds:g} s, {arguments.runs} runs; "
            f"load at the beginning {load:.1f}\n"
        )
    print(tables(results), NOTES, sep="\n\n", end="\n\n")
    print("Where pycall is behind:", *(behind(results) or ["nowhere"]), sep="\n- ")
    if arguments.plot:
        arguments.plot.write_text(drawing(results), encoding="utf-8")
    return int(bool(results.failures))


if __name__ == "__main__":
    raise SystemExit(main())
