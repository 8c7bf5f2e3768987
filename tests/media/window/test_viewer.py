"""What waits for the window; the drawing itself is tested in test_display.py, on a real screen."""

from __future__ import annotations

import io
import os
import threading

from pycall.media.window.viewer import Newest
from pycall.media.window.wire import Kind, Marks, Message, marks_message


def picture(kind: Kind, body: bytes) -> Message:
    return Message(kind, 2, 2, body)


def test_the_newest_of_each_kind_waits_and_marks_are_taken_last() -> None:
    newest = Newest()
    read, write = os.pipe()
    with os.fdopen(read, "rb") as input_, os.fdopen(write, "wb", buffering=0) as output:
        reading = threading.Thread(target=newest.fill, args=(input_,))
        reading.start()
        for message in (marks_message(Marks()), picture("remote", b"123456"), picture("remote", b"abcdef")):
            output.write(message.head() + message.body)
        taken: dict[Kind, Message] = {}
        while "remote" not in taken or taken["remote"].body != b"abcdef":
            news = newest.take(5) or []
            assert news, "nothing came"
            assert [message.kind for message in news] in (["marks"], ["remote"], ["remote", "marks"])
            taken |= {message.kind: message for message in news}
        assert taken["marks"].marks() == Marks()
        assert newest.take(0) == []
        output.close()
        reading.join(5)
    assert newest.take(0) is None


def test_the_end_of_the_input_comes_before_what_is_waiting() -> None:
    newest = Newest()
    message = picture("local", b"123456")
    newest.fill(io.BytesIO(message.head() + message.body))
    assert newest.take(0) is None
