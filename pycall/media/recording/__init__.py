"""Recordings: what was seen and heard, written so that it survives a crash."""
