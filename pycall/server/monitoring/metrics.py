"""`/metrics`: a server's figures in Prometheus' text format, for those who may read them.

The library only writes the text: counting is the business of :mod:`pycall.server.monitoring.figures`. Every
sample has the label ``node``. One of several processes on a port answers for all of them.
"""

from __future__ import annotations

import itertools
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Final

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

import pycall
from pycall.server.admission.addresses import Visitor
from pycall.server.monitoring.figures import BOUNDS_S, Figures, Histogram
from pycall.server.monitoring.health import NOT_KEPT, Health
from pycall.server.monitoring.process import process_figures
from pycall.server.monitoring.readers import Readers
from pycall.server.monitoring.siblings import Siblings, joined
from pycall.server.store import Occupancy, RoomStore

FORBIDDEN: Final = (
    "The figures are for this machine, for networks named with --metrics-from, and for who has the key.\n"
)
EMPTY: Final = Occupancy(0, 0)
READY: Final = "1 while it can be sent clients."


class Metrics(Collector):
    """The figures of one server, in a registry of its own."""

    def __init__(
        self,
        figures: Figures,
        store: RoomStore,
        health: Health,
        *,
        connections: Callable[[], int],
        node: str,
        readers: Readers,
        visitor: Callable[[web.Request], Visitor],
        siblings: Siblings | None = None,
    ) -> None:
        """``connections`` tells how many there are now, ``visitor`` who sent a request.

        ``siblings`` are those who are answered for, too.
        """
        self.registry = CollectorRegistry()
        self._figures = figures
        self._store = store
        self._health = health
        self._connections = connections
        self._node = node
        self._readers = readers
        self._visitor = visitor
        self._siblings = siblings
        self._occupancy = EMPTY
        self._began = time.monotonic()
        self.registry.register(self)

    def add_to(self, router: web.UrlDispatcher) -> None:
        """Answer `/metrics`."""
        router.add_get("/metrics", self._answer)

    def collect(self) -> Iterator[Metric]:
        """What Prometheus' library asks for; rooms and members are those of the last request."""
        for family in itertools.chain(self._now(), self._counted(), _process()):
            family.samples = [
                sample._replace(labels={"node": self._node, **sample.labels}) for sample in family.samples
            ]
            yield family

    async def _answer(self, request: web.Request) -> web.Response:
        if not self._readers.allow(request, self._visitor(request)):
            return web.Response(text=FORBIDDEN, status=403, headers=NOT_KEPT)
        text = await self.own()
        if self._siblings is not None:
            told = await self._siblings.all(text)
            text = joined(figures or _silent(node) for node, figures in told.items())
        return web.Response(body=text, headers={**NOT_KEPT, "Content-Type": CONTENT_TYPE_LATEST})

    async def own(self) -> bytes:
        """The text of this process alone."""
        if self._store.is_reachable:
            self._occupancy = await self._store.occupancy()
        return generate_latest(self.registry)

    def _now(self) -> Iterator[Metric]:
        up_s = time.monotonic() - self._began
        version = {"version": pycall.__version__}
        yield InfoMetricFamily("pycall_build", "The release of pycall that runs.", value=version)
        yield GaugeMetricFamily("pycall_uptime_seconds", "Since the start.", value=up_s)
        ready = not self._health.hindrance
        yield GaugeMetricFamily("pycall_ready", READY, value=ready)
        rooms, members = self._occupancy.rooms, self._occupancy.members
        yield GaugeMetricFamily("pycall_rooms", "Rooms with a seat taken.", value=rooms)
        yield GaugeMetricFamily("pycall_members", "Seats taken, or held for who will be back.", value=members)
        connections = self._connections()
        yield GaugeMetricFamily("pycall_connections", "Clients that are connected.", value=connections)

    def _counted(self) -> Iterator[Metric]:
        figures = self._figures
        for name, about, count in (
            ("connections_opened", "Connections made.", figures.opened),
            ("joins", "Seats given, or given back.", figures.joins),
            ("relayed_messages", "Messages passed on to the other member.", figures.relayed),
            ("received_bytes", "Payload of websocket messages received.", figures.received_bytes),
            ("sent_bytes", "Payload of websocket messages sent.", figures.sent_bytes),
            ("bugs", "Events that a bug kept from being handled.", figures.bugs),
        ):
            yield CounterMetricFamily(f"pycall_{name}", about, value=count)
        ended = "Connections ended; too-slow-a-reader are those cut off."
        yield _by_label("pycall_connections_ended", ended, "cause", figures.ended)
        yield _by_label("pycall_refusals", "What was refused.", "code", figures.refusals)
        shown = "Passwords, and invites that are none, by what became of them."
        yield _by_label("pycall_credentials", shown, "outcome", figures.credentials)
        handling = HistogramMetricFamily(
            "pycall_handling_seconds", "From an event's arrival until its effects are sent.", labels=["event"]
        )
        for event, histogram in figures.handling.items():
            handling.add_metric([event], _cumulative(histogram), histogram.total_s)
        yield handling


class _Silent(Collector):
    """What is known of a process that does not answer."""

    def __init__(self, node: str) -> None:
        self._node = node

    def collect(self) -> Iterator[Metric]:
        family = GaugeMetricFamily("pycall_ready", READY, labels=["node"])
        family.add_metric([self._node], 0)
        yield family


def _silent(node: str) -> bytes:
    registry = CollectorRegistry()
    registry.register(_Silent(node))
    return generate_latest(registry)


def _process() -> Iterator[Metric]:
    for name, value in process_figures().items():
        kind = CounterMetricFamily if name.endswith("_total") else GaugeMetricFamily
        yield kind(f"process_{name}", "Of the process, as the system tells it.", value=value)


def _by_label(name: str, about: str, label: str, counts: Counter[str]) -> Metric:
    family = CounterMetricFamily(name, about, labels=[label])
    for word, count in counts.items():
        family.add_metric([word], count)
    return family


def _cumulative(histogram: Histogram) -> list[tuple[str, float]]:
    """Pairs of an upper bound and how many durations do not exceed it."""
    bounds = [*map(str, BOUNDS_S), "+Inf"]
    return list(zip(bounds, itertools.accumulate(histogram.counts), strict=True))
