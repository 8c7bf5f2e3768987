"""Browser with browser, through a real server."""

from __future__ import annotations

from pycall.server.app import SignallingServer
from tests.browser.guests import DEVICES, Guest, Guests, at_the_page

SILENCE = 0.001
REMEMBER_THE_CHANNEL = """
  const send = RTCDataChannel.prototype.send;
  RTCDataChannel.prototype.send = function (text) { globalThis.control = this; send.call(this, text); };
"""
WIDE = "document.querySelector('#remote').videoWidth > 1.5 * document.querySelector('#remote').videoHeight"
"""The screen is, and the camera is not."""

COUNT_DESCRIPTIONS = """
  globalThis.descriptions = 0;
  const set = RTCPeerConnection.prototype.setLocalDescription;
  RTCPeerConnection.prototype.setLocalDescription = function (...how) {
    globalThis.descriptions += 1;
    return set.apply(this, how);
  };
"""


async def test_both_see_and_hear_each_other(guests: Guests) -> None:
    ann, bob = await guests.pair("kitchen")

    await ann.sees_somebody_move()
    await bob.sees_somebody_move()
    await ann.sees_somebody_move("#local")
    assert await ann.loudest() > 0.05
    assert await bob.loudest() > 0.05
    await ann.shows("#their-name", "Bob")
    await bob.shows("#their-name", "Ann")
    words = await ann.words()
    assert len(words.split()) == 3
    assert await bob.words() == words
    assert not await bob.page.is_visible("#comparison-advice")
    await bob.page.click("#words")
    await bob.shows(
        "#comparison-advice", "Compare these words with Ann by voice: if Ann has others, somebody"
    )


async def test_who_is_muted_is_silent_and_the_other_one_is_told(guests: Guests) -> None:
    ann, bob = await guests.pair("kitchen")

    await ann.page.click("#mute")
    await bob.shows("#plate", "Ann – muted")
    await bob.loudest(0.5)  # what was on its way is played
    assert await bob.loudest() < SILENCE
    assert await ann.page.get_attribute("#mute", "aria-pressed") == "true"
    await ann.page.click("#mute")
    await bob.until("document.querySelector('#their-name').textContent === 'Ann'")
    assert await bob.loudest() > 0.05


async def test_a_camera_that_is_off_shows_nothing_and_the_other_one_is_told(guests: Guests) -> None:
    ann, bob = await guests.pair("kitchen")
    await bob.sees_somebody_move()

    await ann.page.click("#camera")
    await bob.shows("#caption", "Ann has the camera off")
    await bob.page.wait_for_timeout(500)  # what was on its way is shown
    assert max((await bob.picture())[:3]) < 32
    await ann.page.click("#camera")
    await bob.sees_somebody_move()
    assert not await bob.page.is_visible("#figure")


async def test_what_was_off_before_joining_is_off_in_the_call(guests: Guests) -> None:
    ann, bob = await guests.come("/r/kitchen?name=Ann"), await guests.come("/r/kitchen?name=Bob")
    await ann.page.click("#mute")
    await ann.page.click("#camera")
    await ann.join()
    await bob.join()

    await bob.shows("#plate", "Ann – muted")
    await bob.shows("#caption", "Ann has the camera off")


async def test_the_other_ones_recording_is_shown(guests: Guests) -> None:
    ann, bob = (
        await guests.come("/r/kitchen?name=Ann", script=REMEMBER_THE_CHANNEL),
        await guests.come("/r/kitchen"),
    )
    await ann.join()
    await bob.join()
    await bob.reads("connected")

    state = '{"type":"state","muted":false,"camera_off":false,"recording":%s}'
    await ann.until("globalThis.control")
    await ann.call(f"control.send('{state % 'true'}')")
    await bob.shows("#recording", "Ann is recording")
    await ann.call(f"control.send('{state % 'false'}')")
    await bob.page.wait_for_selector("#recording", state="hidden")


async def test_after_hanging_up_one_joins_again_in_either_role(guests: Guests) -> None:
    ann, bob = await guests.pair("kitchen")

    for leaver, stayer, name in ((bob, ann, "Bob"), (ann, bob, "Ann")):
        await leaver.page.click("#hangup")
        await leaver.reads("ended", "You left the call.")
        assert await leaver.call("document.querySelector('#local').srcObject") is None
        await stayer.reads("waiting")
        await stayer.shows("#toast", f"{name} left the call.")
        await leaver.shows("#join", "Join again")
        await leaver.join()
        await stayer.reads("connected", name)
        await stayer.sees_somebody_move()
        await leaver.sees_somebody_move()


async def test_a_reload_in_the_middle_of_a_call_ends_it_at_once_and_one_joins_again(guests: Guests) -> None:
    ann, bob = await guests.pair("kitchen")
    words = [await ann.words()]

    for reloaded, other in ((bob, ann), (ann, bob)):
        await reloaded.page.reload()
        await other.reads("waiting")
        assert not await other.page.is_visible("#comparison")
        await reloaded.reads("ready")
        await reloaded.join()
        await other.reads("connected")
        await other.sees_somebody_move()
        await reloaded.sees_somebody_move()
        assert await reloaded.words() == await other.words() not in words
        words.append(await other.words())


async def test_the_third_visitor_is_told_that_the_room_is_full(guests: Guests) -> None:
    ann, _ = await guests.pair("kitchen")
    eve = await guests.come("/r/kitchen?name=Eve")
    await eve.join()

    await eve.reads("refused", "The room kitchen is full")
    await eve.shows("#join", "Join again")
    await ann.page.click("#hangup")
    await eve.join()
    await eve.reads("connected", "Bob")


async def test_a_call_outlives_its_server_and_who_waits_is_told_and_comes_back(
    guests: Guests, server: SignallingServer
) -> None:
    guests.strict = False  # the browser itself tells of a connection that is refused
    ann, bob = await guests.pair("kitchen")
    eve = await guests.come("/r/garden?name=Eve")
    await eve.join()
    await eve.reads("waiting")
    await server.stop()

    await eve.reads("unreachable", "The server is gone")
    await ann.sees_somebody_move()
    await ann.reads("connected")
    again = SignallingServer("127.0.0.1", int(guests.origin.rpartition(":")[2]))
    await again.start()
    try:
        await eve.reads("waiting")
        await bob.page.click("#hangup")  # said on the control channel
        await ann.reads("waiting")
    finally:
        await again.stop()


async def test_another_camera_and_microphone_are_chosen_in_the_call_without_a_new_description(
    guests: Guests,
) -> None:
    ann = await guests.come("/r/kitchen?name=Ann", script=COUNT_DESCRIPTIONS)
    bob = await guests.come("/r/kitchen?name=Bob", script=COUNT_DESCRIPTIONS)
    await ann.join()
    await bob.join()
    await bob.sees_somebody_move()

    await ann.page.click("#settings")
    await ann.page.select_option("#cameras", index=2)
    await ann.until(
        "document.querySelector('#local').srcObject?.getVideoTracks()[0].label === 'fake_device_2'"
    )
    await ann.page.select_option("#microphones", index=2)
    await bob.sees_somebody_move()
    assert await bob.loudest() > 0.05
    assert await ann.call("descriptions") == await bob.call("descriptions") == 1


async def test_a_screen_is_shared_and_no_longer_without_a_new_description(guests: Guests) -> None:
    ann = await guests.come("/r/kitchen?name=Ann", script=COUNT_DESCRIPTIONS)
    bob = await guests.come("/r/kitchen?name=Bob")
    await ann.join()
    await bob.join()
    await bob.sees_somebody_move()

    await ann.page.click("#share")
    await ann.page.wait_for_selector("#share[aria-pressed=true]")
    await bob.until(WIDE)
    assert "mirrored" not in (await ann.page.get_attribute("#local", "class") or "")
    await ann.page.keyboard.press("s")
    await ann.page.wait_for_selector("#share[aria-pressed=false]")
    await bob.until(f"!({WIDE})")
    await bob.sees_somebody_move()
    assert await ann.call("descriptions") == 1


async def test_the_keys_are_those_of_the_terminal(guests: Guests) -> None:
    ann, bob = await guests.pair("kitchen")

    await ann.page.keyboard.press("m")
    await bob.shows("#plate", "Ann – muted")
    await ann.page.keyboard.press("v")
    await bob.shows("#caption", "Ann has the camera off")
    await ann.page.keyboard.press("f")
    await ann.until("document.fullscreenElement !== null")
    await ann.page.keyboard.press("f")
    await ann.until("document.fullscreenElement === null")
    await ann.page.keyboard.press("q")
    await ann.reads("ended")
    await ann.page.fill("#name", "mvsfq")  # letters of a name are no keys
    assert await ann.page.get_attribute("#mute", "aria-pressed") == "true"


async def test_one_without_devices_sees_and_hears_and_shows_them_later(
    server: SignallingServer, guests: Guests
) -> None:
    async with at_the_page(guests.origin, DEVICES[0], "--use-fake-ui-for-media-stream=deny") as without:
        ann, bob = await guests.come("/r/kitchen?name=Ann"), await without.come("/r/kitchen?name=Bob")
        await hears_only(ann, bob)
        await ann.page.click("#hangup")
        await bob.reads("waiting")
        await ann.join()  # now the other one offers
        await hears_only(ann, bob, joined=True)


async def hears_only(ann: Guest, bob: Guest, *, joined: bool = False) -> None:
    if not joined:
        await bob.join()
        await bob.reads("waiting")
        await ann.join()
    await bob.reads("connected", "Ann")
    await bob.sees_somebody_move()
    assert await bob.loudest() > 0.05
    await ann.shows("#plate", "Bob – muted")
    await ann.shows("#caption", "Bob has the camera off")
