"""pycall beside the plainest possible aiortc call, in one run on this machine's loopback.

    python benchmarks/call.py [--seconds 15] [--runs 1]

Each side is a process of its own. Both send the same test picture with its burnt-in clock, and read
the clock out of every fifth picture that arrives. CPU is in cores per side, averaged over both sides.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

HERE = Path(__file__).parent
SIZES = ("640x480", "1280x720")
FPS = 30
QUIET = ("--display", "none", "--speaker", "none", "--camera", "test")
CONTESTANTS = {
    "pycall": (*QUIET, "--microphone", "test"),
    "pycall, microphone": (*QUIET, "--microphone", "default", "--no-audio-processing"),
    "pycall, microphone and audio processing": (*QUIET, "--microphone", "default"),
    "pycall, recording": (*QUIET, "--microphone", "test", "--record", "bench.mp4"),
}
"""Audio processing works on a microphone only, so the two rows with one are to be compared."""


def plain(size: str, seconds: float) -> list[dict[str, Any]]:
    """One plain aiortc call; the figures of both sides."""
    sides = {role: start("plain_side.py", role, size, str(FPS), str(seconds)) for role in ("offer", "answer")}
    _pass_on(sides["offer"].stdout, sides["answer"].stdin)
    _pass_on(sides["answer"].stdout, sides["offer"].stdin)
    return [figures_of(side) for side in sides.values()]


def pycall(
    size: str, seconds: float, options: tuple[str, ...], folder: Path, environment: dict[str, str]
) -> list[dict[str, Any]]:
    """One pycall call through a real server; the figures of both sides."""
    with server() as url:
        common = ("--server", url, "--size", size, "--fps", str(FPS), *options)
        sides = []
        for _ in range(2):
            side = start("pycall_side.py", str(seconds), *common, cwd=folder, env=environment)
            sides.append(side)
            assert side.stdout is not None
            side.stdout.readline()
        return [figures_of(side) for side in sides]


@contextmanager
def server() -> Iterator[str]:
    """A `pycall serve` of the benchmark's own; its address."""
    process = subprocess.Popen(
        [sys.executable, "-m", "pycall", "serve", "--host", "127.0.0.1", "--port", "0"],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        yield next(word for word in _words(process.stdout) if word.startswith("http://127.0.0.1:")).rstrip(
            "./"
        )
    finally:
        process.terminate()
        process.wait(10)


@contextmanager
def microphone() -> Iterator[dict[str, str]]:
    """A PulseAudio server of the benchmark's own, whose microphone hears nothing; its environment."""
    folder = tempfile.mkdtemp(prefix="pycall-bench-")
    environment = os.environ | {"XDG_RUNTIME_DIR": folder, "PULSE_SERVER": f"unix:{folder}/pulse/native"}
    options = ["-n", "--daemonize=no", "--use-pid-file=no", "--exit-idle-time=-1", "--log-level=error"]
    modules = (
        "module-native-protocol-unix",
        "module-null-sink sink_name=micsink",
        "module-remap-source master=micsink.monitor source_name=mic",
    )
    loads = [word for module in modules for word in ("-L", module)]
    server = subprocess.Popen(["pulseaudio", *options, *loads], env=environment)
    try:
        while not Path(folder, "pulse", "native").exists():
            assert server.poll() is None, "pulseaudio did not start: apt install pulseaudio"
            time.sleep(0.05)
        yield environment
    finally:
        server.terminate()
        server.wait()
        shutil.rmtree(folder, ignore_errors=True)


def start(
    script: str, *arguments: str, cwd: Path | None = None, env: dict[str, str] | None = None
) -> subprocess.Popen[str]:
    """One side in a process of its own; ``script`` lies beside this one."""
    return subprocess.Popen(
        [sys.executable, str(HERE / script), *arguments],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=cwd, env=env,
    )  # fmt: skip


def _pass_on(source: IO[str] | None, target: IO[str] | None) -> None:
    assert source is not None
    assert target is not None
    target.write(source.readline())
    target.flush()


def _words(stream: IO[str] | None) -> Any:
    assert stream is not None
    for line in stream:
        yield from line.split()


def figures_of(side: subprocess.Popen[str]) -> dict[str, Any]:
    """What a side reports when its window is over."""
    out, _ = side.communicate(timeout=120)
    return json.loads(out.splitlines()[-1])  # type: ignore[no-any-return]


COLUMNS = (
    "size", "call", "CPU per side", "of plain", "fps",
    "picture p50 ms", "p95 ms", "first frame s", "MB", "more MB",
)  # fmt: skip
HEAD = ("| " + " | ".join(COLUMNS) + " |", "|" + " --- |" * len(COLUMNS))


def mean(sides: list[dict[str, Any]], key: str) -> float:
    """A figure averaged over sides that know it."""
    return statistics.fmean(side[key] for side in sides if key in side)


def row(name: str, size: str, sides: list[dict[str, Any]], base: list[dict[str, Any]]) -> str:
    """A line of the table."""
    cpu = mean(sides, "cpu")
    return (
        f"| {size} | {name} | {cpu:.2f} | {cpu / mean(base, 'cpu'):.2f} | {mean(sides, 'fps'):.1f} "
        f"| {mean(sides, 'latency_p50_ms'):.0f} | {mean(sides, 'latency_p95_ms'):.0f} "
        f"| {mean(sides, 'first_frame_s'):.2f} | {mean(sides, 'memory_mb'):.0f} "
        f"| {mean(sides, 'memory_mb') - mean(base, 'memory_mb'):+.0f} |"
    )


def main() -> None:
    """Run the contestants in turn and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=15, help="length of the measured window")
    parser.add_argument("--runs", type=int, default=1, help="turns; figures are averaged")
    arguments = parser.parse_args()
    print(*HEAD, sep="\n")
    with tempfile.TemporaryDirectory() as folder, microphone() as environment:
        for size in SIZES:
            figures: dict[str, list[dict[str, Any]]] = {}
            for _ in range(arguments.runs):
                figures.setdefault("plain aiortc", []).extend(plain(size, arguments.seconds))
                for name, options in CONTESTANTS.items():
                    sides = pycall(size, arguments.seconds, options, Path(folder), environment)
                    figures.setdefault(name, []).extend(sides)
            for name, sides in figures.items():
                print(row(name, size, sides, figures["plain aiortc"]), flush=True)


if __name__ == "__main__":
    main()
