from __future__ import annotations

import pytest

from pycall.core.credentials import MAX_PASSWORD, NONE, Credentials, normal_password, read_credentials


def test_neither_is_ever_printed() -> None:
    shown = Credentials("canary-password", "canary-invite")
    assert "canary" not in f"{shown!r} {shown}"


@pytest.mark.parametrize(
    "shown",
    [NONE, Credentials("open sesame"), Credentials(invite="oAAA"), Credentials("open sesame", "mAAA")],
)
def test_what_is_shown_is_read(shown: Credentials) -> None:
    assert read_credentials({"pycall": 1, **shown.as_auth()}) == shown


def test_nothing_is_said_of_what_there_is_not() -> None:
    assert NONE.as_auth() == {}


@pytest.mark.parametrize("auth", [None, 7, "open sesame", [], {}, {"password": 7}, {"invite": ["x"]}])
@pytest.mark.parametrize("long", ["x" * (MAX_PASSWORD + 1)])
def test_whatever_is_not_as_it_should_be_is_not_shown(auth: object, long: str) -> None:
    assert read_credentials(auth) == NONE
    assert read_credentials({"password": long, "invite": long}) == NONE


def test_keyboards_compose_accents_differently() -> None:
    assert normal_password("Ku\u0308che") == normal_password("Küche")
