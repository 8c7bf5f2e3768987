"""Who is let into the rooms of a server: everybody, or whoever shows what it asks for.

A server may ask for a password, for an invite to the room, or for both. Whatever is shown is looked at
in full each time, so that the time an answer takes tells nothing.
"""

from __future__ import annotations

import hashlib
import hmac
from collections import Counter
from collections.abc import Callable
from typing import Final

from pycall.core.credentials import Credentials, normal_password
from pycall.core.invites import SKEW_S, read
from pycall.limits import Limits
from pycall.server.admission.guesses import Guesses
from pycall.server.admission.spending import MemorySpending, Spending
from pycall.server.refusal import Refusal
from pycall.server.wallclock import unix_time

OUTCOMES: Final = ("right-password", "wrong-password", "not-checked", "wrong-invite")


class Access:
    """The decision for one server; without password and key everybody is let in."""

    def __init__(
        self,
        *,
        password: str = "",
        invite_key: bytes = b"",
        limits: Limits | None = None,
        spending: Spending | None = None,
        clock: Callable[[], float] = unix_time,
    ) -> None:
        """``clock`` tells Unix seconds."""
        self._password = _digest(password) if password else b""
        self._invite_key = invite_key
        limits = limits or Limits()
        self._guesses = Guesses(limits.wrong_passwords, limits.wrong_passwords_s)
        self._spending = spending or MemorySpending(clock)
        self._clock = clock
        self.counts = Counter(dict.fromkeys(OUTCOMES, 0))
        """What became of passwords, and of invites that are none."""
        self.refusal: Final = _refusal(asks_password=bool(password), asks_invite=bool(invite_key))
        """What is said to everybody who gets no seat, whatever the reason; None: rooms are open."""

    async def admits(self, shown: Credentials, room: str, *, owner: str, network: int) -> bool:
        """Whether who shows these credentials may take a free seat in ``room``.

        ``owner`` is the id it has there; an invite for one person is that one's from then on. An address
        from which many wrong passwords came, or a room for which they came, is refused whatever is shown.
        A wrong invite does not count: nobody finds another's by trying.
        """
        if self.refusal is None:
            return True
        invite = read(shown.invite, room, self._invite_key, self._clock()) if self._invite_key else None
        is_invited = invite is not None or not self._invite_key
        is_let_in = self._knows(shown, room, network, is_invited=is_invited) and is_invited
        if not is_invited and shown.invite:
            self.counts["wrong-invite"] += 1
        if is_let_in and invite is not None and invite.for_one:
            return await self._spending.spend(invite.id.hex(), owner, invite.expires + SKEW_S)
        return is_let_in

    def _knows(self, shown: Credentials, room: str, network: int, *, is_invited: bool) -> bool:
        """Whether the password is right, or none is asked for; of who is not invited it is not looked at."""
        if not self._password:
            return True
        is_right = hmac.compare_digest(_digest(shown.password), self._password)
        may = self._guesses.may(network, room) and is_invited
        if not shown.password:
            return False
        self.counts["not-checked" if not may else "right-password" if is_right else "wrong-password"] += 1
        if not may:
            return False
        if is_right:
            self._guesses.right(network)
        else:
            self._guesses.wrong(network, room)
        return is_right


def _digest(password: str) -> bytes:
    """Of fixed length, so that comparing tells nothing of the password's."""
    return hashlib.sha256(normal_password(password).encode(errors="surrogatepass")).digest()


def _refusal(*, asks_password: bool, asks_invite: bool) -> Refusal | None:
    if asks_password and asks_invite:
        return Refusal.PASSWORD_AND_INVITE
    if asks_password:
        return Refusal.PASSWORD
    return Refusal.INVITE if asks_invite else None
