"""What the server says to a client that did something wrong: a stable code and a sentence."""

from __future__ import annotations

from enum import Enum


class Refusal(Enum):
    """Every code there is; programs branch on it, the sentence is for people."""

    BAD_ROOM = (
        "bad-room",
        "A room name has 1 to 64 letters, digits, '-', '_' or '.', and does not begin with a dot.",
    )
    FULL = ("full", "The room already holds two.")
    NOT_IN_ROOM = ("not-in-room", "Join a room before sending messages.")
    BAD_MESSAGE = ("bad-message", "A message has exactly one argument of plain JSON, without attachments.")
    MESSAGE_TOO_LARGE = ("message-too-large", "A message may have at most 65536 bytes.")
    RESERVED_EVENT = ("reserved-event", "This event name is reserved.")
    UNKNOWN_EVENT = ("unknown-event", "The server knows the events join, leave and message.")
    SERVER_STOPPING = ("server-stopping", "The server is stopping.")

    def __init__(self, code: str, sentence: str) -> None:
        self.code = code
        self.sentence = sentence
