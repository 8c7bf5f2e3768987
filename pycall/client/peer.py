"""One attempt's connection to the other end: aiortc's RTCPeerConnection, tamed.

Everything is bundled on one transport, candidates are gathered at once, and nothing the other end
sends makes it raise anything but :class:`~pycall.errors.CallError`. What happens is posted as inputs
of :class:`~pycall.core.call.Call`.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from aiortc import (
    MediaStreamTrack,
    RTCBundlePolicy,
    RTCConfiguration,
    RTCDataChannel,
    RTCDtlsTransport,
    RTCIceServer,
    RTCPeerConnection,
    RTCRtpCodecCapability,
    RTCRtpSender,
    RTCSessionDescription,
)

from pycall.client import compat
from pycall.client.control import ControlChannel
from pycall.client.descriptions import MAX_CANDIDATES, parse_candidate, take_apart
from pycall.client.reception import Kind, Reception
from pycall.client.stats import Counters
from pycall.client.tracks import (
    BLOCK,
    SAMPLE_RATE,
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
from pycall.core.messages import CONTROL_LABEL, Candidate, Control, IceServer
from pycall.errors import CallError

logger = logging.getLogger(__name__)

CLOSE_S: Final = 2.0
"""What closing may take before what is left is let go by force."""

BIND_S: Final = 0.3
"""What binding the sockets of all addresses takes at most; asking STUN and TURN servers takes longer."""

CODECS: Final[dict[Kind, tuple[str, ...]]] = {"audio": ("audio/opus",), "video": ("video/VP8", "video/H264")}
"""What is negotiated: what every WebRTC endpoint has (RFC 7874 section 3, RFC 7742 section 5)."""

H264_PROFILE: Final = "42e01f"
"""Constrained baseline, the profile every endpoint with H.264 has (RFC 7742 section 6.2)."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """What is sent; ``None`` sends nothing of that kind."""

    picture: SourceFeed[Picture] | None
    sound: SourceFeed[Sound] | None


class Peer:
    """A connection to the other end; use from the event loop that made it, once.

    :meth:`open` comes first; then either :meth:`create_offer` and :meth:`accept_answer`, or
    :meth:`accept_offer`.
    """

    def __init__(
        self,
        attempt: int,
        *,
        ice_servers: Sequence[IceServer],
        outgoing: Outgoing,
        incoming: Incoming,
        post: Callable[[inputs.Input], None],
    ) -> None:
        self._attempt = attempt
        self._ice_servers = ice_servers
        self._outgoing = outgoing
        self._post = post
        self._control = ControlChannel(lambda said: post(inputs.ControlReceived(attempt, said)))
        self._connection: RTCPeerConnection | None = None
        self._dtls: RTCDtlsTransport | None = None
        self._picture_track: PictureTrack | None = None
        self._sound_track: SoundTrack | None = None
        self._gathering: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._closing: asyncio.Task[None] | None = None
        self._over = False
        self._candidates = 0
        self._hidden = False
        self._reception = Reception(attempt, incoming, self._control.clock, post)

    async def open(self) -> None:
        """Create the connection and begin to gather candidates."""
        compat.install()
        try:
            servers = [RTCIceServer(list(s.urls), s.username, s.credential) for s in self._ice_servers]
            configuration = RTCConfiguration(iceServers=servers, bundlePolicy=RTCBundlePolicy.MAX_BUNDLE)
            self._connection = RTCPeerConnection(configuration)
            origin = time.monotonic()
            if self._outgoing.sound is not None:
                self._sound_track = SoundTrack(self._outgoing.sound, origin)
            if self._outgoing.picture is not None:
                self._picture_track = PictureTrack(self._outgoing.picture, origin)
            self._add_transceiver("audio", self._sound_track)
            self._add_transceiver("video", self._picture_track)
        except ValueError as error:
            raise CallError("the server's list of STUN and TURN servers cannot be used.") from error
        connection = self._connection
        transport = self._dtls = connection.getTransceivers()[0].receiver.transport
        connection.on("connectionstatechange", _safe(self._state_changed))
        connection.on("track", _safe(self._track_came))
        connection.on("datachannel", _safe(self._channel_came))
        transport.on("statechange", _safe(self._transport_changed))
        self._gathering = asyncio.create_task(transport.transport.iceGatherer.gather(), name="pycall-gather")

    async def create_offer(self) -> str:
        """The offer to send, candidates included; raises :class:`~pycall.errors.CallError`."""
        connection = self._opened
        self._control.attach(connection.createDataChannel(CONTROL_LABEL))
        async with _Refusing("no offer could be made."):
            await self._gathered()
            await connection.setLocalDescription(await connection.createOffer())
        return str(connection.localDescription.sdp)

    async def accept_offer(self, sdp: str) -> str:
        """The answer to an offer, candidates included; raises :class:`~pycall.errors.CallError`."""
        connection = self._opened
        async with _Refusing("the other side's offer cannot be used."):
            await self._accept(sdp, "offer")
            await self._gathered()
            await connection.setLocalDescription(await connection.createAnswer())
        return str(connection.localDescription.sdp)

    async def accept_answer(self, sdp: str) -> None:
        """Apply the answer to our offer; raises :class:`~pycall.errors.CallError`."""
        async with _Refusing("the other side's answer cannot be used."):
            await self._accept(sdp, "answer")

    async def add_candidate(self, candidate: Candidate) -> None:
        """Add a trickled candidate, or learn that there are no more; what is none is dropped."""
        if self._over:
            return
        if candidate.candidate is None:
            await self._end_candidates()
        else:
            await self._add_candidate_line(candidate.candidate)

    def send_control(self, control: Control) -> None:
        """Say something on the control channel; the newest state is said when it opens."""
        self._control.send(control)

    async def counters(self) -> Counters:
        """What has flowed so far."""
        stats = list((await self._opened.getStats()).values())
        received = self._reception
        transport = next((s for s in stats if s.type == "transport"), None)
        inbound = {s.kind: s for s in stats if s.type == "inbound-rtp"}
        rtts = [s.roundTripTime for s in stats if s.type == "remote-inbound-rtp"]
        rtt_s = next((rtt for rtt in rtts if rtt is not None and rtt >= 0), self._control.clock.rtt_s)
        if rtt_s is not None:
            received.taps["video"].expect_repairs(rtt_s)
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
    def _transport(self) -> RTCDtlsTransport:
        """The one transport everything is bundled on."""
        if self._dtls is None:
            raise CallError("the connection was not opened.")
        return self._dtls

    def _add_transceiver(self, kind: Kind, track: PictureTrack | SoundTrack | None) -> None:
        direction = "recvonly" if track is None else "sendrecv"
        transceiver = self._opened.addTransceiver(track or kind, direction=direction)
        transceiver.setCodecPreferences(_codecs(kind, CODECS[kind]))
        self._reception.taps[kind] = compat.tune_receiver(transceiver.receiver, kind)
        if track is not None:
            compat.report_capture_times(transceiver.sender, track)

    async def _gathered(self) -> None:
        """Wait for the candidates: a description made while they are gathered has none."""
        if self._gathering is not None:
            await asyncio.shield(self._gathering)

    async def _accept(self, sdp: str, kind: Literal["offer", "answer"]) -> None:
        if self._opened.remoteDescription is not None:
            raise CallError("the other side described itself twice.")
        parts = take_apart(sdp)
        for transceiver in self._opened.getTransceivers():
            if transceiver.kind == "video":
                transceiver.setCodecPreferences(_codecs("video", parts.video_codecs))
        await self._opened.setRemoteDescription(RTCSessionDescription(parts.sdp, kind))
        for line in parts.candidates:
            await self._add_candidate_line(line)
        if parts.complete:
            await self._end_candidates()

    async def _add_candidate_line(self, line: str) -> None:
        self._candidates += 1
        if self._candidates > MAX_CANDIDATES:
            return
        try:
            candidate = parse_candidate(line)
        except ValueError:
            logger.debug("Dropped a candidate that is none.")
            return
        if candidate is None:
            return
        adding = self._transport.transport.addRemoteCandidate(candidate)
        if candidate.ip.endswith(".local"):  # resolving takes up to a second, or has no multicast to use
            self._hidden = True
            self._start(_ignoring_os_errors(adding), "pycall-mdns")
        else:
            await adding

    async def _end_candidates(self) -> None:
        """Fail when no candidate works, unless some are hidden: then the other end reaches us."""
        if not self._hidden:
            await self._transport.transport.addRemoteCandidate(None)

    # What happens

    def _state_changed(self) -> None:
        connection = self._opened
        match connection.connectionState:
            case "connected" if not self._over:
                path = compat.nominated_path(self._transport.transport)
                self._post(inputs.PeerConnected(self._attempt, path))
            case "failed":
                no_path = connection.iceConnectionState == "failed"
                self._fail(
                    "no network path between the two was found."
                    if no_path
                    else "the two could not agree on an encrypted connection."
                )
            case _:
                pass

    def _transport_changed(self) -> None:
        if self._transport.state != "closed" or self._over:
            return
        if compat.consent_lost(self._transport.transport):
            self._fail("the other side does not answer any more.")
        elif compat.hung_up(self._transport):
            self.fall_silent()
            self._post(inputs.PeerClosed(self._attempt))
        else:
            self._fail("something in pycall itself broke.")

    def _fail(self, why: str) -> None:
        if not self._over:
            self.fall_silent()
            self._post(inputs.PeerFailed(self._attempt, why))

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
        if self._gathering is not None:  # cancelled while it binds, aioice would leave a socket open
            await asyncio.wait([self._gathering], timeout=BIND_S)
            self._gathering.cancel()
        closing = asyncio.create_task(self._connection.close(), name="pycall-close-connection")
        await asyncio.wait([closing], timeout=CLOSE_S)
        if not closing.done() or closing.cancelled() or closing.exception() is not None:
            logger.info("The connection did not close as it should; what it held is let go.")
            if self._dtls is not None:
                compat.abandon(self._connection, self._dtls.transport)
            closing.cancel()
        tasks = [task for task in (*self._tasks, self._gathering) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(closing, *tasks, return_exceptions=True)


def _codecs(kind: Kind, order: Sequence[str]) -> list[RTCRtpCodecCapability]:
    """What is negotiated of a kind, those of ``order`` first, in that order.

    Without RTX: repairs travel on the stream itself; in one of their own they spoil aiortc's statistics.
    """
    first = [*order, *CODECS[kind]]
    codecs = [
        codec
        for codec in RTCRtpSender.getCapabilities(kind).codecs
        if codec.mimeType in CODECS[kind] and codec.parameters.get("profile-level-id") in {None, H264_PROFILE}
    ]
    return sorted(codecs, key=lambda codec: first.index(codec.mimeType))


class _Refusing:
    """Whatever aiortc raises on another's description becomes a :class:`~pycall.errors.CallError`."""

    def __init__(self, message: str) -> None:
        self._message = message

    async def __aenter__(self) -> None:
        """Nothing to prepare."""

    async def __aexit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, Exception) and not isinstance(error, CallError):
            raise CallError(self._message) from error


def _safe(handler: Callable[..., None]) -> Callable[..., None]:
    """``handler`` with its errors logged: one that raises leaves aiortc's connection stuck."""

    def handle(*arguments: object) -> None:
        try:
            handler(*arguments)
        except Exception:
            logger.exception("A handler of the peer connection failed.")

    return handle


async def _ignoring_os_errors(adding: Awaitable[None]) -> None:
    try:
        await adding
    except OSError as error:
        logger.debug("An mDNS name could not be resolved: %s", error)
