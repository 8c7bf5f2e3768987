from __future__ import annotations

import pytest

from pycall.core import endings
from pycall.errors import PycallError


@pytest.mark.parametrize(
    ("error", "exit_code", "words"),
    [
        (endings.room_full("den"), 3, "room den is full"),
        (endings.refused("too-many-rooms", "Too many."), 3, "Too many."),
        (endings.refused("password-refused", "The password is wrong."), 3, "password"),
        (endings.no_answer_to_join(), 3, "within 10 s"),
        (endings.nobody_came("den", 2.5), 4, "within 2.5 s"),
        (endings.no_connection("Bob", "UDP seems blocked."), 4, "Bob came about: UDP seems blocked."),
        (endings.broken("Bob", "it failed."), 4, "Bob broke: it failed."),
        (endings.lost("Bob"), 4, "Bob was lost"),
        (endings.not_reconnected("Bob", 60.0), 4, "within 60 s"),
    ],
)
def test_each_ending_is_one_sentence_with_its_exit_code(
    error: PycallError, exit_code: int, words: str
) -> None:
    assert words in error.message
    assert error.message.endswith(".")
    assert error.exit_code == exit_code


@pytest.mark.parametrize(
    ("code", "hints"),
    [
        ("password-refused", ["--password-file"]),
        ("invite-refused", ["pycall call -"]),
        ("password-and-invite-refused", ["--password-file", "pycall call -"]),
    ],
)
def test_who_is_not_let_in_is_told_what_to_show(code: str, hints: list[str]) -> None:
    error = endings.refused(code, "So it is.")
    assert error.refusal == code
    assert [each in error.hint for each in hints] == [True] * len(hints)
