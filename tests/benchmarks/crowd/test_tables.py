from __future__ import annotations

from cells import Cell
from crowd.tables import MEASURES, Results, behind, surprises, table


def cell(contestant: str, rooms: int = 1000, run: int = 0, **changes: object) -> Cell:
    figures = {measure.key: 2.0 for measure in MEASURES}
    return {"contestant": contestant, "rooms": rooms, "run": run, "surprises": {}, **figures, **changes}


def line(text: str, title: str) -> list[str]:
    """The cells of the table's line with this title."""
    (found,) = [row for row in text.splitlines() if row.startswith(f"| {title} |")]
    return [part.strip() for part in found.split("|")[2:-1]]


def test_servers_stand_side_by_side_with_the_ratio_in_the_same_run() -> None:
    cells = [
        cell("pycall", run=0, joins_per_s=100.0),
        cell("Node", run=0, joins_per_s=50.0),
        cell("pycall", run=1, joins_per_s=300.0),
        cell("Node", run=1, joins_per_s=100.0),
    ]

    assert line(table(Results(cells)), "connects and joins per s") == ["200", "75", "2.50 (2.00..3.00)"]


def test_it_says_how_a_figure_grows_with_the_rooms() -> None:
    cells = [
        cell("pycall", 1000, connection_kb=10.0), cell("Node", 1000, connection_kb=10.0),
        cell("pycall", 9900, connection_kb=10.5), cell("Node", 9900, connection_kb=20.0),
    ]  # fmt: skip

    told = line(table(Results(cells)), "memory per idle connection, kB")

    assert told == ["10.0", "10.0", "1.00", "10.5", "20.0", "0.53", "1.05", "2.00"]


def test_one_server_alone_is_compared_with_nothing() -> None:
    results = Results([cell("pycall", join_cpu_ms=0.5)])

    assert line(table(results), "CPU per connect and join, ms") == ["0.500"]
    assert list(behind(results)) == []


def test_what_was_not_measured_is_left_open() -> None:
    results = Results([cell("pycall", ping_cpu_ms=None), cell("Node", ping_cpu_ms=None)])

    assert line(table(results), "CPU per ping, ms") == ["-", "-", "-"]


def test_it_says_where_pycall_is_behind() -> None:
    cells = [
        cell("pycall", joins_per_s=90.0, connection_kb=15.0, relay_p99_ms_4000=2.5),
        cell("Node", joins_per_s=100.0, connection_kb=10.0),
    ]

    assert list(behind(Results(cells))) == [
        "joins_per_s, 1,000 rooms: 0.90 times Node's",
        "relay_p99_ms_4000, 1,000 rooms: 1.25 times Node's",
    ]


def test_memory_may_be_a_little_more_than_nodes() -> None:
    cells = [cell("pycall", connection_kb=17.0), cell("Node", connection_kb=10.0)]

    assert list(behind(Results(cells))) == ["connection_kb, 1,000 rooms: 1.70 times Node's"]


def test_it_says_what_should_not_have_happened() -> None:
    cells = [
        cell("pycall", run=0, surprises={"close frame": 1}, missing_1000=0),
        cell("pycall", run=1, surprises={"close frame": 2}, missing_1000=3),
        {"contestant": "Node", "rooms": 5000, "error": "it ended"},
    ]

    results = Results(cells)

    assert list(surprises(results)) == [
        "pycall, 1,000 rooms: close frame 3 times",
        "pycall, 1,000 rooms: missing_1000 3 times",
    ]
    assert results.failures == ["Node with 5000 rooms: it ended"]
