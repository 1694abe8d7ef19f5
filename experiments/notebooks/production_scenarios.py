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
# # Scenarios of production against the record
#
# **Question.** What do the published statements about production imply, does the record of launches allow them, what
# became of the experts' forecasts, and which assumption moves the need for interceptors most?

# %%
# %matplotlib inline
import pandas as pd
from IPython.display import Markdown

from experiments import compare
from experiments.scenario_backtest import month_ends, published_experts, run_scenario_backtest
from features.scenarios import bundled_scenarios, load_scenario
from forecasting.answers.local import local_answering, local_context
from forecasting.answers.request import ForecastRequest, SensitivityRequest
from forecasting.report.document import forecast_document
from forecasting.report.language import translator
from forecasting.report.pictures import comparison_picture, tornado_picture
from forecasting.report.words import Words

request = ForecastRequest(model="salvo_ensemble", horizon=180, paths=500, scenario="published")
moved = SensitivityRequest(model="salvo_ensemble")
published = load_scenario("published")
context = local_context(request)
with compare.open_ledger() as ledger:
    answerer = local_answering(ledger)
    history, model = answerer.history(request, context), answerer.prepared(request, context).model
    names = [name for name in bundled_scenarios() if history.theatre in load_scenario(name).theatre_ids]
    requests = {name: request.model_copy(update={"scenario": name}) for name in names}
    supplied = {name: answerer.forecast(each, context)[1] for name, each in requests.items()}
    found = answerer.sensitivity(moved, context)

# %% [markdown]
# ## The scenarios against the record
#
# `as stated` and `as the record has it`: drones a month that reach the store at the origin, 90 %. `output ratio`: true
# over stated output, as the launches tell it.


# %%
def interval(values):
    return f"{values[0]:,.0f} to {values[-1]:,.0f}"


pd.DataFrame(
    {
        name: {
            "allowed as stated": each.outlook.compatible,
            "as stated": interval(each.outlook.capacity_stated),
            "as the record has it": interval(each.outlook.capacity_compatible),
            "output ratio": f"{each.outlook.output_ratio[0]:.2f} to {each.outlook.output_ratio[-1]:.2f}",
            "drones in 180 days, median": f"{pd.Series(each.forecast.totals(180)).median():,.0f}",
        }
        for name, each in supplied.items()
    }
).T

# %%
english = Words(translator("en"))
print(f"published: {english(supplied['published'].outlook.verdict)}")

# %% [markdown]
# ## Assimilation: stated and compatible, month by month
#
# Drones a month that reach the store at the end of each month, median, and the stock that could be launched.

# %%
outlook = supplied["published"].outlook
pd.DataFrame(
    {
        month.day: {
            "stated": round(month.production_stated[2]),
            "compatible with the record": round(month.production_compatible[2]),
            "stock": round(month.launchable_stock[2]),
        }
        for month in outlook.months
    }
).T

# %% [markdown]
# ## Two scenarios side by side

# %%
documents = [forecast_document(supplied[name].forecast, supplied[name]) for name in ("workers_12000", "workers_25000")]
comparison_picture(*documents, history)

# %% [markdown]
# ## Scenarios replayed, and the experts' forecasts
#
# At month ends with what was published by then, beside simple forecasts; and for every published forecast what our 95 %
# interval of the same quantity was on the same day.

# %%
with compare.open_ledger() as ledger:
    origins = month_ends(pd.Timestamp("2024-06-30").date(), pd.Timestamp("2025-06-30").date())[::4]
    replay = run_scenario_backtest(
        lambda origin: ledger.history(origin=origin),
        history,
        model,
        published,
        origins,
        n_paths=300,
        seed=1,
        experts=published_experts(),
    )
table = replay.table()
table[table["target"] == "total_180"].drop(columns="target").set_index("model").round(2)

# %%
experts = replay.experts
experts.round(0).set_index("expert")

# %% [markdown]
# ## Sensitivity
#
# The fifth of the futures in which an assumption of scenario or defence is lowest, and that in which it is highest: cost
# of the orders over 91 days, leakers, and the order of each layer in its own pieces. The line is what all futures give.

# %%
tornado_picture(found)

# %% [markdown]
# ## Answer

# %%
ratio, swing, cost = outlook.output_ratio, found.tornado("order_cost_usd")[0], found.measures[0]
half_year = table[table["target"] == "total_180"].set_index("model")["wis"]
few, many = (pd.Series(supplied[name].forecast.totals(180)).median() for name in ("workers_12000", "workers_25000"))
Markdown(
    f"**Answer.** Of {len(names)} scenarios the record allows {sum(each.outlook.compatible for each in supplied.values())} "
    f"as stated. True output is {ratio[0]:.2f} to {ratio[-1]:.2f} of what the published state says (90 %). With 12,000 "
    f"workers 180 days bring {few:,.0f} drones (median), with 25,000 {many:,.0f}. {int(experts['inside'].sum())} of "
    f"{len(experts)} outcomes that experts had spoken of lay in our 95 % interval of the same day. At {len(origins)} "
    f"month ends the published state scored {half_year.iloc[0]:,.0f} drones WIS on 180-day totals, the salvo model alone "
    f"{half_year.iloc[1]:,.0f}. The cost of the orders hangs most on {swing.assumption}: {swing.low / 1e6:,.0f} "
    f"to {swing.high / 1e6:,.0f} around {cost.value / 1e6:,.0f} M USD over {found.horizon} days."
)
