"""Tables of a backtest as they are given out: CSV, Markdown, LaTeX."""

from collections.abc import Callable
from typing import Any

import pandas as pd
from pandas.api.types import is_datetime64_any_dtype, is_float_dtype


def to_markdown(frame: pd.DataFrame) -> str:
    """A frame as a Markdown table, to be pasted into an issue or a README.

    Parameters
    ----------
    frame : pandas.DataFrame
        Such as `experiments.compare.leaderboard` or `paired_differences` gives.

    Returns
    -------
    str
        Numbers with three significant digits, whole ones from 100 on; days as dates; without run_id.
    """
    shown = _in_words(frame).map(lambda text: text.replace("|", "\\|"))
    text: str = shown.to_markdown(index=False, disable_numparse=True, colalign=_alignment(frame, "left", "right"))
    return text + "\n"


def to_latex(frame: pd.DataFrame) -> str:
    """A frame as a LaTeX table (booktabs), with what LaTeX would read otherwise escaped.

    Parameters
    ----------
    frame : pandas.DataFrame
        As of `to_markdown`.

    Returns
    -------
    str
        As of `to_markdown`.
    """
    text: str = _in_words(frame).to_latex(index=False, escape=True, column_format="".join(_alignment(frame, "l", "r")))
    return text


TABLE_FORMS: dict[str, Callable[[pd.DataFrame], str]] = {
    ".csv": lambda frame: str(frame.to_csv(index=False, lineterminator="\n")),
    ".md": to_markdown,
    ".tex": to_latex,
}
"""How the name of a file ends -> what writes it."""


def _shown(frame: pd.DataFrame) -> pd.DataFrame:
    """Without what is for programs."""
    return frame.drop(columns="run_id", errors="ignore")


def _in_words(frame: pd.DataFrame) -> pd.DataFrame:
    shown = _shown(frame)
    return pd.DataFrame({name: [_word(value, column) for value in column] for name, column in shown.items()}, dtype=str)


def _word(value: Any, column: "pd.Series[Any]") -> str:
    if pd.isna(value):
        return ""
    if is_datetime64_any_dtype(column):
        return f"{value:%Y-%m-%d}"
    if is_float_dtype(column):
        return f"{value:.3g}" if abs(float(value)) < 100 else f"{value:,.0f}"
    return str(value)


def _alignment(frame: pd.DataFrame, words: str, numbers: str) -> list[str]:
    kinds = [pd.api.types.is_numeric_dtype(column) for _, column in _shown(frame).items()]
    return [numbers if number else words for number in kinds]
