# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#       format_version: '1.3'
#       jupytext_version: 1.19.6
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Beat the champion
#
# **Question.** How does an idea become a challenger, whatever tool it is made with, and how is it told whether it is better?
#
# Two ways in. *From elsewhere*: statsforecast runs in an environment of its own, and its forecasts come as a file. *In
# here*: scikit-learn finds the weeks of the past that were most like the last ones; what followed them is what may follow
# now. Both are scored on the same folds as ours, by window.

# %%
# %matplotlib inline
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
from IPython.display import Markdown
from sklearn.neighbors import NearestNeighbors

import experiments
from experiments import compare
from forecasting.salvos.contract import check_contract
from forecasting.salvos.model import add_model, require_days

setting = {"first": date(2025, 1, 1), "every": 14}

# %% [markdown]
# ## From elsewhere: statsforecast, by a file
#
# `compare.histories` writes what was published by each origin; `forecast_with_statsforecast.py`, beside this notebook, reads
# that and nothing else, and writes hubverse model output: 15 quantiles of each day. Totals need days that belong
# together: they are joined in the order of past windows.

# %%
folder = Path(experiments.__file__).parent / "notebooks"
(autoets,) = compare.read_forecasts([folder / "statsforecast.parquet"])
f"{autoets.model_id}: {len(autoets.forecasts)} origins from {min(autoets.forecasts)} to {max(autoets.forecasts)}"

# %% [markdown]
# ## In here: what followed the weeks that were most like these
#
# A fortnight is told by its mean and its largest day, relative to the median of four weeks. Of the k past fortnights nearest
# to the last one, the 14 days that followed, relative to that median, are drawn as a whole: bursts stay bursts. Unknown
# days are left out; what they take away in knowledge is added to every model's range by itself.


# %%
@dataclass(frozen=True)
class FittedAnalogues:
    followed: np.ndarray  # (k, 14) drones over the level of the weeks before
    level: float

    def simulate(self, request, rng):
        n_blocks = -(-request.horizon // 14)
        drawn = rng.integers(0, len(self.followed), (n_blocks, request.n_paths))  # block by block, for all paths
        paths = self.level * self.followed[drawn].transpose(1, 0, 2).reshape(request.n_paths, -1)
        return np.rint(paths[:, : request.horizon]).astype(np.int64)


@dataclass(frozen=True)
class Analogues:
    model_id: str = "analogues"
    k: int = 20

    def fit(self, history):
        require_days(self.model_id, history, 28 + 14 + self.k)
        windows = np.lib.stride_tricks.sliding_window_view(history.known[-730:], 28)
        level, fortnight = 1.0 + np.median(windows, axis=1), windows[:, -14:]
        likeness = np.log1p(np.column_stack([fortnight.mean(axis=1), fortnight.max(axis=1)])) - np.log(level)[:, None]
        followed = windows[14:, -14:] / level[:-14, None]  # the 14 days after each window but the last ones
        nearest = NearestNeighbors(n_neighbors=self.k).fit(likeness[:-14]).kneighbors(likeness[-1:])[1][0]
        return FittedAnalogues(followed[nearest], float(level[-1]))


# %% [markdown]
# The contract says whether it may run at all; a sweep is the class with other parameters.

# %%
add_model(Analogues)
sweep = [Analogues(), *(add_model(Analogues(k=k)) for k in (40, 80, 160))]
print(check_contract(sweep[-1]))

# %% [markdown]
# ## Scored beside ours, on the same folds

# %%
run = compare.ensure_backtest(
    ["salvo_ensemble", autoets, *sweep],
    **setting,
    name="analogues",
    tags={"sweep": "k"},
    note="Does what followed like weeks say more than the last weeks alone?",
)
scores = compare.scores(run)
compare.leaderboard_picture(compare.leaderboard(scores))

# %% [markdown]
# ## The choice is made in one window, and judged in the others
#
# Whoever picks the best of four by all scores has picked luck as well.

# %%
board = compare.leaderboard(scores, by="window")
totals = board[board["band"] == "total_28"].pivot(index="model", columns="window", values="wis_ratio")
names = [model.model_id for model in sweep]
chosen = totals.loc[names, totals.columns[0]].idxmin()
totals.round(2)

# %%
later = scores[scores["window"] != totals.columns[0]]
differences = compare.paired_differences(later[later["model"].isin(["empirical_window", "salvo_ensemble", chosen])])
told = differences[differences["model"] == chosen]
print(compare.to_markdown(told[["band", "n_origins", "ratio", "low", "high", "p_value"]]))

# %% [markdown]
# ## Registered as challenger
#
# The next `salvocast retrain` on a machine that has its code compares it with the champion at 52 held-out origins, and
# promotes it only if it has earned it. For every process: a package with an entry point of the group `salvocast.models`.

# %%
model = next(each for each in sweep if each.model_id == chosen)
version = compare.register_challenger(model, run)
f"{version.name}, aliases {version.aliases}, {version.model_id}"

# %% [markdown]
# ## Answer

# %%
total = told.set_index("band").loc["total_28"]
verdict = "not beyond" if not total["p_value"] < 0.05 else "beyond"
Markdown(
    f"**Answer.** By one dataclass with `fit` and one with `simulate`, or a file of forecasts; then one call to score and one to register. "
    f"{chosen}, the best of {len(sweep)} in window {totals.columns[0]}, scores {total['ratio']:.2f} of the reference on later "
    f"28-day totals ({total['low']:.0f} to {total['high']:.0f} drones, p = {total['p_value']:.2f} over "
    f"{total['n_origins']} origins): {verdict} what chance explains. The ensemble that serves by default has "
    + " and ".join(f"{ratio:.2f}" for ratio in totals.loc["salvo_ensemble"])
    + f" in the {totals.shape[1]} windows, {autoets.model_id} "
    + " and ".join(f"{ratio:.2f}" for ratio in totals.loc[autoets.model_id])
    + f". It is registered as {version.aliases[0]}: whether it beats the champion, the retraining decides."
)
