"""The three replays of `salvocast backtest`: of the salvo models, of orders, and of a scenario as it was published.

Each replays one series or many, and returns what the command then tells, writes and logs.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import partial
from itertools import product
from pathlib import Path

import pandas as pd
from tqdm import tqdm

from experiments.backtest import (
    COVERAGE_COLUMNS,
    FoldScores,
    Replay,
    Series,
    others_of,
    replay_parameters,
    run_backtests,
)
from experiments.effect_replay import HORIZON as EFFECT_HORIZON
from experiments.effect_replay import replay_effects
from experiments.engine import Engine, beside
from experiments.folds import rolling_origins
from experiments.order_backtest import model_policy, replay_decisions
from experiments.outside import OutsideForecasts
from experiments.pictures import backtest_pictures, fan_chart
from experiments.policy_replay import ADJUSTED, LEAD_TIME, REVIEW, level_policy, replay_policies
from experiments.resume import FoldStore
from experiments.scenario_backtest import month_ends, published_experts, run_scenario_backtest
from experiments.series import chosen_series
from experiments.tracking import Shown, log_backtest, log_decisions, log_scenario_backtest
from features.covariates import Covariate, refuse_look_ahead
from features.errors import InputError, SalvocastError
from features.history import LaunchHistory
from features.ledger import Ledger
from features.opening import open_ledger
from features.records import SHAHED, UKRAINE, QuietDayRule, weapons
from features.scenarios import PUBLISHED, load_scenario
from forecasting.answers.context import FALLBACK_MODEL
from forecasting.answers.defences import bundled_defence
from forecasting.report.layout import table
from forecasting.salvos.forecast import SalvoForecast
from forecasting.salvos.model import (
    BUNDLED_MODELS,
    MODELS,
    REFERENCE_MODEL,
    Model,
    SimulationRequest,
    load_model,
    require_covariates,
)
from forecasting.salvos.recipe import Recipe

Origins = Callable[[LaunchHistory], tuple[date, ...]]
"""What is known now of a series -> the origins to replay."""
Tell = Callable[[str], object]
"""Told at once, a line each, of what is left out."""


@dataclass(frozen=True, kw_only=True)
class ReplayRequest:
    """What every replay is asked for.

    models, theatres, weapon_classes: names; None for all that there are. first, last: origins; last None: the last one
    that can be scored. every: days between origins. horizon: attack days. paths: simulated futures. out: CSV file.
    outside: forecasts that were made elsewhere. covariates: that the models may see as public by each origin.
    """

    models: tuple[str, ...] | None
    theatres: tuple[str, ...] | None
    weapon_classes: tuple[str, ...] | None
    quiet_days: QuietDayRule | None
    first: date
    last: date | None
    every: int
    horizon: int
    paths: int
    seed: int
    engine: Engine
    out: Path | None
    outside: Sequence[OutsideForecasts] = ()
    covariates: Sequence[Covariate] = ()

    def beside_the_reference(self, names: tuple[str, ...]) -> list[str]:
        """The models to compare, of which `names` are all, behind the reference model."""
        return list(dict.fromkeys([REFERENCE_MODEL, *(self.models or names)]))

    def origins(self, truth: LaunchHistory) -> tuple[date, ...]:
        """Every so many days, until the last day that has a whole horizon after it."""
        return rolling_origins(self.first, self.last or truth.last_day - timedelta(days=self.horizon), self.every)

    @contextmanager
    def open_series(self, origins: Origins, tell: Tell) -> Iterator[list[Series]]:
        """The series to replay, while their ledger is open. Of several, one that has no record at its origins is told
        and left out. Raises InputError for a series that is not there, and where none is left."""
        with open_ledger() as ledger:
            chosen = chosen_series(ledger, self.theatres, self.weapon_classes)
            found = []
            for name in chosen:
                try:
                    found.append(self._series(ledger, name, origins))
                except InputError as error:
                    if name == chosen[-1] and not found:
                        raise
                    tell(f"{name[1]} in theatre {name[0]} is left out: {error}")
            yield found

    def _series(self, ledger: Ledger, name: tuple[str, str], origins: Origins) -> Series:
        def history_at(origin: date) -> LaunchHistory:
            return ledger.history(*name, self.quiet_days, origin, self.covariates)

        truth = ledger.history(*name, self.quiet_days)
        for covariate in self.covariates:
            refuse_look_ahead(covariate, truth)
        series = Series(history_at, truth, origins(truth), ledger.others)
        history_at(series.origins[0])
        return series


@dataclass(frozen=True, kw_only=True)
class SeriesReplay:
    """What came of a replay of one series.

    what: was replayed, such as "29 origins". text, with a note on its columns: for a terminal. table: for a file.
    log: (truth, parameters, label=label) -> id of the MLflow run. scores: of every target, where the salvo models were
    replayed.
    """

    series: Series
    what: str
    text: str
    table: pd.DataFrame
    log: Callable[..., str]
    own_parameters: Mapping[str, object]
    note: str = ""
    failures: tuple[str, ...] = ()
    scores: pd.DataFrame | None = None


def salvo_models(asked: ReplayRequest, refit_every: int, window_days: int | None, tell: Tell) -> list[SeriesReplay]:
    """Scores the salvo models by day and by total. window_days: see `Replay`."""
    models = list(_load_models(asked, tell))
    replay = Replay(SimulationRequest(asked.horizon, asked.paths), asked.seed, refit_every, window_days)
    if asked.outside and refit_every != 1:
        raise InputError(f"--refit-every {refit_every}: a forecast made elsewhere is of one origin; leave it out")
    models += asked.outside
    with asked.open_series(asked.origins, tell) as every:
        if asked.outside and len(every) > 1:
            raise InputError("--from-files: the forecasts are of one series; name one --theatre and --weapon-class")
        _tell_unscored(asked.outside, every, tell)
        return replay_models(asked, every, models, replay)


def _tell_unscored(outside: Sequence[OutsideForecasts], every: Sequence[Series], tell: Tell) -> None:
    """Forecasts of origins that are not among the folds are told, and not scored."""
    folds = {origin for series in every for origin in series.origins}
    for model in outside:
        if beside := sorted(set(model.forecasts) - folds):
            tell(
                f"{model.model_id}: {len(beside)} of {len(model.forecasts)} origins are not among the folds and are "
                f"not scored, such as {beside[0]}: see --from, --to and --every"
            )


def replay_models(
    asked: ReplayRequest,
    every: Sequence[Series],
    models: Sequence[Model],
    replay: Replay,
    reference_run: str | None = None,
) -> list[SeriesReplay]:
    """Scores these models on these series, while their ledger is open. reference_run: that keeps the scores of the
    reference model; here it is run for what the others are measured against, and not kept again."""
    told = []
    shared = {} if reference_run is None else {"reference_run": reference_run}
    kept = models
    if shared:
        models = [load_model(REFERENCE_MODEL), *models]
    n_folds = sum(len(series.origins) for series in every) * len(models)
    # Of a bundled model the digest of the code tells; one of somebody's own may have been edited since.
    own = [Recipe.of(model).digest for model in models if model.model_id not in BUNDLED_MODELS]
    shown = _shown(every[0].origins) if len(every) == 1 else ()
    kept_names = {model.model_id for model in kept}
    fan_charts: dict[tuple[str, date], Callable[[], bytes]] = {}
    with (
        FoldStore("|".join([*(series.truth.digest for series in every), *own]), replay) as store,
        tqdm(total=n_folds, desc="folds", disable=None) as bar,
        beside() as begin,
    ):
        done = store.finished_folds() if all(own) else []
        bar.update(len(done))

        def store_fold(fold: FoldScores) -> None:
            store.add(fold)
            bar.update()

        def draw(salvos: SalvoForecast, history: LaunchHistory) -> None:
            if salvos.model_id in kept_names:
                fan_charts[salvos.model_id, salvos.origin] = begin(fan_chart, salvos, history)

        results = run_backtests(
            every,
            models,
            replay,
            engine=asked.engine,
            done=done,
            on_fold=store_fold,
            shown=shown,
            on_forecast=draw,
        )
        for series, result in zip(every, results, strict=True):
            result = result.without_reference() if shared else result
            origins = series.origins
            histories = [series.shown_at(origin, models) for origin in shown]
            pictures = backtest_pictures(result, kept, histories, replay, begin, fan_charts)
            board = result.leaderboard()
            told.append(
                SeriesReplay(
                    series=series,
                    what=f"{len(origins)} origins",
                    text=_table(board),
                    table=board,
                    log=partial(
                        log_backtest,
                        result,
                        pictures=pictures,
                        models=kept,
                        shown=Shown(asked.covariates, others_of(models, series.truth, series.others)),
                    ),
                    own_parameters=shared
                    | replay_parameters(origins, asked.every, replay, series.truth.quiet_day_rule),
                    scores=result.scores,
                    failures=tuple(
                        f"{failure.model} failed at {failure.origin}: {failure.reason}"
                        for failure in result.failures.itertuples()
                    ),
                )
            )
    return told


def _shown(origins: Sequence[date]) -> list[date]:
    """Those whose forecasts are drawn: the first, the last, and one between."""
    return sorted({origins[0], origins[len(origins) // 2], origins[-1]})


def _load_models(asked: ReplayRequest, tell: Tell) -> Iterator[Model]:
    """The models to compare. Of all that there are, one whose package is broken, or that lacks a covariate, is told and
    left out; one that was asked for by name is an error."""
    for name in asked.beside_the_reference(tuple(MODELS)):
        try:
            model = load_model(name)
            require_covariates(model, {each.name for each in asked.covariates})
            yield model
        except SalvocastError as error:
            if asked.models is not None:
                raise
            tell(f"{error}; it is left out")


def orders(asked: ReplayRequest, tell: Tell) -> list[SeriesReplay]:
    """Scores orders by the forecasts beside rules of thumb."""
    names = asked.beside_the_reference((FALLBACK_MODEL,))
    request = SimulationRequest(asked.horizon, asked.paths)
    models = [load_model(name) for name in names]
    policies = {model.model_id: model_policy(model, request, asked.seed) for model in models}
    told = []
    with asked.open_series(asked.origins, tell) as every, _progress(every) as step:
        for series in every:
            shown_at = partial(series.shown_at, models=models)
            result = replay_decisions(shown_at, series.truth, policies, series.origins, asked.horizon, on_origin=step)
            wide = result.wide()
            lines = table([*map(str, wide.columns)], wide.astype(str).to_numpy().tolist(), fold=False)
            lines += ["", *(line for name in names for line in result.against_targets(name))]
            lines += ["", *_year_of_orders(series, asked, names), "", *_promised_effects(series, asked, names)]
            told.append(
                SeriesReplay(
                    series=series,
                    what=f"totals of {asked.horizon} days ordered at {len(series.origins)} origins",
                    note="; by service level in percent, costs in drones per origin",
                    text="\n".join(lines),
                    table=result.table,
                    log=partial(log_decisions, result),
                    own_parameters={"every": asked.every, "horizon": asked.horizon},
                )
            )
    return told


def _year_of_orders(series: Series, asked: ReplayRequest, names: Sequence[str]) -> list[str]:
    """What orders one after the other would have done, or why that cannot be told."""
    cover = REVIEW + LEAD_TIME
    request = SimulationRequest(cover, asked.paths)
    models = [load_model(name) for name in names]
    policies = {model.model_id: model_policy(model, request, asked.seed) for model in models}
    policies[ADJUSTED] = level_policy(cover)
    head = f"ORDERS EVERY {REVIEW} DAYS, each there {LEAD_TIME} days later; what is left over is kept"
    try:
        year = replay_policies(partial(series.shown_at, models=models), series.truth, policies, series.origins)
    except InputError as error:
        return [head, f"not told: {error}"]
    wide = year.wide()
    told = [line for name in (*names, ADJUSTED) for line in year.against_targets(name)]
    return [head, *table([*map(str, wide.columns)], wide.astype(str).to_numpy().tolist(), fold=False), "", *told]


def _promised_effects(series: Series, asked: ReplayRequest, names: Sequence[str]) -> list[str]:
    """What the orders of the bundled defence promised, and what they would have done, or why that cannot be told."""
    head = f"LEAKERS AVOIDED by the orders of every {EFFECT_HORIZON} days: promised, and on the nights that came"
    if (series.truth.theatre, series.truth.weapon_class) != (UKRAINE, SHAHED):
        return [head, "not told: the bundled defence is against the drones over Ukraine"]
    defence, lines = bundled_defence(UKRAINE).facing((SHAHED,)), [head]
    for name in names:
        try:
            found = replay_effects(
                series.history_at, series.truth, load_model(name), defence, series.origins, seed=asked.seed
            )
        except InputError as error:
            return [*lines, f"not told: {error}"]
        wide = found.wide()
        lines += table([*map(str, wide.columns)], wide.to_numpy().tolist(), fold=False)
        lines += ["", f"{name}: {found.against_target()}"]
    return lines


def published_scenario(asked: ReplayRequest, tell: Tell) -> list[SeriesReplay]:
    """Scores the scenario as it was published, with each of the models, beside simple forecasts and experts."""
    for weapon_class in asked.weapon_classes or ():
        if weapon_class != SHAHED:
            raise InputError(
                f"--scenario-policy as-published: scenarios are of {weapons(SHAHED)}, not of {weapons(weapon_class)}: "
                "use --scenario-policy none"
            )
    asked = replace(asked, weapon_classes=(SHAHED,))  # of all, those that scenarios are of
    models = [load_model(name) for name in asked.models or (FALLBACK_MODEL,)]
    last = asked.last
    assert last is not None
    origins = month_ends(asked.first, last)
    if not origins:
        raise InputError(
            f"no month ends from {asked.first} to {last}: expected --from on or before the end of a month, and --to "
            "not before it"
        )
    published, experts = load_scenario(PUBLISHED), published_experts()
    told = []
    with asked.open_series(lambda _: origins, tell) as every, _progress(every, len(models)) as step:
        for series, model in product(every, models):
            result = run_scenario_backtest(
                partial(series.shown_at, models=[model]),
                series.truth,
                model,
                published,
                origins,
                n_paths=asked.paths,
                seed=asked.seed,
                experts=experts,
                engine=asked.engine,
                on_origin=step,
            )
            text = _table(result.table())
            if len(result.experts):
                text += "\n\nPUBLISHED FORECASTS, what came, and our median and 95 % of the same day\n"
                text += result.experts.to_string(index=False, float_format=lambda value: f"{value:,.0f}")
            told.append(
                SeriesReplay(
                    series=series,
                    what=f"{len(origins)} month ends",
                    text=text,
                    table=result.scores.assign(salvo_model=model.model_id),
                    log=partial(log_scenario_backtest, result),
                    own_parameters={
                        "scenario_policy": "as-published",
                        "scenario": published.name,
                        "salvo_model": model.model_id,
                    },
                )
            )
    return told


@contextmanager
def _progress(every: list[Series], n_models: int = 1) -> Iterator[Callable[[date], object]]:
    """A bar on stderr, and what moves it when an origin is done."""
    n_origins = sum(len(series.origins) for series in every) * n_models
    with tqdm(total=n_origins, desc="origins", disable=None) as bar:
        yield lambda _: bar.update()


def _table(board: pd.DataFrame) -> str:
    """The leaderboard for a terminal: scores in drones, coverage in percent."""
    shown = board.copy()
    for column in shown.columns:
        if column in COVERAGE_COLUMNS:
            shown[column] = (100 * shown[column]).round().astype(int)
    text: str = shown.to_string(
        index=False, float_format=lambda value: f"{value:.3g}" if value < 100 else f"{value:,.0f}"
    )
    return text
