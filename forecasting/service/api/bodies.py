"""The bodies of the API beside the documents: of its assumptions, data and state, and reports that come in."""

from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, FailFast, Field, model_validator

from features.errors import InputError
from features.records import UKRAINE
from features.stated import Day
from features.typed import typed_count
from forecasting.answers.request import Count, Name, NameOrText
from forecasting.service.workers.jobs import Kind


class ApiModel(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class JobBody(ApiModel):
    """An answer that is being computed. share: done so far, as reckoned. link: that turns into the document."""

    id: str
    kind: Kind
    state: Literal["open"]
    share: float
    seconds: float = Field(description="since it was asked for")
    expected_seconds: float
    link: str


class ScenarioHead(ApiModel):
    """A bundled scenario. based_on: what it is a variant of."""

    name: str
    title: str
    as_of: str
    based_on: str | None
    theatres: list[str]


class StatedNumber(ApiModel):
    """One number that a scenario or a defence rests on, as it is known. where: its table. unit: null where the name
    tells it."""

    where: str
    low: float
    mode: float
    high: float
    unit: str | None
    basis: Literal["reported", "derived", "assumed", "known"]
    confidence: Literal["A", "B", "C", "D"]
    date: str
    sources: list[str]
    note: str


class StatedSource(ApiModel):
    """A public statement."""

    id: str
    title: str
    date: str
    url: str
    confidence: str


class ScenarioBody(ScenarioHead):
    """A scenario with all that it states."""

    about: str
    numbers: list[StatedNumber]
    sources: list[StatedSource]


class DefenceHead(ApiModel):
    """A bundled defence, its layers in order of engagement."""

    name: str
    title: str
    theatre: str
    as_of: str
    layers: list[str]


class DefenceBody(DefenceHead):
    """A defence with all that it states."""

    about: str
    numbers: list[StatedNumber]
    sources: list[StatedSource]


class ChampionBody(ApiModel):
    """The registered champion of a series. trained_through: the last attack day that it has learnt from. scores: as
    logged when it was registered."""

    theatre: str
    weapon_class: str
    model_id: str
    version: int
    digest: str
    trained_through: str
    registered_at: str
    age_days: float
    scores: dict[str, float]


class ModelsBody(ApiModel):
    """Models by name. champion: null where none is registered, or known. answers: the model that answers for it; null
    where that is not known. problem: that the registry did not answer for the series lately."""

    models: list[str]
    champion: ChampionBody | None
    answers: str | None
    problem: str | None


class SeriesBody(ApiModel):
    """One series of the ledger."""

    theatre: str
    weapon_class: str
    salvos: int
    first_attack_day: str
    last_attack_day: str
    days_unknown: int
    revisions: int
    data_digest: str


class DataBody(ApiModel):
    """What the ledger knows. version: changes with every change of it. quarantine: rows that could not be read."""

    version: str
    series: list[SeriesBody]
    quarantine: int


def _as_text(given: object) -> object:
    """A time as it comes in. A number, as such or as text, is seconds since 1970 for pydantic, and no time of ours."""
    if given is None or (isinstance(given, str) and given[4:5] == "-"):
        return given
    raise ValueError("expected a time with its zone, such as 2026-03-01T06:30:00+02:00")


class ReportsRequest(ApiModel):
    """Reports to add: the text of a bulletin, or rows as `salvocast ingest table` reads them."""

    bulletin: Annotated[str, Field(min_length=1, max_length=500_000)] | None = None
    received: Annotated[
        AwareDatetime | None,
        BeforeValidator(_as_text),
        Field(description="when it came out, where no line above a message says so"),
    ] = None
    rows: Annotated[
        list[dict[Annotated[str, Field(max_length=100)], str | Annotated[int, Field(strict=True)] | None]] | None,
        FailFast(),
        Field(min_length=1, max_length=5_000, description="a report each, by field: date or window, launched, ..."),
    ] = None

    @model_validator(mode="after")
    def _check(self) -> "ReportsRequest":
        if (self.bulletin is None) == (self.rows is None):
            raise ValueError("expected either bulletin or rows")
        return self


class ReportsBody(ApiModel):
    """What became of the reports. first_rejection: why the first of those in quarantine could not be read.

    passed_over: messages that are no reports, by what they are. notes: what a person should know of it all.
    """

    rows_read: int
    added: int
    revised: int
    unchanged: int
    quarantined: int
    first_rejection: str | None
    passed_over: dict[str, int]
    notes: list[str]
    version: str


def _typed_quantity(given: object) -> object:
    """The number that a text says; anything else as it is."""
    try:
        return typed_count(given) if isinstance(given, str) else given
    except InputError as error:
        raise ValueError(str(error)) from error


class CountStated(ApiModel):
    """A count as it comes in. quantity: a whole number, or its text as a person types it."""

    layer: Name
    quantity: Annotated[Count, BeforeValidator(_typed_quantity, json_schema_input_type=int | str)]
    counted_on: Day
    known_on: Annotated[Day | None, Field(description="by when it was known; without it, that day")] = None
    source: Annotated[str, Field(max_length=200)] = ""


class StocksRequest(ApiModel):
    """Counts of stocks to keep, all of them or none."""

    theatre: Name = UKRAINE
    defence: Annotated[
        NameOrText | None, Field(description="whose layers they are of; without it, the bundled one of the theatre")
    ] = None
    counts: Annotated[list[CountStated], FailFast(), Field(min_length=1, max_length=1_000)]
    correct: Annotated[
        bool, Field(strict=True, description="whether they go before other counts of the same day, which are kept")
    ] = False


class CountBody(ApiModel):
    """A count in force."""

    layer: str
    quantity: int
    counted_on: str
    known_on: str
    source: str


class StocksBody(ApiModel):
    """The counts of a theatre in force, by layer and day. added: how many of those sent were new."""

    theatre: str
    counts: list[CountBody]
    added: int = 0


class AboutBody(ApiModel):
    """What is known of an issued forecast or plan beside its numbers. request: with which it can be asked for again.
    link: where it is kept. data_age_days: of its record when it was made, from the last attack day known; the
    document itself tells ages of three days and more. not_for_orders: whether that was too old to order by."""

    id: str
    format: str
    issued_at: str
    request: dict[str, Any]
    link: str
    origin: str
    last_attack_day_known: str
    data_age_days: int
    not_for_orders: bool
    data_digest: str
    model_id: str


class StateBody(ApiModel):
    """How the server is."""

    status: Literal["ok", "starting"]
