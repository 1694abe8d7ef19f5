"""What a server tells Prometheus. With several workers, the numbers of all of them (PROMETHEUS_MULTIPROC_DIR)."""

import os

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
    multiprocess,
)

REQUESTS = Counter("salvocast_requests", "Requests answered", ("method", "route", "status"))
SECONDS = Histogram(
    "salvocast_request_seconds",
    "Time until a request was answered",
    ("route",),
    buckets=(0.01, 0.05, 0.1, 0.2, 0.35, 0.5, 1, 2, 3, 5, 10, 30),
)
ANSWERS = Counter(
    "salvocast_answers", "Documents given out: computed, cached, or computed for several at once", ("how",)
)
REFUSED = Counter("salvocast_refused", "Requests that could not be answered in time")
WAITING = Gauge("salvocast_jobs_waiting", "Jobs that wait for a process", multiprocess_mode="livesum")
BUSY = Gauge("salvocast_processes_busy", "Processes that compute", multiprocess_mode="livesum")
CACHED = Gauge("salvocast_cache_bytes", "Bytes of documents kept", multiprocess_mode="livesum")
CHAMPION_VERSION = Gauge(
    "salvocast_champion_version", "Version of the champion; 0: none", ("series",), multiprocess_mode="max"
)

MEDIA_TYPE = CONTENT_TYPE_LATEST


def metrics_text() -> bytes:
    """All of it, in the text format of Prometheus."""
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return generate_latest(REGISTRY)
    together = CollectorRegistry()
    multiprocess.MultiProcessCollector(together)  # type: ignore[no-untyped-call]
    return generate_latest(together)
