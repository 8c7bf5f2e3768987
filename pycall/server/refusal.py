"""What the server says to a client that did something wrong: a stable code and a sentence."""

from __future__ import annotations

from enum import Enum

from pycall.core.credentials import BOTH_REFUSED, INVITE_REFUSED, PASSWORD_REFUSED
from pycall.core.names import ROOM_NAME_RULE


class Refusal(Enum):
    """Every code there is; programs branch on it, the sentence is for people."""

    BAD_ROOM = ("bad-room", ROOM_NAME_RULE)
    FULL = ("full", "The room already holds two.")
    PASSWORD = (PASSWORD_REFUSED, "The password is missing or wrong, or the room is full.")
    INVITE = (INVITE_REFUSED, "The invite is missing, wrong, used or expired, or the room is full.")
    PASSWORD_AND_INVITE = (
        BOTH_REFUSED,
        "The password or the invite is missing or wrong, or the room is full.",
    )
    NOT_IN_ROOM = ("not-in-room", "Join a room before sending messages.")
    BAD_MESSAGE = ("bad-message", "A message is one argument of plain JSON, without attachments.")
    MESSAGE_TOO_LARGE = ("message-too-large", "The message is larger than this server takes.")
    RESERVED_EVENT = ("reserved-event", "This event name is reserved.")
    UNKNOWN_EVENT = ("unknown-event", "The server knows the events join, leave, message and renew.")
    TOO_MANY_ROOMS = ("too-many-rooms", "There are too many rooms from your address already.")
    TOO_MANY_EVENTS = ("too-many-events", "Too many events at once: send fewer.")
    STORE_UNAVAILABLE = (
        "store-unavailable", "The server cannot reach its rooms at the moment. Try again in a second.",
    )  # fmt: skip
    SERVER_STOPPING = ("server-stopping", "The server is stopping.")

    def __init__(self, code: str, sentence: str) -> None:
        self.code = code
        self.sentence = sentence
