from __future__ import annotations

import pytest

from pycall.cli.invitation import ONLY_HERE, invitation
from pycall.cli.links import Link

DEFAULT = "http://localhost:8080"
LAN = "192.0.2.7"
SHA256 = ":".join(["AB"] * 32)


def commands(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.startswith("    ")]


def links(text: str) -> list[str]:
    return [line.split()[2] for line in text.splitlines() if line.startswith("or opens ")]


@pytest.mark.parametrize(
    ("link", "typed", "opened"),
    [
        (Link("https://h.org", "den"), ["pycall call https://h.org/r/den"], ["https://h.org/r/den"]),
        (
            Link("https://h.org", "Küche"),
            ["pycall call https://h.org/r/K%C3%BCche"],
            ["https://h.org/r/K%C3%BCche"],
        ),
        (
            Link(DEFAULT, "den"),
            ["pycall call den", "pycall call http://192.0.2.7:8080/r/den"],
            ["http://localhost:8080/r/den", "http://192.0.2.7:8080/r/den"],
        ),
        (
            Link(DEFAULT, "-x"),
            ["pycall call -- -x", "pycall call http://192.0.2.7:8080/r/-x"],
            ["http://localhost:8080/r/-x", "http://192.0.2.7:8080/r/-x"],
        ),
        (
            Link("https://[::1]", "den"),
            ["pycall call https://[::1]/r/den", "pycall call https://192.0.2.7/r/den"],
            ["https://[::1]/r/den", "https://192.0.2.7/r/den"],
        ),
    ],
)
def test_it_has_the_exact_commands_and_links(link: Link, typed: list[str], opened: list[str]) -> None:
    text = invitation(link, lan_address=LAN)

    assert commands(text) == typed
    assert links(text) == opened


def test_where_others_do_not_reach_the_server_only_this_machine_is_told() -> None:
    text = invitation(Link(DEFAULT, "den"))
    assert commands(text) == ["pycall call den"]
    assert ONLY_HERE in text
    assert ONLY_HERE not in invitation(Link(DEFAULT, "den"), lan_address=LAN)
    assert ONLY_HERE not in invitation(Link("https://h.org", "den"))


def test_a_server_with_a_certificate_of_its_own_is_passed_on_with_its_sha_256() -> None:
    text = invitation(Link("https://localhost:8080", "den"), cert_sha256=SHA256, lan_address=LAN)

    assert commands(text) == [
        f"pycall call https://localhost:8080/r/den --cert-sha256 {SHA256}",
        f"pycall call https://{LAN}:8080/r/den --cert-sha256 {SHA256}",
    ]


@pytest.mark.parametrize(
    ("server", "remarked"),
    [("http://h.org", True), ("https://h.org", False), (DEFAULT, False), ("http://127.0.0.1", False)],
)
def test_it_says_where_a_browser_needs_https(server: str, remarked: bool) -> None:
    assert ("ask for https" in invitation(Link(server, "den"))) is remarked


def test_an_invite_is_not_left_on_the_screen() -> None:
    text = invitation(Link("https://h.org", "den", "mCANARY"))
    assert "CANARY" not in text
    assert "needs an invite, too" in text
