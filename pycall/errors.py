"""What can go wrong, as one tree.

PycallError                     exit 1
├─ ConfigError                  exit 2   a bad file, flag, environment variable or argument
├─ SignallingError              exit 3   the signalling server
│  ├─ ServerUnreachable
│  ├─ JoinRefused                        full, or refused with a stable code
│  ├─ ListenFailed                       `pycall serve` cannot listen
│  └─ StoreUnreachable                   `pycall serve` cannot use the Redis it was told of
├─ CallError                    exit 4   the call itself
│  ├─ NobodyCame
│  ├─ NoConnection
│  └─ PeerLost
└─ MediaError                   exit 5   devices, files, recordings
   ├─ DeviceNotFound
   ├─ DeviceFailed
   └─ RecordingFailed

An error is for people: facts as attributes, one sentence as message, and a hint that says what to
do next. A broken assumption is a bug, not one of these, and is never caught.
"""

from __future__ import annotations

from typing import ClassVar


class PycallError(Exception):
    """Everything pycall raises on purpose.

    ``code`` is the stable word programs branch on; ``hint`` tells a person what to do next and may
    be empty; ``exit_code`` is the process's exit status when the error ends it.
    """

    exit_code: ClassVar[int] = 1
    code: ClassVar[str] = "error"

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class ConfigError(PycallError):
    """A value given by file, flag, environment or argument cannot be used."""

    exit_code = 2
    code = "config"


class SignallingError(PycallError):
    """The signalling server cannot be used."""

    exit_code = 3
    code = "signalling"


class ServerUnreachable(SignallingError):
    """No pycall server answered at the address."""

    code = "server-unreachable"


class JoinRefused(SignallingError):
    """The server answered and said no; ``refusal`` is its stable code, e.g. ``full``."""

    code = "join-refused"

    def __init__(self, message: str, hint: str = "", *, refusal: str) -> None:
        super().__init__(message, hint)
        self.refusal = refusal


class ListenFailed(SignallingError):
    """`pycall serve` cannot listen at the address it was given."""

    code = "listen-failed"


class StoreUnreachable(SignallingError):
    """`pycall serve` cannot use the Redis it was told of."""

    code = "store-unreachable"


class CallError(PycallError):
    """The call failed."""

    exit_code = 4
    code = "call-failed"


class NobodyCame(CallError):
    """The other side did not come within the time one was ready to wait."""

    code = "nobody-came"


class NoConnection(CallError):
    """Both sides were in the room but no media path opened."""

    code = "no-connection"


class PeerLost(CallError):
    """The other side vanished without hanging up."""

    code = "peer-lost"


class MediaError(PycallError):
    """A device, file or recording cannot be used."""

    exit_code = 5
    code = "media"


class DeviceNotFound(MediaError):
    """A device or file asked for by name is not there."""

    code = "device-not-found"


class DeviceFailed(MediaError):
    """A device or file is there but cannot be opened or read."""

    code = "device-failed"


class RecordingFailed(MediaError):
    """The recording cannot be begun or continued."""

    code = "recording-failed"
