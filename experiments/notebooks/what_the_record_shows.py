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
# # What the record shows
#
# **Question.** What do the reports say of the drones launched so far: how many, how told, when did the level shift, how
# large are the massed strikes, and what is missing?
#
# The record is the ledger of this machine; an empty one gets the reports that come with Salvocast.

# %%
# %matplotlib inline
import numpy as np
import pandas as pd
from IPython.display import Markdown

from experiments import compare
from experiments.drift import level_shifts
from features.massed import MULTIPLE, RULE, massed_threshold
from features.records import QuietDayRule
from forecasting.report.language import translator
from forecasting.report.words import Words

with compare.open_ledger() as ledger:
    history = ledger.history()
    unfilled = ledger.history(rule=QuietDayRule.NONE)
days = history.to_frame().set_index("attack_day")

# %% [markdown]
# ## The series

# %%
shifts, _ = level_shifts(history)
compare.record_picture(history, [shift.since for shift in shifts])

# %% [markdown]
# ## Reporting styles
#
# What "neutralised" counts has changed twice, so shares of different styles must not be set side by side.

# %%
share = days["neutralised"].astype(float) / days["launched"].astype(float).where(days["launched"] > 0)
styles = days.assign(share=share.round(2)).reset_index().groupby("regime", sort=False)
styles.agg(
    first=("attack_day", "min"),
    last=("attack_day", "max"),
    days=("attack_day", "size"),
    median_share=("share", "median"),
)

# %% [markdown]
# ## Level shifts
#
# Found by a cumulative sum that judges each day by earlier days alone; `since` is where the shift is estimated to begin.

# %%
pd.DataFrame(
    [{"since": s.since, "found": s.detected, "before": round(s.before, 1), "after": round(s.after, 1)} for s in shifts]
).tail(8)

# %% [markdown]
# ## Massed strikes
#
# The line moves with the ordinary level: each day is held against the 91 known days before it.

# %%
known = days["launched"].dropna().astype(float)
usual = known.rolling(91, min_periods=91).median().shift(1)
massed = known[known >= np.maximum(1.0, np.ceil(MULTIPLE * usual))].dropna()
recent = known[known.index > known.index[-1] - pd.DateOffset(years=1)]
recent_massed = massed[massed.index >= recent.index[0]]
pd.DataFrame({"drones": massed.nlargest(5).astype(int)})

# %% [markdown]
# ## What is missing
#
# A day without a report is unknown. Until the end of 2024 the Air Force did not report nights without drones, so silence
# counts as quiet there; since then it stays unknown.

# %%
silent = pd.Series(np.isnan(unfilled.launched), index=pd.to_datetime(unfilled.days))
unknown = pd.Series(np.isnan(history.launched), index=pd.to_datetime(history.days))
pd.DataFrame(
    {
        "days": silent.groupby(silent.index.year).size(),
        "without report": silent.groupby(silent.index.year).sum(),
        "unknown": unknown.groupby(unknown.index.year).sum(),
    }
)

# %% [markdown]
# ## Answer

# %%
last = shifts[-1]
massed_share = recent_massed.sum() / recent.sum()
Markdown(
    f"**Answer.** {int(known.sum()):,} drones on {len(known):,} known attack days from {known.index[0]:%Y-%m-%d} to "
    f"{known.index[-1]:%Y-%m-%d}, {recent.mean():.0f} a day over the last year and {known[-28:].mean():.0f} over the last "
    f"28 days. The level shifted {len(shifts)} times; the last shift, from {last.before:.0f} to {last.after:.0f} a day, "
    f"began about {last.since:%Y-%m-%d} and was told {(last.detected - last.since).days} days later. Losses are told in "
    f"{styles.ngroups} styles, never to be set side by side. {len(recent_massed)} of the last {len(recent)} days were "
    f"massed strikes ({Words(translator('en'))(RULE)}) and brought {massed_share:.0%} of the drones; the largest had {int(known.max()):,}, and the line "
    f"now stands at {massed_threshold(history)}. {int(silent.sum())} days have no report: {int(unknown.sum())} stay "
    f"unknown, the others were quiet."
)
