"""Leaderboards, intervals and tests of each window; frames as text; the picture of the record."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.dates import date2num
from numpy.typing import ArrayLike

from experiments import compare
from features.errors import InputError
from features.history import LaunchHistory
from forecasting.salvos.model import REFERENCE_MODEL
from tests.experiments.logged import made_scores

HistoryFrom = Callable[[ArrayLike], LaunchHistory]
HistoryFrom = Callable[[ArrayLike], LaunchHistory]


def test_each_window_has_its_own_leaderboard_intervals_and_tests() -> None:
    """Better in one window and worse in the next: a mean over both would hide it. Tests and intervals agree in each."""
    rng = np.random.default_rng(6)
    hard = rng.normal(50, 8, 40)
    scored = {REFERENCE_MODEL: list(hard), "turns": list(hard + np.repeat([-8.0, 8.0], 20) + rng.normal(0, 1, 40))}
    scores = made_scores(scored).assign(window=np.tile(np.repeat(["early", "late"], 20), 2))
    for name in ("observed", "median", "crps", "coverage_50", "coverage_80", "coverage_95", "pinball_95", "pinball_99"):
        scores[name] = 0.0
    board = compare.leaderboard(scores, by="window").set_index(["window", "model"])
    for window, part in scores.groupby("window"):
        wis = part.groupby("model")["wis"].mean()
        assert board.loc[(window, "turns"), "wis_ratio"] == pytest.approx(wis["turns"] / wis[REFERENCE_MODEL])
        assert board.loc[(window, "turns"), "n_origins"] == 20
    found = compare.paired_differences(scores, by="window").set_index("window")
    alone = compare.paired_differences(scores[scores["window"] == "late"])
    assert found.loc["late", "low":"p_holm"].tolist() == alone.loc[0, "low":"p_holm"].tolist()
    assert (found["low"] * found["high"] > 0).all()
    assert (found["p_holm"] < 0.05).all()
    assert found.loc["early", "mean"] < 0 < found.loc["late", "mean"]
    both = compare.paired_differences(scores)
    assert both["low"].item() < 0 < both["high"].item()
    assert list(compare.winners(scores, by="window")["best"]) == ["turns", REFERENCE_MODEL]
    with pytest.raises(InputError, match="unknown column 'windw'"):
        compare.leaderboard(scores, by="windw")


@pytest.mark.parametrize("seed", range(2))
def test_an_interval_excludes_nothing_where_its_test_does(seed: int) -> None:
    """Whatever the overlap and the number of origins."""
    rng = np.random.default_rng(seed)
    scored = {name: list(rng.normal(50, 8, 60)) for name in (REFERENCE_MODEL, *"abcdefgh")}
    scores = pd.concat([made_scores(scored, band) for band in ("h1", "total_28")])
    scores["window"] = rng.integers(0, 4, len(scores) // 18)[np.tile(np.arange(60), 18)]
    found = compare.paired_differences(scores, by="window")
    told = found.dropna(subset="p_value")
    assert len(told) > 20
    assert ((told["low"] > 0) | (told["high"] < 0)).eq(told["p_value"] < 0.05).all()
    assert found.loc[found["p_value"].isna(), ["standard_error", "low", "high", "p_holm"]].isna().all(axis=None)


def test_frames_are_written_as_markdown_and_latex() -> None:
    frame = pd.DataFrame(
        {
            "model": ["salvo_ensemble", "a|b"],
            "day": pd.to_datetime(["2026-01-02", None]),
            "n_origins": [29, 4],
            "wis": [12_345.6, 0.67891],
            "p_holm": [np.nan, 0.04],
            "run_id": ["0" * 32] * 2,
        }
    )
    assert compare.to_markdown(frame).splitlines() == [
        "| model          | day        |   n_origins |    wis |   p_holm |",
        "|:---------------|:-----------|------------:|-------:|---------:|",
        "| salvo_ensemble | 2026-01-02 |          29 | 12,346 |          |",
        r"| a\|b           |            |           4 |  0.679 |     0.04 |",
    ]
    latex = compare.to_latex(frame)
    assert r"salvo\_ensemble & 2026-01-02 & 29 & 12,346 &  \\" in latex
    assert latex.startswith(r"\begin{tabular}{llrrr}")


def test_the_winner_is_told_with_its_runner_up() -> None:
    scores = made_scores({REFERENCE_MODEL: [10.0, 12, 14, 9], "steady": [8.0, 8, 9, 8], "lucky": [4.0, 20, 4, 30]})
    (row,) = compare.winners(scores).to_dict("records")
    assert (row["best"], row["second"], row["n_origins"]) == ("steady", REFERENCE_MODEL, 4)
    assert row["ratio"] == pytest.approx(33 / 45)
    assert row["best_at"] == 0.5


def test_the_record_strikes_are_seen_however_many_years_the_picture_has(history_from: HistoryFrom) -> None:
    """Bars thinner than a pixel fall between two of them: of 1,300 days each spike is looked for in the pixels."""
    counts = np.full(1_300, 20.0)
    spikes = np.arange(113, 1_300, 97)
    counts[spikes] = 500.0 + spikes / 10
    figure = compare.record_picture(history_from(counts))
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    pixels = np.asarray(canvas.buffer_rgba())[:, :, :3].astype(int)
    (axes,) = figure.axes
    days = date2num(history_from(counts).days)
    for spike in spikes:
        across, up = axes.transData.transform((days[spike], 0.6 * counts[spike])).round().astype(int)
        around = pixels[len(pixels) - up, across - 1 : across + 2]
        assert around.sum(axis=1).min() < 3 * 170, spike  # darker than half-way to the background
    assert {f"{500 + spike / 10:,.0f}" for spike in spikes[-3:]} <= {text.get_text() for text in axes.texts}
