"""An encoder that fails costs what it was to encode; one that fails again and again is not used any more."""

from __future__ import annotations

import logging
from typing import Final

import av

from pycall.codecs.packets import CodecError
from pycall.errors import MediaError

logger = logging.getLogger(__name__)

ENCODING_ERRORS: Final = (MediaError, CodecError, av.FFmpegError, ValueError)
"""What encoders raise."""

MOST: Final = 3
"""So often in a row an encoder may fail; each time a new one is begun."""


class Failures:
    """How often encoding ``what`` failed in a row."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._count = 0
        self.stock = False
        """Whether av's own encoder is to be used from now on."""

    def worked(self) -> None:
        """Something was encoded."""
        self._count = 0

    def failed(self, error: Exception) -> None:
        """It was not: it is said when that begins, and when it leads to another encoder."""
        self._count += 1
        if self._count == 1:
            logger.warning("Encoding %s failed, and begins anew: %r", self._what, error)
        if self._count >= MOST and not self.stock:
            self.stock = True
            logger.error("Encoding %s failed again and again: av's own way is used from here on.", self._what)
