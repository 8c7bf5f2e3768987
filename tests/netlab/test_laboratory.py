"""Proof that the laboratory is what it says: each kind of network is measured from inside."""

from __future__ import annotations

import itertools
import os
import signal
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from tests.netlab.addresses import Kind
from tests.netlab.conftest import Laboratories
from tests.netlab.laboratory import Laboratory, running_laboratory
from tests.netlab.link import REPO
from tests.netlab.namespaces import FOLDER, sweep
from tests.netlab.probes import Place, Probe, can_meet, probes
from tests.netlab.router import MEETS
from tests.rig import wait_until

pytestmark = [pytest.mark.integration, pytest.mark.parallel]

OVER_IPV4: Final[tuple[Kind, ...]] = ("open", "cone", "symmetric", "udp-blocked")


@contextmanager
def servers(lab: Laboratory) -> Iterator[list[Probe]]:
    """Three places on the public host: an address, another port of it, another address."""
    with probes(
        (lab.public, lab.server_address, 7001),
        (lab.public, lab.server_address, 7002),
        (lab.public, lab.second_address, 7001),
    ) as made:
        yield made


@contextmanager
def caller(lab: Laboratory) -> Iterator[Probe]:
    with probes((lab.a.namespace, lab.a.address)) as (made,):
        yield made


def connect(lab: Laboratory, port: int = 9000) -> tuple[socket.socket, socket.socket]:
    """Both ends of a TCP connection from host a to the server."""
    with lab.public.inside():
        listener = socket.create_server((lab.server_address, port))
    with listener:
        with lab.a.namespace.inside():
            near = socket.create_connection(listener.getsockname()[:2], timeout=10)
        far, _ = listener.accept()
        far.settimeout(10)
        return near, far


def test_an_open_host_is_seen_as_it_is(laboratory: Laboratories) -> None:
    lab = laboratory("open")
    with caller(lab) as ann, servers(lab) as there:
        assert {ann.seen_by(server) for server in there} == {ann.place}


def test_a_cone_shows_one_place_to_all(laboratory: Laboratories) -> None:
    lab = laboratory("cone")
    with caller(lab) as ann, servers(lab) as there:
        assert {ann.seen_by(server) for server in there} == {(lab.nat_a.public_address, ann.place[1])}


def test_a_symmetric_nat_shows_another_port_to_each(laboratory: Laboratories) -> None:
    lab = laboratory("symmetric")
    with caller(lab) as ann, servers(lab) as there:
        places = [ann.seen_by(server) for server in there]
        assert {address for address, _ in places} == {lab.nat_a.public_address}
        assert len(set(places)) == 3
        assert ann.seen_by(there[0]) == places[0]


def test_anybody_reaches_an_open_host(laboratory: Laboratories) -> None:
    lab = laboratory("open")
    with caller(lab) as ann, servers(lab) as there:
        there[2].send("unasked", ann.place)
        assert ann.receive() == ("unasked", there[2].place)


@pytest.mark.parametrize("kind", ["cone", "symmetric"])
def test_a_nat_lets_in_only_who_was_written_to(laboratory: Laboratories, kind: Kind) -> None:
    lab = laboratory(kind)
    with caller(lab) as ann, servers(lab) as (server, other_port, other_address):
        place = ann.seen_by(server)
        other_port.send("another port", place)
        other_address.send("another address", place)
        server.send("the one", place)
        assert ann.receive() == ("the one", server.place)  # and what was sent before it never came


def test_where_udp_is_blocked_only_tcp_passes(laboratory: Laboratories) -> None:
    lab = laboratory("udp-blocked")
    with caller(lab) as ann, servers(lab) as (server, *_):
        ann.send("anybody?", server.place)
        server.send("anybody?", (lab.nat_a.public_address, ann.place[1]))
        near, far = connect(lab)
        with near, far:
            near.sendall(b"hello")
            assert far.recv(10) == b"hello"
            assert far.getpeername()[0] == lab.nat_a.public_address
        assert server.receive(0) is None
        assert ann.receive(0) is None


@pytest.mark.parametrize(("a", "b"), list(itertools.combinations_with_replacement(OVER_IPV4, 2)))
def test_two_sides_meet_directly_wherever_that_is_possible(
    laboratory: Laboratories, a: Kind, b: Kind
) -> None:
    lab = laboratory(a, b)
    hosts = (lab.a.namespace, lab.a.address), (lab.b.namespace, lab.b.address)
    with probes(*hosts) as (ann, bob), servers(lab) as (server, *_):
        ann_at = seen_if_at_all(ann, server)
        bob_at = seen_if_at_all(bob, server)
        assert can_meet(ann, bob, ann_at, bob_at) is (b in MEETS[a])


def seen_if_at_all(probe: Probe, server: Probe) -> Place:
    probe.send("who am I?", server.place)
    answer = server.receive(0.3)
    return answer[1] if answer else ("203.0.113.1", 9)


def test_with_ipv6_alone_there_is_no_other_and_a_filter_without_nat(laboratory: Laboratories) -> None:
    lab = laboratory("ipv6", "ipv6")
    hosts = (lab.a.namespace, lab.a.address), (lab.b.namespace, lab.b.address)
    with probes(*hosts) as (ann, bob), servers(lab) as (server, stranger, _):
        assert ann.seen_by(server) == ann.place
        stranger.send("unasked", ann.place)
        server.send("the one", ann.place)
        assert ann.receive() == ("the one", server.place)
        assert can_meet(ann, bob, ann.place, bob.place)
    with lab.a.namespace.inside(), pytest.raises(OSError, match="unreachable"):
        socket.create_connection(("192.0.2.10", 80), timeout=1)


def test_the_black_hole_tells_nothing(laboratory: Laboratories) -> None:
    lab = laboratory("cone")
    with caller(lab) as ann, servers(lab) as (server, *_):
        ann.send("anybody?", (lab.black_hole, 3478))
        assert ann.seen_by(server)
        assert ann.receive(0) is None


@pytest.mark.parametrize(("a", "b"), [("cone", "open"), ("ipv6", "ipv6")])
def test_what_leaves_by_a_dead_interface_vanishes_and_the_other_works(
    laboratory: Laboratories, a: Kind, b: Kind
) -> None:
    lab = laboratory(a, b)
    lab.a.add_dead_interface()
    dead = "2001:db8:1:3::2" if lab.version == 6 else "10.99.1.2"
    good = (lab.a.namespace, lab.a.address)
    with probes((lab.a.namespace, dead), good) as (lost, ann), servers(lab) as (server, *_):
        lost.send("lost", server.place)
        ann.send("found", server.place)
        arrived = server.receive()
        assert arrived is not None
        assert arrived[0] == "found"
        assert server.receive(0) is None


@pytest.mark.parametrize(("a", "b"), [("cone", "open"), ("open", "open"), ("ipv6", "ipv6")])
def test_a_host_changes_its_address_and_its_interface(laboratory: Laboratories, a: Kind, b: Kind) -> None:
    lab = laboratory(a, b)
    first = lab.a.address
    with caller(lab) as ann, servers(lab) as (server, *_):
        old = ann.seen_by(server)
        for change in (lab.a.change_address, lambda: lab.a.switch_to("eth0")):
            before = lab.a.address
            change()
            assert lab.a.address != before
            server.send("to where you were", old)
            with caller(lab) as again:
                server.send("to where you are", again.seen_by(server))
                assert again.receive() == ("to where you are", server.place)
        lab.a.disconnect()
        server.send("to where you were", old)
        lab.a.connect("wlan0")
        assert lab.a.address != first
        with caller(lab) as back:
            assert back.seen_by(server)
        assert ann.receive(0) is None


@pytest.mark.parametrize("kind", ["cone", "symmetric"])
def test_a_rebinding_gives_every_mapping_of_udp_another_port(laboratory: Laboratories, kind: Kind) -> None:
    lab = laboratory(kind)
    near, far = connect(lab)
    with near, far, caller(lab) as ann, servers(lab) as (server, *others):
        seen = {ann.seen_by(server)}
        for number in range(3):
            old = ann.seen_by(server)
            lab.nat_a.rebind()
            server.send("to where you were", old)
            seen.add(ann.seen_by(server))
            server.send("to where you were", old)
            server.send("to where you are", ann.seen_by(server))
            assert ann.receive() == ("to where you are", server.place)
            assert len(seen) == number + 2
        assert len({ann.seen_by(each) for each in (server, *others)}) == (1 if kind == "cone" else 3)
        near.sendall(b"still here")
        assert far.recv(20) == b"still here"


def test_a_cut_loses_everything_and_ends_by_itself(laboratory: Laboratories) -> None:
    lab = laboratory("cone")
    with caller(lab) as ann, servers(lab) as (server, *_):
        place = ann.seen_by(server)
        lab.link.cut(0.5)
        ann.send("lost", server.place)
        server.send("lost", place)
        wait_until(lambda: [direction.cut for direction in lab.link.counters] == [1, 1])
        while (came := server.receive(0.05)) is None:
            ann.send("found", server.place)
        assert came == ("found", place)
        lab.link.cut()
        server.send("lost", place)
        wait_until(lambda: lab.link.counters[1].cut == 2)
        lab.link.restore()
        server.send("found", place)
        assert ann.receive() == ("found", server.place)


def test_the_link_delays_each_way_as_told(laboratory: Laboratories) -> None:
    lab = laboratory("open")
    with caller(lab) as ann, servers(lab) as (server, *_):
        assert round_trip(ann, server) < 0.05
        lab.link.shape_out(delay_s=0.08)
        lab.link.shape_back(delay_s=0.02)
        trips = [round_trip(ann, server) for _ in range(11)]
        assert min(trips) >= 0.1
        assert statistics.median(trips) < 0.125


def round_trip(ann: Probe, server: Probe) -> float:
    began = time.monotonic()
    server.send("pong", ann.seen_by(server))
    assert ann.receive() is not None
    return time.monotonic() - began


def test_the_link_loses_the_share_it_was_told(laboratory: Laboratories) -> None:
    lab = laboratory("open")
    lab.link.shape_out(loss=0.2)
    with caller(lab) as ann, servers(lab) as (server, *_):
        before, _ = lab.link.counters
        arrived = 0
        for sent in range(50, 2001, 50):
            for _ in range(50):
                ann.send("x", server.place)
            wait_until(lambda sent=sent: lab.link.counters[0].packets >= before.packets + sent)  # type: ignore[misc]
            while server.receive(0) is not None:
                arrived += 1
        lost = lab.link.counters[0].lost - before.lost
        assert 0.15 < lost / 2000 < 0.25
        assert arrived == 2000 - lost


def test_the_link_passes_the_rate_it_was_told(laboratory: Laboratories) -> None:
    lab = laboratory("open")
    lab.link.shape(rate_bps=1e6, queue_s=2.0)
    with caller(lab) as ann, servers(lab) as (server, *_):
        began = time.monotonic()
        for _ in range(100):
            ann.send("x" * (1250 - 28), server.place)  # 10 ms of the rate, with its headers
        assert all(server.receive() for _ in range(100))
        assert 0.9 < time.monotonic() - began < 1.3
        assert lab.link.counters[0].overflowed == 0


@pytest.mark.usefixtures("laboratory")
def test_an_interrupt_inside_leaves_nothing(tmp_path: Path) -> None:
    def interrupted() -> None:
        with running_laboratory("cone", "open", tmp_path) as lab, lab.a.namespace.inside():
            children.append(subprocess.Popen(["sleep", "600"]))
            raise KeyboardInterrupt

    children: list[subprocess.Popen[bytes]] = []
    before = ours()
    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert children[0].wait(5) == -signal.SIGKILL
    assert ours() == before


@pytest.mark.usefixtures("laboratory")
def test_what_a_killed_run_left_is_swept_by_the_next() -> None:
    code = (
        "import subprocess, pathlib, signal, os\n"
        "from tests.netlab.topology import topology\n"
        "with topology('cone', 'open') as built, built.a.namespace.inside():\n"
        "    child = subprocess.Popen(['sleep', '600'], stdout=subprocess.DEVNULL)\n"
        "    print(child.pid, flush=True)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    killed = subprocess.Popen([sys.executable, "-c", code], cwd=REPO, stdout=subprocess.PIPE, text=True)
    told, _ = killed.communicate(timeout=30)
    left = f"pycall-lab-{killed.pid}-*"
    assert len(list(FOLDER.glob(left))) == 6
    sweep()
    assert list(FOLDER.glob(left)) == []
    wait_until(lambda: not Path("/proc", told.strip(), "exe").exists())


def ours() -> set[Path]:
    return set(FOLDER.glob(f"pycall-lab-{os.getpid()}-*"))
