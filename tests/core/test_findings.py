from __future__ import annotations

import pytest

from pycall.core.findings import Check, Finding, State, outlook


def found(**states: State) -> list[Finding]:
    """Findings whose checks are the names given, with - for _."""
    checks: dict[str, Check] = {
        "server": "server", "join": "join", "nat": "nat", "relay": "relay", "camera": "camera",
        "encoder": "encoder", "clock": "clock", "self_call": "self-call",
        "relayed_self_call": "relayed self-call",
    }  # fmt: skip
    return [
        Finding(checks[name], state, "So it is.", advice=f"See to {name}.") for name, state in states.items()
    ]


GOOD: dict[str, State] = {"server": "ok", "join": "ok", "self_call": "ok"}


def test_calls_are_expected_when_all_is_well() -> None:
    assert outlook(found(**GOOD, nat="ok")).state == "ok"


@pytest.mark.parametrize("essential", ["server", "join", "self_call", "camera"])
def test_without_an_essential_thing_they_are_not_and_its_advice_is_repeated(essential: str) -> None:
    states: dict[str, State] = {**GOOD, "nat": "ok", essential: "failed"}
    last = outlook(found(**states))

    assert last.state == "failed"
    assert last.advice == f"See to {essential}."


@pytest.mark.parametrize("nat", ["warning", "failed"])
def test_a_nat_that_lets_nothing_through_needs_a_relay(nat: State) -> None:
    assert outlook(found(**GOOD, nat=nat)).state == "failed"
    assert outlook(found(**GOOD, nat=nat, relay="failed")).state == "failed"
    assert outlook(found(**GOOD, nat=nat, relay="ok")).state == "warning"
    assert outlook(found(**GOOD, nat=nat, relay="warning")).state == "warning"
    assert outlook(found(**GOOD, nat=nat, relay="ok", relayed_self_call="failed")).state == "failed"


def test_what_is_not_known_is_no_obstacle() -> None:
    assert outlook(found(**GOOD, nat="skipped", relay="skipped")).state == "ok"


@pytest.mark.parametrize("other", ["encoder", "clock", "relay"])
def test_other_trouble_is_remarked_upon(other: str) -> None:
    states: dict[str, State] = {**GOOD, "nat": "ok", other: "failed"}

    assert outlook(found(**states)).state == "warning"


def test_who_uses_relays_only_needs_one_that_works() -> None:
    assert outlook(found(**GOOD, nat="ok", relay="failed"), relay_only=True).state == "failed"
    assert outlook(found(**GOOD, nat="failed", relay="ok"), relay_only=True).state == "warning"
