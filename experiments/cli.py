"""`salvocast backtest`."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from experiments.engine import Engine
from experiments.series import ALL, TheatresOption, WeaponClassesOption, names
from features.complaints import complain
from features.errors import InputError
from features.files import check_folder
from features.logs import LogFormatOption, log_timed, set_up_log
from features.options import QuietDaysOption, parse_day
from features.records import SHAHED, UKRAINE

if TYPE_CHECKING:
    from experiments.labels import RunLabel
    from experiments.replays import ReplayRequest, SeriesReplay

FIRST, FIRST_LONG = "2025-01-01", "2023-06-30"
LAST_LONG = "2025-08-31"
"""The published evaluation of long horizons; later origins are for a clean test."""
ROLLING_DAYS = 365
BESIDE_LIKE = ("engine", "jobs", "out", "name", "tag", "note", "log_format")
"""Options that say nothing of the numbers."""


class ScenarioPolicy(StrEnum):
    """Which assumptions about production the replayed forecasts rest on."""

    NONE = "none"
    AS_PUBLISHED = "as-published"


class Window(StrEnum):
    """How much of the past a model is fitted to."""

    EXPANDING = "expanding"
    ROLLING = "rolling"


def backtest(
    context: typer.Context,
    files: Annotated[list[Path] | None, typer.Argument(metavar="[FILE]...", help="More of --from-files.")] = None,
    from_files: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE",
            help="Forecasts made elsewhere, scored on the same folds beside our models: Parquet or CSV, paths or "
            "hubverse model output; several, or a pattern. Of our models, those of --models alone run beside them.",
        ),
    ] = None,
    like: Annotated[
        str | None,
        typer.Option(
            metavar="RUN",
            help="Make a logged backtest again, to the byte, or say what is missing for it; with --engine, --jobs, "
            "--out and the run's name, tags and note alone.",
        ),
    ] = None,
    models: Annotated[
        str,
        typer.Option(
            metavar="A,B|all",
            help="Models to compare; the reference model always runs along, but with --scenario-policy as-published. "
            "Without it all of them, with --from-files the reference model alone.",
        ),
    ] = ALL,
    covariate: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=FILE",
            help="What else is told of each day, for models that use it: CSV or Parquet with date, value and "
            "published_at, of which each origin sees what was public by then; several by saying it again.",
        ),
    ] = None,
    scenario_policy: Annotated[
        ScenarioPolicy,
        typer.Option(
            help="as-published: at the end of each month, with what was published of production by then, the totals "
            "and the largest day of 90, 180 and 365 days, beside simple forecasts and the published ones of experts; "
            "of the salvo ensemble where --models names none."
        ),
    ] = ScenarioPolicy.NONE,
    decisions: Annotated[
        bool,
        typer.Option(
            "--decisions",
            help="What orders by the forecasts would have cost, and how often they would have been enough, beside "
            "rules of thumb, each by itself and one after the other; of the salvo ensemble where --models names none.",
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
    jobs: Annotated[int, typer.Option(help="Processes at a time on this machine; one more draws pictures.")] = 1,
    theatre: TheatresOption = UKRAINE,
    weapon_class: WeaponClassesOption = SHAHED,
    quiet_days: QuietDaysOption = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE.csv|.md|.tex", help="Also write the table here: CSV, Markdown or LaTeX."),
    ] = None,
    name: Annotated[str, typer.Option(metavar="NAME", help="What to call the run in MLflow.")] = "",
    tag: Annotated[
        list[str] | None, typer.Option(metavar="KEY=VALUE", help="A tag of your own for the run; several times.")
    ] = None,
    note: Annotated[str, typer.Option(metavar="TEXT", help="What to say of the run, in Markdown.")] = "",
    log_format: LogFormatOption = None,
) -> None:
    """Replay forecasts of the past with what was published then, and score them."""
    if like is not None and (beside := _given(context) - {"like", *BESIDE_LIKE}):
        raise InputError(
            f"--like {like} says all of the backtest: leave out "
            + ", ".join(sorted(f"--{name.replace('_', '-')}" for name in beside))
        )
    if files and not from_files:
        raise InputError(f"{files[0]}: expected no file, or --from-files before it")
    published = scenario_policy is ScenarioPolicy.AS_PUBLISHED
    if decisions and published:
        raise InputError("--decisions is of the salvo models alone: expected no --scenario-policy beside it")
    if decisions and (refit_every, window) != (1, Window.EXPANDING):
        raise InputError("--decisions fits at every origin to all days before it: leave out --refit-every and --window")
    if decisions and (engine, jobs) != ("local", 1):
        raise InputError("--decisions takes a minute on one core: leave out --engine and --jobs")
    if published and (every, horizon, refit_every, window) != (14, 28, 1, Window.EXPANDING):
        raise InputError(
            "--scenario-policy as-published has its own origins and horizons: leave out --every, --horizon, "
            "--refit-every and --window"
        )
    if from_files and (decisions or published):
        raise InputError("--from-files is of the salvo models alone: leave out --decisions and --scenario-policy")
    if covariate and (decisions or published):
        raise InputError("--covariate is of the salvo models alone: leave out --decisions and --scenario-policy")
    if seed < 0:
        raise InputError(f"--seed is {seed}: expected 0 or more")
    place = Engine.from_name(engine, jobs)
    place.begin(with_one_beside=not (decisions or published))
    from experiments import replays
    from experiments.labels import RunLabel
    from experiments.outside import read_forecasts
    from experiments.tables import TABLE_FORMS
    from features.covariates import read_covariate
    from forecasting.salvos.model import REFERENCE_MODEL

    first_day = parse_day(first or (FIRST_LONG if published else FIRST), "--from")
    assert first_day is not None
    check_folder(out)
    if out is not None and out.suffix not in TABLE_FORMS:
        raise InputError(f"--out is {out}: expected a name that ends in {', '.join(TABLE_FORMS)}")
    label = RunLabel(name, _tags(tag or []), note)
    covariates = tuple(read_covariate(each) for each in covariate or ())
    if twice := {each.name for each in covariates if [other.name for other in covariates].count(each.name) > 1}:
        raise InputError(f"--covariate {twice.pop()} is given twice: expected a name of its own for each file")
    outside = read_forecasts([*from_files, *(files or [])]) if from_files else []
    asked = replays.ReplayRequest(
        models=(REFERENCE_MODEL,) if outside and "models" not in _given(context) else names(models, "--models"),
        outside=outside,
        covariates=covariates,
        theatres=names(theatre.lower(), "--theatre"),
        weapon_classes=names(weapon_class.lower(), "--weapon-class"),
        quiet_days=quiet_days,
        first=first_day,
        last=parse_day(last or (LAST_LONG if published else None), "--to"),
        every=every,
        horizon=horizon,
        paths=paths,
        seed=seed,
        engine=place,
        out=out,
    )
    set_up_log(log_format)
    with log_timed("backtest", theatre=theatre, weapon_class=weapon_class) as fields:
        if like is not None:
            from experiments.repeat import repeat_backtest

            done = repeat_backtest(like, asked.engine, out, _tell)
        elif decisions:
            done = replays.orders(asked, _tell)
        elif published:
            done = replays.published_scenario(asked, _tell)
        else:
            window_days = ROLLING_DAYS if window is Window.ROLLING else None
            done = replays.salvo_models(asked, refit_every, window_days, _tell)
        fields["runs"] = _end(asked, done, label)
        fields["digests"] = [each.series.truth.digest for each in done]


def _tags(given: list[str]) -> dict[str, str]:
    """The tags of options such as sweep=half-lives."""
    pairs = [each.partition("=") for each in given]
    for key, sign, value in pairs:
        if not (key.strip() and sign):
            raise InputError(f"--tag is '{key}{sign}{value}': expected KEY=VALUE, such as sweep=half-lives")
    return {key.strip(): value for key, _, value in pairs}


def _given(context: typer.Context) -> set[str]:
    """The names of the options that are on the command line."""
    sources = {name: context.get_parameter_source(name) for name in context.params}
    return {name for name, source in sources.items() if source is not None and source.name == "COMMANDLINE"}


def _end(asked: "ReplayRequest", every: "list[SeriesReplay]", label: "RunLabel") -> list[str]:
    """Prints what came of each replay, writes it, and logs a parent run for each; returns their ids."""
    import pandas as pd

    from experiments.tables import TABLE_FORMS
    from experiments.tracking import tracking_uri
    from features.files import write_file

    tables = []
    for each in every:
        truth, origins = each.series.truth, each.series.origins
        name = f"{truth.theatre} {truth.weapon_class}: " if len(every) > 1 else ""
        print(
            f"{name}{each.what} from {origins[0]} to {origins[-1]}, data {truth.digest[:12]}, "
            f"silent days: {truth.quiet_day_rule}{each.note}"
        )
        print(each.text)
        for failure in each.failures:
            print(f"{name}{failure}", file=sys.stderr)
        tables.append(each.table.assign(theatre=truth.theatre, weapon_class=truth.weapon_class))
    if asked.out is not None:
        write_file(asked.out, TABLE_FORMS[asked.out.suffix](pd.concat(tables)).encode())
    run_ids = []
    for each in every:
        shared = {
            "first_origin": each.series.origins[0],
            "last_origin": each.series.origins[-1],
            "n_paths": asked.paths,
            "seed": asked.seed,
            "quiet_day_rule": each.series.truth.quiet_day_rule,
        }
        run_ids.append(each.log(each.series.truth, {**shared, **each.own_parameters}, label=label))
        print(f"logged to MLflow: run {run_ids[-1]} in {tracking_uri()}", file=sys.stderr)
    return run_ids


def _tell(problem: str) -> None:
    complain(problem)
