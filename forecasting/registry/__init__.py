"""The champion and its rivals in the MLflow model registry; the last champion kept at hand for when that is away.

The MLflow store (`store`), one retraining at a time (`lock`), versions and the alias (`champions`), what served when
and why (`promotions`), what a version consists of (`pyfunc`), copies of those that were loaded (`copies`), which
one serves (`serving`), and what a team's server has to hold (`team`).
"""

from forecasting.registry.champions import CHALLENGER, CHAMPION, RegisteredModel, Registry, registered_name
from forecasting.registry.copies import cached_model, copies_of_models, noted_champions
from forecasting.registry.places import artifact_location, local_path, move_places, refuse_copied_store
from forecasting.registry.promotions import Promotion, earlier_versions
from forecasting.registry.pyfunc import scoring_app
from forecasting.registry.serving import Champion, current_champion, embedded_store, serving_model
from forecasting.registry.store import (
    one_process_at_a_time,
    or_none,
    ready_client,
    store_failures,
    tracking_uri,
    with_retries,
    without_password,
)
from forecasting.registry.team import make_team

__all__ = [
    "CHALLENGER",
    "CHAMPION",
    "Champion",
    "Promotion",
    "RegisteredModel",
    "Registry",
    "artifact_location",
    "cached_model",
    "copies_of_models",
    "current_champion",
    "earlier_versions",
    "embedded_store",
    "local_path",
    "make_team",
    "move_places",
    "noted_champions",
    "one_process_at_a_time",
    "or_none",
    "ready_client",
    "refuse_copied_store",
    "registered_name",
    "scoring_app",
    "serving_model",
    "store_failures",
    "tracking_uri",
    "with_retries",
    "without_password",
]
