"""A bounded run of atheris over the readers: `make fuzz`. Linux on x86-64 only, where atheris has wheels.

Whatever the bytes, a reader yields reports and rejected rows or raises InputError. So do the readers of what a person
states: TOML, and settings, a scenario or a defence in it, an address of the page, a typed number, a table of counts,
forecasts made elsewhere. None hangs or takes much memory. One process per reader; libFuzzer ends it at the first
exception, at an input that takes longer than TIMEOUT seconds, and beyond MEMORY megabytes above what the process held
before the first input.
"""

import argparse
import io
import math
import resource
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

TIMEOUT, MEMORY, LONGEST = 10, 200, 2_048
LONGEST_LINE = LONGEST + 4_000
"""Characters of an error: what was given, at most, and what is told of it."""
SHARES = {
    "kaggle": 0.2,
    "table": 0.2,
    "number": 0.2,
    "toml": 0.15,
    "counts": 0.08,
    "bulletin": 0.05,
    "workbook": 0.03,
    "parquet": 0.03,
    "link": 0.03,
    "stated": 0.02,
    "forecasts": 0.01,
}
"""Of the inputs: a bulletin, a workbook, a scenario or an address takes some ten times as long as a row, a file of
forecasts more."""

WATCHED = [
    "features.sources",
    "features.toml_text",
    "features.typed",
    "features.stated",
    "features.scenarios",
    "features.scenario_parts",
    "forecasting.defence.layers",
    "forecasting.service.page.link",
    "experiments.settings",
    "experiments.outside",
]
"""The code whose branches guide the inputs."""
KAGGLE_HEADER = (
    b"time_start,time_end,model,launch_place,target,launched,destroyed,not_reach_goal,destroyed_details,source\n"
)
KAGGLE_ROW = (
    b"2030-03-04 18:00,2030-03-05 08:00,Shahed-136/131,Crimea,Ukraine,90.0,61.0,17.0,\"{'south': 14}\",kpszsu/posts/1\n"
)
SHEET_OPEN = b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
SHEET_HEAD = SHEET_OPEN + b'<row r="1"><c r="A1" t="str"><v>date</v></c><c r="B1" t="str"><v>launched</v></c></row>'
TABLE_HEADERS = (b"date,launched,shot_down\n", b"window_start;window_end;launched;published_at;shot_down_by_area\n")
SEEDS = {
    "kaggle": (
        b"\x00" + KAGGLE_HEADER + KAGGLE_ROW,
        b"\x01" + KAGGLE_ROW * 2,
        b"\x01" + KAGGLE_ROW.replace(b"90", b""),
    ),
    "table": (
        b"\x00" + TABLE_HEADERS[0] + b'2030-03-05,"1,234",7\n31.01.2030,1 234,\n',
        b"\x01" + b"2030-03-05,9,7\n",
        b"\x02" + b"2030-03-04T18:00Z;2030-03-05T08:00+02:00;9;2030-03-06;{'a': NaN}\n",
        b"\x00PK\x03\x04",
        b"\x00PAR1",
    ),
    "toml": (
        b'[scenario]\nname = "own"\n[[layer]]\na.b = { low = 1, mode = 2.5, sources = ["x"], date = 2026-02-28 }\n',
        b'a = """\n\\""" # x"""\nb.\'c\'."d" = [[1_0, 0x1f], "\\u0007"]\n',
    ),
    "workbook": (
        b'<row r="2"><c r="A2" s="1"><v>46082</v></c><c r="B2"><v>118</v></c></row></sheetData></worksheet>',
        b'<row r="3"><c r="XFD3" t="s"><v>0</v></c></row></sheetData><mergeCells count="1"><mergeCell ref="A2:A3"/>'
        b"</mergeCells></worksheet>",
        b'<row><c t="inlineStr"><is><t>2030-03-01</t></is></c><c t="b"><v>1</v></c><c t="d"><v>2030</v></c></row>',
    ),
    "parquet": (b"\x00\x00\x00\x00", b"\x00\x20\xff\x01\x10\x00\x00\x02"),
    "number": (b"99,5", b"12.000", b"1\xc2\xa0234,5", b"-1e308", b"95 %", b"1,234,567.8", "٣".encode()),
    "counts": (
        b"\x00layer,quantity,date\ninterceptor_drone,12 000,2026-02-28\n",
        b'\x00layer,quantity\n"a",1.000\n',
        b'\x01<row r="1"><c r="A1" t="inlineStr"><is><t>layer</t></is></c><c r="B1" t="inlineStr"><is><t>quantity</t>'
        b'</is></c></row><row r="2"><c r="A2" t="inlineStr"><is><t>gun</t></is></c><c r="B2"><v>7</v></c></row>'
        b"</sheetData></worksheet>",
    ),
    "link": (
        b"days=28&safety=99,5&stock.interceptor_drone=12000&supply.gun=800/week&hold.x=0.5&due=gun+2026-03-05+7",
        b"own.scenario=eNpjYACDGI2Bgrg_&scenario=own.&lang=uk&layers=2&layer=a&layer=b&shown=published&held=x",
    ),
    "stated": (
        b'\x00[[source]]\nkind = "table"\npath = "a"\nmap = {launched = "UAVs"}\n[retrain]\norigins = 5\n',
        b'\x01[scenario]\nname = "own"\nbased_on = "published"\n[[event]]\nid = "x"\nkind = "strike"\n',
        b'\x02[defence]\nname = "own"\n[[layer]]\nid = "a"\nkill_probability = { low = 0.1, mode = 0.2, high = 0.3 }\n',
    ),
    "forecasts": (
        b"model,origin,day_1,day_2\nmine,2026-01-01,1,2\nmine,2026-01-01,3,4\n",
        b"model_id,reference_date,horizon,output_type,output_type_id,value,target_end_date,published_at\n"
        b"mine,2026-01-01,1,quantile,0.5,7,2026-01-02,2026-01-01\n",
    ),
    "bulletin": (
        "У ніч на 5 березня (з 18:00 4 березня) противник атакував 90-ма ударними БпЛА типу Shahed. Збито 61 ворожий "
        "БпЛА, 17 – локаційно втрачені.".encode(),
        b"2030-03-05 08:30\nIn the night of 5 March, the enemy attacked with 90 drones and 3 Iskander-M missiles from "
        b"Crimea. Air defence shot down 61 drones and 2 missiles; 17 did not reach their targets.\n",
        b'{"messages": [{"date": "2030-03-05T08:30:00", "text": ["57 Shahed ", {"text": "drones"}]}]}',
    ),
}


def one_input(reader: str, scratch: Path) -> Callable[[bytes], None]:
    """The function that reads one input to its end; only InputError may leave a reader, and it is caught."""
    from features.errors import InputError
    from features.records import SalvoReport
    from features.sources.bulletin import parse_bulletin, read_bulletins, review
    from features.sources.kaggle import read_kaggle
    from features.sources.reading import RejectedRow
    from features.sources.table import read_table

    if reader in TEXTS:
        return lambda data: TEXTS[reader](data.decode("utf-8", "replace"))
    if reader == "counts":
        return lambda data: _read_counts(data, scratch)
    if reader == "forecasts":
        return lambda data: _read_forecasts(data, scratch)
    path = scratch / "missile_attacks_daily.2031-01-01.csv"
    received = datetime(2031, 1, 1, tzinfo=UTC)
    made = {"workbook": _workbook_of, "parquet": _parquet_of, "kaggle": _kaggle_of, "table": _table_of}

    def read(data: bytes) -> None:
        try:
            if reader == "bulletin":
                text = data.decode("utf-8", "replace")
                review(parse_bulletin(text, received=received))
                reading = read_bulletins(text, received=received)
            else:
                path.write_bytes(made[reader](data))
                reading = read_kaggle(path) if reader == "kaggle" else read_table(path)
            for row in reading.rows:
                if not isinstance(row, SalvoReport | RejectedRow):
                    raise TypeError(f"{row!r} is neither a report nor a rejected row")
        except InputError:
            pass

    return read


@contextmanager
def _told_in_a_line() -> Iterator[None]:
    """Lets an InputError pass that a person can read, and nothing else."""
    from features.errors import InputError

    try:
        yield
    except InputError as error:
        if len(str(error)) > LONGEST_LINE:
            raise TypeError(f"{len(str(error)):,} characters are no line: {str(error)[:200]!r}") from error


def _parse_toml(text: str) -> None:
    from features.errors import InputError
    from features.toml_text import parse_toml

    try:
        parse_toml(text, "own.toml")
    except InputError as error:
        if not str(error).isprintable():
            raise TypeError(f"{str(error)!r} is no line that can be shown") from error


def _parse_stated(text: str) -> None:
    """Settings, a scenario or a defence, as the first character says."""
    from experiments.settings import parse_settings
    from features.scenarios import parse_scenario
    from forecasting.defence.layers import parse_defence

    parse: tuple[Callable[..., object], ...] = (
        parse_settings,
        lambda text, name: parse_scenario(text, name, on_files=False),
        parse_defence,
    )
    with _told_in_a_line():
        parse[ord(text[:1] or "\0") % 3](text[1:], "own.toml")


def _parse_number(text: str) -> None:
    from features.typed import typed_count, typed_number, typed_share

    for read in (typed_number, typed_count, typed_share):
        with _told_in_a_line():
            number = read(text)
            if not math.isfinite(number) or (read is typed_count and number < 0):
                raise TypeError(f"{text!r} was read as {number!r}")


def _parse_link(text: str) -> None:
    """An address that is understood is written and understood again as the same."""
    from urllib.parse import parse_qsl

    from forecasting.service.page.link import parse_query

    with _told_in_a_line():
        asked = parse_query(parse_qsl(text, keep_blank_values=True))
        if parse_query(parse_qsl(asked.query)).request != asked.request:
            raise TypeError(f"{asked.query!r} is another request")


TEXTS = {"toml": _parse_toml, "stated": _parse_stated, "number": _parse_number, "link": _parse_link}


def _read_counts(data: bytes, scratch: Path) -> None:
    from features.sources.counts import read_counts_table

    path = scratch / ("counts.xlsx" if data[:1] == b"\x01" else "counts.csv")
    path.write_bytes(_sheet_of(SHEET_OPEN + data[1:]) if data[:1] == b"\x01" else data[1:])
    with _told_in_a_line():
        list(read_counts_table(path))


def _read_forecasts(data: bytes, scratch: Path) -> None:
    from experiments.outside import read_forecasts

    path = scratch / "2026-01-01-mine.csv"
    path.write_bytes(data)
    with _told_in_a_line():
        read_forecasts([path])


def _with_header(data: bytes, headers: tuple[bytes, ...]) -> bytes:
    return (headers[data[0] - 1] if data and 0 < data[0] <= len(headers) else b"") + data[1:]


def _kaggle_of(data: bytes) -> bytes:
    return _with_header(data, (KAGGLE_HEADER,))


def _table_of(data: bytes) -> bytes:
    return _with_header(data, TABLE_HEADERS)


@cache
def _plain_workbook() -> dict[str, bytes]:
    import openpyxl

    book, out = openpyxl.Workbook(), io.BytesIO()
    sheet = book.worksheets[0]
    sheet.append(["shared"])
    sheet["A1"].number_format = "yyyy-mm-dd"
    book.save(out)
    with zipfile.ZipFile(out) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def _workbook_of(data: bytes) -> bytes:
    """A workbook with this after the first row of its sheet: bytes that are no zip are told at once."""
    return _sheet_of(SHEET_HEAD + data)


def _sheet_of(sheet: bytes) -> bytes:
    """A workbook whose sheet is this."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in _plain_workbook().items():
            archive.writestr(name, sheet if name == "xl/worksheets/sheet1.xml" else content)
    return out.getvalue()


@cache
def _plain_parquet() -> bytes:
    import pyarrow  # type: ignore[import-untyped]
    import pyarrow.parquet  # type: ignore[import-untyped]

    out = io.BytesIO()
    moments = [datetime(2030, 3, 1, hour, tzinfo=UTC) for hour in range(24)]
    columns = {"window_start": moments, "window_end": moments, "launched": [9] * 24, "target_area": ["south"] * 24}
    pyarrow.parquet.write_table(pyarrow.table(columns), out)
    return out.getvalue()


def _parquet_of(data: bytes) -> bytes:
    """A Parquet file damaged here and there: four bytes are a place, what to write there, and how much to cut."""
    damaged = bytearray(_plain_parquet())
    for high, low, value, cut in zip(*[iter(data)] * 4, strict=False):
        damaged[4 + (high * 256 + low) % (len(damaged) - 4)] = value
        del damaged[len(damaged) - cut // 128 * (cut % 128) : len(damaged)]
        if len(damaged) < 8:
            break
    return bytes(damaged)


def fuzz(reader: str, runs: int, seed: int, scratch: Path) -> None:
    """Fuzzes one reader in this process, and ends it: atheris does not return."""
    import atheris

    with atheris.instrument_imports(include=WATCHED):
        read = one_input(reader, scratch)
        for data in SEEDS[reader]:  # imports what it reads with
            read(data)
    import openpyxl  # noqa: F401  # what a reader loads is not what an input takes
    import pyarrow.parquet  # noqa: F401

    corpus = scratch / "corpus"
    corpus.mkdir()
    for number, data in enumerate(SEEDS[reader]):
        (corpus / f"{number}").write_bytes(data)
    baseline = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    options = [f"-runs={runs}", f"-seed={seed}", f"-timeout={TIMEOUT}", f"-max_len={LONGEST}", "-print_final_stats=1"]
    options += [f"-rss_limit_mb={baseline + MEMORY}", f"-artifact_prefix={tempfile.gettempdir()}/salvocast-{reader}-"]
    print(f"{reader}: {baseline} MB before the first input", flush=True)
    atheris.Setup([sys.argv[0], *options, str(corpus)], read)
    atheris.Fuzz()


def main() -> int:
    """Runs one process per reader, and tells how many inputs each has read."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=1_000_000, help="inputs of all readers together")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--reader", choices=SHARES, help="this one alone, with all the inputs")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        fuzz(given.reader, given.runs, given.seed, given.child)
    failed = []
    memory = Path("/dev/shm")  # files that are written a million times
    for reader, share in SHARES.items() if given.reader is None else {given.reader: 1.0}.items():
        command = [sys.executable, __file__, "--reader", reader, "--runs", f"{round(given.runs * share)}"]
        started = time.monotonic()
        with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as scratch:
            command += ["--seed", f"{given.seed}", "--child", scratch]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
        told = done.stdout.splitlines()[:1] + [line for line in done.stderr.splitlines() if line.startswith("stat::")]
        print(
            "\n".join(told), f"{reader}: exit code {done.returncode} after {time.monotonic() - started:.0f} s", sep="\n"
        )
        if done.returncode:
            failed.append(reader)
            print(done.stdout[-3_000:], done.stderr[-3_000:])
    return len(failed)


if __name__ == "__main__":
    sys.exit(main())
