"""Backtests, challengers and rehearsals that notebooks ask for."""

import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
import typer
from numpy.typing import ArrayLike

from experiments import compare
from experiments.backtest import Replay
from experiments.cli import backtest
from experiments.report_sources import Finding
from experiments.retrain import _with_registered
from experiments.settings import RetrainSettings
from features.errors import InputError, SalvocastError
from features.history import LaunchHistory
from forecasting.registry import CHALLENGER, Registry
from forecasting.salvos.model import MODELS, REFERENCE_MODEL, SimulationRequest, load_model

HistoryFrom = Callable[[ArrayLike], LaunchHistory]
REPLAY = Replay(SimulationRequest(28, 60), 1)


@pytest.mark.usefixtures("store")
class TestMaking:
    """Backtests, challengers and rehearsals on a short record."""

    @pytest.fixture(autouse=True)
    def _ledger(self, weekly_ledger: Path, home: Path) -> None:
        home.mkdir(exist_ok=True)
        (home / "ledger.db").write_bytes(weekly_ledger.read_bytes())

    def test_a_backtest_that_is_there_is_not_run_again(self) -> None:
        asked = ["seasonal_naive", "exponential_empirical"]
        setting = {"first": date(2025, 12, 1), "every": 14, "n_paths": 50}
        first = compare.ensure_backtest(asked, **setting)
        assert compare.ensure_backtest(asked, **setting) == first
        assert compare.ensure_backtest(asked) == first
        another = compare.ensure_backtest(asked, **setting, seed=9)
        assert another != first
        assert compare.ensure_backtest(asked, seed=9, **setting) == another
        assert dict(zip(*compare.backtests()[["run_id", "seed"]].to_numpy().T, strict=True)) == {first: 1, another: 9}
        assert set(compare.scores(first)["run_id"]) == {first}  # other draws are not the same targets
        more = compare.ensure_backtest([*asked, "two_regime"], **setting)
        assert more != first
        assert set(compare.backtests().iloc[0]["models"]) == {"two_regime"}  # the reference has run before
        assert set(compare.scores()["model"]) == {REFERENCE_MODEL, *asked, "two_regime"}
        with pytest.raises(InputError, match="unknown model 'two_regimes'"):
            compare.ensure_backtest(["two_regimes"])

    def test_the_command_and_the_call_log_the_same_targets(
        self, runner: Callable[[typer.Typer], Callable[..., tuple[int, str, str]]]
    ) -> None:
        options = ["--models", "seasonal_naive", "--from", "2025-12-01", "--paths", "50"]
        app = typer.Typer()
        app.command("backtest")(backtest)
        code, _, told = runner(app)(*options)
        assert code == 0, told
        (run,) = compare.backtests()["run_id"]
        assert compare.ensure_backtest(["seasonal_naive"], first=date(2025, 12, 1), n_paths=50) == run

    def test_a_challenger_is_registered_with_its_scores_and_competes(self, monkeypatch: pytest.MonkeyPatch) -> None:
        run = compare.ensure_backtest(["two_regime"], first=date(2025, 12, 1), n_paths=50)
        version = compare.register_challenger(load_model("two_regime"), run)
        assert (version.model_id, version.aliases, version.run_id) == ("two_regime", (CHALLENGER,), run)
        ratios = compare.leaderboard(run).set_index(["model", "band"])["wis_ratio"]["two_regime"]
        assert version.scores["wis_ratio_total_7"] == pytest.approx(ratios["total_7"])
        with Registry.open() as registry:
            assert registry.champion("ukraine", "shahed") is None
            assert registry.load(version).forecast(REPLAY.request, 1).model_id == "two_regime"
            serving, rest = registry.versions_of(version.name)
            assert ([each.version for each in serving], rest) == ([version.version], [])
            found: list[Finding] = []
            asked = RetrainSettings(challengers=("local_level",))
            competing = _with_registered(registry, asked, "ukraine", "shahed", found.append)
            assert (competing.challengers, found) == (("local_level", "two_regime"), [])
            assert competing.digest != asked.digest  # another comparison than the one before
            monkeypatch.delitem(MODELS, "two_regime")
            assert _with_registered(registry, asked, "ukraine", "shahed", found.append) == asked
            assert [finding.text for finding in found] == [
                "the registered challenger two_regime is not installed here and does not compete: install its package "
                "(entry points salvocast.models)"
            ]
        with pytest.raises(InputError, match="has no scores of log_normal: backtest it first"):
            compare.register_challenger(load_model("log_normal"), run)


def test_a_rehearsal_leaves_what_serves_alone_and_tells_a_promotion(home: Path, store: str) -> None:
    settings = RetrainSettings(
        first_champion="seasonal_naive",
        challengers=("exponential_empirical",),
        origins=52,
        fewest_origins=52,
        paths=100,
        margin=0.0,
        p_value=0.9,
        coverage_tolerance=1.0,
    )
    uri, outcomes = compare.rehearse([date(2026, 1, 26), date(2026, 1, 19)], settings)
    assert [outcome.kind.value for outcome in outcomes] == ["first champion", "promoted"]
    assert compare.champion_history().empty
    history = compare.champion_history(uri=uri)
    assert list(history["model_id"]) == ["exponential_empirical", "seasonal_naive"]
    assert list(history["new_recipe"]) == [True, True]
    assert history["promoted_at"].iloc[0] == datetime(2026, 1, 26, 7, 30, tzinfo=UTC)
    assert list(history["origin"].dt.strftime("%Y-%m-%d")) == ["2026-01-26", "2026-01-19"]
    assert history["predecessor"].iloc[0] == 1
    assert history["predecessor"].isna().iloc[1]
    run = history["run_id"].iloc[0]
    found = compare.verdicts(run, uri=uri).set_index("model")
    assert found.index[0] == "seasonal_naive"
    winner = found.loc["exponential_empirical"]
    assert winner["refusals"] == ""
    assert winner["ratio"] == pytest.approx(winner["score"] / found.loc["seasonal_naive", "score"])
    decision = next((home / "rehearsal").rglob(f"{run}/artifacts/decision.json"))
    assert json.loads(decision.read_text())["verdicts"][0]["ratio"] == pytest.approx(winner["ratio"])
    assert set(compare.scores(run, uri=uri)["model"]) == {REFERENCE_MODEL, "seasonal_naive", "exponential_empirical"}
    with pytest.raises(SalvocastError, match=r"has no recipes.csv: .*it compared nothing"):
        compare.verdicts(history["run_id"].iloc[1], uri=uri)
