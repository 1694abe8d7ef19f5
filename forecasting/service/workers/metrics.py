"""What a server tells Prometheus. With several workers, the numbers of all of them (PROMETHEUS_MULTIPROC_DIR)."""

import os
from pathlib import Path

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
    "salvocast_champion_version", "Version of the champion; 0: none", ("series",), multiprocess_mode="livemostrecent"
)

MEDIA_TYPE = CONTENT_TYPE_LATEST


def metrics_text() -> bytes:
    """All of it, in the text format of Prometheus."""
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return generate_latest(REGISTRY)
    _forget_the_dead(Path(os.environ["PROMETHEUS_MULTIPROC_DIR"]))
    together = CollectorRegistry()
    multiprocess.MultiProcessCollector(together)  # type: ignore[no-untyped-call]
    return generate_latest(together)


def _forget_the_dead(folder: Path) -> None:
    """A worker that was killed left what it last told behind: it has no jobs any more."""
    for number in {int(file.stem.rpartition("_")[2]) for file in folder.glob("gauge_live*.db")}:
        try:
            os.kill(number, 0)
        except ProcessLookupError:
            multiprocess.mark_process_dead(number)  # type: ignore[no-untyped-call]
        except PermissionError:  # another's, under a number that was ours
            continue
