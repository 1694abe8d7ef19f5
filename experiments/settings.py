"""`settings.toml`: what an operator sets up once. Every key is optional; `salvocast retrain --show-settings` lists all.

[[source]]                        # where new reports come from, read in this order
kind = "bulletin"                 # bulletin, table or kaggle, as `salvocast ingest` reads them
path = "inbox/*.txt"              # a file, a folder or a pattern; from the folder of this file
[[source]]
kind = "table"
path = "counts.csv"
map = {launched = "UAVs"}

[retrain]
challengers = ["two_regime"]      # who may become champion
[alerts]
command = ["notify", "--urgent"]  # the message comes on its stdin
[retention]
runs_days = 365
"""

import hashlib
import os
from pathlib import Path
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, ValidationError, model_validator

from experiments.folds import BANDS
from features.errors import InputError, unknown_name
from features.home import salvocast_home
from features.records import SHAHED, UKRAINE, QuietDayRule
from features.stated import Name, Stated, input_error, read_stated
from features.toml_text import parse_toml
from forecasting.salvos.model import MAX_PATHS, MODELS

SETTINGS = "settings.toml"
LONGEST_HORIZON = max(band.last for band in BANDS)

Days = Annotated[int, Field(ge=1, le=36_500)]


def _in_a_home(path: str) -> str:
    """The path with `~` and `~user` put out in full."""
    try:
        return str(Path(path).expanduser()) if path.startswith("~") else path
    except RuntimeError as error:
        raise ValueError("there is no such user: write the whole path") from error


Place = Annotated[str, Field(min_length=1), AfterValidator(_in_a_home)]


class _Source(Stated):
    """What every source has: a kind and a place."""

    kind: str
    path: str | None

    @property
    def told(self) -> str:
        """The source in a message."""
        return f"{self.kind} {self.path}" if self.path else self.kind


class BulletinSource(_Source):
    """Texts of the Air Force. path: a file, a folder or a pattern such as inbox/*.txt."""

    kind: Literal["bulletin"]
    path: Place


class TableSource(_Source):
    """Tables of one's own, with the options of `salvocast ingest table`.

    path: as of bulletins. map: field -> column, for columns not named as fields. classes: text in the column of the
    weapon class -> the class. only: column -> texts of the rows to read. sum: rows of one salvo are added up.
    quiet_days: which days between the rows had no launches. sheet, skip_rows: where the table is in its file.
    """

    kind: Literal["table"]
    path: Place
    map: dict[str, str] = Field(default={})
    classes: dict[str, Name] = Field(default={})
    only: dict[str, Annotated[tuple[str, ...], Field(strict=False)]] = Field(default={})
    sum: bool = False
    quiet_days: Annotated[QuietDayRule | None, Field(strict=False)] = None
    sheet: str | None = None
    skip_rows: Annotated[int, Field(ge=0, le=1_000)] = 0
    theatre: Name = UKRAINE
    weapon_class: Name = SHAHED
    timezone: str = "Europe/Kyiv"

    @model_validator(mode="after")
    def _check(self) -> Self:
        try:
            ZoneInfo(self.timezone)
        except (KeyError, ValueError, OSError) as error:  # unknown, a path, a folder
            raise ValueError(f"timezone is '{self.timezone}': expected a name such as Europe/Kyiv") from error
        return self


class KaggleSource(_Source):
    """Snapshots of the public table. path: a file, a folder or a zip of them; without one the newest is downloaded."""

    kind: Literal["kaggle"]
    path: Place | None = None


Source = BulletinSource | TableSource | KaggleSource


class RetrainSettings(Stated):
    """How the champion is found.

    first_champion: the model that serves from the first retraining on, untested. challengers: models that may replace
    it; the defaults are the ensemble, its parts, and the model that the best of them rests on. Not among them are
    gradient_boosting and global_boosting, which take many times as long as the ensemble and have been worse.
    origins: how many recent origins the recipes are compared at, every_days apart, each with horizon days after it that
    are known by now: a year of them, so that no single campaign chooses. fewest_origins: with fewer the champion stays,
    whatever the scores. paths, seed: of each forecast.
    A challenger needs all of: a mean score lower by `margin` (share of the champion's), a p-value that is small enough,
    and a coverage of the 80 % intervals that is not further from 80 % than the champion's by more than
    coverage_tolerance and by more than chance explains.
    p_value: of a year: the chance that within one a champion gives way to challengers that are no better than it. It is
    divided by the number of challengers (Holm) and among the comparisons of a year (Bonferroni), of which there is one
    whenever as many days as a horizon takes have new outcomes. `experiments/benchmarks/promotions.py` simulates it: for
    the 5 % of the defaults, 6 %.
    """

    first_champion: str = "salvo_ensemble"
    challengers: tuple[str, ...] = Field(
        default=("salvo_ensemble", "two_regime", "local_level", "exponential_empirical", "ratio_to_level"),
        strict=False,
    )
    origins: Annotated[int, Field(ge=2, le=520)] = 52
    every_days: Annotated[int, Field(ge=1, le=365)] = 7
    fewest_origins: Annotated[int, Field(ge=2, le=520)] = 26
    horizon: Annotated[int, Field(ge=1, le=LONGEST_HORIZON)] = LONGEST_HORIZON
    paths: Annotated[int, Field(ge=2, le=MAX_PATHS)] = 2_000
    seed: Annotated[int, Field(ge=0, le=2**63 - 1)] = 1
    margin: Annotated[float, Field(ge=0, lt=1)] = 0.02
    p_value: Annotated[float, Field(gt=0, lt=1)] = 0.05
    coverage_tolerance: Annotated[float, Field(ge=0, le=1)] = 0.05

    @model_validator(mode="after")
    def _check(self) -> Self:
        for name in (self.first_champion, *self.challengers):
            if name not in MODELS:
                raise ValueError(str(unknown_name("model", name, MODELS)))
        if self.fewest_origins > self.origins:
            raise ValueError(f"fewest_origins is {self.fewest_origins}: expected at most origins, {self.origins}")
        return self

    @property
    def overlap(self) -> int:
        """How many later origins share outcomes with one."""
        return (self.horizon - 1) // self.every_days

    @property
    def days_between_comparisons(self) -> int:
        """The least number of days between origins, of which each has outcomes that the other has not."""
        return self.every_days * (self.overlap + 1)

    @property
    def p_value_of_one(self) -> float:
        """The share of p_value that one comparison may spend."""
        return self.p_value * min(1.0, self.days_between_comparisons / 365)

    @property
    def digest(self) -> str:
        """SHA-256 of the values: equal digests, equal rules."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()


class AlertSettings(Stated):
    """command: run where something failed, the message on its stdin. The webhook's address may hold a secret, so it is
    in the environment alone (SALVOCAST_ALERT_URL)."""

    command: tuple[str, ...] = Field(default=(), strict=False)


class RetentionSettings(Stated):
    """For how many days `salvocast gc` keeps runs, their artefacts with the models that no longer serve, and rows in
    quarantine that were dealt with."""

    runs_days: Days = 730
    artefacts_days: Days = 90
    quarantine_days: Days = 730


class Settings(Stated):
    """The whole file. Relative paths of sources start from the folder that it is in."""

    source: tuple[Annotated[Source, Field(discriminator="kind")], ...] = Field(default=(), strict=False)
    retrain: RetrainSettings = RetrainSettings()
    alerts: AlertSettings = AlertSettings()
    retention: RetentionSettings = RetentionSettings()

    @model_validator(mode="after")
    def _check_sources(self) -> Self:
        seen: list[Source] = []
        for source in self.source:
            spelled = None if source.path is None else os.path.normpath(source.path)
            one_way = source.model_copy(update={"path": spelled})  # ./inbox and inbox are one place
            if one_way in seen:
                raise ValueError(f"the source {source.told} stands there twice: expected each once")
            seen.append(one_way)
        return self


def settings_path() -> Path:
    """`SALVOCAST_SETTINGS`, or settings.toml in the home."""
    given = os.environ.get("SALVOCAST_SETTINGS")
    return Path(given).expanduser() if given else salvocast_home() / SETTINGS


def load_settings() -> Settings:
    """The settings of this machine; the defaults where there is no file.

    Raises InputError, naming file and key, for a file that cannot be read, and for one that SALVOCAST_SETTINGS names
    and that is not there.
    """
    path = settings_path()
    if not path.exists() and not os.environ.get("SALVOCAST_SETTINGS"):
        return Settings()
    return parse_settings(read_stated(path), str(path))


def parse_settings(text: str, file_name: str) -> Settings:
    """The settings of a TOML text. Raises InputError, naming the file and the key."""
    given = parse_toml(text, file_name)
    try:
        return Settings.model_validate(given)
    except ValidationError as error:
        told = input_error(error, Settings, given, file_name)
        if any(each["type"] == "extra_forbidden" for each in error.errors()):
            told = InputError(f"{told}; for a file of another release: salvocast retrain --show-settings, without it")
        raise told from error
