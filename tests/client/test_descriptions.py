"""Descriptions and candidates are looked at before the library sees them."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pycall.client.descriptions import MAX_CANDIDATES, parse_candidate, take_apart, with_candidates

OFFER = (Path(__file__).parents[2] / "benchmarks/crowd/offer.sdp").read_text(encoding="utf-8")
HOST = "1 1 udp 2130706431 192.0.2.1 5000 typ host"


def test_candidates_are_taken_out_once_each() -> None:
    parts = take_apart(OFFER)
    assert len(parts.candidates) == len({line for line in OFFER.splitlines() if "a=candidate" in line})
    assert parts.complete
    assert "candidate" not in parts.sdp
    assert not take_apart(OFFER.replace("a=end-of-candidates\n", "")).complete


def test_the_encodings_of_pictures_are_told_in_the_order_they_are_preferred() -> None:
    assert take_apart(OFFER).video_codecs == ("video/VP8",)
    two = OFFER.replace("SAVPF 97\n", "SAVPF 101 98 97\n").replace(
        "a=rtpmap:97", "a=rtpmap:98 H264/90000\na=rtpmap:97"
    )
    assert take_apart(two).video_codecs == ("video/H264", "video/VP8")


def test_only_so_many_candidates_are_tried() -> None:
    many = "".join(f"a=candidate:1 1 udp 1 192.0.2.1 {port} typ host\n" for port in range(1, 200))
    assert len(take_apart(OFFER + many).candidates) == MAX_CANDIDATES


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("m=video", "m=audio"),
        ("m=video", "m=text"),
        ("a=group:BUNDLE 0 1 2\n", ""),
        ("BUNDLE 0 1 2", "BUNDLE 9 1 2"),
        ("BUNDLE 0 1 2", "BUNDLE"),
        ("a=mid:1", "a=mid:0"),
        ("a=mid:1\n", ""),
        ("a=ice-ufrag:", "a=ice-ufrag:\u2603"),
        ("a=ice-pwd:", "a=ice-pwd:short\na=ignored:"),
        ("a=fingerprint:", "a=ignored:"),
        ("a=ice-ufrag:", "a=ignored:"),
        ("v=0", "v=0" + "\n" * 50_000),
    ],
)
def test_a_description_that_would_do_harm_is_refused(old: str, new: str) -> None:
    assert old in OFFER
    with pytest.raises(ValueError, match=r"\.$"):
        take_apart(OFFER.replace(old, new))


@pytest.mark.parametrize("odd", ["\x1b[2J", "\x07", "\x00", "\x7f", "\x9b", "ö", "\u202e"])
def test_nothing_that_a_terminal_would_obey_is_passed_on(odd: str) -> None:
    named = OFFER.replace("s=-", f"s={odd}").replace("a=end-of", f"a=candidate:{odd}{HOST}\na=end-of")
    assert take_apart(named).candidates == take_apart(OFFER).candidates
    assert odd not in take_apart(named).sdp
    for line in (f"candidate:{odd}{HOST}", f"candidate:{HOST} generation {odd}"):
        with pytest.raises(ValueError, match="no candidate"):
            parse_candidate(line)


@pytest.mark.parametrize("prefix", ["candidate:", "a=candidate:", " candidate:"])
def test_a_candidate_is_read_with_and_without_its_attribute_name(prefix: str) -> None:
    candidate = parse_candidate(prefix + HOST)
    assert candidate is not None
    assert (candidate.ip, candidate.port, candidate.type) == ("192.0.2.1", 5_000, "host")


def test_our_candidates_are_written_in_every_section() -> None:
    sdp = "v=0\r\nm=audio 9 X 0\r\na=candidate:old\r\na=mid:0\r\nm=video 9 X 0\r\na=end-of-candidates\r\n"
    session, section = "a=tool:pycall\r\na=ice-options:trickle\r\n", "a=mid:0\r\na=candidate:new\r\n"
    written = with_candidates(sdp, ["candidate:new"], complete=False)
    assert written == f"v=0\r\n{session}m=audio 9 X 0\r\n{section}m=video 9 X 0\r\na=candidate:new\r\n"
    assert with_candidates(sdp, [], complete=True).count("a=end-of-candidates") == 2


def test_a_description_of_ours_is_known_from_a_browsers() -> None:
    assert take_apart(with_candidates(OFFER, [], complete=True)).ours
    assert not take_apart(OFFER).ours
    assert not take_apart(OFFER.replace("s=-", "s=a=tool:pycall")).ours


@pytest.mark.parametrize("address", ["2001:db8::1", "0a1b2c3d-0000-4000-8000-000000000000.local"])
def test_ipv6_and_mdns_candidates_are_used(address: str) -> None:
    assert parse_candidate("candidate:" + HOST.replace("192.0.2.1", address)) is not None


@pytest.mark.parametrize(
    "line",
    [
        HOST.replace("udp", "tcp") + " tcptype active",
        HOST.replace("1 1 udp", "1 2 udp"),
    ],
)
def test_candidates_of_a_kind_that_is_not_used_are_passed_over(line: str) -> None:
    assert parse_candidate("candidate:" + line) is None


@pytest.mark.parametrize(
    "line",
    [
        "",
        "candidate:",
        HOST,
        "candidate:" + HOST.replace("192.0.2.1", "example.org"),
        "candidate:" + HOST.replace("192.0.2.1", "224.0.0.251"),
        "candidate:" + HOST.replace("192.0.2.1", "255.255.255.255"),
        "candidate:" + HOST.replace("192.0.2.1", "0.0.0.0"),
        "candidate:" + HOST.replace("192.0.2.1", "fe80::1%eth0"),
        "candidate:" + HOST.replace("5000", "0"),
        "candidate:" + HOST.replace("5000", "65536"),
        "candidate:" + HOST.replace("5000", "x"),
        "candidate:" + HOST.replace("host", "guest"),
    ],
)
def test_a_line_that_is_no_candidate_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse_candidate(line)


@given(
    st.text(max_size=600), st.sampled_from(["", "candidate:", "candidate:" + HOST[:20], "v=0\r\nm=audio "])
)
def test_any_text_raises_nothing_but_the_one_error(text: str, start: str) -> None:
    for look in (take_apart, parse_candidate):
        try:
            look(start + text)
        except ValueError:
            continue
