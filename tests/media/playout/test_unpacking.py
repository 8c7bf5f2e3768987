"""Each packet at its turn; what is missing is recovered, or made up for a moment."""

from __future__ import annotations

import numpy as np
import pytest

from pycall.codecs.opus import CodecError
from pycall.media.frames import BLOCK, Samples
from pycall.media.playout.packets import Held
from pycall.media.playout.reel import PIECE
from pycall.media.playout.unpacking import PAUSE, SILENT, Unpacker

MADE_UP = -1_000


class Script:
    """A decoder for packets that are numbers: block n is all n + 1, recovered 100 more."""

    def __init__(self, *, redundant: bool = True) -> None:
        self.redundant = redundant
        self.concealed = 0

    def decode(self, packet: bytes) -> Samples:
        if packet[0] == 255:
            raise CodecError("garbage")
        return np.full(BLOCK, packet[0] + 1, np.int16)

    def recover(self, packet: bytes, count: int) -> Samples | None:
        return np.full(count, packet[0] + 100, np.int16) if self.redundant else None

    def conceal(self, count: int) -> Samples:
        self.concealed += count
        return np.full(count, MADE_UP, np.int16)

    def reset(self) -> None:
        """Nothing is remembered."""


def packet(number: int, content: int | None = None, sequence: int | None = None) -> Held:
    held = number if sequence is None else sequence
    return Held(number * BLOCK, BLOCK, held, bytes([number if content is None else content]))


def begun(unpacker: Unpacker, *numbers: int) -> Unpacker:
    unpacker.restart(unpacker._decoder, 0)
    for number in numbers:
        unpacker.shelf.put(packet(number))
    unpacker.resume(0)
    return unpacker


def heard(unpacker: Unpacker, blocks: int) -> list[int]:
    """The middle sample of each half block that comes out."""
    values = []
    for _ in range(2 * blocks):
        while unpacker.reel.ahead < PIECE:
            if unpacker.waiting is None:
                unpacker.stand(PIECE)
            else:
                unpacker.more()
        values.append(int(unpacker.reel.take()[PIECE - 1]))
    return values


def test_a_lost_packet_is_recovered_from_the_next_one() -> None:
    unpacker = begun(Unpacker(Script()), 0, 2, 3)

    assert heard(unpacker, 4) == [1, 1, 102, 102, 3, 3, 4, 4]
    assert (unpacker.recovered, unpacker.concealed) == (BLOCK, 0)


def test_of_two_lost_packets_the_first_is_made_up() -> None:
    unpacker = begun(Unpacker(Script()), 0, 3)

    assert heard(unpacker, 4) == [1, 1, MADE_UP, MADE_UP, 103, 103, 4, 4]
    assert (unpacker.recovered, unpacker.concealed) == (BLOCK, BLOCK)


def test_without_redundancy_both_are() -> None:
    unpacker = begun(Unpacker(Script(redundant=False)), 0, 3)

    assert heard(unpacker, 4) == [1, 1, *[MADE_UP] * 4, 4, 4]
    assert (unpacker.recovered, unpacker.concealed) == (0, 2 * BLOCK)


def test_a_repair_that_comes_while_its_place_is_played_is_played_for_the_rest() -> None:
    unpacker = begun(Unpacker(Script(redundant=False)), 0, 2)
    first = heard(unpacker, 1)
    unpacker.more()  # half of the missing packet is made up
    unpacker.shelf.put(packet(1))

    assert first + heard(unpacker, 2) == [1, 1, MADE_UP, 2, 3, 3]
    assert unpacker.concealed == PIECE


def test_what_is_made_up_fades_and_ends_and_asks_no_more_of_the_decoder() -> None:
    decoder = Script()
    unpacker = begun(Unpacker(decoder), 0)
    values = heard(unpacker, 10)[2:]

    assert values[:5] == [MADE_UP] * 5
    assert values[5:12] == sorted(values[5:12])
    assert values[12:] == [0] * 6
    assert decoder.concealed == SILENT
    assert unpacker.concealed == 9 * BLOCK


def test_a_pause_that_the_sender_tells_of_is_no_loss() -> None:
    unpacker = begun(Unpacker(Script()))
    unpacker.shelf.put(packet(0)._replace(pause=True))

    assert heard(unpacker, 12)[2:] == [MADE_UP] * 22  # its noise
    assert unpacker.concealed == 0


def test_a_jump_of_the_time_without_one_of_the_numbers_is_a_pause() -> None:
    unpacker = begun(Unpacker(Script()), 0)
    unpacker.shelf.put(packet(5, sequence=1))

    assert heard(unpacker, 6)[-2:] == [6, 6]
    assert (unpacker.recovered, unpacker.concealed) == (0, 0)


def test_a_pause_that_is_known_only_at_its_end_is_taken_back() -> None:
    unpacker = begun(Unpacker(Script()), 0)
    heard(unpacker, 5)
    assert unpacker.concealed == 4 * BLOCK
    unpacker.shelf.put(packet(5, sequence=1))
    unpacker.resume(5 * BLOCK)

    assert unpacker.concealed == 0
    assert heard(unpacker, 1) == [6, 6]


def test_of_a_pause_only_what_was_counted_is_taken_back() -> None:
    """Of one that was told of and lasts too long the beginning did not count."""
    unpacker = begun(Unpacker(Script()), 0, 3)
    heard(unpacker, 4)
    before = unpacker.concealed
    unpacker.shelf.put(packet(4)._replace(pause=True))
    heard(unpacker, 1)
    heard(unpacker, PAUSE // BLOCK + 50)
    assert unpacker.concealed == before + 50 * BLOCK
    unpacker.shelf.put(packet(200, sequence=5, content=9))
    unpacker.resume(200 * BLOCK)

    assert unpacker.concealed == before > 0


def test_garbage_is_a_loss() -> None:
    unpacker = begun(Unpacker(Script()), 0, 2)
    unpacker.shelf.put(packet(1, content=255))

    assert heard(unpacker, 3) == [1, 1, MADE_UP, MADE_UP, 3, 3]
    assert unpacker.concealed == BLOCK


def test_it_is_known_what_was_played_in_place_of_what_came_too_late() -> None:
    unpacker = begun(Unpacker(Script()), 0, 3)
    heard(unpacker, 4)

    assert [unpacker.lacked(number * BLOCK) for number in range(4)] == ["", "concealed", "recovered", ""]


def test_only_what_follows_is_decoded_ahead() -> None:
    unpacker = begun(Unpacker(Script()), 0, 1, 3)
    unpacker.prefetch(5 * BLOCK)

    assert unpacker.reel.ahead == 2 * BLOCK


@pytest.mark.parametrize("blocks", [1, 4])
def test_what_is_left_out_is_not_taken_for_lost(blocks: int) -> None:
    unpacker = begun(Unpacker(Script()), *range(8))
    unpacker.go(blocks * BLOCK)

    assert heard(unpacker, 2)[1:] == [blocks + 1, blocks + 2, blocks + 2]
    assert (unpacker.recovered, unpacker.concealed) == (0, 0)
