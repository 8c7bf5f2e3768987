"""What goes through the pipe to the window."""

from __future__ import annotations

import io

from pycall.media.window.wire import Marks, Message, marks_message, read_message

MARKS = Marks(own_name="Alice", peer_name="Björn 日本", muted=True, peer_recording=True, status="waiting")


def test_messages_are_read_as_they_were_written() -> None:
    written = [
        Message("remote", 4, 2, bytes(range(12))),
        marks_message(MARKS),
        Message("local", 2, 2, b"abcdef"),
    ]
    pipe = io.BytesIO(b"".join(message.head() + message.body for message in written))

    assert [read_message(pipe.read) for _ in written] == written
    assert read_message(pipe.read) is None


def test_marks_survive_the_journey() -> None:
    assert marks_message(MARKS).marks() == MARKS


def test_the_end_in_the_middle_of_a_message_is_the_end() -> None:
    message = Message("remote", 4, 2, bytes(12))
    whole = message.head() + message.body

    for length in range(len(whole)):
        assert read_message(io.BytesIO(whole[:length]).read) is None
