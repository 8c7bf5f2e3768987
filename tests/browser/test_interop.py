"""Real Chromium with a real `pycall call`, by way of a real `pycall serve`: judged by what arrives."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, Final, Protocol

import av
import pytest
from numpy.typing import NDArray

from pycall.media.testsignals.wallclock import unix_time
from tests.browser.guests import DEVICES, PATIENCE_S, SHOWN_WORDS, Guests, at_the_page
from tests.browser.known import (
    BARS,
    PITCHES,
    SNAPSHOT,
    Card,
    card_in,
    decoded_png,
    film_and_whistle,
    filmed,
    notes_among,
    strange_among,
    whistled,
)
from tests.program import Program, Programs

ROOM: Final = "kitchen"

PREFER: Final = """
  const codecs = RTCRtpReceiver.getCapabilities("video").codecs;
  const first = codecs.filter(codec => codec.mimeType === "video/%s");
  const rest = codecs.filter(codec => !first.includes(codec));
  globalThis.connections = [];
  const describe = RTCPeerConnection.prototype.setLocalDescription;
  RTCPeerConnection.prototype.setLocalDescription = function (...how) {
    globalThis.connections.push(this);
    for (const section of this.getTransceivers()) {
      if (section.receiver.track.kind === "video") section.setCodecPreferences([...first, ...rest]);
    }
    return describe.apply(this, how);
  };
"""

ENCODINGS: Final = """
async () => {
  const stats = await connections.at(-1).getStats(), found = {};
  for (const each of stats.values()) {
    if (each.kind === "video" && each.codecId) found[each.type] = stats.get(each.codecId).mimeType;
    if (each.kind === "video" && each.rtxSsrc) found[`repairs of ${each.type}`] = each.rtxSsrc;
  }
  return found;
}
"""


@pytest.fixture
def origin(start_pycall: Programs) -> str:
    """Where a `pycall serve` listens."""
    program = start_pycall("serve", "--host", "127.0.0.1", "--port", "0")
    program.wait_for("http://127.0.0.1:")
    words = program.stdout.split()
    return next(word for word in words if word.startswith("http://127.0.0.1:")).rstrip("./")


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """What the browser films and hears."""
    return film_and_whistle(tmp_path_factory.mktemp("film"))


@pytest.fixture
async def filming(origin: str, film: tuple[Path, Path]) -> AsyncIterator[Guests]:
    """Guests whose camera films the test card and whose microphone hears two tones."""
    async with at_the_page(origin, *films(film)) as guests:
        yield guests


def films(film: tuple[Path, Path]) -> tuple[str, ...]:
    """The flags for a camera and a microphone that give what is in these files."""
    return (
        "--use-fake-ui-for-media-stream",
        "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-video-capture={film[0]}",
        f"--use-file-for-fake-audio-capture={film[1]}",
    )


class Caller:
    """A `pycall call` that shows the test card and plays the melody."""

    def __init__(self, program: Program) -> None:
        self.program = program

    async def event(self, name: str, **fields: object) -> dict[str, Any]:
        """Wait for an event with these fields, and return it."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + PATIENCE_S
        while True:
            for event in self.program.events:
                if event["event"] == name and fields.items() <= event.items():
                    return event
            assert loop.time() < deadline, f"no {name} {fields}: {self.program.stdout} {self.program.stderr}"
            await asyncio.sleep(0.05)

    async def count(self, name: str, least: int) -> None:
        """Wait until an event came this often."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + PATIENCE_S
        while sum(event["event"] == name for event in self.program.events) < least:
            assert loop.time() < deadline, f"not {least} {name}: {self.program.stdout}"
            await asyncio.sleep(0.05)

    async def hang_up(self) -> int:
        """End it as Ctrl-C does; its exit code."""
        self.program.send_signal(signal.SIGINT)
        return await asyncio.to_thread(self.program.wait)


@pytest.fixture
def caller(start_pycall: Programs, origin: str) -> Callable[..., Caller]:
    """Starts a caller in the room, whose name is Ann unless told otherwise."""

    def start(*options: str | Path, name: str = "Ann") -> Caller:
        sources = ("--camera", "test", "--microphone", "test", "--speaker", "none", "--display", "none")
        link = f"{origin}/r/{ROOM}"
        return Caller(start_pycall("call", link, "--json", "--name", name, *sources, *options))

    return start


class Page(Protocol):
    """A page in some browser."""

    async def evaluate(self, expression: str, arg: Any = None) -> Any:
        """What a JavaScript function gives for this argument."""
        ...


class Viewer(Protocol):
    """Who sees and hears what comes to a page."""

    @property
    def page(self) -> Page:
        """Where it comes."""
        ...


async def sees_the_card(guest: Viewer) -> None:
    """Two cards of pycall in the page, made just now, the second after the first, their colours right."""
    first = await arrived_card(guest)
    assert first.bars == BARS
    assert abs(first.time_ms / 1000 - unix_time()) < 60
    second = first
    async with asyncio.timeout(PATIENCE_S):
        while second.number == first.number:
            second = await arrived_card(guest)
    assert second.time_ms > first.time_ms


async def same_words(guest: Viewer, caller: Caller) -> bool:
    """Whether page and caller show the same, and these for the first time."""
    told = await caller.event("words")
    shown = await guest.page.evaluate(SHOWN_WORDS)
    assert not told["changed"]
    return bool(shown == " ".join(told["words"]))


async def arrived_card(guest: Viewer) -> Card:
    """The next card that can be read."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            card = card_in(decoded_png(await guest.page.evaluate(SNAPSHOT, "#remote")))
            if card is not None and "?" not in "".join(card.bars):
                return card


async def hears_the_melody(guest: Viewer) -> None:
    """At least four different notes of it, and hardly anything else."""
    pitches: list[float] = []
    async with asyncio.timeout(PATIENCE_S):
        while len(notes_among(pitches)) < 4:
            pitches += await guest.page.evaluate(PITCHES, ["#remote", 2])
    assert len(strange_among(pitches)) < len(pitches) / 4


def recorded_the_film(path: Path, begin_s: float = 0.0) -> None:
    """What the browser filmed and heard is in pycall's recording: pictures that move on, and both tones."""
    cards = filmed(path, begin_s)
    assert len({card.number for card in cards}) >= 10
    right = [card for card in cards if card.bars == BARS]
    assert len(right) > len(cards) / 2, cards[-1].bars
    assert min(whistled(path, begin_s=begin_s).values()) >= 2


@pytest.mark.parametrize("encoding", ["VP8", "H264"])
@pytest.mark.parametrize("first", ["browser", "pycall"])
async def test_each_side_sees_and_hears_what_the_other_one_shows_and_plays(
    first: str, encoding: str, filming: Guests, caller: Callable[..., Caller], tmp_path: Path
) -> None:
    record = tmp_path / "call.mp4"
    guest = await filming.come(f"/r/{ROOM}?name=Bob", script=PREFER % encoding)
    options = ("--record", record, "--record-layout", "remote")
    if first == "browser":
        await guest.join()
        await guest.reads("waiting")
        ann = caller(*options)
    else:
        ann = caller(*options)
        await ann.event("joined")
        await guest.join()

    await guest.reads("connected", "Connected to Ann")
    assert (await ann.event("peer_joined"))["name"] == "Bob"
    assert (await ann.event("connected"))["path"] == "direct"
    assert await same_words(guest, ann)
    await sees_the_card(guest)
    await hears_the_melody(guest)
    await guest.shows("#recording", "Ann is recording")
    encodings = await guest.call(f"({ENCODINGS})()")
    assert encodings["inbound-rtp"] == f"video/{encoding}"
    offered_first = encoding if first == "browser" else "VP8"  # each sends what the other one prefers
    assert encodings["outbound-rtp"] == f"video/{offered_first}"
    assert encodings["repairs of outbound-rtp"]  # in a stream of their own, as is its padding
    await guest.page.click("#hangup")
    assert await asyncio.to_thread(ann.program.wait) == 0
    assert (await ann.event("ended"))["reason"] == "peer-hangup"
    await asyncio.to_thread(recorded_the_film, record)


async def test_one_who_stays_is_joined_again_after_hanging_up_and_after_a_reload(
    filming: Guests, caller: Callable[..., Caller]
) -> None:
    ann = caller("--stay")
    await ann.event("joined")
    guest = await filming.come(f"/r/{ROOM}?name=Bob")
    await guest.join()
    await guest.reads("connected", "Connected to Ann")
    await sees_the_card(guest)
    await ann.count("first_frame", 2)

    await guest.page.click("#hangup")
    await guest.reads("ended")
    assert (await ann.event("peer_left"))["reason"] == "left"
    await guest.join()
    await guest.reads("connected", "Connected to Ann")
    await sees_the_card(guest)
    await ann.count("first_frame", 4)

    await guest.page.reload()
    await ann.count("peer_left", 2)
    await guest.reads("ready")
    await guest.join()
    await guest.reads("connected", "Connected to Ann")
    await sees_the_card(guest)
    await hears_the_melody(guest)
    await ann.count("first_frame", 6)
    assert await ann.hang_up() == 130
    await guest.reads("waiting")


async def test_a_browser_waits_for_the_next_caller_and_then_offers(
    filming: Guests, caller: Callable[..., Caller]
) -> None:
    ann = caller()
    await ann.event("joined")
    guest = await filming.come(f"/r/{ROOM}?name=Bob")
    await guest.join()
    await guest.reads("connected", "Connected to Ann")

    assert await ann.hang_up() == 130
    await guest.reads("waiting")
    eve = caller(name="Eve")
    await guest.reads("connected", "Connected to Eve")
    await sees_the_card(guest)
    await eve.count("first_frame", 2)
    assert await eve.hang_up() == 130


async def test_a_third_one_is_refused_whatever_it_is(filming: Guests, caller: Callable[..., Caller]) -> None:
    ann = caller()
    await ann.event("joined")
    guest = await filming.come(f"/r/{ROOM}?name=Bob")
    await guest.join()
    await guest.reads("connected", "Connected to Ann")

    third = await filming.come(f"/r/{ROOM}?name=Eve")
    await third.join()
    await third.reads("refused", f"The room {ROOM} is full")
    eve = caller(name="Eve")
    assert (await eve.event("error"))["code"] == "join-refused"
    assert await asyncio.to_thread(eve.program.wait) != 0
    await sees_the_card(guest)
    assert await ann.hang_up() == 130


async def test_what_each_side_does_is_told_to_the_other(
    filming: Guests, caller: Callable[..., Caller], tmp_path: Path
) -> None:
    guest = await filming.come(f"/r/{ROOM}?name=Bob")
    await guest.join()
    await guest.reads("waiting")
    record = tmp_path / "call.mp4"
    ann = caller("--record", record, "--record-layout", "remote")
    await guest.shows("#recording", "Ann is recording")

    await guest.page.click("#mute")
    await ann.event("peer_state", muted=True, camera_off=False)
    await guest.page.click("#camera")
    await ann.event("peer_state", muted=True, camera_off=True)
    await ann.count("stats", 1 + sum(event["event"] == "stats" for event in ann.program.events))
    assert await ann.hang_up() == 130
    await guest.page.wait_for_selector("#recording", state="hidden")
    recorded = looks(record)
    assert recorded[-1] == "black"
    assert "something else" in recorded  # the test card


async def test_camera_and_screen_are_changed_in_the_middle_of_a_call(
    origin: str, caller: Callable[..., Caller], tmp_path: Path
) -> None:
    record = tmp_path / "call.mp4"
    ann = caller("--record", record, "--record-layout", "remote")
    await ann.event("joined")
    async with at_the_page(origin, *DEVICES) as guests:
        guest = await guests.come(f"/r/{ROOM}?name=Bob")
        await guest.join()
        await guest.reads("connected", "Connected to Ann")
        await shows_a_shape(ann, 4 / 3)

        await guest.page.click("#settings")
        await guest.page.select_option("#cameras", index=2)
        await shows_a_shape(ann, 4 / 3)
        await guest.page.click("#share")
        await guest.page.wait_for_selector("#share[aria-pressed=true]")
        await shows_a_shape(ann, 16 / 9)
        await guest.page.click("#share")
        await guest.page.wait_for_selector("#share[aria-pressed=false]")
        await shows_a_shape(ann, 4 / 3)
        await guest.page.click("#hangup")
        assert await asyncio.to_thread(ann.program.wait) == 0
    recorded = looks(record)
    first = next(look for look in recorded if look != "black")  # as it is until the first picture comes
    assert first == recorded[-1] == "green"
    assert "between bars" in recorded  # a screen is wider than a camera's picture


async def shows_a_shape(caller: Caller, shape: float) -> None:
    """Wait until pictures of this width by height come for a whole second that begins now.

    How large they are is the browser's choice: it depends on the bit rate that it thinks there is.
    """
    async with asyncio.timeout(PATIENCE_S):
        seen = len(seconds(caller)) + 1
        while not any(
            each["fps"] > 0 and each["width"] and abs(each["width"] / each["height"] - shape) < 0.1
            for each in seconds(caller)[seen:]
        ):
            await asyncio.sleep(0.05)


def seconds(caller: Caller) -> list[dict[str, Any]]:
    """The call's statistics so far."""
    return [event for event in caller.program.events if event["event"] == "stats"]


def looks(path: Path) -> list[str]:
    """What each recorded picture shows: black, the green of the fake camera, or a wide one between bars."""
    with av.open(str(path)) as file:
        return [_look(frame.to_ndarray(format="rgb24")) for frame in file.decode(video=0)]


def _look(pixels: NDArray[Any]) -> str:
    red, green, blue = pixels[pixels.shape[0] // 3 :].mean(axis=(0, 1))
    if max(red, green, blue) < 32:
        return "black"
    if pixels[: pixels.shape[0] // 16].mean() < 24:
        return "between bars"
    return "green" if green > 1.5 * max(red, blue) else "something else"
