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
# # Bring your own model
#
# **Question.** How does a model of my own get beside the others, and what does it take to challenge the champion?
#
# A model is a recipe with a name: `fit(history)` gives something that can `simulate` paths. Write it as frozen dataclasses
# of numbers and arrays, and it can be saved without pickle. Here: each day drawn from the last counts of its own weekday.

# %%
from dataclasses import dataclass
from datetime import date

import numpy as np
from IPython.display import Markdown

from experiments import compare
from forecasting.salvos.contract import check_contract
from forecasting.salvos.model import add_model, require_days


@dataclass(frozen=True)
class FittedSameWeekday:
    weeks: np.ndarray  # (n_weeks, 7) drones, the last column is the day of the origin

    def simulate(self, request, rng):
        weekday = np.arange(request.horizon) % 7
        drawn = rng.integers(0, len(self.weeks), (request.horizon, request.n_paths)).T  # day by day, for all paths
        return self.weeks[drawn, weekday].astype(np.int64)


@dataclass(frozen=True)
class SameWeekday:
    model_id: str = "same_weekday"
    n_weeks: int = 6

    def fit(self, history):
        require_days(self.model_id, history, 14 * self.n_weeks)
        back = history.launched[::-1]  # by the calendar: an unknown day is NaN, and moves no other day
        columns = [back[ago::7][~np.isnan(back[ago::7])] for ago in range(6, -1, -1)]
        n = min(self.n_weeks, *map(len, columns))
        return FittedSameWeekday(np.array([column[:n] for column in columns]).T)


# %% [markdown]
# ## Make it known here, and hold it to the contract
#
# A package of your own does the first for every process: an entry point of the group `salvocast.models`.

# %%
add_model(SameWeekday)
print(check_contract(SameWeekday()))

# %% [markdown]
# ## Backtest and log it, beside the reference and the ensemble

# %%
run = compare.ensure_backtest([SameWeekday(), "salvo_ensemble"], first=date(2025, 1, 1), every=28)
differences = compare.paired_differences(compare.scores(run)).set_index(["model", "band"])
differences[["ratio", "mean", "low", "high", "p_holm"]].round(3).loc[["same_weekday", "salvo_ensemble"]]

# %% [markdown]
# ## Register it as challenger
#
# The next retraining compares it with the champion wherever its code is installed. What is registered are its numbers.

# %%
version = compare.register_challenger(SameWeekday(), run)
f"{version.name}, aliases {version.aliases}, fitted through {version.origin}"

# %% [markdown]
# ## Answer

# %%
own, ensemble = (differences.loc[(name, "total_7")] for name in ("same_weekday", "salvo_ensemble"))
Markdown(
    f"**Answer.** In one class for the recipe, one for what it learns, and four calls. same_weekday scores {own['ratio']:.2f} "
    f"of the reference on 7-day totals (difference {own['low']:.0f} to {own['high']:.0f} drones), the ensemble "
    f"{ensemble['ratio']:.2f}; it is registered as {version.name} under the alias {version.aliases[0]}, and has yet to "
    f"earn more than that."
)
