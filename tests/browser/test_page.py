"""The page itself: what it says when something is wrong, and how it bears what strangers write."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import quote

import pytest
from playwright.async_api import Page

from pycall.core.messages import parse_control, parse_message
from pycall.core.names import check_room_name, clean_display_name
from pycall.limits import Limits
from pycall.server.admission.addresses import Proxies
from pycall.server.app import SignallingServer
from tests.browser.guests import DEVICES, Guests, at_the_page
from tests.server.raw import raw_clients

FAKE_DEVICES = DEVICES[0]
BUSY = """
  navigator.mediaDevices.getUserMedia = async () => { throw new DOMException("in use", "NotReadableError"); };
"""
RELUCTANT = """
  globalThis.AudioContext = class extends AudioContext {
    asked = 0;
    constructor() { super(); void this.suspend(); }
    resume() { return ++this.asked < 3 ? new Promise(() => {}) : super.resume(); }
  };
"""
"""As in Firefox, what measures sound may not start at first, and nothing tells when it may."""

LOUD = "Number(document.querySelector('#level').style.getPropertyValue('--level')) > 0.3"
SMALLEST: Final[dict[str, Any]] = {"viewport": {"width": 320, "height": 568}}
PHONE: Final[dict[str, Any]] = {
    "viewport": {"width": 360, "height": 740},
    "has_touch": True,
    "is_mobile": True,
}

HOSTILE = [
    "<img src=x onerror=alert(1)>",
    "<script>alert(1)</script>",
    "&lt;b&gt;",
    "\u202egnirts",
    "a\x00b\x1b[31mc",
    "x" * 64,
    "{{7*7}}",
]


async def test_the_first_page_leads_to_a_room(guests: Guests) -> None:
    ann = await guests.come("/")

    await ann.page.fill("#room", "two words")
    await ann.page.click("#go")
    await ann.shows("#problem", "A room name has 1 to 64 letters")
    await ann.page.fill("#room", " Küche ")
    await ann.page.fill("#name", "Ann")
    await ann.page.press("#name", "Enter")
    await ann.page.wait_for_url(f"**/r/{quote('Küche')}")
    await ann.reads("ready")
    await ann.shows("#room", "Küche")
    assert await ann.page.input_value("#name") == "Ann"


async def test_before_joining_one_sees_oneself_and_how_loud_one_is(guests: Guests) -> None:
    ann = await guests.come("/r/kitchen")

    await ann.sees_somebody_move("#local")
    await ann.until(LOUD)
    for choice in ("#microphones", "#cameras", "#speakers"):
        assert await ann.page.locator(f"{choice} option").count() >= 2


async def test_the_level_meter_is_there_as_soon_as_the_browser_measures_and_not_while_one_is_muted(
    guests: Guests,
) -> None:
    ann = await guests.come("/r/kitchen", script=RELUCTANT)

    await ann.until(LOUD)
    assert await ann.page.is_visible("#level")
    await ann.page.click("#mute")
    await ann.page.wait_for_selector("#level", state="hidden")


async def test_the_link_to_send_is_the_rooms(guests: Guests) -> None:
    ann = await guests.come("/r/kitchen?name=Ann")
    await ann.join()
    await ann.shows("#invite")

    assert await ann.page.input_value("#link") == f"{guests.origin}/r/kitchen"
    await ann.page.click("#copy")
    await ann.shows("#toast", "The link is copied.")


async def test_too_many_from_one_address_are_told_and_let_in_later() -> None:
    limits, us = Limits(connections_per_address=1), Proxies.of(["127.0.0.1"])
    server = SignallingServer("127.0.0.1", 0, limits=limits, proxies=us)
    await server.start()
    async with (
        raw_clients(server.port) as clients,
        at_the_page(f"http://127.0.0.1:{server.port}", *DEVICES) as guests,
    ):
        guests.strict = False  # the browser itself tells of a connection that is refused
        first = await clients()
        ann = await guests.come("/r/kitchen?name=Ann")
        await ann.join()
        await ann.reads("unreachable", "takes no more connections from your network")
        await first.socket.close()
        await ann.reads("waiting")
    await server.stop()


async def test_permission_denied_is_told_with_a_way_out(server: SignallingServer) -> None:
    origin = f"http://127.0.0.1:{server.port}"
    async with at_the_page(origin, FAKE_DEVICES, "--use-fake-ui-for-media-stream=deny") as guests:
        ann = await guests.come("/r/kitchen")
        await ann.shows("#complaints", "The browser was not allowed to use the camera and microphone.")
        await ann.shows("#complaints", "You can join without")
        await ann.join()
        await ann.reads("waiting")


async def test_no_device_is_told(server: SignallingServer) -> None:
    origin = f"http://127.0.0.1:{server.port}"
    none = "--use-fake-device-for-media-stream=device-count=0"
    async with at_the_page(origin, none, "--use-fake-ui-for-media-stream") as guests:
        ann = await guests.come("/r/kitchen")
        await ann.shows("#complaints", "no camera")
        assert await ann.page.is_hidden("#cameras")


async def test_a_busy_device_is_told(guests: Guests) -> None:
    ann = await guests.come("/r/kitchen", script=BUSY)

    await ann.shows("#complaints", "The camera and microphone are busy")


async def test_plain_http_from_another_machine_is_explained_and_one_can_join(
    server: SignallingServer,
) -> None:
    origin = f"http://pycall.test:{server.port}"
    elsewhere = "--host-resolver-rules=MAP pycall.test 127.0.0.1"
    async with at_the_page(origin, *DEVICES, elsewhere) as guests:
        guests.strict = False  # the browser itself warns that this page is not secure
        ann = await guests.come("/r/kitchen?name=Ann")
        bob = await guests.come("/r/kitchen?name=Bob", origin=f"http://127.0.0.1:{server.port}")
        await ann.shows("#complaints", "This page is not secure")
        await ann.shows("#complaints", "pycall serve --tls")
        await ann.join()
        await bob.join()
        await ann.sees_somebody_move()
        assert await ann.loudest() > 0.05


async def test_names_are_shown_as_text(guests: Guests) -> None:
    bob = await guests.come("/r/kitchen", **PHONE)
    await bob.join()
    for name in HOSTILE:
        ann = await guests.come(f"/r/kitchen?name={quote(name)}")
        await ann.join()
        await bob.reads("connected")
        shown = clean_display_name(name)
        assert await bob.page.text_content("#their-name") == shown[:1].upper() + shown[1:]
        assert await bob.call("document.querySelectorAll('#call img, #call script').length") == 1  # the brand
        if len(name) == 64:  # the widest
            await bob.page.click("#words")
            await bob.shows("#comparison-advice", shown[1:])
            await is_large_enough(bob.page)
        assert await is_as_wide_as_the_screen(bob.page)
        await ann.page.close()
        await bob.reads("waiting")


@pytest.mark.parametrize("viewport", [SMALLEST, PHONE], ids=["320", "360"])
async def test_nothing_is_wider_than_a_phone_and_everything_is_large_enough_to_touch(
    guests: Guests, viewport: dict[str, Any]
) -> None:
    ann = await guests.come("/r/" + "w" * 64 + "?name=" + "Ann", **viewport)
    assert await is_as_wide_as_the_screen(ann.page)
    await is_large_enough(ann.page)
    await ann.join()
    await ann.reads("waiting")
    assert await is_as_wide_as_the_screen(ann.page)
    await is_large_enough(ann.page)
    await ann.page.click("#settings")
    await ann.shows("#cameras")
    assert await is_as_wide_as_the_screen(ann.page)


async def test_the_keyboard_alone_is_enough(guests: Guests) -> None:
    ann = await guests.come("/r/kitchen")
    order = []
    for _ in range(7):
        await ann.page.keyboard.press("Tab")
        order.append(await ann.call("document.activeElement.id"))
    assert order == ["mute", "camera", "name", "join", "microphones", "cameras", "speakers"]

    await ann.page.focus("#name")
    await ann.page.keyboard.press("Enter")
    await ann.reads("waiting")
    assert await ann.call("document.activeElement.id") == "mute"
    await ann.page.focus("#settings")
    await ann.page.keyboard.press("Enter")
    await ann.shows("#panel")
    await ann.page.keyboard.press("Escape")
    await ann.page.wait_for_selector("#panel", state="hidden")
    assert await ann.call("document.activeElement.id") == "settings"


async def test_every_control_has_a_name_for_those_who_do_not_see_it(guests: Guests) -> None:
    ann = await guests.come("/r/kitchen")
    await ann.join()
    await ann.reads("waiting")
    await ann.page.click("#settings")

    for name in ("Mute", "Camera off", "Share the screen", "Full screen", "Hang up"):
        assert await ann.page.get_by_role("button", name=name, exact=True).is_visible()
    for name in ("Microphone", "Camera", "Speaker"):
        assert await ann.page.get_by_role("combobox", name=name).is_visible()
    assert await ann.page.get_by_role("status").first.is_visible()


async def test_the_page_reads_messages_as_pycall_does(guests: Guests) -> None:
    ann = await guests.come("/r/kitchen")
    candidate = {"candidate": "candidate:1 1 udp 1 192.0.2.1 5 typ host", "sdpMid": "0", "sdpMLineIndex": 0}
    payloads: list[object] = [
        None, 7, "offer", [], {}, {"type": "offer"}, {"type": "offer", "sdp": 7},
        {"type": "offer", "sdp": "v=0"},
        {"type": "offer", "sdp": "v=0", "epoch": 3}, {"type": "offer", "sdp": "v=0", "epoch": "3"},
        {"type": "offer", "sdp": "v=0", "epoch": -1}, {"type": "offer", "sdp": "v=0", "epoch": True},
        {"type": "offer", "sdp": "x" * 48_001}, {"type": "answer", "sdp": "v=0", "epoch": None},
        {"type": "candidate"}, {"type": "candidate", "candidate": None},
        {"type": "candidate", "candidate": "x"},
        {"type": "candidate", "candidate": candidate}, {"type": "candidate", "candidate": {"candidate": ""}},
        {"type": "candidate", "candidate": candidate | {"sdpMid": 1}},
        {"type": "candidate", "candidate": candidate | {"sdpMLineIndex": "0"}},
        {"type": "candidate", "candidate": candidate | {"candidate": "x" * 513}}, {"type": "bye"},
        *({"type": "offer", "sdp": "v=0", "commitment": token, "known": known}
          for token in (None, 43 * "-", 43 * "=", 44 * "A", 7) for known in (None, 43 * "_", 42 * "A")),
        *({"type": kind, "sdp": "v=0", "nonce": token}
          for kind in ("answer", "reveal")
          for token in (None, 22 * "9", 22 * "9" + "\n", 21 * "A", [22 * "9"])),
        {"type": "reveal"}, {"type": "answer", "sdp": "v=0", "known": ""}, {"type": "offer", "sdp": "\ud800"},
        {"type": "offer", "sdp": "\U0001f600"},
    ]  # fmt: skip
    texts = [
        "", "{", "[]", "7", '{"type":"state"}', '{"type":"state","muted":1}', '{"type":"ping"}',
        '{"type":"ping","t":1}',
        '{"type":"ping","t":1e13}', '{"type":"pong","t":1}', '{"type":"pong","t":1,"clock":2}',
        '{"type":"bye"}',
        '{"type":"bye","x":"' + "x" * 2000 + '"}', '{"type":"__proto__"}',
    ]  # fmt: skip

    read = await ann.page.evaluate(
        """async ([payloads, texts]) => {
          const { parseMessage, parseControl } = await import("/static/messages.js");
          const reads = parse => each => parse(each) !== null;
          return [payloads.map(reads(parseMessage)), texts.map(reads(parseControl))];
        }""",
        [payloads, texts],
    )

    assert read == [
        [reads(parse_message, each) for each in payloads],
        [reads(parse_control, each) for each in texts],
    ]


async def test_the_page_reads_names_as_pycall_does(guests: Guests) -> None:
    ann = await guests.come("/")
    rooms = [
        "",
        "a",
        "a" * 64,
        "a" * 65,
        ".a",
        "a.b",
        "e\u0301",
        "厨房",
        "a b",
        "a/b",
        "a\u200bb",
        "٣",
        "½",
        "😀",
        "\U0001d4b3" * 64,
    ]
    names = [
        "",
        " Ann  Lee ",
        "a\u202eb",
        "a\x00b\x1b[m",
        "\u200b",
        "x" * 80,
        "e\u0301",
        "a\u2028b",
        "Zoë 😀",
        "a\tb\nc",
    ]

    read = await ann.page.evaluate(
        """async ([rooms, names]) => {
          const { checkRoomName, cleanDisplayName } = await import("/static/names.js");
          return [rooms.map(checkRoomName), names.map(cleanDisplayName)];
        }""",
        [rooms, names],
    )

    expected = [room if reads(check_room_name, room) else None for room in rooms]
    assert read[0] == [None if room is None else check_room_name(room) for room in expected]
    assert read[1] == [clean_display_name(name) for name in names]


def reads(parse: object, value: object) -> bool:
    """Whether a parser takes this value."""
    assert callable(parse)
    try:
        parse(value)
    except ValueError:
        return False
    return True


async def is_as_wide_as_the_screen(page: Page) -> bool:
    fits: bool = await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    return fits


async def is_large_enough(page: Page) -> None:
    small = await page.evaluate(
        """() => [...document.querySelectorAll("button, select, input, summary")]
             .filter(each => each.checkVisibility())
             .map(each => [each.id, each.getBoundingClientRect()])
             .filter(([, box]) => box.width < 44 || box.height < 44 || box.left < 0 || box.right > innerWidth)
             .map(([id]) => id)"""
    )
    assert small == []
