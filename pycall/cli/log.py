"""Log records on stderr, safe for a terminal whatever strangers made libraries log."""

from __future__ import annotations

import logging
import sys
from typing import Final

from pycall.cli.outlet import Outlet
from pycall.core.names import terminal_safe

FORMAT: Final = "%(asctime)s %(levelname)s %(name)s: %(message)s"


class TerminalFormatter(logging.Formatter):
    """Escapes whatever a terminal could act on; a traceback keeps its lines."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as text."""
        return "\n".join(map(terminal_safe, super().format(record).split("\n")))


def log_to_stderr(
    *, own: int, others: int, formatter: logging.Formatter | None = None, outlet: Outlet | None = None
) -> None:
    """Show records of pycall from level ``own`` on, of libraries from ``others`` on.

    With an ``outlet`` for stderr nobody waits for who reads it.
    """
    handler = logging.StreamHandler(outlet or sys.stderr)
    handler.setFormatter(formatter or TerminalFormatter(FORMAT))
    logging.basicConfig(level=others, handlers=[handler], force=True)
    logging.getLogger("pycall").setLevel(own)
