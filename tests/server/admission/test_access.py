from __future__ import annotations

import pytest

from pycall.core.credentials import NONE, Credentials
from pycall.limits import Limits
from pycall.server.admission.access import Access
from pycall.server.refusal import Refusal
from tests.server.closed import KEY, PASSWORD, WRONG, invite

HERE, THERE = 1, 2


async def admitted(
    access: Access, shown: Credentials, room: str = "kitchen", *, owner: str = "ann", network: int = HERE
) -> bool:
    return await access.admits(shown, room, owner=owner, network=network)


async def test_open_rooms_are_for_everybody() -> None:
    access = Access()
    assert access.refusal is None
    assert await admitted(access, NONE)
    assert await admitted(access, Credentials(WRONG, "x"))
    assert not +access.counts


@pytest.mark.parametrize(
    ("shown", "is_let_in"),
    [
        (PASSWORD, True),
        (WRONG, False),
        ("", False),
        (PASSWORD[:-1], False),
        (PASSWORD + " ", False),
        (PASSWORD.upper(), False),
        ("\ud800", False),
    ],
)
async def test_a_password_is_right_or_wrong(shown: str, *, is_let_in: bool) -> None:
    access = Access(password=PASSWORD)
    assert access.refusal is Refusal.PASSWORD
    assert await admitted(access, Credentials(shown)) is is_let_in


async def test_an_invite_is_for_its_room_and_its_time() -> None:
    access = Access(invite_key=KEY)
    assert access.refusal is Refusal.INVITE
    assert await admitted(access, Credentials(invite=invite()))
    for wrong in ("", "x", invite("bathroom"), invite(expires_in_s=-60), invite(key=bytes(32))):
        assert not await admitted(access, Credentials(invite=wrong))
    assert +access.counts == {"wrong-invite": 4}


async def test_an_invite_for_many_lets_in_whoever_has_it() -> None:
    access, shown = Access(invite_key=KEY), Credentials(invite=invite())
    assert [await admitted(access, shown, owner=name) for name in ("ann", "bob", "ann")] == [True] * 3


async def test_an_invite_for_one_is_the_first_ones() -> None:
    access, shown = Access(invite_key=KEY), Credentials(invite=invite(for_one=True))
    tries = [await admitted(access, shown, owner=name) for name in ("ann", "eve", "ann", "bob")]
    assert tries == [True, False, True, False]
    assert await admitted(access, Credentials(invite=invite(for_one=True)), owner="eve")


async def test_who_shows_it_elsewhere_does_not_use_it_up() -> None:
    access, shown = Access(invite_key=KEY), Credentials(invite=invite(for_one=True))
    assert not await admitted(access, shown, "bathroom", owner="eve")
    assert await admitted(access, shown, owner="ann")


async def test_where_both_are_asked_for_both_are_needed() -> None:
    access = Access(password=PASSWORD, invite_key=KEY)
    assert access.refusal is Refusal.PASSWORD_AND_INVITE
    assert await admitted(access, Credentials(PASSWORD, invite()))
    for shown in (NONE, Credentials(PASSWORD), Credentials(invite=invite()), Credentials(WRONG, invite())):
        assert not await admitted(access, shown)


async def test_who_has_no_invite_can_neither_guess_a_password_nor_use_up_the_budget() -> None:
    access = Access(password=PASSWORD, invite_key=KEY)
    for _ in range(100):
        assert not await admitted(access, Credentials(WRONG))
        assert not await admitted(access, Credentials(PASSWORD))
    assert await admitted(access, Credentials(PASSWORD, invite()))
    assert +access.counts == {"not-checked": 200, "right-password": 1}


async def test_beyond_the_budget_not_even_the_right_password_is_looked_at() -> None:
    access = Access(password=PASSWORD)
    for _ in range(100):
        assert not await admitted(access, Credentials(WRONG), network=THERE)
    assert not await admitted(access, Credentials(PASSWORD), network=THERE)
    assert not await admitted(access, Credentials(PASSWORD), network=HERE)
    assert await admitted(access, Credentials(PASSWORD), "bathroom", network=HERE)
    assert +access.counts == {"wrong-password": 10, "not-checked": 92, "right-password": 1}


async def test_who_shows_nothing_guesses_nothing() -> None:
    access = Access(password=PASSWORD)
    for _ in range(100):
        assert not await admitted(access, NONE)
    assert await admitted(access, Credentials(PASSWORD))


async def test_invites_need_no_budget() -> None:
    access = Access(invite_key=KEY)
    for _ in range(1000):
        assert not await admitted(access, Credentials(invite=invite(key=bytes(32))))
    assert await admitted(access, Credentials(invite=invite()))


async def test_without_limits_every_password_is_looked_at() -> None:
    access = Access(password=PASSWORD, limits=Limits().off())
    for _ in range(100):
        assert not await admitted(access, Credentials(WRONG))
    assert await admitted(access, Credentials(PASSWORD))


def test_the_password_is_not_kept_and_not_printed() -> None:
    access = Access(password=PASSWORD)
    assert PASSWORD not in repr(vars(access))
