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
# # Why this champion?
#
# **Question.** Why did the model that serves take over from the one before it, and was that right?
#
# A challenger has to be better than the champion at the same held-out origins, by a paired test and a margin, with
# coverage that is no worse. The story is told from the runs: the newest promotion of this store (or of a team's, by
# `MLFLOW_TRACKING_URI`). Where none is on record, one is rehearsed: two mornings of autumn 2025 with a fake clock, in a
# store of their own, where last week's weekdays (`seasonal_naive`) serve first. The default first champion, the ensemble,
# was beaten by no challenger in a year of mornings.

# %%
# %matplotlib inline
from datetime import date, timedelta

from IPython.display import Markdown

from experiments import compare
from experiments.settings import RetrainSettings
from forecasting.answers.local import local_answering, local_context
from forecasting.answers.request import ForecastRequest

history = compare.champion_history()
store = None
if not (history["new_recipe"] & history["predecessor"].notna()).any():
    simple = RetrainSettings(first_champion="seasonal_naive", challengers=("salvo_ensemble", "exponential_empirical"))
    store, _ = compare.rehearse([date(2025, 10, 1), date(2025, 10, 2)], simple)
    history = compare.champion_history(uri=store)
told = "from this store" if store is None else "rehearsed: nothing that serves here was touched"
Markdown(f"{len(history)} promotions, {told}.")

# %% [markdown]
# ## What served when

# %%
history[["version", "model_id", "promoted_at", "predecessor", "new_recipe", "score"]].set_index("version")

# %%
compare.champion_picture(history)

# %% [markdown]
# ## What the retraining found
#
# Scores at the held-out origins, none of which any recipe was fitted to; 1 is the reference. `refusals`: the rules that
# a challenger broke.

# %%
changed = history["new_recipe"] & history["predecessor"].notna()
promoted = history[changed].iloc[0]
verdicts = compare.verdicts(promoted["run_id"], uri=store).set_index("model")
for model, refusals in verdicts["refusals"].iloc[1:].items():  # the first is the champion
    print(f"{model}: {refusals or 'breaks no rule'}")
verdicts[["score", "ratio", "p_holm", "coverage_80_days"]].round(3)

# %% [markdown]
# ## Origin by origin
#
# The scores of the two recipes beside each other, as the retraining logged them.

# %%
scores = compare.scores(promoted["run_id"], uri=store)
before, after = verdicts.index[0], promoted["model_id"]
totals = (
    scores[scores["band"] == "total_28"].pivot(index="origin", columns="model", values="wis")[[before, after]].dropna()
)
better = float((totals[after] < totals[before]).mean())
compare.differences_picture(compare.paired_differences(scores, before), "total_7")

# %% [markdown]
# ## What came afterwards
#
# The days since the promotion, which nobody had seen then: both recipes, fitted to what was known on that morning.

# %%
with compare.open_ledger() as ledger:
    record, origin = ledger.history(), promoted["origin"].date()
    horizon = min((record.last_day - origin) // timedelta(days=1), 28)
    requests = [ForecastRequest(model=name, origin=origin, horizon=horizon) for name in (before, after)]
    answerer = local_answering(ledger)
    forecasts = [answerer.forecast(request, local_context(request))[0] for request in requests]
came = record.after(origin, horizon).sum()
totals_since = {made.model_id: made.totals(horizon) for made in forecasts}

# %% [markdown]
# ## Answer

# %%
won = verdicts.loc[after]
medians = {name: sorted(drawn)[len(drawn) // 2] for name, drawn in totals_since.items()}
nearer = min(medians, key=lambda name: abs(medians[name] - came))
Markdown(
    f"**Answer.** On {promoted['promoted_at']:%Y-%m-%d} {after} took over from {before}: it scored {won['ratio']:.3f} of it "
    f"at {scores['origin'].nunique()} held-out origins, p = {won['p_holm']:.4f} after Holm for {len(verdicts) - 1} "
    f"challengers, and its 80 % range of days held {won['coverage_80_days']:.0%} against "
    f"{verdicts.loc[before, 'coverage_80_days']:.0%}. Of the {len(totals)} "
    f"of these origins whose 28-day total is known, it was better at {better:.0%} by that alone. "
    f"In the {horizon} days since, {came:,.0f} drones came; {after} had said {medians[after]:,.0f} (median), {before} "
    f"{medians[before]:,.0f}: {nearer} was nearer. One outcome proves neither right."
)
