"""One attempt's connection to the other end: aiortc's RTCPeerConnection, tamed.

Everything is bundled on one transport, candidates are gathered at once, and nothing the other end
sends makes it raise anything but :class:`~pycall.errors.CallError`. What happens is posted as inputs
of :class:`~pycall.core.call.Call`.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from aiortc import (
    MediaStreamTrack,
    RTCDataChannel,
    RTCDtlsTransport,
    RTCPeerConnection,
    RTCRtpSender,
)

from pycall.client import compat
from pycall.client.control import ControlChannel
from pycall.client.exchange import Exchange
from pycall.client.formats import CODECS, codecs
from pycall.client.handover import Handover
from pycall.client.iceservers import usable_servers
from pycall.client.identity import Identity
from pycall.client.reception import Reception
from pycall.client.sending.line import Line, LineFigures
from pycall.client.stages import Delays, Kind, Stages
from pycall.client.stats import Counters
from pycall.client.tracks import (
    BLOCK,
    SAMPLE_RATE,
    Hold,
    Incoming,
    Picture,
    PictureTrack,
    Sound,
    SoundTrack,
    SourceFeed,
    receive_pictures,
    receive_sound,
)
from pycall.core import inputs
from pycall.core.events import Latency, Path
from pycall.core.messages import CONTROL_LABEL, Candidate, Control, IceServer, Sending, Shares
from pycall.errors import CallError

logger = logging.getLogger(__name__)

CLOSE_S: Final = 2.0
"""What closing may take before what is left is let go by force."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """What is sent; ``None`` sends nothing of that kind. Pictures are meant to come ``fps`` a second."""

    picture: SourceFeed[Picture] | None
    sound: SourceFeed[Sound] | None
    fps: float = 30.0


class Peer:
    """A connection to the other end; use from the event loop that made it, once.

    :meth:`open` comes first; then either :meth:`create_offer` and :meth:`accept_answer`, or
    :meth:`accept_offer`. Connections that may replace each other share ``handover`` and ``identity``.
    """

    def __init__(
        self,
        attempt: int,
        *,
        ice_servers: Sequence[IceServer],
        relay_only: bool = False,
        outgoing: Outgoing,
        incoming: Incoming,
        post: Callable[[inputs.Input], None],
        handover: Handover | None = None,
        identity: Identity | None = None,
    ) -> None:
        self._attempt = attempt
        self._ice_servers = usable_servers(ice_servers)
        self._relay_only = relay_only
        self._outgoing = outgoing
        self._post = post
        self._identity = identity or Identity()
        self.media_hold = Hold()
        self._control = ControlChannel(
            lambda said: post(inputs.ControlReceived(attempt, said)), self._sending
        )
        self._connection: RTCPeerConnection | None = None
        self._dtls: RTCDtlsTransport | None = None
        self._ice: compat.IceAgent | None = None
        self._exchange: Exchange | None = None
        self._picture_track: PictureTrack | None = None
        self._sound_track: SoundTrack | None = None
        self._line: Line | None = None
        self._feedback: compat.TransportFeedback | None = None
        self.stages: dict[Kind, Stages] = {"audio": Stages(), "video": Stages()}
        """How long what is sent and received spends where."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._closing: asyncio.Task[None] | None = None
        self._over = False
        self._path: Path | None = None
        self._reception = Reception(
            attempt, incoming, self._control.clock, self.stages, post, handover=handover or Handover()
        )
        self._inbound = compat.Inbound(self._say, self._round_trips, self._reception.packet_came)

    async def open(self) -> None:
        """Create the connection and begin to gather candidates."""
        compat.install()
        connection = self._connection = compat.new_connection(
            self._ice_servers, self._identity.certificate, relay_only=self._relay_only
        )
        origin = time.monotonic()
        if self._outgoing.sound is not None:
            self._sound_track = SoundTrack(self._outgoing.sound, origin, self.media_hold)
        if self._outgoing.picture is not None:
            self._picture_track = PictureTrack(self._outgoing.picture, origin, self.media_hold)
        self._add_transceiver("audio", self._sound_track)
        self._add_transceiver("video", self._picture_track)
        transport = self._dtls = connection.getTransceivers()[0].receiver.transport
        self._open_line(connection)
        connection.on("connectionstatechange", _safe(self._state_changed))
        connection.on("track", _safe(self._track_came))
        connection.on("datachannel", _safe(self._channel_came))
        transport.on("statechange", _safe(self._transport_changed))
        self._ice = compat.IceAgent(
            transport.transport,
            self._ice_servers,
            relay_only=self._relay_only,
            gathered=self._gathered,
            moved=_safe(self._moved),
        )
        self._exchange = Exchange(self._attempt, connection, self._ice, self._post)

    async def create_offer(self, wait_s: float = 0.0) -> str:
        """The offer to send, with the candidates there are after at most ``wait_s`` seconds.

        Later ones are posted. Raises :class:`~pycall.errors.CallError`.
        """
        exchange = self._exchanging
        if not self._control.attached:
            self._control.attach(self._opened.createDataChannel(CONTROL_LABEL))
        return await exchange.offer(wait_s)

    async def accept_offer(self, sdp: str, wait_s: float = 0.0) -> str:
        """The answer to an offer, with the candidates there are after at most ``wait_s`` seconds.

        Later ones are posted. Raises :class:`~pycall.errors.CallError`.
        """
        return await self._exchanging.answer(sdp, wait_s)

    async def accept_answer(self, sdp: str) -> None:
        """Apply the answer to our offer; raises :class:`~pycall.errors.CallError`."""
        await self._exchanging.accept(sdp)

    async def add_candidate(self, candidate: Candidate) -> None:
        """Add a trickled candidate, or learn that there are no more; what is none is dropped."""
        if not self._over:
            await self._exchanging.add(candidate)

    @property
    def packets_received(self) -> int:
        """Packets of media, reports and data that came from the other end; none of ICE, none forged."""
        return 0 if self._dtls is None else compat.packets_heard(self._dtls)

    @property
    def path(self) -> Path | None:
        """The way the media takes; ``None`` before the two are connected."""
        return self._path

    @property
    def local_address(self) -> str | None:
        """The address of this computer that the path begins at; ``None`` where that is not known."""
        return None if self._ice is None else self._ice.local_address

    def send_control(self, control: Control) -> None:
        """Say something on the control channel; the newest state is said when it opens."""
        self._control.send(control)

    async def counters(self) -> Counters:
        """What has flowed so far."""
        logger.debug("%s", self.line)
        stats = list((await self._opened.getStats()).values())
        received = self._reception
        transport = next((s for s in stats if s.type == "transport"), None)
        inbound = {s.kind: s for s in stats if s.type == "inbound-rtp"}
        rtts = [s.roundTripTime for s in stats if s.type == "remote-inbound-rtp"]
        rtt_s = next((rtt for rtt in rtts if rtt is not None and rtt >= 0), self._control.clock.rtt_s)
        return Counters(
            bytes_sent=transport.bytesSent if transport else 0,
            bytes_received=transport.bytesReceived if transport else 0,
            packets_received=transport.packetsReceived if transport else 0,
            packets_lost=sum(max(0, s.packetsLost) for s in inbound.values()),
            frames_sent=self._picture_track.frames if self._picture_track else 0,
            frames_received=received.pictures,
            audio_sent_s=(self._sound_track.frames if self._sound_track else 0) * BLOCK / SAMPLE_RATE,
            audio_received_s=received.samples / SAMPLE_RATE,
            width=received.size[0] if received.size else None,
            height=received.size[1] if received.size else None,
            jitter_s=inbound["audio"].jitter / SAMPLE_RATE if "audio" in inbound else None,
            rtt_s=rtt_s,
            audio_latency_s=received.latency["audio"].seconds,
            video_latency_s=received.latency["video"].seconds,
        )

    @property
    def line(self) -> LineFigures | None:
        """What is sent at present; ``None`` before :meth:`open`, and where aiortc sends its own way."""
        return None if self._line is None else self._line.figures()

    def latencies(self, delays: Delays) -> tuple[Latency, ...]:
        """Where the delay of what came since the last call is; ``delays`` is what playing adds."""
        told = self._control.told or Sending(Shares(), Shares())
        sound = self.stages["audio"].latency("audio", told.audio, delays)
        return sound, self.stages["video"].latency("video", told.video, delays)

    def fall_silent(self) -> None:
        """Hand on no media and report nothing from now on."""
        self._over = True
        self._reception.end()

    async def close(self, *, say_bye: bool) -> None:
        """End the connection, within 3 s; nothing of it is left. May be called at any time, and again."""
        if self._closing is None:
            self._closing = asyncio.create_task(self._close(say_bye=say_bye), name="pycall-close-peer")
        await asyncio.shield(self._closing)

    # Setting up

    @property
    def _opened(self) -> RTCPeerConnection:
        if self._connection is None:
            raise CallError("the connection was not opened.")
        return self._connection

    @property
    def _exchanging(self) -> Exchange:
        if self._exchange is None:
            raise CallError("the connection was not opened.")
        return self._exchange

    def _add_transceiver(self, kind: Kind, track: PictureTrack | SoundTrack | None) -> None:
        direction = "recvonly" if track is None else "sendrecv"
        transceiver = self._opened.addTransceiver(track or kind, direction=direction)
        transceiver.setCodecPreferences(codecs(kind, CODECS[kind]))
        self._reception.taps[kind] = self._inbound.tune(transceiver.receiver, kind)

    def _open_line(self, connection: RTCPeerConnection) -> None:
        sound, pictures = (transceiver.sender for transceiver in connection.getTransceivers())
        line = self._line = compat.open_line(sound)
        if line is None:
            return
        self._feedback = compat.TransportFeedback(line, sound)
        self._send("audio", sound, self._sound_track)
        self._send("video", pictures, self._picture_track)

    def _send(self, kind: Kind, sender: RTCRtpSender, track: PictureTrack | SoundTrack | None) -> None:
        line, stages, fps = self._line, self.stages[kind], self._outgoing.fps
        if line is not None and track is not None:
            ours = self._is_with_pycall
            compat.send_through(line, sender, track, stages, with_pycall=ours, fps=fps)

    def _is_with_pycall(self) -> bool:
        return self._exchange is not None and self._exchange.with_pycall

    def _gathered(self, line: str | None) -> None:
        if self._exchange is not None and not self._over:
            self._exchange.gathered(line)

    def _say(self, report: bytes) -> None:
        if self._line is not None:
            self._line.say(report)

    def _round_trips(self) -> list[float]:
        """What is known of the round trip: the shortest ping, and what transport feedback took lately."""
        known = (self._control.clock.rtt_s, None if self._line is None else self._line.rtt_s)
        return [rtt_s for rtt_s in known if rtt_s is not None]

    def _sending(self) -> Sending:
        return Sending(self.stages["audio"].shares(), self.stages["video"].shares())

    # What happens

    def _state_changed(self) -> None:
        connection = self._opened
        match connection.connectionState:
            case "connected" if not self._over and self._ice is not None:
                self._path = self._ice.path
                self._post(inputs.PeerConnected(self._attempt, self._path))
            case "failed" if connection.iceConnectionState == "failed" and self._ice is not None:
                reason = self._ice.why_no_path()
                self._fail(reason.why, reason.hint)
            case "failed":
                self._fail("the two could not agree on an encrypted connection.")
            case _:
                pass

    def _moved(self) -> None:
        """Tell the path when it is another than what was told."""
        if self._path is None or self._ice is None or self._over:
            return
        path = self._ice.path
        if path != self._path:
            self._path = path
            self._post(inputs.PathChanged(self._attempt, path))

    def _transport_changed(self) -> None:
        if self._dtls is None or self._dtls.state != "closed" or self._over:
            return
        if compat.hung_up(self._dtls):
            self.fall_silent()
            self._post(inputs.PeerClosed(self._attempt))
        else:
            self._fail("something in pycall itself broke.")

    def _fail(self, why: str, hint: str = "") -> None:
        if not self._over:
            self.fall_silent()
            self._post(inputs.PeerFailed(self._attempt, why, hint))

    def _channel_came(self, channel: RTCDataChannel) -> None:
        if channel.label == CONTROL_LABEL and not self._control.attached:
            self._control.attach(channel)
        else:
            channel.close()

    def _track_came(self, track: MediaStreamTrack) -> None:
        if track.kind == "video":
            self._start(receive_pictures(track, self._reception.picture_came), "pycall-pictures")
        else:
            self._start(receive_sound(track, self._reception.sound_came), "pycall-sound")

    def _start(self, work: Any, name: str) -> None:
        task: asyncio.Task[None] = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("%s ended.", task.get_name(), exc_info=error)
            self._fail("received media could not be handled.")

    # Ending

    async def _close(self, *, say_bye: bool) -> None:
        self.fall_silent()
        if self._connection is None:
            return
        if say_bye:
            await self._control.say_bye()
        await self._control.close()
        for track in (self._picture_track, self._sound_track):
            if track is not None:
                track.stop()
        if self._exchange is not None:
            await self._exchange.close()
        self._inbound.close()
        if self._feedback is not None:
            self._feedback.close()
        if self._line is not None:
            await self._line.close()
        closing = asyncio.create_task(self._connection.close(), name="pycall-close-connection")
        await asyncio.wait([closing], timeout=CLOSE_S)
        if not closing.done() or closing.cancelled() or closing.exception() is not None:
            logger.info("The connection did not close as it should; what it held is let go.")
            if self._dtls is not None:
                compat.abandon(self._connection, self._dtls.transport)
            closing.cancel()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(closing, *self._tasks, return_exceptions=True)


def _safe(handler: Callable[..., None]) -> Callable[..., None]:
    """``handler`` with its errors logged: one that raises leaves aiortc's connection stuck."""

    def handle(*arguments: object) -> None:
        try:
            handler(*arguments)
        except Exception:
            logger.exception("A handler of the peer connection failed.")

    return handle
