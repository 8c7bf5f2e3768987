"""Which cameras, microphones and speakers there are, and which one a person means."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass

import av
from av.device import DeviceInfo

from pycall.errors import DeviceNotFound
from pycall.media.devices import soundcard, v4l2
from pycall.media.devices.alsa import prepare_alsa, why_no_sound


@dataclass(frozen=True, slots=True)
class Device:
    """One device; a person may ask for it by ``name``, ``id`` or ``number``."""

    number: int
    """Its place in the list, from 1 on."""
    name: str
    id: str
    default: bool
    """Whether ``default`` means this one."""
    note: str = ""
    """What stands in the way of using it, e.g. that another program has it."""


@dataclass(frozen=True, slots=True)
class Listing:
    """The devices of one ``kind`` (camera, microphone, speaker), or one sentence on why there are none."""

    kind: str
    devices: tuple[Device, ...]
    why_none: str = ""

    @property
    def default(self) -> Device | None:
        """The one that ``default`` means, if there is any."""
        return next((device for device in self.devices if device.default), None)


def list_cameras() -> Listing:
    """The cameras of this machine."""
    if sys.platform.startswith("linux"):
        return linux_cameras(v4l2.nodes())
    if sys.platform == "darwin":
        return mac_cameras(av.enumerate_input_devices("avfoundation"))
    return windows_cameras(av.enumerate_input_devices("dshow"))


def list_microphones() -> Listing:
    """The microphones of this machine; monitors, which hear what a speaker plays, come last."""
    return _sound_devices("microphone")


def list_speakers() -> Listing:
    """The speakers of this machine."""
    return _sound_devices("speaker")


def choose(listing: Listing, wanted: str) -> Device:
    """The device a person means; an exact name or id wins over a number.

    Raises :class:`DeviceNotFound`, which says what there is.
    """
    for device in listing.devices:
        if wanted in {device.name, device.id}:
            return device
    for device in listing.devices:
        if wanted == str(device.number):
            return device
    there = "; ".join(f"{device.number} {device.name}" for device in listing.devices)
    raise DeviceNotFound(
        f"There is no {listing.kind} {wanted!r}.",
        f"`pycall devices` lists: {there}." if there else listing.why_none,
    )


def linux_cameras(nodes: v4l2.Nodes) -> Listing:
    """Cameras out of what the kernel says."""
    found = [(node.name, str(node.path), node.problem) for node in nodes.cameras]
    return _cameras(found, nodes.why_none)


def mac_cameras(infos: Sequence[DeviceInfo]) -> Listing:
    """Cameras out of avfoundation's list: by name, since its numbers change with what is plugged in."""
    names = [
        info.description
        for info in infos
        if "video" in info.media_types and not info.description.startswith("Capture screen")
    ]
    why = "macOS offers no camera: none is connected, or the terminal may not use it (Privacy & Security)."
    return _cameras([(name, name, "") for name in names], why)


def windows_cameras(infos: Sequence[DeviceInfo]) -> Listing:
    """Cameras out of DirectShow's list."""
    found = [(info.description or info.name, info.name, "") for info in infos if "video" in info.media_types]
    why = "Windows offers no camera: none is connected, or apps may not use it (Privacy & security > Camera)."
    return _cameras(found, why)


def alsa_devices(kind: str, infos: Sequence[DeviceInfo]) -> Listing:
    """Microphones or speakers out of ALSA's list of names, where only `av` reaches the sound system."""
    found = [info for info in infos if info.name == "default" or info.name.startswith("plughw:")]
    found.sort(key=lambda info: info.name != "default")
    devices = tuple(
        Device(number, info.description.partition("\n")[0] or info.name, info.name, number == 1)
        for number, info in enumerate(found, 1)
    )
    return Listing(kind, devices, "" if devices else why_no_sound(kind))


def _cameras(found: Sequence[tuple[str, str, str]], why_none: str) -> Listing:
    usable = next((place for place, (_, _, problem) in enumerate(found) if not problem), 0)
    devices = tuple(
        Device(place + 1, name, identity, place == usable, problem)
        for place, (name, identity, problem) in enumerate(found)
    )
    return Listing("camera", devices, "" if devices else why_none)


def _sound_devices(kind: soundcard.Direction) -> Listing:
    if not soundcard.AVAILABLE:
        prepare_alsa()
        list_devices = av.enumerate_input_devices if kind == "microphone" else av.enumerate_output_devices
        return alsa_devices(kind, list_devices("alsa"))
    found = soundcard.endpoints(kind)
    chosen = soundcard.default_of(found)
    devices = tuple(
        Device(number, each.name, each.id, each is chosen) for number, each in enumerate(found, 1)
    )
    return Listing(kind, devices, "" if devices else _why_no_sound(kind))


def _why_no_sound(kind: str) -> str:
    if sys.platform.startswith("linux"):
        return why_no_sound(kind)
    return f"The system offers no {kind}: none is connected, or its privacy settings do not allow its use."
