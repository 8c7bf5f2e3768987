"""What a key is; the sections that have them are tried in test_config.py and test_limits.py."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import pytest

from pycall import checks
from pycall.errors import ConfigError
from pycall.keys import described, described_list, described_secret, keys


@dataclass(frozen=True, slots=True)
class Kitchen:
    section: ClassVar[str] = "kitchen"

    eggs: int = described("3", checks.whole(0, 12), "Eggs to boil.", "N")
    herbs: tuple[str, ...] = described_list(checks.text, "Herbs.", "HERB")
    recipe: str = described_secret("What nobody may know.")
    open: bool = described(False, checks.switch, "Whether guests may come.", has_flag=False)


def test_a_default_is_checked_too() -> None:
    assert Kitchen() == Kitchen(eggs=3, herbs=(), recipe="", open=False)


def test_a_key_knows_by_which_names_it_is_given() -> None:
    eggs, herbs, recipe, is_open = keys(Kitchen)
    assert (eggs.flag, eggs.variable, eggs.metavar) == ("--eggs", "PYCALL_KITCHEN_EGGS", "N")
    assert [key.has_flag for key in (eggs, herbs, recipe, is_open)] == [True, True, False, False]
    assert [key.many for key in (eggs, herbs)] == [False, True]
    assert [key.is_switch for key in (eggs, is_open)] == [False, True]


def test_a_secret_is_not_printed() -> None:
    assert "parsley" not in repr(Kitchen(recipe="parsley"))


def test_what_cannot_be_used_is_told_with_its_origin() -> None:
    eggs = keys(Kitchen)[0]
    assert eggs.read("12", "x") == 12
    with pytest.raises(ConfigError, match=r"^PYCALL_KITCHEN_EGGS: '13' is not a whole number from 0 to 12"):
        eggs.read("13", eggs.variable)
