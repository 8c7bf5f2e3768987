from __future__ import annotations

import pytest

from pycall.client.compat.asking import Binding, StunSocket
from pycall.client.doctor.nat import Mapping, check_nat, describe, mapping_of
from pycall.client.doctor.stun import Sighting
from pycall.client.iceservers import StunServer

OWN = "192.168.1.2"
PUBLIC = "198.51.100.4"
ONE, SAME_HOST, OTHER = ("192.0.2.10", 3478), ("192.0.2.10", 8080), ("192.0.2.11", 3478)


@pytest.mark.parametrize(
    ("seen", "mapping"),
    [
        ([(ONE, (OWN, 5))], "none"),
        ([(ONE, (PUBLIC, 5))], "unknown"),
        ([(ONE, (PUBLIC, 5)), (SAME_HOST, (PUBLIC, 5))], "endpoint-independent"),
        ([(ONE, (PUBLIC, 5)), (OTHER, (PUBLIC, 5))], "endpoint-independent"),
        ([(ONE, (PUBLIC, 5)), (SAME_HOST, (PUBLIC, 5)), (OTHER, (PUBLIC, 6))], "address-dependent"),
        ([(ONE, (PUBLIC, 5)), (OTHER, (PUBLIC, 6))], "address-dependent"),
        ([(ONE, (PUBLIC, 5)), (SAME_HOST, (PUBLIC, 6))], "address-and-port-dependent"),
    ],
)
def test_the_mapping_follows_from_what_several_places_see(
    seen: list[tuple[tuple[str, int], tuple[str, int]]], mapping: Mapping
) -> None:
    assert mapping_of(seen, {OWN, "127.0.0.1"}) == mapping
    finding = describe(mapping, "unknown", seen)
    state = {"none": "ok", "endpoint-independent": "ok", "unknown": "skipped"}.get(mapping, "warning")
    assert finding.state == state
    assert finding.figures["mapping"] == mapping


def test_what_one_address_cannot_tell_is_not_claimed() -> None:
    one = describe("endpoint-independent", "unknown", [(ONE, (PUBLIC, 5)), (SAME_HOST, (PUBLIC, 5))])
    two = describe("endpoint-independent", "unknown", [(ONE, (PUBLIC, 5)), (OTHER, (PUBLIC, 5))])

    assert "as far as one server can tell" in one.found
    assert "as far as" not in two.found


def test_a_server_next_door_is_named_as_that() -> None:
    assert "in the same network" in describe("none", "unknown", [(ONE, (OWN, 5))]).found
    assert "in the same network" not in describe("none", "unknown", [(ONE, (PUBLIC, 5))]).found


@pytest.fixture
def unopened() -> StunSocket:
    """For where nobody is asked again."""
    return StunSocket()


async def test_without_a_server_nothing_is_known(unopened: StunSocket) -> None:
    unnamed = Sighting(StunServer("nowhere.invalid", 3478), None, None, known=False)

    assert (await check_nat([unnamed], unopened, 4)).state == "skipped"
    assert (await check_nat([], unopened, 4)).state == "skipped"


async def test_when_nobody_answers_udp_is_blocked(unopened: StunSocket) -> None:
    finding = await check_nat([Sighting(StunServer(*ONE), ONE, None)], unopened, 4)

    assert finding.state == "failed"
    assert "--turn" in finding.advice


async def test_a_refusal_is_an_answer_too(unopened: StunSocket) -> None:
    finding = await check_nat([Sighting(StunServer(*ONE), ONE, None, code=420)], unopened, 4)

    assert finding.state == "skipped"


@pytest.mark.parametrize("other", ["127.0.0.1", "192.168.1.1", "224.0.0.1", "0.0.0.0", "::1", ONE[0]])
async def test_nothing_is_sent_to_where_no_servers_other_address_can_be(
    unopened: StunSocket, other: str
) -> None:
    told = Sighting(StunServer(*ONE), ONE, Binding((PUBLIC, 5), (other, 3479), ""))
    finding = await check_nat([told], unopened, 4)

    assert finding.figures["filtering"] == "unknown"
