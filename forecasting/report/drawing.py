"""How every picture looks: two themes, two widths, two languages, and colours that nobody confuses."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from importlib.resources import as_file, files
from typing import Any, Self

import numpy as np
from matplotlib import rc_params_from_file
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.dates import AutoDateLocator, num2date
from matplotlib.figure import Figure, SubFigure
from matplotlib.font_manager import FontProperties
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.textpath import text_to_path
from matplotlib.ticker import FuncFormatter, MaxNLocator
from matplotlib.transforms import ScaledTranslation

from features.errors import unknown_name
from features.printable import printable
from forecasting.report.language import Translator, translator

DASHES = ("-", "--", "-.", ":")
_BAND_STRENGTHS = (0.2, 0.45, 0.75)
_WORD_JOINER = "\u2060"  # has no width
_YEARS_FROM = 300
"""Days on an axis from which its labels are months and years."""


@dataclass(frozen=True)
class Theme:
    """Colours on a background, from the style file of that name beside this module.

    lines: for series side by side; blue, the first, is the forecast, orange, the second, what is massed. grey: for the
    past. With the dashes no two lines are told apart by colour alone.
    """

    background: str
    ink: str
    faint: str
    grey: str
    lines: tuple[str, ...]

    @classmethod
    def of_style(cls, name: str) -> Self:
        """The colours of a style file."""
        with as_file(files("forecasting.report").joinpath(f"{name}.mplstyle")) as path:
            style = rc_params_from_file(path, use_default_template=False)
        return cls(
            background=style["figure.facecolor"],
            ink=style["text.color"],
            faint=style["axes.edgecolor"],
            grey=style["patch.facecolor"],
            lines=tuple(style["axes.prop_cycle"].by_key()["color"]),
        )

    @property
    def blue(self) -> str:
        return self.lines[0]

    @property
    def orange(self) -> str:
        return self.lines[1]

    @property
    def bands(self) -> tuple[tuple[float, ...], ...]:
        """Of the 95, 80 and 50 % intervals, the later over the earlier: blue mixed into the background. Opaque, so that
        a band looks as it does in the legend."""
        blue, background = np.array(to_rgb(self.blue)), np.array(to_rgb(self.background))
        return tuple(tuple(share * blue + (1 - share) * background) for share in _BAND_STRENGTHS)


THEMES = {name: Theme.of_style(name) for name in ("light", "dark")}


@dataclass(frozen=True)
class PictureStyle:
    """The theme, the words and the width that a picture is drawn with.

    narrow: for a phone, 360 CSS pixels wide. names_width: points for names along the y axis; 0 where numbers stand.
    """

    theme: Theme
    words: Translator
    narrow: bool = False
    names_width: float = 0.0

    @property
    def size(self) -> float:
        """Of ordinary text, in points."""
        return 8.0 if self.narrow else 10.0

    @property
    def _width(self) -> float:
        """Of the figure, in points."""
        return 270.0 if self.narrow else 720.0

    @property
    def _beside_axes(self) -> float:
        """Points that the labels of the y axis take."""
        return self.names_width + 12 if self.names_width else 4.4 * self.size

    def figure(self, height: float) -> Figure:
        """A figure so many inches high, and as wide as the look has it."""
        figure = Figure(figsize=(self._width / 72, height), layout=ConstrainedLayoutEngine(h_pad=0.08))
        # The layout begins about where it ends: else a legend as wide as the axes pushes their right end in for good.
        figure.subplotpars.update(left=self._beside_axes / self._width, right=1 - 8 / self._width)
        figure.set_facecolor(self.theme.background)
        return figure

    def frame(self, axes: Axes, title: str, *below: str, beside: float = 1) -> None:
        """Axes without a box, in the colours of the theme, under a title and fainter lines.

        beside: how many panels as wide as this share the width.
        """
        axes.set_facecolor("none")
        axes.spines[["top", "right"]].set_visible(False)
        axes.spines[["left", "bottom"]].set_color(self.theme.faint)
        axes.tick_params(color=self.theme.faint, labelcolor=self.theme.ink, labelsize=self.size)
        room = self._width / beside - self._beside_axes - 8
        lines = [line for text in below if text for line in wrap_text(text, room, self.size)]
        axes.set_title(
            "\n".join(map(drawable, wrap_text(title, room, self.size + 1, "bold"))),
            loc="left",
            color=self.theme.ink,
            fontsize=self.size + 1,
            fontweight="bold",
            pad=7 + 1.35 * self.size * len(lines),
        )
        axes.annotate(
            "\n".join(map(drawable, lines)),
            (0, 1),
            xytext=(0, 5),
            xycoords="axes fraction",
            textcoords="offset points",
            color=self.theme.faint,
            fontsize=self.size,
            va="bottom",
        )

    def names(self, axes: Axes, names: Sequence[str]) -> None:
        """Names along y, the first on top."""
        labels = ["\n".join(map(drawable, wrap_text(name, self.names_width, self.size))) for name in names]
        axes.set_yticks(range(len(names)), labels)
        axes.set_ylim(max(len(names), 1) - 0.5, -0.5)

    def legend(self, axes: Axes) -> None:
        """The legend, under the axes: over them it would hide what they show."""
        figure = axes.get_figure()
        assert figure is not None
        below = ScaledTranslation(0, -2.6 * self.size / 72, figure.dpi_scale_trans)  # under the labels of the ticks
        handles, labels = axes.get_legend_handles_labels()
        axes.legend(
            handles,
            labels,
            loc="upper left",
            bbox_to_anchor=(0, 0),
            bbox_transform=axes.transAxes + below,
            borderaxespad=0,
            **self._legend(labels, self._width - self._beside_axes - 4),
        )

    def shared_legend(self, figure: Figure | SubFigure) -> None:
        """One legend for all axes of the figure, under them."""
        entries: dict[str, Artist] = {}
        for axes in figure.axes:
            handles, labels = axes.get_legend_handles_labels()
            entries = dict(zip(labels, handles, strict=True)) | entries
        labels = list(entries)
        style = self._legend(labels, self._width - 12)
        figure.legend(list(entries.values()), labels, loc="outside lower center", **style)

    def _legend(self, labels: Sequence[str], room: float) -> dict[str, Any]:
        """As many columns as there is room for, in points."""
        widths = [text_width(label, self.size) + 3.8 * self.size for label in labels]

        def width(columns: int) -> float:
            return float(sum(column.max() for column in np.array_split(widths, columns)))

        return {
            "ncols": max((n for n in range(1, len(labels) + 1) if width(n) <= room), default=1),
            "columnspacing": 1.2,
            "handlelength": 1.8,
            "borderpad": 0,
            "fontsize": self.size,
            "labelcolor": self.theme.ink,
            "frameon": False,
        }

    def date_axis(self, axes: Axes, beside: float = 1) -> None:
        """Days along x, written as the language does. beside: as of `frame`."""
        locator = AutoDateLocator(minticks=2, maxticks=4 if self.narrow else round(9 / beside))  # type: ignore[no-untyped-call]
        axes.xaxis.set_major_locator(locator)
        axes.margins(x=0.01)

        def text(value: float, _: int) -> str:
            first, last = axes.get_xlim()
            day = num2date(value).date()  # type: ignore[no-untyped-call]
            return self.words.day(day, "LLL y" if last - first > _YEARS_FROM else "d MMM")

        axes.xaxis.set_major_formatter(FuncFormatter(text))

    def count_axis(self, axes: Axes, *, across: bool = False, percent: bool = False) -> None:
        """Whole numbers, or per cent, from 0; along x where `across`."""
        axis = axes.xaxis if across else axes.yaxis
        axis.set_major_locator(MaxNLocator(4 if self.narrow and across else 6, integer=True))
        unit = "\u00a0%" if percent else ""
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{self.words.number(value)}{unit}"))
        axes.grid(axis="x" if across else "y", color=self.theme.faint, alpha=0.25, lw=0.6)
        axes.set_axisbelow(True)

    def line(self, index: int) -> tuple[str, str]:
        """Colour and dash of the series of that number."""
        return self.theme.lines[index % len(self.theme.lines)], DASHES[index % len(DASHES)]


def picture_style(theme: str, language: str, *, narrow: bool = False, names_width: float = 0.0) -> PictureStyle:
    """The look of these names. Raises InputError for a theme or language that there is not."""
    if theme not in THEMES:
        raise unknown_name("theme", theme, THEMES)
    return PictureStyle(THEMES[theme], translator(language), narrow, names_width)


def drawable(text: str) -> str:
    """A line as Matplotlib is to be given it, to draw it as it is: no formula between two dollars, no label that hides
    because it begins with an underscore."""
    text = printable(text).replace("$", r"\$")
    return f"{_WORD_JOINER}{text}" if text.startswith("_") else text


@lru_cache(maxsize=2_000)
def text_width(text: str, size: float, weight: str = "normal") -> float:
    """Points that the text takes in Matplotlib's own font, of which every machine has the same."""
    font = FontProperties(size=size, weight=weight)
    return float(text_to_path.get_text_width_height_descent(text, font, ismath=False)[0])


def wrap_text(text: str, room: float, size: float, weight: str = "normal") -> list[str]:
    """The text in lines of at most `room` points; a longer word has a line of its own."""
    lines: list[str] = []
    for word in text.split(" "):
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and text_width(longer, size, weight) <= room:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def days64(days: Sequence[date]) -> "np.ndarray[tuple[int], np.dtype[np.datetime64]]":
    """(n,) days for an axis."""
    return np.array(days, dtype="datetime64[D]")
