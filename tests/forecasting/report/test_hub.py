"""Rows for forecast hubs, held against the hubs' own rules for model output."""

from collections.abc import Callable
from datetime import date, timedelta
from io import StringIO

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecasting.plan import Plan
from forecasting.report.document import forecast_document, plan_document
from forecasting.report.hub import COLUMNS, hub_rows, quantiles
from forecasting.salvos.forecast import SalvoForecast
from forecasting.salvos.spread import spread

LEVELS = [0.025, 0.1, 0.25, 0.5, 0.75, 0.9, 0.975]
TASK = ["reference_date", "target", "horizon", "target_end_date"]


def check_hub_rules(rows: pd.DataFrame) -> None:
    """What hubverse's validations ask of a model output file: its columns and their types, ISO dates, dates and
    horizons that agree, no value twice, every level of every task, and quantiles that do not decrease."""
    assert list(rows.columns) == COLUMNS
    assert not rows.isna().any().any()
    assert pd.api.types.is_integer_dtype(rows["horizon"])
    assert pd.api.types.is_float_dtype(rows["output_type_id"])
    assert pd.api.types.is_float_dtype(rows["value"])
    for column in ("reference_date", "target_end_date"):
        assert all(date.fromisoformat(text).isoformat() == text for text in rows[column])
    ends = [
        date.fromisoformat(first) + timedelta(days=days)
        for first, days in zip(rows["reference_date"], rows["horizon"], strict=True)
    ]
    assert [str(end) for end in ends] == rows["target_end_date"].tolist()
    assert len(set(rows["reference_date"])) == 1
    assert set(rows["output_type"]) == {"quantile"}
    assert not rows.duplicated([*TASK, "output_type", "output_type_id"]).any()
    for _, task in rows.groupby(TASK):
        assert task["output_type_id"].tolist() == LEVELS
        assert task["value"].is_monotonic_increasing
    assert (rows["value"] >= 0).all()


def test_a_plan_passes_the_rules_and_has_every_target(bundled_plan: Plan) -> None:
    rows = hub_rows(plan_document(bundled_plan))
    check_hub_rules(rows)
    targets = rows.groupby("target")["horizon"].unique().map(list).to_dict()
    assert targets == {"shahed launched per attack day": list(range(1, 29)), "shahed launched in total": [7, 28]}
    assert len(rows) == (28 + 2) * len(LEVELS)
    again = pd.read_csv(StringIO(rows.to_csv(index=False)))
    check_hub_rules(again)  # as a file too
    pd.testing.assert_frame_equal(hub_rows(plan_document(bundled_plan).forecast), rows)


@pytest.mark.parametrize("column", ["target_end_date", "value", "output_type_id", "reference_date"])
def test_the_rules_find_what_is_wrong(column: str, bundled_plan: Plan) -> None:
    rows = hub_rows(plan_document(bundled_plan))
    wrong = {"target_end_date": "2026-02-28", "value": 1e9, "output_type_id": 0.1, "reference_date": "28.02.2026"}
    rows.loc[3, column] = wrong[column]
    with pytest.raises((AssertionError, ValueError)):
        check_hub_rules(rows)


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    horizon=st.integers(1, 40),
    n_paths=st.integers(1, 60),
    largest=st.sampled_from([0, 1, 5, 900]),
)
def test_any_forecast_passes_the_rules(
    salvos_of: Callable[..., SalvoForecast], seed: int, horizon: int, n_paths: int, largest: int
) -> None:
    paths = np.random.default_rng(seed).integers(0, largest, size=(n_paths, horizon), endpoint=True)
    rows = hub_rows(forecast_document(salvos_of(paths)))
    check_hub_rules(rows)
    total = rows[(rows["target"] == "shahed launched in total") & (rows["horizon"] == horizon)]
    levels = [*((1 - level) / 2 for level in (0.95, 0.8, 0.5)), 0.5, *((1 + level) / 2 for level in (0.5, 0.8, 0.95))]
    expected = np.quantile(paths.sum(axis=1), levels, method="inverted_cdf")
    np.testing.assert_array_equal(total["value"], expected)
    day = rows[(rows["target"] == "shahed launched per attack day") & (rows["horizon"] == horizon)]
    np.testing.assert_array_equal(day["value"], np.quantile(paths[:, -1], levels, method="inverted_cdf"))


def test_the_levels_are_those_that_hubs_write() -> None:
    assert list(quantiles(spread(np.arange(1_000)))) == LEVELS  # and not 0.09999999999999998
