"""The signalling server beside the plainest one on Node, under the same load in the same run.

    python benchmarks/signalling.py [--rooms 1000,5000,9900] [--contestants pycall,Node] [--runs 3]
        [--seconds 8] [--no-pings] [--json FILE]
    python benchmarks/signalling.py --from FILE...

`pycall serve` as a user starts it, and Socket.IO's own rooms on Node (crowd/seed, installed from npm when it
is not yet), each a process, one after the other; their clients are one process more, which costs so little
that it never waits for itself. With ``--json`` the figures of each server and number of rooms are added to a
file as soon as they are there, with ``--from`` the table is made of such files. Needs Linux, Debian's nodejs
and npm. All of it takes about eight minutes a run.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import traceback
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from cells import Cell, collected, kept, names
from crowd.servers import CONTESTANTS, NODE, ServerFailed, most_rooms, versions
from crowd.tables import Results, behind, surprises, table
from crowd.trial import WARM_UP_ROOMS, Plan, one_trial

ROOMS: Final = (1000, 5000, 9900)

NOTES: Final = """\
Figures are the mean over all runs, ratios are pycall's to Node's in the same run (lowest..highest), "grows"
is the figure with the most rooms as a multiple of that with the fewest. Two members to a room. Server and
load share this machine.

- **The same for both**: plain Socket.IO clients over websockets, which offer no compression (both servers
  have it off besides); TCP from 127.0.0.1 and seven more addresses; before the figures 100 rooms and 6000
  messages, as Node compiles what it does often.
- **Connects and joins**: TCP connection, handshakes, `join` until `joined`, 64 at once until all are there.
- **CPU** is user's and system's of the server process; that of joins and messages without the pings' share.
- **Relay** is of an offer of 2.5 kB, at random times (a Poisson process) between random members, and counts
  from the time at which it was to be sent, however late it was: what waits is in it. So do **joins beside
  messages**, 50 a second into new rooms.
- **Memory** is the proportional set size, once all have been there for 2 s, less that after the warming up.
  Node is told to collect its garbage before both looks; left alone it holds more.
- **Pings** come at the server's own interval: 8 s from pycall, 25 s from Socket.IO.
- **The end** is pycall's only: Node's server ends without telling anybody."""


def run(arguments: argparse.Namespace) -> Iterator[Cell]:
    """Try every server with every number of rooms in turn; the figures."""
    began = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S}"
    plan = Plan(relay_s=arguments.seconds, joins_s=0.75 * arguments.seconds, pings=arguments.pings)
    for turn in range(arguments.runs):
        for rooms in arguments.rooms:
            for name in arguments.contestants:
                try:
                    cell = one_trial(name, rooms, plan, sys.stderr)
                except ServerFailed as failed:  # it would not start the next time either
                    raise SystemExit(str(failed)) from failed
                except Exception as error:  # noqa: BLE001  whatever went wrong is the result
                    traceback.print_exc()
                    cell = {"contestant": name, "rooms": rooms, "error": repr(error)}
                yield cell | {"run": f"{began} {turn}", "load": os.getloadavg()[0]}


def counts(most: int) -> Callable[[str], list[int]]:
    """What parses an argument: numbers of rooms, of which none is above ``most``."""

    def parse(text: str) -> list[int]:
        wanted = sorted({min(int(each), most) for each in text.split(",")})
        if wanted[0] <= WARM_UP_ROOMS:
            raise argparse.ArgumentTypeError(f"more than {WARM_UP_ROOMS} rooms are needed")
        return wanted

    return parse


def conditions(arguments: argparse.Namespace) -> str:
    """When, where and with what the figures were made."""
    said = [
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        f"{os.cpu_count()} cores ({platform.machine()})",
        f"Python {platform.python_version()}",
        *(versions() if NODE in arguments.contestants else ()),
        f"{arguments.runs} runs",
        f"load at the end {os.getloadavg()[0]:.1f}",
    ]
    return ", ".join(said)


def main() -> int:
    """Run it, or read what is kept of runs, and print the table; 1 if a server failed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    most = most_rooms()
    parser.add_argument(
        "--rooms", type=counts(most), default=counts(most)(",".join(map(str, ROOMS))), help="how many"
    )
    parser.add_argument(
        "--contestants", type=names(CONTESTANTS), default=list(CONTESTANTS), help=", ".join(CONTESTANTS)
    )
    parser.add_argument("--runs", type=int, default=1, help="turns of everything")
    parser.add_argument("--seconds", type=float, default=8, help="length of each window of messages")
    parser.add_argument("--no-pings", action="store_false", dest="pings", help="do not wait for pings")
    parser.add_argument("--json", type=Path, help="add the figures to this file, a line of JSON each")
    parser.add_argument("--from", type=Path, nargs="+", dest="files", help="run nothing, read these files")
    arguments = parser.parse_args()
    if most < max(ROOMS) and not arguments.files:
        print(f"A process may open too few descriptors here (ulimit -Hn) for more than {most} rooms.\n")
    results = Results(kept(arguments.files) if arguments.files else collected(run(arguments), arguments.json))
    if not arguments.files:
        print(conditions(arguments), end="\n\n")
    print(table(results), NOTES, sep="\n\n", end="\n\n")
    print("Where pycall is behind:", *(list(behind(results)) or ["nowhere"]), sep="\n- ")
    print("\nWhat should not have happened:", *(list(surprises(results)) or ["nothing"]), sep="\n- ")
    for failure in results.failures:
        print(failure)
    return int(bool(results.failures))


if __name__ == "__main__":
    raise SystemExit(main())
