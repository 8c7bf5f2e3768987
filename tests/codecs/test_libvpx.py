"""libvpx is only called where its inside is known."""

from __future__ import annotations

import ctypes

import pytest

from pycall.codecs.libvpx import INTERFACES, Config, Library, libvpx
from pycall.errors import MediaError


def test_the_library_of_the_installed_wheel_is_known() -> None:
    library = libvpx()
    assert library is not None
    assert library.interface in INTERFACES.values()
    assert library.default_config().target_bitrate == 256


def test_a_library_without_its_functions_is_refused() -> None:
    with pytest.raises(MediaError, match="another interface"):
        Library(ctypes.CDLL(None))


def test_a_library_whose_structures_are_others_is_refused() -> None:
    with pytest.raises(MediaError, match="other structures"):
        Library._check(Config())
