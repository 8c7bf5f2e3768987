from __future__ import annotations

import os
from pathlib import Path

from pycall.media.devices.permission import permission_advice


def test_a_lack_of_permission_names_the_group(tmp_path: Path) -> None:
    node = tmp_path / "video0"
    node.touch()
    assert f"group {node.group()}" in permission_advice(node)
    os.chown(node, -1, 54_321) if os.geteuid() == 0 else node.unlink()
    assert "administrator" in permission_advice(node)
