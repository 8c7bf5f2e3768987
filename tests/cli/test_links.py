from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pycall.cli.links import Link, parse_link, parse_room, same_server
from pycall.core.names import check_room_name
from pycall.errors import ConfigError

DEN = Link("https://192.0.2.10:8080", "den")


@pytest.mark.parametrize(
    ("text", "link"),
    [
        ("https://192.0.2.10:8080/r/den", DEN),
        ("HTTPS://192.0.2.10:8080/r/den", DEN),
        ("https://192.0.2.10:8080/r/den?name=Ann%20B&x=1", DEN),
        ("https://192.0.2.10:8080/r/den#top", DEN),
        ("https://192.0.2.10:8080/r/den#invite=mAAA", Link(DEN.server, "den", "mAAA")),
        ("https://192.0.2.10:8080/r/den?x=1#y=2&invite=mAAA&z", Link(DEN.server, "den", "mAAA")),
        ("https://192.0.2.10:8080/r/den?invite=mAAA#invite", DEN),
        ("http://localhost/r/den", Link("http://localhost", "den")),
        ("http://[::1]:8080/r/a-b_c.d", Link("http://[::1]:8080", "a-b_c.d")),
        ("https://host/r/K%C3%BCche", Link("https://host", "Küche")),
        ("https://host/r/Ku%CC%88che", Link("https://host", "Küche")),
        ("https://host/r/Küche", Link("https://host", "Küche")),
        ("https://host/r/%E5%8F%B0%E6%89%80", Link("https://host", "台所")),
    ],
)
def test_a_link_names_server_and_room(text: str, link: Link) -> None:
    assert parse_link(text) == link


@pytest.mark.parametrize(
    "text",
    [
        "https://host",
        "https://host/",
        "https://host/den",
        "https://host/r/",
        "https://host/r/den/",
        "https://host/r/den/more",
        "https://host/x/r/den",
        "https:///r/den",
        "ftp://host/r/den",
        "https://ann:secret@host/r/den",
        "https://host:99999/r/den",
        "https://host:port/r/den",
        "https://host:0/r/den",
        "https://ho st/r/den",
        "https://[::1/r/den",
        "https://host/r/..%2F..%2Fetc",
        "https://host/r/%2e%2e",
        "https://host/r/%00",
        "https://host/r/%1b[31m",
        "https://host/r/%ff%fe",
        "https://host/r/%",
        "https://host/r/den\n",
        "https://host/r/den?\x1b[2J",
        "https://host\x1b[2J/r/den",
        "https://host/r/den\u202e",
        "https://host/r/" + "x" * 65,
        "https://host/r/den?" + "x" * 3000,
        "https://" + "x" * 100_000 + "/r/den",
    ],
)
def test_what_leads_to_no_room_is_one_short_sentence(text: str) -> None:
    with pytest.raises((ConfigError, ValueError)) as caught:
        parse_link(text)

    sentence = str(caught.value)
    assert sentence.endswith(".")
    assert sentence.isprintable()
    assert len(sentence) < 200


@given(st.text(max_size=64))
@example("Küche")
@example("a.b-c_9")
def test_every_room_has_a_link_that_leads_back(text: str) -> None:
    try:
        room = check_room_name(text)
    except ValueError:
        return
    link = Link("http://host:8080", room)

    assert str(link).isascii()
    assert parse_link(str(link)) == link


def test_one_server_can_be_written_in_many_ways() -> None:
    assert same_server("https://Host:443", "https://host")
    assert same_server("http://host", "http://host:80")
    assert not same_server("http://host", "https://host")
    assert not same_server("http://host:8080", "http://host:8081")
    assert not same_server("http://host", "http://tsoh")


def test_an_invite_is_in_no_text_but_that_of_the_whole_link() -> None:
    link = Link("https://host", "den", "mCANARY")
    assert "CANARY" not in f"{link} {link!r}"
    assert link.with_invite() == "https://host/r/den#invite=mCANARY"
    assert parse_link(link.with_invite()) == link
    assert Link("https://host", "den").with_invite() == "https://host/r/den"


def test_a_wrong_link_is_told_without_its_fragment() -> None:
    with pytest.raises(ConfigError) as failed:
        parse_link("https://host/den#invite=mCANARY")
    assert "CANARY" not in failed.value.message


def test_a_room_is_a_name_or_a_link() -> None:
    assert parse_room("den") == "den"
    assert parse_room("https://192.0.2.10:8080/r/den") == DEN
    with pytest.raises(ConfigError, match="room name"):
        parse_room("two words")
