from __future__ import annotations

import re
from pathlib import Path

import pytest

from pycall.server.refusal import Refusal

PROTOCOL = (Path(__file__).parents[2] / "docs" / "protocol.md").read_text(encoding="utf-8")


def test_the_protocol_document_lists_exactly_these_codes() -> None:
    rows = re.findall(r"^\| `([a-z-]+)` \|", PROTOCOL, re.MULTILINE)
    assert set(rows) == {refusal.code for refusal in Refusal} | {"state", "ping", "pong", "bye", "sending"}


@pytest.mark.parametrize("refusal", Refusal)
def test_a_refusal_is_a_stable_code_and_one_sentence(refusal: Refusal) -> None:
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", refusal.code)
    assert refusal.sentence.endswith(".")
    assert refusal.sentence.isprintable()
