"""A workbook of ours read back: each of its tables, on a sheet of its own, below others, or on its side."""

import itertools
from io import BytesIO
from typing import Any

from openpyxl import load_workbook

from forecasting.report.workbook import SHEETS, TURNED

Row = tuple[Any, ...]


def tables_of(content: bytes) -> dict[str, list[dict[str, Any]]]:
    """Table -> its rows, each by column."""
    found = {}
    for sheet in load_workbook(BytesIO(content)):
        rows = [*sheet.iter_rows(values_only=True)]
        for name, table in _blocks(rows) if sheet.title in SHEETS else [(sheet.title, rows)]:
            turned = [*zip(*table, strict=True)] if name in TURNED and sheet.title in SHEETS else table
            header, *told = [row for row in turned if any(cell is not None for cell in row)]
            found[name] = [
                {str(key): cell for key, cell in zip(header, row, strict=True) if key is not None} for row in told
            ]
    return found


def _blocks(rows: list[Row]) -> list[tuple[str, list[Row]]]:
    """(name, rows) of the tables on a sheet: each below an empty row and its name."""
    blocks: list[tuple[str, list[Row]]] = []
    for before, row in itertools.pairwise(rows):
        if not any(cell is not None for cell in before):
            blocks.append((str(row[0]), []))
        elif blocks and any(cell is not None for cell in row):
            blocks[-1][1].append(row)
    return blocks
