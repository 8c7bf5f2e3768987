from __future__ import annotations

from pycall.client.doctor.encoding import check_encoders, judge, speed_of
from pycall.codecs.pictures import open_picture_encoder
from tests.client.pair import painted


def test_both_codecs_are_measured() -> None:
    findings = check_encoders([painted(level) for level in (60, 120, 180)], 30)

    assert [each.subject for each in findings] == ["VP8", "H.264"]
    for each in findings:
        assert each.figures["width"] == 320
        assert each.figures["wanted_fps"] == 30
        assert float(each.figures["fps"] or 0) > 0


def test_one_picture_is_enough_to_measure() -> None:
    assert speed_of(open_picture_encoder("VP8", 320, 240, 500_000, 30), [painted(100)]) > 0


def test_a_call_needs_more_than_bare_speed() -> None:
    fast, tight, slow = (judge("VP8", (640, 480), speed, 30) for speed in (200.0, 32.0, 12.0))

    assert [each.state for each in (fast, tight, slow)] == ["ok", "warning", "warning"]
    assert "12 pictures of 640x480 a second" in slow.found
    assert "--fps 4" in slow.advice
    assert not fast.advice


def test_a_size_no_encoder_takes_is_told() -> None:
    huge = check_encoders([painted(100, (20_000, 2))], 30)

    assert huge[0].state == "failed"
    assert "--size" in huge[0].advice
