from __future__ import annotations

import pytest

from pycall.core.origin import Origin, parse_origin


@pytest.mark.parametrize(
    ("text", "origin"),
    [
        ("https://www.example.org", Origin("https", "www.example.org", 443)),
        ("HTTP://WWW.Example.org:8080", Origin("http", "www.example.org", 8080)),
        ("http://[2001:DB8::1]", Origin("http", "2001:db8::1", 80)),
        ("http://my_host", Origin("http", "my_host", 80)),
    ],
)
def test_an_origin_is_scheme_host_and_port(text: str, origin: Origin) -> None:
    assert parse_origin(text) == origin


@pytest.mark.parametrize(
    "text",
    ["", "null", "https://", "a.test", "ftp://a.test", "https://a.test/", "https://a.test?", "https://a.test#x",
     "https://me@a.test", "https://a.test:0", "https://a.test:99999", "https://a.test:b", "http://[::1",
     "http://a b", "https://a.test\n", "https://é.test", " https://a.test"],
)  # fmt: skip
def test_everything_else_is_none(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  urlsplit has words of its own
        parse_origin(text)
