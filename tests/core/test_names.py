from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pycall.core.names import MAX_NAME, check_room_name, clean_display_name, terminal_safe


@pytest.mark.parametrize(
    "name", ["a", "kitchen", "a-b_c.d", "42", "-", "_", "会议室", "Küche", "комната", "٣", "x" * 64, "a..b"]
)
def test_a_room_name_of_letters_digits_and_three_signs_is_taken_as_it_is(name: str) -> None:
    assert check_room_name(name) == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        ".hidden",
        "..",
        "a b",
        "a/b",
        "a\\b",
        "a\n",
        "a\x00",
        "x" * 65,
        "a\u202eb",
        "🎉",
        "²",
        "a:b",
        "a%2f",
        "\ud800",
        " a",
        "x" * 10_000,
    ],
)
def test_any_other_room_name_is_refused_with_one_sentence(name: str) -> None:
    with pytest.raises(ValueError, match=r"^A room name has [^.]*'\.', and does not begin with a dot\.$"):
        check_room_name(name)


def test_a_room_name_is_the_same_however_its_accents_were_typed() -> None:
    composed = "Café"
    assert check_room_name(unicodedata.normalize("NFD", composed)) == composed


@given(st.text())
def test_a_room_name_that_passes_is_safe_as_part_of_a_file_name(text: str) -> None:
    try:
        name = check_room_name(text)
    except ValueError:
        return
    assert 1 <= len(name) <= MAX_NAME
    assert not name.startswith(".")
    assert not set(name) & set('/\\:*?"<>|\x00 ')
    assert name.isprintable()
    assert check_room_name(name) == name


def test_a_display_name_keeps_letters_of_every_script_and_emoji() -> None:
    assert clean_display_name("  Zoë  von \t Übel 王 🎉 ") == "Zoë von Übel 王 🎉"


def test_a_display_name_loses_what_moves_or_hides_text() -> None:
    assert clean_display_name("Al\x1b[31mice\x07\r\n\u202eevil\u200b\u2066\x9b") == "Al[31mice evil"


def test_a_display_name_is_cut_to_its_longest() -> None:
    assert clean_display_name("x" * 1_000_000) == "x" * MAX_NAME


@given(st.text())
def test_a_display_name_is_always_one_short_printable_line(text: str) -> None:
    name = clean_display_name(text)
    assert len(name) <= MAX_NAME
    assert name.isprintable()
    assert name == name.strip()
    assert clean_display_name(name) == name


def test_text_for_the_terminal_shows_what_it_would_have_done() -> None:
    assert terminal_safe("a\x1b]0;pwned\x07\nb\u202ec") == r"a\x1b]0;pwned\x07\nb\u202ec"


@given(st.text())
def test_text_for_the_terminal_is_printable_and_otherwise_unchanged(text: str) -> None:
    safe = terminal_safe(text)
    assert safe.isprintable()
    assert text == safe or not text.isprintable()
