"""libvpx is only called where its inside is known, and only with pictures it can take."""

from __future__ import annotations

import ctypes

import pytest

from pycall.codecs import libvpx
from pycall.codecs.library import load
from pycall.codecs.libvpx import INTERFACES, Config, Library, VpxEncoder
from pycall.errors import MediaError
from tests.codecs.scenery import moving


@pytest.fixture
def library() -> Library:
    found = libvpx.libvpx()
    assert found is not None
    return found


def test_the_library_of_the_installed_wheel_is_known(library: Library) -> None:
    assert library.interface in INTERFACES.values()
    config = library.default_config()
    assert (config.width, config.height, config.target_bitrate) == (320, 240, 256)


def test_a_library_without_its_functions_is_refused() -> None:
    with pytest.raises(MediaError, match="another interface"):
        Library(ctypes.CDLL(None))


def test_a_library_of_an_unknown_release_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(libvpx, "INTERFACES", {(0, 9): 1})
    found = load("vpx")
    assert found is not None
    with pytest.raises(MediaError, match=r"unknown release v1\.\d+\.\d+"):
        Library(found)
    assert libvpx.libvpx.__wrapped__() is None


def test_a_library_whose_interface_has_another_number_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(libvpx, "INTERFACES", dict.fromkeys(INTERFACES, 1))
    assert libvpx.libvpx.__wrapped__() is None


def test_a_library_whose_structures_are_others_is_refused() -> None:
    with pytest.raises(MediaError, match="other structures"):
        Library._check(Config())


def test_settings_it_does_not_take_are_refused(library: Library) -> None:
    config = library.default_config()
    config.width = 20_000
    with pytest.raises(MediaError, match="parameter"):
        VpxEncoder(library, config, {})
    with pytest.raises(MediaError, match="parameter"):
        VpxEncoder(library, library.default_config(), {libvpx.NOISE_SENSITIVITY: 99})


@pytest.mark.parametrize("size", [(318, 240), (320, 242), (640, 480)])
def test_a_picture_of_another_size_is_not_read(library: Library, size: tuple[int, int]) -> None:
    encoder = VpxEncoder(library, library.default_config(), {})
    with pytest.raises(ValueError, match="another size"):
        encoder.encode(moving(1, size)[0], 0, 1, key=False)


def test_a_picture_of_another_format_is_not_read(library: Library) -> None:
    encoder = VpxEncoder(library, library.default_config(), {})
    with pytest.raises(ValueError, match="another size or format"):
        encoder.encode(moving(1, (320, 240))[0].reformat(format="nv12"), 0, 1, key=False)


def test_a_closed_encoder_does_nothing_more(library: Library) -> None:
    encoder = VpxEncoder(library, library.default_config(), {})
    encoder.close()
    encoder.close()
    for use in (
        encoder.configure,
        lambda: encoder.control(libvpx.CPU_USED, -8),
        lambda: encoder.encode(moving(1, (320, 240))[0], 0, 1, key=False),
    ):
        with pytest.raises(MediaError, match="closed"):
            use()
