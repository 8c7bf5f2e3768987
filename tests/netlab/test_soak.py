from __future__ import annotations

from typing import Any

import pytest

from tests.netlab.soak import MAY_RISE, verdict

Lines = list[dict[str, Any]]


def call(**changes: Any) -> Lines:
    """Half an hour in which nothing changes, but for the figures that are given per second."""
    level = dict.fromkeys(MAY_RISE, 100.0) | {"concealed_percent": 1.0, "fps": 30.0}
    return [
        {"at_s": at, **level} | {name: rise(at) for name, rise in changes.items()}
        for at in range(10, 1801, 10)
    ]


def test_a_call_in_which_nothing_changes_is_good() -> None:
    assert verdict("a", call()) == []


@pytest.mark.parametrize(
    ("name", "figure", "said"),
    [
        ("memory_mb", lambda at: 100 + 5 * at / 1800, "memory_mb changed by +4.8"),
        ("audio_ms", lambda at: 100 - 20 * at / 1800, "audio_ms changed by -19"),
        ("concealed_percent", lambda _: 2.0, "2.00 % of the sound was concealed"),
        ("fps", lambda _: 24.9, "24.9 fps"),
    ],
)
def test_what_changes_or_is_not_good_is_told(name: str, figure: Any, said: str) -> None:
    (fault,) = verdict("a", call(**{name: figure}))

    assert said in fault


def test_what_was_before_the_call_settled_is_not_judged() -> None:
    assert verdict("a", call(fps=lambda at: 0.0 if at <= 60 else 30.0)) == []


def test_no_figures_are_a_fault() -> None:
    assert "a: no figures" in verdict("a", [])
