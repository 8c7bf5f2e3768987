from __future__ import annotations

import numpy as np
from badnet.scene import BEST_DB, Scene, ScenePainter, scaled, spoken, texture

from pycall.media.frames import BLOCK, SAMPLE_RATE
from pycall.media.testsignals.strip import luma_of, read_strip
from tests.rig import needs


def test_the_texture_is_the_same_each_time_and_has_detail_of_every_size() -> None:
    one = texture(160, 120)

    assert np.array_equal(one, texture(160, 120))
    for step in (1, 4, 16):
        assert np.abs(np.diff(one[::step, ::step].astype(int))).mean() > 5


def test_a_painted_picture_is_the_scene_with_its_number_and_time() -> None:
    frame = ScenePainter(640, 480).paint(1234, 1_700_000_000_123)

    assert read_strip(frame) == (1234, 1_700_000_000_123)
    assert Scene(640, 480).psnr(luma_of(frame), 1234) == BEST_DB
    assert Scene(640, 480).psnr(luma_of(frame), 1235) < 25


def test_the_scene_goes_on_beyond_its_edges() -> None:
    scene = Scene(64, 48)

    assert np.array_equal(scene.luma(0), scene.luma(64 * 48))
    assert scene.luma(12_345).shape == (48, 64)


def test_psnr_is_of_the_mean_square_error() -> None:
    scene = Scene(64, 48)
    off_by_ten = (scene.luma(3) + 10).astype(np.uint8)

    assert abs(scene.psnr(off_by_ten, 3) - 28.13) < 0.01


def test_a_smaller_picture_is_compared_in_the_size_that_was_sent() -> None:
    scene = Scene(64, 48)
    small = scene.luma(7).reshape(24, 2, 32, 2).mean(axis=(1, 3)).astype(np.uint8)

    assert 10 < scene.psnr(small, 7) < 40


def test_scaling_keeps_a_slope() -> None:
    slope = np.tile(np.arange(0, 160, 10, dtype=np.uint8), (4, 1))

    larger = scaled(slope, 32, 8)

    assert larger.shape == (8, 32)
    assert np.allclose(np.diff(larger[0, 1:-1]), 5)


def test_the_text_is_spoken_in_whole_blocks() -> None:
    needs("espeak-ng", "espeak-ng")

    samples = spoken("One two three.")

    assert samples.dtype == np.int16
    assert len(samples) % BLOCK == 0
    assert SAMPLE_RATE / 2 < len(samples) < 5 * SAMPLE_RATE
    assert 1000 < np.abs(samples).max() < 20_000
