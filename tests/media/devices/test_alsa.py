from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from pycall.media.devices.alsa import alsa_environment, why_no_sound
from tests.rig import Pulse


@pytest.mark.parametrize(
    ("machine", "plugins"),
    [
        ("x86_64", "usr/lib/x86_64-linux-gnu/alsa-lib"),
        ("aarch64", "usr/lib/aarch64-linux-gnu/alsa-lib"),
        ("armv7l", "usr/lib/alsa-lib"),
        ("x86_64", "usr/lib64/alsa-lib"),
    ],
)
def test_each_distribution_keeps_its_plugins_elsewhere(tmp_path: Path, machine: str, plugins: str) -> None:
    for folder in ("usr/share/alsa", "usr/lib/i386-linux-gnu/alsa-lib", plugins):
        (tmp_path / folder).mkdir(parents=True)
    assert alsa_environment(tmp_path, machine) == {
        "ALSA_CONFIG_DIR": str(tmp_path / "usr/share/alsa"),
        "ALSA_PLUGIN_DIR": str(tmp_path / plugins),
    }


def test_a_machine_without_alsa_gets_no_variables(tmp_path: Path) -> None:
    assert alsa_environment(tmp_path) == {}


@pytest.mark.integration
def test_the_library_in_the_wheel_reaches_the_sound_server_and_is_quiet(pulse: Pulse) -> None:
    """In a process of its own, because libasound reads its configuration only once."""
    program = """
import av
from pycall.media.devices.alsa import prepare_alsa
prepare_alsa()
prepare_alsa()
try:
    av.open("no such device", format="alsa")
except OSError:
    pass
print([device.name for device in av.enumerate_input_devices("alsa") if device.is_default])
"""
    env = {name: value for name, value in pulse.env.items() if not name.startswith("ALSA_")}
    done = subprocess.run(
        [sys.executable, "-c", program], env=env, capture_output=True, text=True, check=True
    )
    assert done.stdout == "['default']\n"
    assert done.stderr == ""


def test_no_sound_is_explained(tmp_path: Path) -> None:
    assert "no sound card" in why_no_sound("microphone", tmp_path)
    cards = tmp_path / "proc/asound/cards"
    cards.parent.mkdir(parents=True)
    cards.write_text("--- no soundcards ---\n")
    assert "no sound card" in why_no_sound("speaker", tmp_path)
    cards.write_text(
        " 0 [PCH            ]: HDA-Intel - HDA Intel PCH\n                      HDA at 0xb1248000 irq 142\n"
    )
    assert why_no_sound("microphone", tmp_path).startswith("The sound card has no microphone")
