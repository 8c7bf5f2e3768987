"""Samples that are played as packets are."""

from __future__ import annotations

import numpy as np

from pycall.media.playout.plain import PlainDecoder


def test_samples_come_back_as_they_were() -> None:
    samples = np.arange(-480, 480, dtype=np.int16)

    assert np.array_equal(PlainDecoder().decode(samples.tobytes()), samples)


def test_they_have_no_redundancy() -> None:
    assert PlainDecoder().recover(bytes(1_920), 960) is None


def test_a_gap_goes_on_as_before_and_a_reset_forgets_it() -> None:
    decoder = PlainDecoder()
    for _ in range(3):
        decoder.decode((5_000 * np.sin(np.arange(960) / 10)).astype(np.int16).tobytes())

    assert np.abs(decoder.conceal(480)).max() > 3_000
    decoder.reset()
    assert not decoder.conceal(480).any()
