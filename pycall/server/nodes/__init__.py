"""Several servers as one: the rooms live in Redis, and orders go to the server that has the connection."""

from __future__ import annotations

from pycall.server.nodes.rooms import SharedRooms

__all__ = ["SharedRooms"]
