"""The connection to the signalling server: Socket.IO in, inputs of the call out.

Everything the server or, through it, the other end says is checked before it is believed. The
connection is dialled again for as long as the client is open.
"""

from __future__ import annotations

from pycall.client.signalling.client import SignallingClient

__all__ = ["SignallingClient"]
