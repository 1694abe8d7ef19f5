"""What the process that those of an engine are forked from does when it loads this: once, and for all of them."""

import sklearn.ensemble

from experiments import backtest, pictures
from forecasting.salvos.model import BUNDLED_MODELS, load_model

__all__ = ["backtest", "pictures", "sklearn"]  # with statsmodels and Matplotlib

for name in BUNDLED_MODELS:
    load_model(name)
