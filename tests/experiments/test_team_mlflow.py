"""The MLflow server of a team: what each may do there, and the retraining by several operators."""

import os
import subprocess
from pathlib import Path

import httpx
import pytest

from forecasting.record.archive import Archive
from tests.experiments.team import BIN, MlflowServer, Team, block, run_as, salvocast, settings_of, team_init

LOGS = """
from pathlib import Path
import mlflow
mlflow.set_experiment("salvocast-backtest")
with mlflow.start_run(run_name="by an operator") as run:
    mlflow.log_metric("wis", 12.5)
    Path("note.txt").write_text("kept by the server")
    mlflow.log_artifact("note.txt")
client = mlflow.MlflowClient()
client.create_registered_model("of-the-team")
client.create_model_version("of-the-team", f"runs:/{run.info.run_id}/note.txt", run.info.run_id)
client.set_registered_model_alias("of-the-team", "champion", "1")
print(run.info.run_id)
"""
READS = """
import mlflow
client = mlflow.MlflowClient()
(run,) = client.search_runs([client.get_experiment_by_name("salvocast-backtest").experiment_id])
print(run.data.metrics["wis"], client.get_model_version_by_alias("of-the-team", "champion").version)
print(open(mlflow.artifacts.download_artifacts(run_id=run.info.run_id, artifact_path="note.txt")).read())
"""
WRITES = {
    "a run": 'client.create_run(client.get_experiment_by_name("salvocast-backtest").experiment_id)',
    "an alias": 'client.set_registered_model_alias("of-the-team", "champion", "1")',
    "a version": 'client.create_model_version("of-the-team", "somewhere")',
    "a removal": 'client.delete_registered_model("of-the-team")',
}
DELETES = """
import mlflow
mlflow.set_experiment("salvocast-backtest")
with mlflow.start_run(run_name="of last year") as run:
    mlflow.log_text("kept by the server", "note.txt")
mlflow.MlflowClient().delete_run(run.info.run_id)
print(run.info.run_id)
"""
RETRAININGS = """
import mlflow
client = mlflow.MlflowClient()
(experiment,) = client.search_experiments(filter_string="name = 'salvocast-retraining'")
runs = client.search_runs([experiment.experiment_id], order_by=["attributes.start_time"])
serves = client.get_model_version_by_alias("salvocast-ukraine-shahed", "champion").version
print(*(run.info.status for run in runs), runs[-1].data.tags["salvocast.version"] == serves)
"""
TRIES = """
import mlflow
client = mlflow.MlflowClient()
for what, write in {writes!r}.items():
    try:
        eval(write)
        print(what, end=", ")
    except mlflow.exceptions.MlflowException as error:
        assert "Permission denied" in str(error), error
print("end")
"""


@pytest.mark.slow
@pytest.mark.postgresql
class TestMlflow:
    """The MLflow server of a team. In this order: what was logged first is read later."""

    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)

    def test_made_once_it_is_made_and_what_is_there_stays(self, mlflow_server: MlflowServer, team: Team) -> None:
        assert team_init(mlflow_server, team).startswith(f"nothing was missing at {mlflow_server.url}\n")

    def test_a_reader_makes_no_team(self, mlflow_server: MlflowServer, team: Team) -> None:
        login = settings_of("serve.env", mlflow_server, team) | {"SALVOCAST_LEDGER_URL": ""}
        done = salvocast(team.ledger("retraining"), "team", "init", "--operator", "petro", **login)
        assert done.returncode == 1
        assert len(done.stderr.splitlines()) == 1
        assert "Permission denied" in done.stderr

    def test_an_operator_logs_a_run_and_moves_the_champion(self, mlflow_server: MlflowServer, team: Team) -> None:
        done = run_as(mlflow_server, "anna", team, LOGS)
        assert done.returncode == 0, done.stderr

    @pytest.mark.parametrize("login", ["petro", "olena", "retraining"])
    def test_all_read_it(self, mlflow_server: MlflowServer, team: Team, login: str) -> None:
        done = run_as(mlflow_server, login, team, READS)
        assert done.returncode == 0, done.stderr
        assert done.stdout.splitlines() == ["12.5 1", "kept by the server"]

    @pytest.mark.parametrize(
        ("login", "done"), [("petro", []), ("olena", []), ("serving", []), ("retraining", ["a run", "an alias"])]
    )
    def test_operators_write_and_nobody_else(
        self, mlflow_server: MlflowServer, team: Team, login: str, done: list[str]
    ) -> None:
        """Another operator tries what leaves the rest of the tests their model."""
        tried = {what: WRITES[what] for what in done or WRITES}
        ran = run_as(mlflow_server, login, team, TRIES.format(writes=tried))
        assert ran.returncode == 0, ran.stderr
        assert ran.stdout.split(", ") == [*done, "end\n"]

    def test_the_retraining_runs_as_an_operator_and_a_planner_loads_the_champion(
        self, mlflow_server: MlflowServer, team: Team
    ) -> None:
        retrain, serve = (settings_of(name, mlflow_server, team) for name in ("retrain.env", "serve.env"))
        done = salvocast(team.ledger("retraining"), "schedule", "--once", **retrain)
        assert done.returncode == 0, done.stderr
        assert "salvocast-ukraine-shahed version 1" in done.stdout
        done = salvocast(team.ledger("serving"), "champion", "show", **serve)
        assert done.returncode == 0, done.stderr
        assert "salvocast-ukraine-shahed version 1" in done.stdout
        done = salvocast(team.ledger("serving"), "schedule", "follow-up", **serve)
        assert done.returncode == 0, done.stderr  # a planner issues, and loads what the operator registered
        with Archive.open(team.ledger("serving")) as archive:
            assert "schedule" in {issued.channel for issued in archive.list()}
        assert salvocast(team.ledger("serving"), "retrain", "--force", **serve).returncode == 1

    def test_two_operators_on_two_machines_retrain_at_once_one_after_the_other(
        self, mlflow_server: MlflowServer, team: Team, tmp_path: Path
    ) -> None:
        rules = '[retrain]\nchallengers = ["empirical_window"]\norigins = 2\nfewest_origins = 2\npaths = 50\n'
        (tmp_path / "settings.toml").write_text(rules)
        running = []
        for login in ("anna", "retraining"):
            environment = {
                "MLFLOW_TRACKING_URI": mlflow_server.url,
                "MLFLOW_TRACKING_USERNAME": login,
                "MLFLOW_TRACKING_PASSWORD": team.mlflow_passwords[login],
                "SALVOCAST_HOME": str(tmp_path / login),
                "SALVOCAST_SETTINGS": str(tmp_path / "settings.toml"),
                "SALVOCAST_LEDGER_URL": team.ledger(login).render_as_string(hide_password=False),
            }
            command = [str(BIN / "salvocast"), "retrain"]
            running.append(
                subprocess.Popen(
                    command, env=os.environ | environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
                )
            )
        told = [process.communicate(timeout=300) for process in running]
        # The second waits for the first, and finds its work done; or it is told who holds the registry.
        outcomes = sorted(
            (process.returncode, "nothing new" in out, "locked by" in errors)
            for process, (out, errors) in zip(running, told, strict=True)
        )
        assert outcomes in ([(0, False, False), (0, True, False)], [(0, False, False), (1, False, True)]), told
        runs = run_as(mlflow_server, "anna", team, RETRAININGS)
        assert runs.stdout == "FINISHED FINISHED True\n", runs.stderr

    def test_what_a_deleted_run_left_on_the_server_is_freed(self, mlflow_server: MlflowServer, team: Team) -> None:
        done = run_as(mlflow_server, "anna", team, DELETES)
        assert done.returncode == 0, done.stderr
        run_id = done.stdout.splitlines()[-1]
        (note,) = mlflow_server.folder.glob(f"artefacts/*/{run_id}/artifacts/note.txt")
        kept = set(mlflow_server.folder.glob("artefacts/*/*")) - {note.parents[1]}
        env_file = mlflow_server.folder / "mlflow.env"
        env_file.write_text("".join(f"{name}='{value}'\n" for name, value in mlflow_server.secrets.items()))
        script = mlflow_server.here(block("sh")).replace("CHANGE-ME", team.mlflow_passwords["admin"])
        freed = subprocess.run(["sh", "-ec", script], capture_output=True, text=True, check=False, timeout=200)
        assert freed.returncode == 0, freed.stderr
        assert not note.exists()
        assert set(mlflow_server.folder.glob("artefacts/*/*")) >= kept

    def test_without_a_login_or_with_a_wrong_one_nobody_comes_in(self, mlflow_server: MlflowServer) -> None:
        url = f"{mlflow_server.url}/api/2.0/mlflow/experiments/search?max_results=1"
        assert httpx.get(url).status_code == 401
        assert httpx.get(url, auth=("anna", "wrong")).status_code == 401

    def test_a_page_elsewhere_that_points_its_name_here_is_refused(
        self, mlflow_server: MlflowServer, team: Team
    ) -> None:
        url = f"{mlflow_server.url}/api/2.0/mlflow/experiments/search?max_results=1"
        login = ("anna", team.mlflow_passwords["anna"])
        assert httpx.get(url, auth=login).status_code == 200
        refused = httpx.get(url, auth=login, headers={"Host": "evil.example.org"})
        assert refused.status_code == 403
        assert "Host" in refused.text

    def test_one_worker_and_no_jobs_in_half_a_gigabyte(self, mlflow_server: MlflowServer) -> None:
        if not Path("/proc/self/smaps_rollup").exists():
            pytest.skip("this system does not tell the memory of a process")
        assert 50 < mlflow_server.memory_mb() < 600

    def test_neither_passwords_nor_addresses_with_them_are_on_a_command_line(
        self, mlflow_server: MlflowServer, team: Team
    ) -> None:
        shown = Path(f"/proc/{mlflow_server.process.pid}/cmdline")
        if not shown.exists():
            pytest.skip("this system shows no command lines")
        assert not any(
            password in shown.read_text() for password in (*team.passwords.values(), *team.mlflow_passwords.values())
        )
