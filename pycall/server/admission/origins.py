"""Which pages may connect: a browser tells whose page it shows, and no page can have it say otherwise."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from aiohttp import web

from pycall.core.origin import Origin, parse_origin
from pycall.server.admission.addresses import Visitor


@dataclass(frozen=True, slots=True)
class Origins:
    """The pages of this server itself, and those of sites elsewhere that were named."""

    elsewhere: frozenset[Origin] = frozenset()

    @classmethod
    def of(cls, origins: Iterable[str]) -> Origins:
        """These besides; raises :class:`ValueError` for what is no ``https://www.example.org``."""
        return cls(frozenset(map(parse_origin, origins)))

    def allow(self, request: web.BaseRequest, visitor: Visitor) -> bool:
        """Whether the page that sent ``request`` may connect; programs, which send no origin, always may.

        ``null``, which is what a page from a file or in a sandbox has, is nobody's.
        """
        told = request.headers.getall("Origin", ())
        if not told:
            return True
        try:
            origin = parse_origin(*told)
            if origin in self.elsewhere:
                return True
            here = parse_origin(f"{visitor.scheme or origin.scheme}://{visitor.host}")
        except (TypeError, ValueError):  # several, or none that could be
            return False
        return origin == here
