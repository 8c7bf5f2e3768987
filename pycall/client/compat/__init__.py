"""The one place that knows the inside of aiortc and aioice.

Every name here that is private to them, or replaced in them, was read in aiortc 1.16 and aioice
0.13; ``tests/client/compat`` holds a contract for each. With other versions, or when a name is gone,
that part stays as the library made it and an error is logged: a guard is missing then.

What is changed and why:

* **Guards.** Stock, any sender of a datagram is heard and a single one can end the call. Here only
  addresses that were signalled, or that proved themselves in a connectivity check, reach the media
  plane, the SCTP parser refuses lengths that cannot be, and a bug costs one packet, not the call.
* **ICE.** Candidates trickle, every server is asked, the best pair is chosen instead of the first, and a
  path that falls silent is not given up (:mod:`~pycall.client.compat.checking`).
* **Sending.** What a connection sends is encoded, paced and repaired by us (:mod:`pycall.client.sending`),
  and sender reports stamp capture instead of sending (RFC 3550 section 6.4.1).
* **Feedback.** The arrival of every packet is reported, both ways, and decides how much is sent
  (:mod:`pycall.client.congestion`).
* **Decoding.** Nothing empty, which would end a decoder, and no picture of a size nobody sends.
* **Receiving.** What is lost comes out of parity, or is asked for until it or a key picture comes; pictures
  leave in order at once (:mod:`pycall.client.receiving`), and sound goes on undecoded. Stock, a loss costs
  more than itself and leaves a lag. Closing does not wait for what is not decoded yet.
* **Keys.** All connections of a call show one certificate, and not each its own.
* **Addresses.** Bridges to containers are not offered; the loopback is, when there is nothing else.
"""

from __future__ import annotations

import functools
import logging

from pycall.client.compat.agent import IceAgent, trickle
from pycall.client.compat.connection import abandon, hung_up, packets_heard
from pycall.client.compat.decoding import use_decoders
from pycall.client.compat.feedback import TransportFeedback, open_line
from pycall.client.compat.guarding import filter_addresses, guard_datagrams, guard_packets, guard_sctp
from pycall.client.compat.negotiating import offer_delay, offer_feedback, offer_parity
from pycall.client.compat.opening import new_connection
from pycall.client.compat.receiving import Inbound, ReceiverTap
from pycall.client.compat.releases import versions_known
from pycall.client.compat.sending import send_through

__all__ = [
    "IceAgent",
    "Inbound",
    "ReceiverTap",
    "TransportFeedback",
    "abandon",
    "hung_up",
    "install",
    "new_connection",
    "open_line",
    "packets_heard",
    "send_through",
]

logger = logging.getLogger(__name__)


@functools.cache
def install() -> None:
    """Change what is changed for the whole process; further calls do nothing."""
    if not versions_known():
        return
    for part in (
        guard_datagrams,
        guard_packets,
        guard_sctp,
        offer_delay,
        offer_feedback,
        offer_parity,
        use_decoders,
        filter_addresses,
        trickle,
    ):
        try:
            part()
        except AttributeError as missing:
            logger.error("aiortc is different inside than expected: %s", missing)  # noqa: TRY400  says it all
