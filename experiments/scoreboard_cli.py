"""`salvocast scoreboard` and `salvocast drift`: how the issued forecasts have done, and whether they still fit."""

import json
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from features.home import ledger_url
from features.opening import open_ledger
from features.options import TheatreOption, WeaponClassOption, parse_day

if TYPE_CHECKING:
    import pandas as pd

    from experiments.drift import Check
    from forecasting.record.scoreboard import Scoreboard

NO_SCENARIO = "none"
ALARM_EXIT_CODE = 3


class ScoreFormat(StrEnum):
    """How the scoreboard is written."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"


class DriftFormat(StrEnum):
    """How the checks are written."""

    TABLE = "table"
    JSON = "json"


ModelOption = Annotated[str | None, typer.Option(metavar="NAME", help="Only forecasts of this model.")]


def scoreboard(
    since: Annotated[
        str | None, typer.Option(metavar="DATE", help="Only forecasts issued on that day (UTC) or later.")
    ] = None,
    model: ModelOption = None,
    scenario: Annotated[str, typer.Option(metavar="NAME|none", help="Those made under this scenario.")] = NO_SCENARIO,
    hindsight: Annotated[
        bool, typer.Option("--hindsight", help="Count days, too, that were over when the forecast of them was issued.")
    ] = False,
    theatre: TheatreOption = "ukraine",
    weapon_class: WeaponClassOption = "shahed",
    output: Annotated[ScoreFormat, typer.Option("--format", help="How to write the result.")] = ScoreFormat.TABLE,
) -> None:
    """Score the issued forecasts by the launches that are known by now."""
    from forecasting.record.archive import Archive
    from forecasting.record.scoreboard import scoreboard as scored

    with open_ledger() as ledger, Archive.open(ledger_url()) as archive:
        board = scored(
            archive.list(since=parse_day(since, "--since"), theatre=theatre, weapon_class=weapon_class, model_id=model),
            lambda identity: archive.get(identity).document,
            ledger.history(theatre, weapon_class),
            lambda origin: ledger.history(theatre, weapon_class, origin=origin),
            scenario=None if scenario == NO_SCENARIO else scenario,
            hindsight=hindsight,
        )
    if output is ScoreFormat.JSON:
        print(json.dumps({"theatre": theatre, "weapon_class": weapon_class} | board.as_document(), indent=2))
    elif output is ScoreFormat.CSV:
        import pandas as pd

        both = pd.concat([board.overall.assign(month="all"), board.by_month], ignore_index=True)
        print(both[list(board.by_month.columns)].to_csv(index=False, lineterminator="\n"), end="")
    else:
        print(_text(board))


def drift(
    model: ModelOption = None,
    theatre: TheatreOption = "ukraine",
    weapon_class: WeaponClassOption = "shahed",
    output: Annotated[DriftFormat, typer.Option("--format", help="How to write the result.")] = DriftFormat.TABLE,
) -> int:
    """Look for signs that forecasts and reports no longer fit; exit code 3 where there is one."""
    from experiments.follow_up import look_for_drift

    checks = look_for_drift(theatre, weapon_class, datetime.now(UTC), model)
    if output is DriftFormat.JSON:
        from dataclasses import asdict

        print(json.dumps([asdict(check) for check in checks], indent=2))
    else:
        print("\n".join(_line(check) for check in checks))
    return ALARM_EXIT_CODE if any(check.alarm for check in checks) else 0


def _text(board: "Scoreboard") -> str:
    from forecasting.report.layout import wrap_line

    told = board.as_document()
    head = f"{told['n_issued']} forecasts issued, {told['n_scored']} of them scored by the launches known to "
    head += f"{board.last_day_known}"
    reasons = [
        f"{count} {why}"
        for count, why in (
            (board.n_scenario, "made under another scenario, or with assumptions held"),
            (board.n_repeated, "issued after another of the same origin and model"),
            (board.n_waiting, "whose days are not known yet"),
            (board.n_hindsight, "issued when their days were over (--hindsight counts them)"),
        )
        if count
    ]
    head += f". Not scored: {'; '.join(reasons)}." if reasons else "."
    if not told["n_scored"]:
        first = (
            ""
            if told["n_issued"]
            else " Issue one with `salvocast plan --issue`; it is scored when its days are known."
        )
        return wrap_line(head + first)
    notes = (
        "wis: weighted interval score of the median and the 50, 80 and 95 % intervals, in drones; lower is better. "
        f"skill: 1 less its ratio to that of {told['reference']}, fitted at the same origins to what was known then; "
        "above 0 is better. apart: how many of the n targets share no day. 50 %, 80 %, 95 %: share of outcomes inside, "
        "and in brackets where 19 in 20 calibrated forecasts of so many days apart have it. By the month of issue "
        "(Kyiv)."
    )
    return "\n".join([wrap_line(head), "", *_table(board.overall), "", *_table(board.by_month), "", wrap_line(notes)])


def _table(summary: "pd.DataFrame") -> list[str]:
    from forecasting.report.layout import table

    groups = [name for name in ("model", "month", "band") if name in summary.columns]
    rows = []
    for row in summary.to_dict("records"):
        coverage = [
            f"{row[name]:.0%} ({row[f'{name}_low']:.0%}-{row[f'{name}_high']:.0%})"
            for name in ("coverage_50", "coverage_80", "coverage_95")
        ]
        skill = "-" if row["skill"] != row["skill"] else f"{row['skill']:+.2f}"
        counts = [f"{row['n']:,}", f"{row['n_apart']:,}", f"{row['wis']:,.1f}"]
        rows.append([*(str(row[name]) for name in groups), *counts, skill, *coverage])
    header = [*groups, "n", "apart", "wis", "skill", "50 %", "80 %", "95 %"]
    return table(header, rows, left=range(len(groups)), fold=False)


def _line(check: "Check") -> str:
    number = "-" if check.number is None else f"{check.number:.3g}"
    return f"{'ALARM' if check.alarm else 'ok   '}  {check.name}: {number} (limit {check.limit:.3g}). {check.sentence}"
