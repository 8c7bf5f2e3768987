"""One received stream: what it brings goes on, what it lacks is asked for.

Both kinds take what aiortc parsed of a packet, and tell what each packet was and what is to be asked for.
"""

from __future__ import annotations

from typing import Final

from pycall.client.receiving.nack import NackSchedule, Receipt
from pycall.client.receiving.numbers import Unwrapper
from pycall.client.receiving.order import GIVE_UP_S, Encoded, PictureOrder
from pycall.client.receiving.packets import Packet
from pycall.client.receiving.parity import ParityPackets

PACKETS_BEHIND: Final = 3_000
TICKS_BEHIND: Final = 10 * 90_000
"""What is further behind than this was not overtaken: its sender began anew."""

SOUND_USE_S: Final = 0.2
SOUND_MOST: Final = 10
"""How late repaired sound may come: the playout holds no more than that back for it, ten packets."""


class Stream:
    """What both kinds have in common: packets are counted on, and those that are missing known."""

    def __init__(self, nacks: NackSchedule) -> None:
        self._nacks = nacks
        self._sequences = Unwrapper(16, PACKETS_BEHIND)
        self._timestamps = Unwrapper(32, TICKS_BEHIND)

    def expect(self, rtt_s: float, least_rtt_s: float) -> None:
        """Know how long the answer to a question takes on this path now, and at least."""
        self._nacks.rtt_s, self._nacks.least_rtt_s = rtt_s, least_rtt_s

    def allow(self, *, asking: bool) -> None:
        """Know whether the sender repairs what is asked for."""
        self._nacks.asks = asking

    def waits(self, now: float) -> bool:  # noqa: ARG002  as pictures'
        """Whether time alone may change what is asked for."""
        return self._nacks.waiting

    def lost(self, now: float) -> list[int]:
        """The numbers to ask for now, oldest first, unwrapped; they count as asked for."""
        return self._nacks.due(now)


class SoundStream(Stream):
    """Sound goes on as it comes: the playout orders it, since only that knows what is still in time."""

    def __init__(self) -> None:
        super().__init__(NackSchedule(SOUND_USE_S, SOUND_MOST))

    def received(self, sequence: int, timestamp: int, now: float) -> tuple[int, int, Receipt]:
        """Take a packet; its number and time stamp, both unwrapped, and what its coming means."""
        number = self._sequences.unwrap(sequence)
        return number, self._timestamps.unwrap(timestamp), self._nacks.received(number, now)


class PictureStream(Stream):
    """Pictures go on whole and in order."""

    def __init__(self) -> None:
        super().__init__(NackSchedule(GIVE_UP_S))
        self._order = PictureOrder()
        self._parity = ParityPackets()

    def expect(self, rtt_s: float, least_rtt_s: float) -> None:
        """Know how long the answer to a question takes on this path now, and at least."""
        super().expect(rtt_s, least_rtt_s)
        self._order.rtt_s = rtt_s

    def waits(self, now: float) -> bool:
        """Whether time alone may change what is asked for."""
        return super().waits(now) or self._order.waits(now)

    def received(
        self,
        sequence: int,
        timestamp: int,
        data: bytes,
        now: float,
        *,
        last: bool,
        key: bool,
        intra: bool = False,
        again: bool = False,
        picture: int | None = None,
    ) -> Receipt:
        """Take a packet; ``again`` if it came in the stream of repairs.

        The rest is as in :class:`~pycall.client.receiving.packets.Packet`.
        """
        number = self._sequences.unwrap(sequence)
        receipt = self._nacks.received(number, now, again=again)
        if receipt is not Receipt.REPEATED:
            unwrapped = self._timestamps.unwrap(timestamp)
            self._order.push(
                Packet(number, unwrapped, data, now, last=last, key=key, intra=intra, picture=picture)
            )
        return receipt

    def protected(self, sequence: int, packet: bytes | None) -> None:
        """A packet came that parity may be of, as that was made of it, if that is known."""
        if packet is not None:
            self._parity.received(self._sequences.unwrap(sequence), packet)

    def parity(self, sequence: int, payload: bytes) -> None:
        """A packet of parity came."""
        self._parity.parity(self._sequences.unwrap(sequence), payload)

    def recover(self, ssrc: int) -> list[bytes]:
        """The packets of RTP, from ``ssrc``, that are not missing any more for what parity tells of them."""
        return [packet for _, packet in self._parity.recover(ssrc)]

    def pop(self, now: float) -> Encoded | None:
        """The next picture to decode; ``None`` when none is due."""
        picture = self._order.pop(now)
        self._nacks.forget(self._order.useful_from)
        return picture

    def restart(self, now: float) -> None:
        """Pictures were dropped behind this, or could not be decoded: go on with a key picture."""
        self._order.restart(now)

    def wants_key(self, now: float) -> bool:
        """Whether to ask the sender for a key picture now; says so again and again until one comes."""
        return self._order.wants_key(now)
