"""The rows of a Parquet file, as text."""

from collections.abc import Iterator
from pathlib import Path

from features.errors import InputError, one_line
from features.sources.cells import Row, value_text

MOST_ROWS = 5_000_000
"""A few bytes may stand for any number of equal rows."""
LARGEST_GROUP = 1_000_000_000
"""Bytes of one group of rows, unpacked: its columns are held in memory by parts of this."""
BATCH = 10_000


def parquet_rows(path: Path, wanted: str) -> Iterator[Row]:
    """The names of the columns, then the rows. Raises InputError, in one line, for a file that cannot be read.

    A value that Python has no date for, or that cannot be shown, costs its row; `wanted` says what was expected.
    """
    import pyarrow  # slow to import, and most tables are CSV
    import pyarrow.parquet

    try:
        with pyarrow.parquet.ParquetFile(path) as file:
            told = file.metadata
            largest = max((told.row_group(number).total_byte_size for number in range(told.num_row_groups)), default=0)
            if told.num_rows > MOST_ROWS or largest > LARGEST_GROUP:
                raise InputError(
                    f"{path} has {told.num_rows:,} rows, and groups of up to {largest:,} bytes: "
                    f"expected at most {MOST_ROWS:,}, and {LARGEST_GROUP:,}"
                )
            yield list(file.schema_arrow.names), ""
            for batch in file.iter_batches(batch_size=BATCH):
                columns = [_texts(column) for column in batch.columns]
                for values in zip(*columns, strict=True):
                    problem = next((str(value) for value in values if isinstance(value, InputError)), "")
                    yield ["" if isinstance(value, InputError) else value for value in values], problem
    except InputError:
        raise
    except Exception as error:  # a damaged file raises whatever its damaged part leads to
        told = f"{type(error).__name__}: {error}"
        raise one_line(f"{path} is no Parquet file that can be read ({told}): expected {wanted}") from error


def _texts(column: "object") -> list[str | InputError]:
    """The values of a column as text; in the place of one that has no text, what is wrong with it."""
    try:
        return [value_text(value) for value in column.to_pylist()]  # type: ignore[attr-defined]
    except (ArithmeticError, ValueError):  # one of them is beyond the calendar; which, is seen one by one
        return [_text(value) for value in column]  # type: ignore[attr-defined]


def _text(value: "object") -> str | InputError:
    try:
        return value_text(value.as_py())  # type: ignore[attr-defined]
    except (ArithmeticError, ValueError) as error:
        return one_line(f"a value has no date or text ({error}): expected a date of the calendar")
