"""Whether there is a camera, a microphone and a speaker for a call, as findings of `pycall doctor`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from pycall.core.findings import Check, Finding
from pycall.errors import DeviceNotFound
from pycall.media.devices.listing import Listing, choose, list_cameras, list_microphones, list_speakers
from pycall.media.spec import Default, Device, Off, Spec

_LOSS: Final[dict[str, str]] = {
    "camera": "Calls go on without: the other one sees nothing.",
    "microphone": "Calls go on without: the other one hears nothing.",
    "speaker": "Calls go on without: the other one is not heard.",
}


def check_devices(camera: Spec, microphone: Spec, speaker: Spec) -> list[Finding]:
    """A finding for each kind, in this order; asks the system, in a thread of the caller's."""
    return [
        check_device("camera", camera, list_cameras),
        check_device("microphone", microphone, list_microphones),
        check_device("speaker", speaker, list_speakers),
    ]


def check_device(check: Check, spec: Spec, there: Callable[[], Listing]) -> Finding:
    """The finding for the device that ``spec`` asks for; nothing is opened."""
    if isinstance(spec, Off):
        return Finding(check, "skipped", f"No {check} is wanted.")
    if not isinstance(spec, Default | Device):
        return Finding(check, "skipped", f"No device is needed for {spec}.")
    listing = there()
    figures = {"devices": len(listing.devices)}
    advice = "`pycall devices` lists what there is."
    if isinstance(spec, Default):
        device = listing.default
        if device is None:
            cause = listing.why_none or "The system names none as its default."
            return Finding(
                check, "warning", f"There is no {check}. {_LOSS[check]}", "", cause, advice, figures
            )
    else:
        try:
            device = choose(listing, spec.wanted)
        except DeviceNotFound as error:
            return Finding(check, "failed", error.message, "", "", error.hint or advice, figures)
    if device.note:
        found = f"{device.name} is there, but cannot be used."
        return Finding(check, "warning", found, "", device.note, "`pycall devices --test` tries it.", figures)
    others = len(listing.devices) - 1
    more = f", and {others} more" if others else ""
    return Finding(check, "ok", f"{device.name}{more}.", figures=figures)
