"""Kinds of armed drone: which there are, and what part each is of the armed drones of a night."""

from collections.abc import Mapping, Sequence
from datetime import date

import numpy as np
from numpy.typing import NDArray

from features.stock_flow import NewModel
from forecasting.defence.layers import COMMON, Defence

Array = NDArray[np.float64]


def kind_ids(defence: Defence, origin: date, new_models: Sequence[NewModel] = ()) -> tuple[str, ...]:
    """The kinds of armed drone that a forecast from that day has: the common one, those of which the defence states a
    share, as known then, and those that a scenario brings."""
    stated = (kind.id for kind in defence.kinds_known(origin) if kind.share)
    return tuple(dict.fromkeys((COMMON, *stated, *(model.kind for model in new_models))))


def combined_shares(stated: Mapping[str, Array], new_models: Sequence[NewModel]) -> dict[str, Array]:
    """Kind -> share of the armed drones, in the shape of those stated; the common one is the rest.

    stated: by the defence; where what was drawn adds up to more than all, in proportion. Each new model in turn comes
    to have its share at least, at the expense of all other kinds alike.

    >>> half = NewModel("jet", np.array([[0.5]]))
    >>> combined_shares({"heavy": np.array([[0.2]])}, [half])
    {'heavy': array([[0.1]]), 'jet': array([[0.5]])}
    """
    whole = np.maximum(sum(stated.values(), np.zeros(())), 1.0)
    shares = {kind: share / whole for kind, share in stated.items()}
    for model in new_models:
        before = shares.pop(model.kind, np.zeros_like(model.share))
        after = np.maximum(before, model.share)
        left = np.divide(1.0 - after, 1.0 - before, out=np.ones_like(after), where=before < 1)
        shares = {kind: share * left for kind, share in shares.items()} | {model.kind: after}
    return shares


def mean_shares(defence: Defence, day: date) -> dict[str, float]:
    """Kind -> share of the armed drones on that day, as known then, at the mean of what the defence states."""
    levels = (np.arange(32) + 0.5) / 32
    stated = {kind.id: kind.share_on([day], levels) for kind in defence.kinds_known(day) if kind.share}
    return {kind: float(share.mean()) for kind, share in combined_shares(stated, ()).items()}
