"""`salvocast backtest`."""

import sys
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from experiments.engine import Engine
from features.cli import QuietDaysOption, TheatreOption, WeaponClassOption, open_ledger, parse_day
from features.errors import InputError
from features.records import SHAHED, QuietDayRule, weapons
from forecasting.common_cli import DEFAULT_MODEL

if TYPE_CHECKING:
    import pandas as pd

    from features.history import LaunchHistory

REFERENCE_MODEL = "empirical_window"
FIRST, FIRST_LONG = "2025-01-01", "2023-06-30"
LAST_LONG = "2025-08-31"
"""The published evaluation of long horizons; later origins are for a clean test."""
ROLLING_DAYS = 365


class ScenarioPolicy(StrEnum):
    """Which assumptions about production the replayed forecasts rest on."""

    NONE = "none"
    AS_PUBLISHED = "as-published"


class Window(StrEnum):
    """How much of the past a model is fitted to."""

    EXPANDING = "expanding"
    ROLLING = "rolling"


def backtest(
    models: Annotated[
        str,
        typer.Option(metavar="A,B|all", help=f"Models to compare; {REFERENCE_MODEL} always runs along, as reference."),
    ] = "all",
    scenario_policy: Annotated[
        ScenarioPolicy,
        typer.Option(
            help="as-published: at the end of each month, with what was published of production by then, the totals "
            "and the largest day of 90, 180 and 365 days, beside simple forecasts and the published ones of experts."
        ),
    ] = ScenarioPolicy.NONE,
    decisions: Annotated[
        bool,
        typer.Option(
            "--decisions",
            help="What orders by the forecasts would have cost, and how often they would have been enough, beside "
            f"rules of thumb; of {DEFAULT_MODEL} where --models names none.",
        ),
    ] = False,
    first: Annotated[
        str | None,
        typer.Option("--from", metavar="DATE", help=f"First origin; without it {FIRST}, as-published {FIRST_LONG}."),
    ] = None,
    last: Annotated[
        str | None, typer.Option("--to", metavar="DATE", help="Last origin; without it, the last that can be scored.")
    ] = None,
    every: Annotated[int, typer.Option(help="Days between origins.")] = 14,
    horizon: Annotated[int, typer.Option(help="Attack days to forecast from each origin.")] = 28,
    refit_every: Annotated[int, typer.Option(help="Origins per fit; between fits the last one forecasts on.")] = 1,
    window: Annotated[
        Window, typer.Option(help=f"Fit to all days before the origin, or to the last {ROLLING_DAYS}.")
    ] = Window.EXPANDING,
    paths: Annotated[int, typer.Option(help="Simulated futures.")] = 2_000,
    seed: Annotated[int, typer.Option(help="Same seed, same data, same request: same numbers.")] = 1,
    engine: Annotated[
        str, typer.Option(metavar="local|dask://HOST:PORT", help="Where the work is done; the numbers are the same.")
    ] = "local",
    jobs: Annotated[int, typer.Option(help="Processes at a time on this machine.")] = 1,
    theatre: TheatreOption = "ukraine",
    weapon_class: WeaponClassOption = "shahed",
    quiet_days: QuietDaysOption = QuietDayRule.ALL,
    out: Annotated[Path | None, typer.Option(metavar="FILE.csv", help="Also write the leaderboard here.")] = None,
) -> None:
    """Replay forecasts of the past with what was published then, and score them."""
    if decisions:
        if scenario_policy is not ScenarioPolicy.NONE:
            raise InputError("--decisions is of the salvo models alone: expected no --scenario-policy beside it")
        if (engine, jobs) != ("local", 1):
            raise InputError("--decisions takes a minute on one core: leave out --engine and --jobs")
        asked = _Asked(first or FIRST, last, models, paths, seed, theatre, weapon_class, quiet_days, out)
        _replay_decisions(asked, every, horizon)
        return
    place = Engine.named(engine, jobs)
    if scenario_policy is ScenarioPolicy.AS_PUBLISHED:
        if (every, horizon, refit_every, window) != (14, 28, 1, Window.EXPANDING):
            raise InputError(
                "--scenario-policy as-published has its own origins and horizons: leave out --every, --horizon, "
                "--refit-every and --window"
            )
        asked = _Asked(
            first or FIRST_LONG, last or LAST_LONG, models, paths, seed, theatre, weapon_class, quiet_days, out
        )
        _replay_published(asked, place)
        return
    from tqdm import tqdm

    from experiments.backtest import FoldScores, Replay, replay_parameters, run_backtest
    from experiments.folds import rolling_origins
    from experiments.pictures import backtest_pictures
    from experiments.resume import FoldStore
    from experiments.tracking import log_backtest, tracking_uri
    from features.files import write_file
    from forecasting.common_cli import check_folder, checked_seed
    from forecasting.model import MODELS, SimulationRequest, load_model

    names = list(MODELS) if models == "all" else _named(models)
    compared = [load_model(name) for name in dict.fromkeys([REFERENCE_MODEL, *names])]
    checked_seed(seed)
    check_folder(out)
    window_days = ROLLING_DAYS if window is Window.ROLLING else None
    replay = Replay(SimulationRequest(horizon, paths), seed, refit_every, window_days)
    first_day, last_day = parse_day(first or FIRST, "--from"), parse_day(last, "--to")
    assert first_day is not None
    with open_ledger() as ledger:
        truth = ledger.history(theatre, weapon_class, quiet_days)
        origins = rolling_origins(first_day, last_day or truth.last_day - timedelta(days=horizon), every)

        def history_at(origin: date) -> "LaunchHistory":
            return ledger.history(theatre, weapon_class, quiet_days, origin)

        n_folds = len(origins) * len(compared)
        with FoldStore(truth.digest, replay) as store, tqdm(total=n_folds, desc="folds", disable=None) as bar:
            done = store.finished()
            bar.update(len(done))

            def finished(fold: FoldScores) -> None:
                store.add(fold)
                bar.update()

            result = run_backtest(
                history_at, truth, compared, origins, replay, engine=place, done=done, on_fold=finished
            )
        shown = sorted({origins[0], origins[len(origins) // 2], origins[-1]})
        pictures = backtest_pictures(result, compared, [history_at(origin) for origin in shown], replay, jobs)
    board = result.leaderboard()
    print(
        f"{len(origins)} origins from {origins[0]} to {origins[-1]}, data {truth.digest[:12]}, "
        f"silent days: {quiet_days}"
    )
    print(_table(board))
    for failure in result.failures.itertuples():
        print(f"{failure.model} failed at {failure.origin}: {failure.reason}", file=sys.stderr)
    if out is not None:
        write_file(out, board.to_csv(index=False, lineterminator="\n").encode())
    parameters = replay_parameters(origins, every, replay, quiet_days)
    run_id = log_backtest(result, truth, parameters, pictures)
    print(f"logged to MLflow: run {run_id} in {tracking_uri()}", file=sys.stderr)


@dataclass(frozen=True)
class _Asked:
    """What every replay is told."""

    first: str
    last: str | None
    models: str
    paths: int
    seed: int
    theatre: str
    weapon_class: str
    quiet_days: QuietDayRule | None
    out: Path | None

    @property
    def series(self) -> tuple[str, str, QuietDayRule | None]:
        """What `Ledger.history` is asked for."""
        return self.theatre, self.weapon_class, self.quiet_days


def _replay_decisions(asked: _Asked, every: int, horizon: int) -> None:
    from tqdm import tqdm

    from experiments.decisions import model_policy, replay_decisions
    from experiments.folds import rolling_origins
    from experiments.tracking import log_decisions, tracking_uri
    from features.files import write_file
    from forecasting.common_cli import check_folder, checked_seed
    from forecasting.model import SimulationRequest, load_model
    from forecasting.report.layout import table

    names = dict.fromkeys([REFERENCE_MODEL, *_named(DEFAULT_MODEL if asked.models == "all" else asked.models)])
    request = SimulationRequest(horizon, asked.paths)
    policies = {name: model_policy(load_model(name), request, checked_seed(asked.seed)) for name in names}
    check_folder(asked.out)
    first_day, last_day = parse_day(asked.first, "--from"), parse_day(asked.last, "--to")
    assert first_day is not None
    with open_ledger() as ledger:
        truth = ledger.history(*asked.series)
        origins = rolling_origins(first_day, last_day or truth.last_day - timedelta(days=horizon), every)
        with tqdm(total=len(origins), desc="origins", disable=None) as bar:
            result = replay_decisions(
                lambda origin: ledger.history(*asked.series, origin),
                truth,
                policies,
                origins,
                horizon,
                on_origin=lambda _: bar.update(),
            )
    print(
        f"totals of {horizon} days ordered at {len(origins)} origins from {origins[0]} to {origins[-1]}, data "
        f"{truth.digest[:12]}, silent days: {asked.quiet_days}; by service level in percent, costs in drones per origin"
    )
    wide = result.wide()
    print("\n".join(table(list(wide.columns), wide.to_numpy().tolist())))
    print()
    for name in names:
        print("\n".join(result.against_targets(name)))
    if asked.out is not None:
        write_file(asked.out, result.table.to_csv(index=False, lineterminator="\n").encode())
    parameters = {
        "first_origin": origins[0],
        "last_origin": origins[-1],
        "every": every,
        "horizon": horizon,
        "n_paths": asked.paths,
        "seed": asked.seed,
        "quiet_day_rule": asked.quiet_days,
    }
    run_id = log_decisions(result, truth, parameters)
    print(f"logged to MLflow: run {run_id} in {tracking_uri()}", file=sys.stderr)


def _named(models: str) -> list[str]:
    """The names in --models. Raises InputError where there is none."""
    names = [name.strip() for name in models.split(",") if name.strip()]
    if not names:
        raise InputError(f"--models is empty: expected names such as {REFERENCE_MODEL}, or all")
    return names


def _replay_published(asked: _Asked, engine: Engine) -> None:
    from tqdm import tqdm

    from experiments.scenario_backtest import month_ends, published_experts, run_scenario_backtest
    from experiments.tracking import log_scenario_backtest, tracking_uri
    from features.files import write_file
    from features.scenarios import PUBLISHED, load_scenario
    from forecasting.common_cli import check_folder, checked_seed
    from forecasting.model import load_model

    if asked.weapon_class != SHAHED:
        raise InputError(
            f"--scenario-policy {ScenarioPolicy.AS_PUBLISHED}: scenarios are of {weapons(SHAHED)}, not of "
            f"{weapons(asked.weapon_class)}: use --scenario-policy {ScenarioPolicy.NONE}"
        )
    name = DEFAULT_MODEL if asked.models == "all" else asked.models
    model, published = load_model(name), load_scenario(PUBLISHED)
    check_folder(asked.out)
    first_day, last_day = parse_day(asked.first, "--from"), parse_day(asked.last, "--to")
    assert first_day is not None
    assert last_day is not None
    origins = month_ends(first_day, last_day)
    if not origins:
        raise InputError(
            f"no month ends from {first_day} to {last_day}: expected --from on or before the end of a month, and --to "
            "not before it"
        )
    with open_ledger() as ledger:
        truth = ledger.history(*asked.series)
        with tqdm(total=len(origins), desc="origins", disable=None) as bar:
            result = run_scenario_backtest(
                lambda origin: ledger.history(*asked.series, origin),
                truth,
                model,
                published,
                origins,
                n_paths=asked.paths,
                seed=checked_seed(asked.seed),
                experts=published_experts(),
                engine=engine,
                on_origin=lambda _: bar.update(),
            )
    print(
        f"{len(origins)} month ends from {origins[0]} to {origins[-1]}, data {truth.digest[:12]}, "
        f"silent days: {asked.quiet_days}"
    )
    print(_table(result.table()))
    if len(result.experts):
        print("\nPUBLISHED FORECASTS, what came, and our median and 95 % of the same day")
        print(result.experts.to_string(index=False, float_format=lambda value: f"{value:,.0f}"))
    if asked.out is not None:
        write_file(asked.out, result.scores.to_csv(index=False, lineterminator="\n").encode())
    parameters = {
        "scenario_policy": ScenarioPolicy.AS_PUBLISHED,
        "scenario": published.name,
        "salvo_model": name,
        "quiet_day_rule": asked.quiet_days,
        "first_origin": origins[0],
        "last_origin": origins[-1],
        "n_paths": asked.paths,
        "seed": asked.seed,
    }
    run_id = log_scenario_backtest(result, truth, parameters)
    print(f"logged to MLflow: run {run_id} in {tracking_uri()}", file=sys.stderr)


def _table(board: "pd.DataFrame") -> str:
    """The leaderboard for a terminal: scores in drones, coverage in percent."""
    shown = board.copy()
    for column in shown.columns:
        if column.startswith("coverage"):
            shown[column] = (100 * shown[column]).round().astype(int)
    text: str = shown.to_string(
        index=False, float_format=lambda value: f"{value:.3g}" if value < 100 else f"{value:,.0f}"
    )
    return text
