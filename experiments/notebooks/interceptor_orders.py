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
# # From drones to orders of interceptors
#
# **Question.** How does a forecast become an order, when do stocks run out, and what would orders by the forecast have
# cost beside rules of thumb?
#
# The opening stocks of the bundled defence are placeholders: put in your own.

# %%
# %matplotlib inline
import pandas as pd
from IPython.display import Markdown

from experiments import compare
from experiments.folds import rolling_origins
from experiments.order_backtest import model_policy, replay_decisions
from forecasting.answers.local import local_answering, local_context
from forecasting.answers.request import PlanRequest
from forecasting.report.document import plan_document
from forecasting.report.drawing import picture_style
from forecasting.report.language import translator
from forecasting.report.pictures import calibration_picture, forecast_picture, stock_out_picture
from forecasting.report.words import Words
from forecasting.salvos.model import SimulationRequest, load_model

asked = PlanRequest(model="salvo_ensemble")
with compare.open_ledger() as ledger:
    answering, context = local_answering(ledger), local_context(asked)
    plan, history = answering.plan(asked, context), answering.history(asked, context)
document = plan_document(plan)

# %% [markdown]
# ## The drones to expect

# %%
forecast_picture(document, history)

# %% [markdown]
# ## One path, night by night
#
# Totals, stocks and costs are computed path by path; ranges are taken at the very end. Here is one of the 2,000 futures.

# %%
stock = next(stock for stock in plan.engagements.stocks if stock.layer_id == plan.rules.layer_id)
pd.DataFrame(
    {
        "drones": plan.forecast.paths[0],
        f"{stock.layer_id} needed": stock.needed[0],
        "used": stock.used[0],
        "in stock at dawn": stock.opening[0] + stock.supplied[0] - stock.used[0].cumsum(),
    },
    index=pd.Index(plan.forecast.days, name="attack day"),
).head(7)

# %% [markdown]
# ## From paths to stock-outs

# %%
stock_out_picture(document)

# %%
calibration_picture(document)

# %% [markdown]
# ## From stock-outs to orders
#
# The least quantity with which the stock lasts until the next order could arrive, on 95 % of the paths.

# %%
layers = {layer.layer: layer for layer in document.layers}
orders = pd.DataFrame(
    [
        {
            "layer": layers[order.layer_id].name,
            "order": order.quantity,
            "cost, M USD": f"{order.cost_usd[0] / 1e6:.1f} to {order.cost_usd[2] / 1e6:.1f}" if order.quantity else "",
            "runs out without": layers[order.layer_id].stock_out_probability,
            "with": order.stock_out_probability,
        }
        for order in plan.orders
    ]
).set_index("layer")
orders.round(3)

# %% [markdown]
# ## Beside rules of thumb, for the layer that kills most

# %%
in_words = Words(translator("en"))
rules = pd.DataFrame(
    [
        (in_words(rule.rule), rule.quantity, rule.cost_usd / 1e6, rule.stock_out_probability)
        for rule in plan.rules.rules
    ],
    columns=["rule", "order", "cost, M USD", "runs out"],
)
rules.set_index("rule").round(2)

# %% [markdown]
# ## The decision backtest
#
# At each origin, be ready for the total of the coming 28 days at a service level, with what was known then; then meet what
# came. Cost: newsvendor, drones per origin. The best rule of thumb is known in hindsight alone.

# %%
request = SimulationRequest(28, 2_000)
with compare.open_ledger() as ledger:
    truth = ledger.history()
    result = replay_decisions(
        lambda origin: ledger.history(origin=origin),
        truth,
        {name: model_policy(load_model(name), request, 1) for name in ("empirical_window", "salvo_ensemble")},
        rolling_origins(pd.Timestamp("2025-01-01").date(), pd.Timestamp("2026-01-28").date(), 14),
        28,
    )
result.wide().set_index("policy")

# %%
costs = result.table.pivot(index="level", columns="policy", values="cost")
drawn = picture_style("light", "en")
figure = drawn.figure(3.4)
axes = figure.subplots()
for index, policy in enumerate(costs.columns):
    colour, dash = drawn.line(index)
    axes.plot(costs.index.astype(str), costs[policy], color=colour, ls=dash, marker="o", label=policy)
axes.set_ylim(bottom=0)
drawn.count_axis(axes)
drawn.frame(
    axes, "Newsvendor cost by service level, drones per origin", "across: service level in percent; lower is better"
)
drawn.legend(axes)
figure

# %% [markdown]
# ## Answer

# %%
bought = orders[orders["order"] > 0]
whole = next(window for window in document.forecast.windows if window.n_days == document.forecast.horizon).total_drones
score, best = result.score("salvo_ensemble", 0.95), result.best_rule(0.95)
Markdown(
    f"**Answer.** {whole.interval(0.8).low:,.0f} to {whole.interval(0.8).high:,.0f} drones in the "
    f"{document.forecast.horizon} days through {plan.forecast.days[-1]} (80 %) ask for "
    + "; ".join(f"{row.order:,} for {name}" for name, row in bought.iterrows())
    + f", so that each stock lasts through them on 95 % of the paths; {len(orders) - len(bought)} of "
    f"{len(orders)} stocks need none. Over {score['n_origins']:.0f} origins, orders by the ensemble at 95 % cost "
    f"{score['cost']:,.0f} drones each, {score['cost_ratio']:.2f} of the best rule of thumb in hindsight ({best}), and were "
    f"enough at {score['service']:.0%} of the origins."
)
