"""A registered model as an MLflow pyfunc. MLflow runs this file when it loads the model ("models from code"): only
`forecasting/registry/pyfunc.py` writes it into a model, beside the saved files and the modules that they need."""

from pathlib import Path

import mlflow
import pandas as pd
from mlflow.exceptions import MlflowException
from mlflow.pyfunc import PythonModel, PythonModelContext

from features.errors import SalvocastError
from forecasting.salvos.model import SimulationRequest
from forecasting.salvos.saved import SavedModel, load_saved
from forecasting.salvos.spread import spread

ARTIFACT = "saved"
"""What the folder of the saved files is called among the artefacts."""
DEFAULTS = {"paths": 2_000, "seed": 1}
"""Of a request that does not say; those of `salvocast forecast`."""


class ServedModel(PythonModel):  # type: ignore[misc]
    """A request in, the quantiles of `salvocast forecast` out."""

    def load_context(self, context: PythonModelContext) -> None:
        folder = Path(context.artifacts[ARTIFACT])
        self._saved = load_saved({path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()})

    def predict(self, model_input: pd.DataFrame) -> pd.DataFrame:
        """model_input: a row for each request: horizon (attack days), and if wished paths and seed.

        Returns a row for each request (its row number, from 0), attack day and quantile level: request, attack_day (ISO
        date), horizon (days from the origin, from 1), level (probability), drones. Raises MlflowException for a request
        that cannot be met, which a server answers with code 400.
        """
        requests = model_input.assign(**{name: DEFAULTS[name] for name in set(DEFAULTS) - set(model_input)})
        try:
            frames = [
                _quantiles(self._saved, *(int(row[name]) for name in ("horizon", "paths", "seed"))).assign(
                    request=number
                )
                for number, row in enumerate(requests.fillna(DEFAULTS).to_dict("records"))
            ]
        except SalvocastError as error:
            raise MlflowException.invalid_parameter_value(str(error)) from error
        return pd.concat(frames, ignore_index=True)[["request", "attack_day", "horizon", "level", "drones"]]


def _quantiles(saved: SavedModel, horizon: int, n_paths: int, seed: int) -> pd.DataFrame:
    if seed < 0:
        raise SalvocastError(f"seed is {seed}: expected a whole number from 0")
    salvos = saved.forecast(SimulationRequest(horizon, n_paths), seed)
    rows = []
    for step, day in enumerate(salvos.days):
        drones = spread(salvos.paths[:, step])
        levels = {0.5: drones.median}
        for interval in drones.intervals:
            levels[round((1 - interval.level) / 2, 6)] = interval.low
            levels[round((1 + interval.level) / 2, 6)] = interval.high
        rows += [
            {"attack_day": day.isoformat(), "horizon": step + 1, "level": level, "drones": levels[level]}
            for level in sorted(levels)
        ]
    return pd.DataFrame(rows)


mlflow.models.set_model(ServedModel())
