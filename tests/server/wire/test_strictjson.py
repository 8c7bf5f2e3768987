from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pycall.server.wire.strictjson import StrictJson

REFUSED = [
    *("NaN", "Infinity", "-Infinity", "1e999", "-1e999", "[", "", "[1,]", "01", "\ufeff1"),
    *("9" * 400, "9" * 5000),
    *('"\\u0000", NaN', '["\\ud800", NaN]', '["\\ud800", 1e999]', '["\\ud800", ' + "9" * 400 + "]"),
    *('["\\ud800"', '"\ud800"', '"\n"', "[" * 2000 + "]" * 2000),
]
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.text()
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)  # fmt: skip


@pytest.mark.parametrize("text", REFUSED)
def test_what_other_parsers_refuse_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  each parser says it in other words
        StrictJson.loads(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a":1,"a":2}', {"a": 2}),
        ('["\\ud800",1.5,7]', ["\ud800", 1.5, 7]),
        ('"\\ud83c\\udf89"', "🎉"),
        (str(2**64), float(2**64)),
        ("[" * 1000 + "]" * 1000, ...),
    ],
)
def test_what_other_clients_send_is_read(text: str, value: object) -> None:
    assert StrictJson.loads(text) == value or value is ...


@given(VALUES)
def test_what_is_written_is_read_as_it_was_by_any_parser(value: Any) -> None:
    assert json.loads(StrictJson.dumps(value)) == StrictJson.loads(StrictJson.dumps(value)) == value


def test_what_is_written_can_be_sent() -> None:
    assert StrictJson.dumps(["é", 1]) == '["é",1]'
    assert StrictJson.dumps("\ud800") == '"\\ud800"'
    assert StrictJson.dumps([2**64]) == "[18446744073709551616]"
