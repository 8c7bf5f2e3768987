"""Fixtures of the media tests."""

from __future__ import annotations

from tests.rig import pulse, speech_file, speech_wav, xvfb

__all__ = ["pulse", "speech_file", "speech_wav", "xvfb"]
