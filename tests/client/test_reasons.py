"""Why two did not come together is said in a sentence that fits what happened."""

from __future__ import annotations

import pytest

from pycall.client.reasons import Findings, no_candidates, no_path


def refused(code: int) -> Findings:
    findings = Findings(udp_asked=True, udp_answered=True)
    findings.refused(code, "whatever the server says")
    return findings


def test_without_a_network_that_is_said() -> None:
    assert "no network address" in no_candidates(Findings(), relay_only=False).why


def test_with_relays_only_and_none_that_is_said() -> None:
    reason = no_candidates(Findings(), relay_only=True)
    assert reason.why == "only relays may be used, and no TURN server answered."
    assert "--relay-only" in reason.hint


@pytest.mark.parametrize("code", [401, 403, 441, 486, 508, 599])
def test_a_relay_that_refused_is_told_with_its_code(code: int) -> None:
    for reason in (
        no_candidates(refused(code), relay_only=True),
        no_path(refused(code), others=1, relay_only=False, relayed=False),
    ):
        assert reason.why.startswith("the relay refused")
        assert str(code) in reason.why


def test_a_certificate_nobody_trusts_is_told() -> None:
    findings = Findings(untrusted="turn.example.org")
    assert "turn.example.org" in no_candidates(findings, relay_only=True).why
    assert "turn.example.org" in no_path(findings, others=1, relay_only=False, relayed=False).why


@pytest.mark.parametrize(
    ("findings", "others", "relayed", "words"),
    [
        (Findings(), 0, False, "told no address"),
        (Findings(udp_asked=True), 1, False, "UDP seems to be blocked"),
        (Findings(udp_asked=True, udp_answered=True), 1, False, "no network path between the two was found."),
        (Findings(udp_asked=True), 1, True, "not even through the relay"),
        (Findings(peer_refusals={403: ""}), 1, True, "does not send to the other side's addresses"),
        (Findings(), 1, False, "no network path between the two was found."),
    ],
)
def test_what_was_found_decides_what_is_said(
    findings: Findings, others: int, relayed: bool, words: str
) -> None:
    reason = no_path(findings, others=others, relay_only=False, relayed=relayed)
    assert words in reason.why
    assert reason.why.endswith(".")
