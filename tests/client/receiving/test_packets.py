"""Where a key picture begins is seen in the first bytes."""

from __future__ import annotations

from pycall.client.receiving.packets import (
    h264_begins_intra,
    h264_begins_key,
    vp8_begins_key,
    vp8_picture,
)


def test_the_beginning_of_a_key_picture_of_vp8_is_seen_in_its_descriptor() -> None:
    key, delta = b"\x10\x02\x00", b"\x11\x02\x00"
    assert vp8_begins_key(b"\x90\x80\x01" + key, key)
    assert not vp8_begins_key(b"\x90\x80\x01" + delta, delta)
    assert not vp8_begins_key(b"\x80\x80\x01" + key, key)  # not its first packet
    assert not vp8_begins_key(b"\x91\x80\x01" + key, key)  # another partition
    assert not vp8_begins_key(b"", b"")


def test_the_beginning_of_a_key_picture_of_h264_is_its_parameter_set() -> None:
    def key(payload: bytes) -> bool:
        return h264_begins_key(payload, payload)

    assert key(b"\x67\x42\xe0\x1f")  # alone
    assert key(b"\x78\x00\x04\x67\x42\xe0\x1f\x00\x01\x68")  # with others in one packet
    assert key(b"\x7c\x87\x42")  # the first part of it
    assert not key(b"\x7c\x07\x42")  # a later one
    assert not key(b"\x65\x88")  # a picture without it
    assert not key(b"\x41\x9a")
    assert key(b"\x78\x00\x02\x09\x10\x00\x01\x06\x00\x04\x67\x42\xe0\x1f")  # behind others
    assert not key(b"\x78\x00\x02\x09\x10\x00\x02\x68\xce")
    assert not key(b"\x09\x10")
    assert not any(key(payload) for payload in (b"", b"\x78", b"\x78\x00", b"\x78\xff\xff", b"\x7c"))


def test_the_beginning_of_an_idr_picture_is_its_first_slice() -> None:
    assert h264_begins_intra(b"\x65\x88")
    assert h264_begins_intra(b"\x7c\x85\x88")
    assert h264_begins_intra(b"\x78\x00\x02\x09\x10\x00\x02\x65\x88")
    assert not h264_begins_intra(b"\x65\x01")  # another slice
    assert not h264_begins_intra(b"\x7c\x05\x88")  # a later part
    assert not h264_begins_intra(b"\x41\x9a")
    assert not any(h264_begins_intra(payload) for payload in (b"", b"\x65", b"\x7c", b"\x7c\x85"))


def test_the_number_of_a_picture_of_vp8_stands_where_it_begins() -> None:
    assert vp8_picture(b"\x90\x80\x05\x00") == 5
    assert vp8_picture(b"\x90\x80\x81\xfe\x00") == 0x7E
    assert vp8_picture(b"\xb0\xe0\x85\x03\x01\x20\x00") == 3
    for payload in (
        b"",
        b"\x90\x80",
        b"\x10\x00\x00\x00",
        b"\x80\x80\x05\x00",
        b"\x90\x40\x05\x00",
        b"\x91\x80\x05\x00",
    ):
        assert vp8_picture(payload) is None
