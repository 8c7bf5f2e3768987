from __future__ import annotations

import pytest
from aiohttp.test_utils import make_mocked_request
from multidict import CIMultiDict

from pycall.server.admission.addresses import Visitor
from pycall.server.admission.origins import Origins


def allowed(origin: str | None, host: str, scheme: str = "", origins: Origins | None = None) -> bool:
    headers = CIMultiDict({} if origin is None else {"Origin": origin})
    visitor = Visitor(None, host, scheme, is_certain=True, is_local=False)
    return (origins or Origins()).allow(make_mocked_request("GET", "/", headers=headers), visitor)


@pytest.mark.parametrize(
    ("origin", "host", "scheme"),
    [
        (None, "call.test", ""),
        ("https://call.test", "call.test", "https"),
        ("http://call.test", "call.test", "http"),
        ("https://call.test", "call.test", ""),
        ("https://call.test", "call.test:443", "https"),
        ("https://call.test:443", "call.test", ""),
        ("http://call.test", "call.test:80", ""),
        ("HTTPS://Call.Test", "call.TEST", "https"),
        ("http://call.test:8080", "call.test:8080", ""),
        ("http://192.0.2.7:8080", "192.0.2.7:8080", ""),
        ("http://[2001:db8::7]:8080", "[2001:db8::7]:8080", ""),
        ("https://[2001:DB8::7]", "[2001:db8::7]", "https"),
    ],
)
def test_a_page_of_this_server_may_connect(origin: str | None, host: str, scheme: str) -> None:
    assert allowed(origin, host, scheme)


@pytest.mark.parametrize(
    ("origin", "host", "scheme"),
    [
        ("https://evil.test", "call.test", ""),
        ("https://call.test.evil.test", "call.test", ""),
        ("https://call.test:8443", "call.test", ""),
        ("http://call.test", "call.test", "https"),
        ("http://call.test", "call.test:443", ""),
        ("http://192.0.2.7:8080", "192.0.2.7:8081", ""),
        ("http://[2001:db8::8]", "[2001:db8::7]", ""),
        ("http://[::ffff:192.0.2.7]", "192.0.2.7", ""),
        ("null", "call.test", ""),
        ("null", "null", ""),
        ("", "", ""),
        ("", "call.test", ""),
        ("https://", "", ""),
        ("https://call.test/", "call.test", ""),
        ("https://call.test/page", "call.test", ""),
        ("https://call.test?x", "call.test", ""),
        ("https://evil.test@call.test", "call.test", ""),
        ("https://evil.test@call.test", "evil.test@call.test", ""),
        ("file://call.test", "call.test", ""),
        ("chrome-extension://call.test", "call.test", ""),
        ("https://call.test:0", "call.test:0", ""),
        ("https://call.test:99999", "call.test:99999", ""),
        ("http://[", "[", ""),
        ("http://[::1", "[::1", ""),
        ("http://a b", "a b", ""),
        ("https://call.test https://evil.test", "call.test", ""),
        ("https://call.test\x1b]0;x", "call.test", ""),
    ],
)
def test_any_other_page_may_not(origin: str, host: str, scheme: str) -> None:
    assert not allowed(origin, host, scheme)


def test_two_origins_are_none() -> None:
    headers = CIMultiDict([("Origin", "https://call.test"), ("Origin", "https://evil.test")])
    visitor = Visitor(None, "call.test", "", is_certain=True, is_local=False)
    assert not Origins().allow(make_mocked_request("GET", "/", headers=headers), visitor)


def test_a_site_that_was_named_may_connect_by_whatever_name() -> None:
    origins = Origins.of(["https://www.example.org", "http://[::1]:3000"])
    for origin in ("https://www.example.org", "https://www.example.org:443", "http://[::1]:3000"):
        assert allowed(origin, "call.test", "https", origins)
    for origin in ("http://www.example.org", "https://example.org", "http://[::1]", "null"):
        assert not allowed(origin, "call.test", "https", origins)
    assert allowed("https://call.test", "call.test", "https", origins)


@pytest.mark.parametrize("wrong", ["www.example.org", "https://", "ftp://a", "https://a/b", "null"])
def test_what_is_no_origin_is_none(wrong: str) -> None:
    with pytest.raises(ValueError, match="origin"):
        Origins.of([wrong])
