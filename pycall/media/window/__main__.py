"""The window's process; see the package's text."""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Show a window until the input ends or somebody closes it."""
    _leave_no_core_file()
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # whatever a library prints is no answer of ours
    try:
        from pycall.media.window import viewer  # noqa: PLC0415  OpenCV needs libraries of the system
    except ImportError as error:
        print("failed", " ".join(str(error).split()), file=answers)
        return
    viewer.run(sys.argv[1], answers)


def _leave_no_core_file() -> None:
    """Qt aborts when it cannot reach the display; that is expected and nothing to be examined."""
    try:
        import resource  # noqa: PLC0415  not on Windows
    except ImportError:
        return
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


if __name__ == "__main__":
    main()
    os._exit(0)  # Qt's threads and windows do not end in good order, and there is nothing to lose
