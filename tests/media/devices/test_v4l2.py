"""Trees as the kernel makes them, with the names that `v4l2-ctl --list-devices` shows for common cameras."""

from __future__ import annotations

import contextlib
import importlib
import os
import struct
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from pycall.media.devices.v4l2 import capabilities, holders, nodes
from tests.media.holding import held_open


def plant(root: Path, *devices: tuple[int, str, int | None]) -> None:
    for number, name, index in devices:
        entry = root / f"sys/class/video4linux/video{number}"
        entry.mkdir(parents=True)
        (entry / "name").write_text(f"{name}\n")
        if index is not None:
            (entry / "index").write_text(f"{index}\n")
        (root / "dev").mkdir(exist_ok=True)
        (root / f"dev/video{number}").touch()


def test_a_laptop_with_two_webcams_has_two_cameras_not_four(tmp_path: Path) -> None:
    """A uvcvideo camera has a second node for metadata since Linux 4.16 (commit 088ead255245)."""
    plant(
        tmp_path,
        (0, "Integrated Camera: Integrated C", 0),
        (1, "Integrated Camera: Integrated C", 1),
        (2, "HD Pro Webcam C920", 0),
        (3, "HD Pro Webcam C920", 1),
    )
    found = nodes(tmp_path)
    assert [(node.path.name, node.name) for node in found.cameras] == [
        ("video0", "Integrated Camera: Integrated C"),
        ("video2", "HD Pro Webcam C920"),
    ]
    assert found.why_none == ""


def test_nodes_are_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    plant(tmp_path, *((number, f"Camera {number}", 0) for number in (10, 2, 0)))
    assert [node.name for node in nodes(tmp_path).cameras] == ["Camera 0", "Camera 2", "Camera 10"]


def test_an_old_kernel_without_indexes_lists_every_node(tmp_path: Path) -> None:
    plant(tmp_path, (0, "UVC Camera (046d:0825)", None))
    assert [node.name for node in nodes(tmp_path).cameras] == ["UVC Camera (046d:0825)"]


def test_no_camera_is_explained(tmp_path: Path) -> None:
    assert "No camera is connected" in nodes(tmp_path).why_none
    plant(tmp_path, (1, "HD Pro Webcam C920", 1))
    assert nodes(tmp_path).cameras == ()
    assert "none of them is a camera" in nodes(tmp_path).why_none


def test_a_container_without_the_device_file_is_told_so(tmp_path: Path) -> None:
    plant(tmp_path, (0, "HD Pro Webcam C920", 0))
    (tmp_path / "dev/video0").unlink()
    assert "--device" in nodes(tmp_path).cameras[0].problem


@contextlib.contextmanager
def nobody() -> Iterator[None]:
    """Be no longer root, if one is, who may open everything."""
    if os.geteuid() != 0:
        yield
        return
    importlib.import_module("grp")  # nobody may not read it where root's own Python lies
    os.setresuid(65534, 65534, 0)
    try:
        yield
    finally:
        os.setresuid(0, 0, 0)


def test_a_camera_that_may_not_be_opened_names_its_group() -> None:
    with tempfile.TemporaryDirectory() as folder:  # tmp_path is closed to others than its owner
        tree = Path(folder)
        tree.chmod(0o755)
        plant(tree, (0, "HD Pro Webcam C920", 0))
        (tree / "dev/video0").chmod(0)
        with nobody():
            (camera,) = nodes(tree).cameras
    assert "usermod -aG" in camera.problem


def test_who_has_a_camera_open_is_said(tmp_path: Path) -> None:
    plant(tmp_path, (0, "HD Pro Webcam C920", 0))
    device = tmp_path / "dev/video0"
    assert holders(device) == ()
    with held_open(device) as other:
        assert [holder.rpartition(" ")[2] for holder in holders(device)] == [f"({other})"]
        assert f"({other})" in nodes(tmp_path).cameras[0].problem
    assert nodes(tmp_path).cameras[0].problem == ""


@pytest.mark.parametrize(
    ("all_of_device", "of_node", "is_camera"),
    [
        (0x84A00001, 0x04200001, True),  # C920, first node (v4l2-ctl --all)
        (0x84A00001, 0x04A00000, False),  # C920, second node: metadata
        (0x04000001, 0, True),  # a driver without device_caps
    ],
)
def test_what_a_node_can_do_counts_not_what_its_device_can(
    all_of_device: int, of_node: int, is_camera: bool
) -> None:
    answer = struct.pack(
        "16s32s32sIII12x",
        b"uvcvideo",
        b"HD Pro Webcam C920",
        b"usb-0000:00:14.0-1",
        0x60100,
        all_of_device,
        of_node,
    )
    assert len(answer) == 104
    assert bool(capabilities(answer) & 1) == is_camera
