"""One picture of a comparison of scenarios: what differs from the baseline, horizon by horizon."""

import numpy as np
from matplotlib.figure import Figure

from forecasting.report.comparison_document import ComparisonDocument
from forecasting.report.comparison_text import answer_sentence, comparison_head
from forecasting.report.drawing import picture_style
from forecasting.report.language import translator
from forecasting.report.pictures import render

SHOWN = {
    "output": "Drones that reach the store",
    "launched": "Drones launched",
    "leakers": "Armed drones that leak",
    "order_cost_usd": "Cost of the orders, million USD",
}
"""Measure of all layers together -> the title of its panel."""


def scenarios_picture(
    document: ComparisonDocument, *, theme: str = "light", language: str = "en", narrow: bool = False
) -> Figure:
    """A panel per measure, a group of bars per horizon, a bar per scenario with two standard errors of its difference
    to the baseline, which is drawn too."""
    drawn, t = picture_style(theme, language, narrow=narrow), translator(language)
    figure = drawn.figure(8.4 if narrow else 5.6)
    panels = figure.subplots(4, 1) if narrow else figure.subplots(2, 2).flat
    names = [each.scenario for each in document.scenarios]
    horizons = document.windows
    found = {(each.scenario, each.n_days, each.measure): each for each in document.figures if each.layer is None}
    width = 0.8 / len(names)
    for axes, (measure, title) in zip(panels, SHOWN.items(), strict=True):
        unit = 1e6 if measure == "order_cost_usd" else 1.0
        for number, name in enumerate(names):
            figures = [found[name, n_days, measure] for n_days in horizons]
            colour, _ = drawn.line(number)
            axes.bar(
                np.arange(len(horizons)) + (number - (len(names) - 1) / 2) * width,
                [each.value / unit for each in figures],
                width,
                yerr=[2 * (each.difference_error or 0.0) / unit for each in figures] if number else None,
                color=colour,
                ecolor=drawn.theme.ink,
                label=t("{name} (baseline)", name=name) if number == 0 else name,
            )
        axes.set_xticks(range(len(horizons)), [f"1-{n_days}" for n_days in horizons])
        axes.set_ylim(bottom=0)
        drawn.count_axis(axes)
        below = t("days; bars: two standard errors of the difference to {name}", name=names[0])
        drawn.frame(axes, t(title), below, beside=2)
    drawn.shared_legend(figure)
    return figure


def describe_scenarios(document: ComparisonDocument, language: str = "en") -> str:
    """The picture in words."""
    t = translator(language)
    return " ".join(answer_sentence(document, each, t) for each in document.scenarios[1:]) or comparison_head(
        document, t
    )


def scenarios_svg(
    document: ComparisonDocument, language: str = "en", theme: str = "light", *, narrow: bool = False
) -> bytes:
    """The picture as an SVG file."""
    figure = scenarios_picture(document, theme=theme, language=language, narrow=narrow)
    title = translator(language)("Scenarios side by side")
    return render(figure, ".svg", title, describe_scenarios(document, language), language=language)
