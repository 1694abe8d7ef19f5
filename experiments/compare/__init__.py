"""Models compared, for notebooks: tidy frames of what backtests and retrainings have logged, and a picture of each.

    from experiments import compare

    compare.ensure_backtest()                   # runs and logs one where none is logged yet
    scores = compare.scores()                   # one row per model, origin and target
    compare.leaderboard_picture(compare.leaderboard())

Runs are read from the MLflow store of the home, or from the one that MLFLOW_TRACKING_URI names; nothing else changes.
Models are compared on the same targets: the *newest backtest*, and beside it every other one of the same data, origins
and rules, of each model its newest run. A frame that was read once can be given to the other functions; without one
they read it themselves. Everything is in drones, shares from 0 to 1, and attack days; errors are SalvocastError, in one
line.

| function | one row per | picture |
| --- | --- | --- |
| `backtests` | logged backtest | |
| `leaderboard` | model and band | `leaderboard_picture` |
| `scores` | model, origin and target | `skill_picture`, `pit_picture`, `coverage_picture` |
| `paired_differences` | model and band | `differences_picture` |
| `winners` | band | |
| `forecasts_at` | model, attack day and quantile | `forecasts_picture` |
| `ensemble_weights`, `pooled_scores` | origin and member; weights and origin | `weights_picture` |
| `open_ledger`, the record itself | | `record_picture` |
| `champion_history` | promotion | `champion_picture` |
| `verdicts` | recipe that a retraining compared | |

`leaderboard`, `paired_differences` and `winners` tell each window apart with `by="window"`, or whatever column of the
scores `by` names; so do `leaderboard_picture` and `pit_picture`. `to_markdown` and `to_latex` write any frame.

Forecasts made elsewhere join by files (`experiments.outside`): `histories` is what their maker may be given,
`read_forecasts` gives what `ensure_backtest` takes like a model, `hub_output` is what was logged as a hub takes it.

`ensure_backtest`, `rehearse` and `register_challenger` make what the others read; `open_ledger` is the record itself.
"""

import warnings

from experiments.compare.frames import forecasts_at, leaderboard, paired_differences, scores, winners
from experiments.compare.pictures import (
    BANDS,
    champion_picture,
    coverage_picture,
    differences_picture,
    forecasts_picture,
    leaderboard_picture,
    pit_picture,
    record_picture,
    skill_picture,
    weights_picture,
)
from experiments.compare.preparation import ensure_backtest, register_challenger, rehearse
from experiments.compare.retrainings import champion_history, verdicts
from experiments.compare.runs import backtests
from experiments.compare.weights import ensemble_weights, pooled_scores
from experiments.outside import OutsideForecast, OutsideForecasts, histories, hub_output, read_forecasts
from experiments.tables import to_latex, to_markdown
from features.opening import open_ledger

# MLflow loads tqdm, which in a notebook asks for widgets that nothing here needs.
warnings.filterwarnings("ignore", message="IProgress not found")

__all__ = [
    "BANDS",
    "OutsideForecast",
    "OutsideForecasts",
    "backtests",
    "champion_history",
    "champion_picture",
    "coverage_picture",
    "differences_picture",
    "ensemble_weights",
    "ensure_backtest",
    "forecasts_at",
    "forecasts_picture",
    "histories",
    "hub_output",
    "leaderboard",
    "leaderboard_picture",
    "open_ledger",
    "paired_differences",
    "pit_picture",
    "pooled_scores",
    "read_forecasts",
    "record_picture",
    "register_challenger",
    "rehearse",
    "scores",
    "skill_picture",
    "to_latex",
    "to_markdown",
    "verdicts",
    "weights_picture",
    "winners",
]
