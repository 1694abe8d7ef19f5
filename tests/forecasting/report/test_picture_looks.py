"""How pictures look: nothing runs into another, everything can be read, whoever looks at it."""

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex, to_rgb

from features.errors import InputError
from forecasting.report.drawing import DASHES, THEMES, text_width, wrap_text
from forecasting.report.pictures import (
    PICTURES,
    tornado_picture,
)
from tests.forecasting.report.pictured import SENSITIVITY, contrast, drawn


@pytest.mark.parametrize("name", PICTURES)
@pytest.mark.parametrize("language", ["en", "uk"])
@pytest.mark.parametrize("narrow", [False, True])
def test_no_text_runs_out_of_a_picture_or_into_another(
    name: str, language: str, narrow: bool, pictured: dict[str, Any]
) -> None:
    figure = drawn(name, pictured, language=language, narrow=narrow)
    FigureCanvasAgg(figure)
    figure.draw_without_rendering()
    page = figure.bbox
    boxes = []
    for axes in figure.axes:
        legend = axes.get_legend()
        ticks = [
            label
            for axis in (axes.xaxis, axes.yaxis)
            for label, place in zip(axis.get_ticklabels(), axis.get_ticklocs(), strict=True)
            if min(axis.get_view_interval()) <= place <= max(axis.get_view_interval())
        ]
        texts = [axes._left_title, *axes.texts, *ticks]  # type: ignore[attr-defined]
        parts = [text for text in texts if text.get_text()]
        boxes += [part.get_window_extent() for part in [*parts, *([legend] if legend else [])]]
    boxes += [legend.get_window_extent() for part in (figure, *figure.subfigs) for legend in part.legends]
    for box in boxes:
        assert box.x0 >= page.x0 - 2
        assert box.x1 <= page.x1 + 6  # the label of the last tick may lean out a little
        assert box.y0 >= page.y0 - 2
        assert box.y1 <= page.y1 + 2
    for one, other in itertools.combinations(boxes, 2):
        across = min(one.x1, other.x1) - max(one.x0, other.x0)
        along = min(one.y1, other.y1) - max(one.y0, other.y0)
        assert across <= 2 or along <= 3


def test_another_theme_is_refused_with_those_there_are() -> None:
    with pytest.raises(InputError, match="unknown theme 'darkk': did you mean dark"):
        tornado_picture(SENSITIVITY, theme="darkk")


@pytest.mark.parametrize("theme", THEMES.values(), ids=THEMES)
def test_everything_stands_out_from_the_background(theme: Any) -> None:
    for text in (theme.ink, theme.faint):
        assert contrast(text, theme.background) >= 4.5  # WCAG 2.1, 1.4.3
    for graphic in (theme.blue, theme.orange, theme.grey, *theme.lines):
        assert contrast(graphic, theme.background) >= 3  # 1.4.11
    assert contrast(theme.ink, to_hex(theme.bands[-1])) >= 3  # the median over the 50 % interval


# Machado, Oliveira and Fernandes (2009), severity 1: protanopia, deuteranopia, tritanopia.
BLINDNESS = (
    ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
    ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881)),
    ((1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602), (0.004733, 0.691367, 0.303900)),
)


def seen(colour: str, matrix: Sequence[Sequence[float]]) -> "np.ndarray[Any, np.dtype[np.float64]]":
    """The colour as seen, in CIE L*a*b* (D65)."""
    srgb = np.array(to_rgb(colour))
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    linear = np.clip(np.array(matrix) @ linear, 0, 1)
    xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]) @ linear
    ratio = xyz / np.array([0.9505, 1.0, 1.089])
    f = np.where(ratio > 0.008856, np.cbrt(ratio), 7.787 * ratio + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("theme", THEMES.values(), ids=THEMES)
@pytest.mark.parametrize("matrix", BLINDNESS, ids=["protanopia", "deuteranopia", "tritanopia"])
def test_no_two_things_are_told_apart_by_a_colour_that_some_do_not_see(
    theme: Any, matrix: Sequence[Sequence[float]]
) -> None:
    def apart(one: str, other: str) -> float:
        return float(np.linalg.norm(seen(one, matrix) - seen(other, matrix)))

    assert min(apart(*pair) for pair in itertools.combinations((theme.blue, theme.orange, theme.grey), 2)) > 15
    for (i, one), (k, other) in itertools.combinations(enumerate(theme.lines), 2):
        if i % len(DASHES) == k % len(DASHES):
            assert apart(one, other) > 15


def test_a_band_looks_as_it_does_in_the_legend() -> None:
    for theme in THEMES.values():
        outer, middle, inner = theme.bands
        assert all(len(colour) == 3 for colour in theme.bands)  # opaque: no mixture with the band below
        steps = [np.linalg.norm(np.subtract(one, other)) for one, other in ((outer, middle), (middle, inner))]
        assert min(steps) > 0.1


def test_lines_are_broken_where_the_room_ends() -> None:
    text = "a plan that is held against the record"
    for room in (40.0, 90.0, 200.0):
        lines = wrap_text(text, room, 9.0)
        assert " ".join(lines) == text
        assert all(text_width(line, 9.0) <= room or " " not in line for line in lines)
        for line, following in itertools.pairwise(lines):  # none is broken before it must be
            assert text_width(f"{line} {following.split(' ')[0]}", 9.0) > room
    assert text_width("w", 9.0, "bold") > text_width("w", 9.0) > text_width("i", 9.0)


def test_dates_and_numbers_are_written_as_the_language_does(pictured: dict[str, Any]) -> None:
    texts = {}
    measure = SENSITIVITY.measures[0].model_copy(update={"value": 2_000.0})
    large = SENSITIVITY.model_copy(update={"measures": [measure]})
    for language in ("en", "uk"):
        figure = drawn("sensitivity", pictured | {"sensitivity": large}, language=language)
        figure.draw_without_rendering()
        numbers = [label.get_text() for label in figure.axes[0].get_xticklabels()]
        figure = drawn("forecast", pictured, language=language)
        figure.draw_without_rendering()
        dates = [label.get_text() for label in figure.axes[0].get_xticklabels()]
        texts[language] = numbers, dates
    assert "2,000" in texts["en"][0]
    assert "2\u00a0000" in texts["uk"][0]
    assert "1 Mar" in texts["en"][1]
    assert "1 бер." in texts["uk"][1]
