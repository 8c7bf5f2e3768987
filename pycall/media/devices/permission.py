"""What to say about a device file of Linux that may not be opened."""

from __future__ import annotations

from pathlib import Path


def permission_advice(node: Path) -> str:
    """What to do about a device file that may not be opened."""
    try:
        group = node.group()
    except (KeyError, OSError):
        return "ask the administrator for access."
    return f"it belongs to the group {group}; `sudo usermod -aG {group} $USER`, then log in anew."
