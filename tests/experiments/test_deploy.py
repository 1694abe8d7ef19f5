"""The units and the crontab of experiments/deploy, run for real as far as this machine can: systemd's checks, cron.

Everything is started by the tests on loopback, in temporary folders, and stopped by its own process id.
"""

import os
import shlex
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from experiments.slots import JobSlots, Status
from features.errors import InputError
from forecasting.service.workers.settings import read_tokens
from tests.experiments.team import BIN, DEPLOY, setting, wait_until

UNITS = sorted(path.name for suffix in ("service", "timer") for path in DEPLOY.glob(f"*.{suffix}"))
SERVICES = [name for name in UNITS if name.endswith(".service")]
KYIV = ZoneInfo("Europe/Kyiv")

needs_systemd = pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="there is no systemd-analyze here")


def analyze(*arguments: str | Path) -> "subprocess.CompletedProcess[str]":
    command = ["systemd-analyze", *map(str, arguments)]
    environment = os.environ | {"TZ": "UTC", "LC_ALL": "C.UTF-8"}
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, env=environment)


@pytest.fixture
def units(tmp_path: Path) -> Path:
    """The units, with the programs where they are here."""
    for name in UNITS:
        text = (DEPLOY / name).read_text(encoding="utf-8")
        (tmp_path / name).write_text(text.replace("/opt/salvocast/.venv/bin", str(BIN)), encoding="utf-8")
    return tmp_path


@needs_systemd
def test_systemd_finds_no_fault_with_the_units(units: Path) -> None:
    done = analyze("verify", *(units / name for name in UNITS))
    assert (done.returncode, done.stderr, done.stdout) == (0, "", "")


@needs_systemd
@pytest.mark.parametrize("name", SERVICES)
def test_the_services_are_confined(units: Path, name: str) -> None:
    done = analyze("security", "--offline=true", "--threshold=20", units / name)  # of 100: the less, the better
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_takes_no_more_of_the_machine_than_it_may(name: str) -> None:
    assert setting(name, "MemoryMax").endswith("G")
    assert setting(name, "MemorySwapMax") == "0"
    assert 0 < int(setting(name, "TasksMax")) <= 1_000


@needs_systemd
@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ("2026-03-28 12:00 UTC", "Sun 2026-03-29 06:30:00 UTC"),  # the clock of Kyiv is put forward that night
        ("2026-03-27 12:00 UTC", "Sat 2026-03-28 07:30:00 UTC"),
        ("2026-10-24 12:00 UTC", "Sun 2026-10-25 07:30:00 UTC"),
        ("2026-10-23 12:00 UTC", "Sat 2026-10-24 06:30:00 UTC"),
    ],
)
def test_the_timer_goes_by_the_clock_of_kyiv(now: str, expected: str) -> None:
    done = analyze("calendar", f"--base-time={now}", setting("salvocast-retrain.timer", "OnCalendar"))
    assert done.returncode == 0, done.stderr
    assert f"Next elapse: {expected}" in done.stdout


def test_the_tokens_are_refused_until_they_are_filled_in(tmp_path: Path) -> None:
    path = tmp_path / "tokens"
    shutil.copy(DEPLOY / "tokens", path)
    with pytest.raises(InputError, match="the secret of ops-room has fewer than 24 characters"):
        read_tokens(path)
    first, second, rest = path.read_text(encoding="utf-8").split("CHANGE-ME")
    path.write_text(f"{first}{'1' * 24}{second}{'2' * 24}{rest}", encoding="utf-8")
    assert {token.name: set(token.scopes) for token in read_tokens(path)} == {
        "ops-room": {"read", "plan"},
        "reports-desk": {"read", "report"},
    }
    assert f"SALVOCAST_TOKENS_FILE='/opt/salvocast/{path.name}'" in (DEPLOY / "serve.env").read_text(encoding="utf-8")


def test_timer_and_cron_ask_for_the_time_that_the_timer_fires_at() -> None:
    options = shlex.split(setting("salvocast-retrain.service", "ExecStart"))[1:]
    assert options == ["schedule", "--once", "--cron", "30 9 * * *", "--timezone", "Europe/Kyiv"]
    assert setting("salvocast-retrain.timer", "OnCalendar") == "*-*-* 09:30:00 Europe/Kyiv"
    assert setting("salvocast-retrain.timer", "Persistent") == "true"
    line = (DEPLOY / "crontab").read_text(encoding="utf-8").splitlines()[-1]
    assert shlex.split(line.partition("exec ")[2])[1:] == options


# Root of a namespace of its own, so that neither the machine's crontabs nor its lock file are seen or touched.
CRON = """
set -e
mount -t tmpfs none /var/spool/cron
mkdir -m 1730 /var/spool/cron/crontabs
install -m 600 "$1" "/var/spool/cron/crontabs/$(id -un)"
mount -t tmpfs none /run
mount -t tmpfs none /etc/cron.d
mount --bind /dev/null /etc/crontab
"""


def cron_cannot_run() -> str | None:
    if not shutil.which("cron") or os.geteuid() != 0:
        return "cron cannot be run here (Debian's package cron, and root)"
    tried = subprocess.run(
        ["unshare", "--mount", "sh", "-c", CRON, "sh", "/dev/null"], capture_output=True, text=True, check=False
    )
    return f"cron cannot be given a namespace of its own: {tried.stderr.strip()}" if tried.returncode else None


@pytest.mark.slow
def test_cron_runs_the_line_and_the_slot_once(home: Path, tmp_path: Path) -> None:
    if reason := cron_cannot_run():
        pytest.skip(reason)
    home.mkdir()
    fired, secrets_file, table = tmp_path / "fired", tmp_path / "retrain.env", tmp_path / "crontab"
    secrets_file.write_text("MLFLOW_DISABLE_TELEMETRY=true\n", encoding="utf-8")
    text = (DEPLOY / "crontab").read_text(encoding="utf-8")
    for given, here in (
        ("/opt/salvocast/.venv/bin", str(BIN)),
        ("/opt/salvocast/retrain.env", str(secrets_file)),
        ("/var/lib/salvocast", str(home)),
        ("*/10 * * * * set -a;", "* * * * * set -a;"),
        ("exec ", f"echo >> {fired}; exec "),
    ):
        assert text.count(given) == 1 or given == "/opt/salvocast/.venv/bin"
        text = text.replace(given, here)
    line = text.splitlines()[-1]
    table.write_text(f"{text}\n{line}\n", encoding="utf-8")  # twice, so that two processes meet in the same minute
    command = ["unshare", "--mount", "sh", "-c", CRON + "exec cron -f", "sh", str(table)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        with JobSlots.open(f"sqlite:///{home / 'ledger.db'}") as slots:
            wait_until(lambda: fired.exists() and fired.read_text().count("\n") >= 2, 90)
            wait_until(lambda: slots.history() and all(run.ended_at for run in slots.history()), 300)
            runs = slots.history()
    finally:
        process.terminate()
        process.wait(30)
    (run,) = runs
    assert run.slot.astimezone(KYIV).strftime("%H:%M") == "09:30"
    assert timedelta(0) <= datetime.now(UTC) - run.slot <= timedelta(hours=26)
    assert run.status is Status.DONE, run.message
