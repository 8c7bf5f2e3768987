"""From packets that arrive when the network likes to sound that is there when the speaker pulls.

Between the two lies a small, adaptive delay (NetEQ in small): packets wait for their turn and are decoded
when it has come (:class:`~pycall.media.playout.unpacking.Unpacker`), so that a repair, or the
redundancy of the next packet, may still come before; a
:class:`~pycall.media.playout.jitter.JitterGauge` says how long they wait. When the delay is off, by
a burst or by a drift of the sender's clock against the sound card's, one pitch period is left out or
repeated at a time. Nothing here waits, sleeps or reads a clock.
"""

from __future__ import annotations

import threading
from typing import Final

import numpy as np

from pycall.codecs.opus import SoundDecoder, open_decoder, samples_in
from pycall.media.frames import SAMPLE_RATE, Samples
from pycall.media.playout.jitter import TARGET_MAX_S, JitterGauge
from pycall.media.playout.packets import Held, SoundPacket
from pycall.media.playout.plain import PlainDecoder
from pycall.media.playout.reel import PIECE
from pycall.media.playout.splice import LONGEST
from pycall.media.playout.unpacking import SILENT, Unpacker

BOUND: Final = 19_200
"""Samples held at most: 400 ms. When more come the oldest are left out."""

RESYNC_S: Final = 1.0
"""A timestamp this far off its time is a new beginning of the sender's clock, not a delay."""

ABOVE_S: Final = 0.008
BELOW_S: Final = 0.007
"""How far the delay may be above and below its target before a period is left out or repeated. The
two are a longest period apart, so that one correction does not call for the opposite one."""

SKIP_S: Final = 0.060
"""After nothing was there, sound later than this is not played, earlier is caught up with."""

STEER_EVERY: Final = 8
"""Pieces between two corrections: the speed changes by about an eighth."""

SMOOTHING: Final = 0.03
"""Weight of one measurement of the delay: a memory of a third of a second."""

LACKING: Final = 0.010
"""When a larger share of the sound than this is made up, the delay rises so that repairs come in time."""

LACKING_WEIGHT: Final = 0.001
"""Weight of one piece in that share: a memory of ten seconds."""

GRIP_MAX: Final = 4_800
"""Samples, 100 ms: a sound card that takes more at one go is filling its buffer for the first time."""

PULLING_S: Final = 0.5
"""A speaker that pulled nothing for this long plays nothing."""

PAUSE_BYTES: Final = 2
"""A packet of Opus that is no longer than this begins a pause of the sender's."""


class Playout:
    """One received sound stream.

    :meth:`packet` (or :meth:`push`) and :meth:`pull` may be called from different threads.
    """

    def __init__(self) -> None:
        self.at_least_s = 0.0
        """A floor of the delay in seconds, for the sake of pictures that come later than their sound."""
        self._lock = threading.Lock()
        self._decoder: SoundDecoder = PlainDecoder()
        self._unpacker = Unpacker(self._decoder)
        self._gauge = JitterGauge()
        self._left: Samples = np.zeros(0, np.int16)  # made but not asked for yet, less than a piece
        self._begun = False
        self._standing = True  # nothing to play: before the first packet, and after the last there was
        self._offset = 0.0  # our clock minus the sender's at the speaker, smoothed, seconds
        self._steered = 0  # pieces since the last correction
        self._pulled_at = float("-inf")
        self._pulled_from = 0  # the timestamp of the first sample of that pull
        self._grip = 0  # samples taken at one go
        self._lacking = 0.0  # the share that was concealed, over some ten seconds

    @property
    def concealed(self) -> int:
        """Samples asked for since the stream began that neither came in time nor could be recovered."""
        return self._unpacker.concealed

    @property
    def recovered(self) -> int:
        """Samples that were taken out of the redundancy of the packet after them."""
        return self._unpacker.recovered

    @property
    def delay_s(self) -> float:
        """Seconds sound is held, on top of the shortest way through the network; 0 before any came."""
        with self._lock:
            return self._delay() if self._begun else 0.0

    @property
    def held_s(self) -> float:
        """Seconds of sound that came and were not played yet; at most 0.4."""
        with self._lock:
            return self._held() / SAMPLE_RATE

    @property
    def target_s(self) -> float:
        """Seconds the delay is steered to."""
        return max(self._gauge.target_s, min(self.at_least_s, TARGET_MAX_S))

    def capture_time_playing(self, now: float) -> float | None:
        """When the sample was captured that leaves at ``now``, both monotonic seconds.

        ``None`` while that is unknown, and while nothing is played.
        """
        with self._lock:
            captured, since = self._unpacker.captured, now - self._pulled_at
            if captured is None or self._standing or not -PULLING_S < since < PULLING_S:
                return None
            timestamp, captured_at = captured
            return captured_at + (self._pulled_from - timestamp) / SAMPLE_RATE + since

    def packet(self, packet: SoundPacket) -> None:
        """Take an encoded packet, in whatever order; what is no packet of Opus counts as lost."""
        count = samples_in(packet.payload)
        if not count:
            return
        with self._lock:
            if isinstance(self._decoder, PlainDecoder):
                self._decoder = open_decoder()
                self._gauge.restart()
            held = Held(
                packet.timestamp,
                count,
                packet.sequence,
                packet.payload,
                packet.captured_at,
                len(packet.payload) <= PAUSE_BYTES,
            )
            self._take(held, packet.arrival, repaired=packet.repaired)

    def push(self, samples: Samples, timestamp: int, arrival: float) -> None:
        """Take a block that was decoded elsewhere; keeps no reference to it.

        ``timestamp`` counts samples on the sender's clock and may jump; ``arrival`` is monotonic
        seconds. What was there already, or comes when its turn is over, is dropped.
        """
        surplus = max(0, len(samples) - BOUND)
        samples, timestamp = samples[surplus:], timestamp + surplus
        if not len(samples):
            return
        with self._lock:
            if not isinstance(self._decoder, PlainDecoder):
                self._decoder = PlainDecoder()
                self._gauge.restart()
            # Whether a packet is missing in a gap is not known here: no two count as following each other.
            held = Held(timestamp, len(samples), sequence=2 * timestamp, payload=samples.tobytes())
            self._take(held, arrival, repaired=False)

    def pull(self, count: int, now: float) -> Samples:
        """Exactly ``count`` samples for the speaker, which takes the first of them at ``now``."""
        with self._lock:
            at_once = now - self._pulled_at < count / SAMPLE_RATE / 2  # one pull in several parts
            self._grip = min(count + (self._grip if at_once else 0), GRIP_MAX)
            self._pulled_at = now
            self._pulled_from = self._unpacker.reel.timestamp - len(self._left)
            pieces, made = [self._left], len(self._left)
            while made < count:
                pieces.append(self._piece(now + made / SAMPLE_RATE))
                made += PIECE
            sound = np.concatenate(pieces)
            self._left = sound[count:].copy()
            return sound[:count]

    def _take(self, packet: Held, arrival: float, *, repaired: bool) -> None:
        transit = arrival - packet.timestamp / SAMPLE_RATE
        base = self._gauge.base
        if base is None or abs(transit - base) > RESYNC_S:
            if repaired:
                return
            self._restart(packet.timestamp)
        unpacker = self._unpacker
        lacked, over = unpacker.lacked(packet.timestamp), packet.stop <= unpacker.reel.end
        if (over and not lacked) or not unpacker.shelf.put(packet):
            return
        self._learn(packet, transit, arrival, repaired=repaired)
        self._bound()

    def _learn(self, packet: Held, transit: float, arrival: float, *, repaired: bool) -> None:
        """Adapt the target to when ``packet`` came."""
        unpacker, margin = self._unpacker, self._grip / SAMPLE_RATE
        if not repaired:
            self._gauge.arrived(transit, arrival, margin)
        if self._lacking < LACKING:
            return
        lost = packet.timestamp - unpacker.reel.end  # since what was decoded last
        if repaired:
            self._gauge.missed(transit, margin)
        elif self._begun and unpacker.stood and unpacker.redundant and 0 < lost <= packet.length:
            self._gauge.missed(transit + lost / SAMPLE_RATE, margin)  # its redundancy came too late

    def _restart(self, timestamp: int) -> None:
        """A new clock of the sender's begins at ``timestamp``."""
        self._gauge.restart()
        self._unpacker.restart(self._decoder, timestamp)
        self._standing, self._begun = True, False

    def _delay(self) -> float:
        return self._offset - (self._gauge.base or 0.0)

    def _held(self) -> int:
        reel, packet, stop = self._unpacker.reel, self._unpacker.waiting, self._unpacker.shelf.stop
        if packet is None or stop is None:
            return reel.ahead
        begin = max(reel.end, packet.timestamp) - reel.ahead if self._standing else reel.timestamp
        return max(reel.ahead, stop - begin)

    def _piece(self, now: float) -> Samples:
        """The next 10 ms, which are played at ``now``."""
        unpacker, reel, concealed = self._unpacker, self._unpacker.reel, self._unpacker.concealed
        while reel.ahead < PIECE:
            if unpacker.waiting is None:
                self._standing = True
            elif self._standing:
                self._resume(now)
            if self._standing:
                unpacker.stand(PIECE - reel.ahead)
            else:
                unpacker.more()
        if not unpacker.silent:
            self._lacking += LACKING_WEIGHT * ((unpacker.concealed - concealed) / PIECE - self._lacking)
        if not self._standing:
            self._offset += SMOOTHING * (now - reel.timestamp / SAMPLE_RATE - self._offset)
            self._steer()
        return reel.take()

    def _resume(self, now: float) -> None:
        """Go on after nothing was there, as soon as it is time for the packet that waits."""
        unpacker, packet = self._unpacker, self._unpacker.waiting
        if packet is None or self._gauge.base is None:
            return
        due = int((now - self._gauge.base - self.target_s) * SAMPLE_RATE)
        at = max(unpacker.reel.end, packet.timestamp)
        if self._begun and unpacker.stood < SILENT:  # go on where this would be
            at = min(at, unpacker.reel.end + unpacker.stood)
        elif due < at:
            return
        if due - at > SKIP_S * SAMPLE_RATE:
            newest = (unpacker.shelf.stop or at) - int(self.target_s * SAMPLE_RATE)
            at = max(at, min(due, newest))
        unpacker.resume(at)
        self._standing, self._begun, self._steered = False, True, 0
        self._offset = now - unpacker.reel.timestamp / SAMPLE_RATE
        self._bound()

    def _steer(self) -> None:
        """Leave out or repeat one period when the delay is off its target."""
        self._steered += 1
        error = self._delay() - self.target_s
        if self._steered < STEER_EVERY or -BELOW_S <= error <= ABOVE_S:
            return
        if error > 0:
            self._unpacker.prefetch(LONGEST + PIECE)
            moved = self._unpacker.reel.shorten()
        else:
            moved = -self._unpacker.reel.lengthen()
        if moved:
            self._offset -= moved / SAMPLE_RATE
            self._steered = 0

    def _bound(self) -> None:
        """Leave out the oldest when more is held than ever should be."""
        stop = self._unpacker.shelf.stop
        if stop is None or self._held() <= BOUND:
            return
        timestamp = stop - int(self.target_s * SAMPLE_RATE)
        moved = timestamp - self._unpacker.reel.timestamp
        if moved > 0:
            self._unpacker.go(timestamp)
            self._offset -= moved / SAMPLE_RATE
            self._steered = 0
