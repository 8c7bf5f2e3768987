from __future__ import annotations

from pycall.server.nodes.neighbours import SILENT, Neighbours


def test_who_has_not_beaten_for_so_many_of_our_beats_is_dead() -> None:
    neighbours = Neighbours()
    assert neighbours.look({"us": 1, "silent": 7, "alive": 1}) == {}
    for beat in range(2, SILENT + 1):
        assert neighbours.look({"us": beat, "silent": 7, "alive": beat // 3}) == {}
    assert neighbours.look({"us": SILENT + 1, "silent": 7, "alive": SILENT}) == {"silent": 7}


def test_one_that_beats_again_in_time_is_alive_and_one_that_is_buried_is_forgotten() -> None:
    neighbours = Neighbours()
    for _ in range(SILENT):
        assert neighbours.look({"slow": 3}) == {}
    assert neighbours.look({"slow": 4}) == {}
    assert neighbours.look({}) == {}
    for _ in range(SILENT):
        assert neighbours.look({"slow": 4}) == {}
