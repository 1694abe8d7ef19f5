"""Which defence a request means, and what another would do."""

from forecasting.defence.engagement import engage
from forecasting.defence.layers import Defence
from forecasting.defence.outcome import Engagements
from forecasting.losses.on_paths import engagement_draws
from forecasting.plan import Plan
from forecasting.supply.armed_share import armed_share_of


def against_another(plan: Plan, other: Defence) -> Engagements:
    """What another defence does with the salvos of a plan, on the same random numbers: with the calibrated levels of
    the layers that both have, and the variation from night to night that the record shows."""
    levels, factors, _ = engagement_draws(other, plan.forecast, plan.calibration)
    return engage(
        plan.forecast,
        other,
        levels=levels,
        kill_factors=factors,
        armed_share=armed_share_of(plan.history, plan.supplied, plan.forecast.horizon),
        new_models=plan.supplied.new_models if plan.supplied else (),
        others={each.weapon_class: each.paths for each in plan.threats},
    )
