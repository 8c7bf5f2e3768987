"""A real call between every two kinds of network: it connects, directly wherever that is possible."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.netlab.addresses import Kind
from tests.netlab.conftest import Laboratories
from tests.netlab.pairs import PAIRS, meet

pytestmark = [pytest.mark.integration, pytest.mark.parallel]


@pytest.mark.parametrize(("a", "b"), PAIRS)
def test_every_pair_connects_and_directly_wherever_that_is_possible(
    laboratory: Laboratories, record_property: Callable[[str, object], None], a: Kind, b: Kind
) -> None:
    record_property("pair", f"{a:11} {b:11} {meet(a, b, laboratory(a, b))}")
