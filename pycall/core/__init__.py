"""Decisions: what a room and a call do next. No I/O, no clock, no randomness, no third-party import."""
