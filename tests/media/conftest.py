"""Fixtures of the media tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.rig import pulse, speech_file, speech_wav, xvfb

__all__ = ["pulse", "speech_file", "speech_wav", "xvfb"]


@pytest.fixture
def faults(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """What threads logged when they met a fault; only a test that asks for it may have any."""
    return caplog


@pytest.fixture(autouse=True)
def _no_fault(request: pytest.FixtureRequest, caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """A thread that dies of a fault is logged only; here that is a failure."""
    yield
    if "faults" not in request.fixturenames:
        assert [
            record.getMessage() for record in caplog.get_records("call") if record.name.startswith("pycall")
        ] == []
