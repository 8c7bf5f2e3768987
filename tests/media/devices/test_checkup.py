from __future__ import annotations

from pathlib import Path

import pytest

from pycall.core.findings import Finding
from pycall.media.devices.checkup import check_device, check_devices
from pycall.media.devices.listing import Device, Listing
from pycall.media.spec import Default, File, Off, Screen, Spec, Test
from pycall.media.spec import Device as Named

WEBCAM = Device(1, "Webcam", "/dev/video0", default=True)
SPARE = Device(2, "Spare", "/dev/video2", default=False)
TAKEN = Device(1, "Webcam", "/dev/video0", default=True, note="another program has it")


def camera(spec: Spec, *devices: Device, why_none: str = "") -> Finding:
    return check_device("camera", spec, lambda: Listing("camera", devices, why_none))


def test_the_default_is_named() -> None:
    finding = camera(Default(), WEBCAM, SPARE)

    assert (finding.state, finding.found) == ("ok", "Webcam, and 1 more.")
    assert camera(Default(), WEBCAM).found == "Webcam."


def test_that_there_is_none_is_remarked_upon_with_why() -> None:
    finding = camera(Default(), why_none="No camera is connected.")

    assert (finding.state, finding.cause) == ("warning", "No camera is connected.")
    assert "pycall devices" in finding.advice


def test_one_that_was_asked_for_must_be_there() -> None:
    assert camera(Named("Spare"), WEBCAM, SPARE).found.startswith("Spare")
    missing = camera(Named("Other"), WEBCAM)
    assert missing.state == "failed"
    assert "Webcam" in missing.advice


def test_what_stands_in_the_way_of_using_it_is_told() -> None:
    finding = camera(Default(), TAKEN)

    assert (finding.state, finding.cause) == ("warning", "another program has it")


@pytest.mark.parametrize("spec", [Off(), Test(), Screen(), File(Path("clip.mp4"))])
def test_what_is_no_device_needs_none(spec: Spec) -> None:
    assert camera(spec).state == "skipped"


def test_this_machine_is_asked_for_all_kinds() -> None:
    findings = check_devices(Default(), Default(), Default())

    assert [each.check for each in findings] == ["camera", "microphone", "speaker"]
    assert all(each.found for each in findings)
