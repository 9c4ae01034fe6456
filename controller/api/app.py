"""The HTTP application. It knows the last snapshot that the call process sent, and how old it is."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any

from prometheus_client.core import (
    CollectorRegistry,
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from controller.api.access import Access
from controller.api.calls import End, call_routes
from controller.api.draining import NothingNew
from controller.api.keeping import Keeping
from controller.api.openapi import DOCUMENT
from controller.api.speaking import Speaking
from controller.api.speech import speech_routes
from controller.api.voices import voice_routes
from controller.telemetry.first_audio import FirstAudio
from controller.telemetry.metrics import MS_BUCKETS
from controller.telemetry.quantiles import Quantiles

STALE_S = 5.0
"""Seconds without a snapshot after which the call process counts as dead; it sends one a second."""


class Snapshot(Collector):
    """What the call process last said."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._received: float | None = None
        self._body: dict[str, Any] = {"ready": {}, "metrics": [], "calls": []}
        self._nothing = FirstAudio().told()

    def update(self, body: dict[str, Any]) -> None:
        """Take a newer one, {"ready", "metrics", "calls", "first_audio", "draining"}: part by part, `Registry`'s,
        `CallFigures`'s, `FirstAudio`'s, and whether the service is on its way out."""
        self._body = body
        self._received = self._now()

    @property
    def fresh(self) -> bool:
        return self._received is not None and self._now() - self._received < STALE_S

    @property
    def ready(self) -> dict[str, bool]:
        """Part by part: asterisk and the three engines."""
        return dict(self._body["ready"])

    @property
    def draining(self) -> bool:
        """Whether nothing new is taken, since the service stops once its calls have ended."""
        return bool(self._body.get("draining"))

    @property
    def calls(self) -> list[dict[str, Any]]:
        """Those that are up, with their figures."""
        return list(self._body["calls"])

    @property
    def first_audio(self) -> Quantiles:
        """How soon the voice begins in them."""
        return dict(self._body.get("first_audio") or self._nothing)

    def collect(self) -> Iterable[Metric]:
        """The families, for prometheus_client, and how old they are."""
        if self._received is not None:
            age = self._now() - self._received
            yield GaugeMetricFamily("dragoman_snapshot_age_seconds", "Since the call process last told these", age)
        for family in self._body["metrics"]:
            yield _family(family)


def _family(family: dict[str, Any]) -> Metric:
    name, text, labels = family["name"], family["text"], family["labels"]
    if family["kind"] == "histogram":
        histogram = HistogramMetricFamily(name, text, labels=labels)
        for values, (counts, total) in family["samples"]:
            bounds = [*(str(bound) for bound in MS_BUCKETS), "+Inf"]
            sums = [sum(counts[: place + 1]) for place in range(len(counts))]
            histogram.add_metric(values, list(zip(bounds, sums, strict=True)), sum_value=total)
        return histogram
    kind = CounterMetricFamily if family["kind"] == "counter" else GaugeMetricFamily
    plain = kind(name, text, labels=labels)
    for values, value in family["samples"]:
        plain.add_metric(values, value)
    return plain


def make_app(
    snapshot: Snapshot,
    end: End = lambda name: False,
    token: str = "",
    speaking: Speaking | None = None,
    keeping: Keeping | None = None,
    scoped: Sequence[tuple[str, Collection[str]]] = (),
) -> Starlette:
    """`/livez`: the call process lives. `/readyz`: it can take a call. `/metrics`: Prometheus text. `/calls`: those up.
    `/v1/speech`: a text, spoken. `/v1/voices`: who may be spoken as. `/openapi.json`: all of it, described.

    Args:
        end: asks the call process to end a call; False where that cannot be.
        token: asked for where calls, speech and voices are concerned; empty: see `Access`.
        speaking: what speaks; None where nothing does.
        keeping: what keeps voices; None where nothing does.
        scoped: other tokens: see `Access`.
    """
    registry = CollectorRegistry(auto_describe=False)
    registry.register(snapshot)

    async def livez(request: Request) -> Response:
        alive = snapshot.fresh
        return JSONResponse({"alive": alive}, status_code=200 if alive else 503)

    async def readyz(request: Request) -> Response:
        parts = snapshot.ready
        ready = snapshot.fresh and bool(parts) and all(parts.values()) and not snapshot.draining
        body = {"ready": ready, "draining": snapshot.draining, "parts": parts}
        return JSONResponse(body, status_code=200 if ready else 503)

    async def metrics(request: Request) -> Response:
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    async def openapi(request: Request) -> Response:
        return JSONResponse(DOCUMENT)

    health = [
        Route("/livez", livez),
        Route("/readyz", readyz),
        Route("/metrics", metrics),
        Route("/openapi.json", openapi),
    ]
    access = Access(token, scoped)
    spoken = speech_routes(speaking, access, lambda: snapshot.first_audio) if speaking else []
    voices = voice_routes(keeping, access) if keeping else []
    return Starlette(
        routes=[*health, *call_routes(snapshot, end, access), *spoken, *voices],
        middleware=[Middleware(NothingNew, draining=lambda: snapshot.draining)],
    )
