from __future__ import annotations

import hashlib
import hmac
from base64 import urlsafe_b64decode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pycall.core.invites import ID_BYTES, INVITE, KEY_BYTES, LONGEST_S, SKEW_S, Invite, read, sign

KEY = bytes(range(KEY_BYTES))
NOW = 1_800_000_000.5
KITCHEN = Invite("Küche", int(NOW) + 3600, bytes(ID_BYTES), for_one=True)

rooms = st.text("abcü王-_.", min_size=1, max_size=64)
invites = st.builds(
    Invite,
    rooms,
    st.integers(int(NOW) + 1, int(NOW) + LONGEST_S),
    st.binary(min_size=ID_BYTES, max_size=ID_BYTES),
    st.booleans(),
)


@given(invites, st.binary(min_size=KEY_BYTES, max_size=KEY_BYTES))
def test_an_invite_is_what_was_signed(invite: Invite, key: bytes) -> None:
    text = sign(invite, key)
    assert INVITE.fullmatch(text)
    assert read(text, invite.room, key, NOW) == invite


def test_its_form_is_that_of_the_documents() -> None:
    text = sign(KITCHEN, KEY)
    content = urlsafe_b64decode(text[1:])
    signed = b"pycall invite 1\0o" + content[:14] + "Küche".encode()
    assert (text[0], len(text)) == ("o", 41)
    assert content[:5] == KITCHEN.expires.to_bytes(5, "big")
    assert content[5:14] == KITCHEN.id
    assert content[14:] == hmac.new(KEY, signed, hashlib.sha256).digest()[:16]


@given(invites, st.data())
def test_no_changed_character_goes_unnoticed(invite: Invite, data: st.DataObject) -> None:
    text = sign(invite, KEY)
    at = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.sampled_from("omAZaz09-_=. é\n").filter(lambda each: each != text[at]))
    assert read(text[:at] + other + text[at + 1 :], invite.room, KEY, NOW) is None


@given(st.text(max_size=100))
def test_any_other_text_is_none(text: str) -> None:
    assert read(text, "Küche", KEY, NOW) is None


@pytest.mark.parametrize(
    ("room", "key"), [("kitchen", KEY), ("Küche2", KEY), ("", KEY), ("Küche", bytes(KEY_BYTES))]
)
def test_it_is_for_one_room_of_one_server(room: str, key: bytes) -> None:
    assert read(sign(KITCHEN, KEY), room, key, NOW) is None


def test_it_is_over_when_its_time_is_by_whichever_clock() -> None:
    text = sign(KITCHEN, KEY)
    assert read(text, "Küche", KEY, KITCHEN.expires + SKEW_S - 0.1) == KITCHEN
    assert read(text, "Küche", KEY, KITCHEN.expires + SKEW_S) is None


def test_one_that_a_clock_far_ahead_made_is_none() -> None:
    text = sign(KITCHEN, KEY)
    assert read(text, "Küche", KEY, KITCHEN.expires - LONGEST_S - SKEW_S) == KITCHEN
    assert read(text, "Küche", KEY, KITCHEN.expires - LONGEST_S - SKEW_S - 1) is None
