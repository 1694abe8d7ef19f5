"""What several workers tell Prometheus together."""

import os
import subprocess
import sys
from pathlib import Path

PROGRAM = """
import os, signal, sys
from forecasting.service.workers.metrics import BUSY, CHAMPION_VERSION, REFUSED
BUSY.set(1)
REFUSED.inc()
CHAMPION_VERSION.labels("ukraine/shahed").set(int(sys.argv[1]))
if sys.argv[2] == "dies":
    os.kill(os.getpid(), signal.SIGKILL)
from forecasting.service.workers.metrics import metrics_text
sys.stdout.write(metrics_text().decode())
"""


def worker(folder: Path, version: int, then: str) -> list[str]:
    environment = os.environ | {"PROMETHEUS_MULTIPROC_DIR": str(folder)}
    command = [sys.executable, "-c", PROGRAM, str(version), then]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False).stdout.splitlines()


def test_a_worker_that_was_killed_is_busy_no_more_and_what_it_counted_stays(tmp_path: Path) -> None:
    assert worker(tmp_path, 3, "dies") == []
    told = worker(tmp_path, 2, "tells")
    assert "salvocast_processes_busy 1.0" in told
    assert "salvocast_refused_total 2.0" in told
    assert 'salvocast_champion_version{series="ukraine/shahed"} 2.0' in told  # also after a roll-back
