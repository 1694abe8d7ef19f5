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
# # Which model forecasts best, where, and how sure is that?
#
# **Question.** Which model forecasts best, for which days ahead, by how much, and could chance explain it?
#
# Every forecast of a backtest saw what was published by its origin, and nothing else. The runs are read from MLflow: the
# store of this machine, or a team's that `MLFLOW_TRACKING_URI` names. Where no backtest is logged yet, one is run.

# %%
# %matplotlib inline
from IPython.display import Markdown

from experiments import compare
from experiments.folds import TOTAL_BANDS

run = compare.ensure_backtest()
scores = compare.scores(run)
board = compare.leaderboard(run)
f"{scores['model'].nunique()} models, {scores['origin'].nunique()} origins from {scores['origin'].min():%Y-%m-%d}"

# %% [markdown]
# ## Leaderboard
#
# WIS (weighted interval score, drones) over that of the reference, which resamples the last 28 days. 1 is as good.

# %%
board.pivot(index="model", columns="band", values="wis_ratio")[list(dict.fromkeys(board["band"]))].sort_values(
    board["band"].iloc[-1]
).round(3)

# %%
compare.leaderboard_picture(board)

# %% [markdown]
# ## Skill by horizon

# %%
compare.skill_picture(scores)

# %% [markdown]
# ## Do the distributions hold? PIT and coverage

# %%
compare.pit_picture(scores)

# %%
compare.coverage_picture(scores)

# %% [markdown]
# ## Paired differences, with their uncertainty
#
# The same origins, model less reference, so that hard weeks weigh on both. Neighbouring origins share outcomes; the
# intervals and the p-values allow for it, by the same test (Diebold and Mariano), and Holm's correction allows for the
# number of models.

# %%
differences = compare.paired_differences(scores)
longest = board["band"].iloc[-1]
differences[differences["band"] == longest].drop(columns=["other", "band"]).round(3).set_index("model")

# %%
compare.differences_picture(differences, longest)

# %% [markdown]
# ## Where each model wins

# %%
winners = compare.winners(scores).set_index("band")
winners.round(3)

# %% [markdown]
# ## Fan charts at chosen origins
#
# The origin after which the leading model did best, and the one after which it did worst.

# %%
leader = winners["best"].iloc[-1]
shown = list(dict.fromkeys(["empirical_window", leader, winners["second"].iloc[-1]]))
at_origin = scores[scores["model"] == leader].groupby("origin")["wis"].mean().sort_values()
with compare.open_ledger() as ledger:
    record = ledger.history()
compare.forecasts_picture(compare.forecasts_at(at_origin.index[0], scores), record, shown)

# %%
compare.forecasts_picture(compare.forecasts_at(at_origin.index[-1], scores), record, shown)

# %% [markdown]
# ## What the ensemble weights did over time
#
# Nothing: the ensemble's weights are fixed. The other lines are what weights learned at each origin, from the forecasts
# whose days had come by then, would have been; below is what either would have scored.

# %%
weights = compare.ensemble_weights(scores)
compare.weights_picture(weights)

# %%
pooled = compare.pooled_scores(weights, scores)
pooled.groupby("weights")["wis"].agg(["mean", "size"]).round(2)

# %% [markdown]
# ## Answer

# %%
best = winners.loc[longest]
gain = differences.set_index(["model", "band"]).loc[(best["best"], longest)]
means = pooled.groupby("weights")["wis"].mean()
days = scores[(scores["model"] == leader) & ~scores["band"].isin(TOTAL_BANDS)]
moved = weights.groupby("member")["learned"].agg(["min", "max"])
widest = (moved["max"] - moved["min"]).idxmax()
Markdown(
    f"**Answer.** {'; '.join(f'{compare.BANDS[band]}: {name}' for band, name in winners['best'].items())}: these scored "
    f"best. Of the {compare.BANDS[longest]} the WIS of {best['best']} is {gain['ratio']:.2f} of the "
    f"reference's ({gain['mean']:.0f} drones, 95 % interval "
    f"{gain['low']:.0f} to {gain['high']:.0f}, p = {gain['p_holm']:.2f} after Holm); against {best['second']}, the second, "
    f"p = {best['p_value']:.2f}. Its 80 % intervals of the days held {days['coverage_80'].mean():.0%}. "
    f"{'No lead is' if (winners['p_holm'].dropna() > 0.05).all() else 'Some leads are'} beyond what chance explains at 5 % "
    f"over {best['n_origins']} origins. Learned weights would have wandered (that of {widest} from "
    f"{moved.loc[widest, 'min']:.2f} to {moved.loc[widest, 'max']:.2f}) and scored {means['learned']:.2f} drones a day "
    f"against {means['fixed']:.2f} with the fixed ones: "
    f"{'learning them would not have paid' if means['learned'] >= means['fixed'] else 'learning them would have paid'}."
)
