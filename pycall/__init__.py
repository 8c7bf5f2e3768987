"""Peer-to-peer calls for the terminal, with the signalling server in the same package."""

__version__ = "0.1.0"
