"""The archive of issued forecasts: what was given out, when, and on which request, byte for byte and for good.

It only grows. The class reads and inserts, and has nothing that changes or removes a row; on a shared PostgreSQL server
the grants of `experiments/deploy` hold every role but the owner to the same.
"""

import hashlib
import json
import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from features.database import Database, utc
from features.errors import InputError, SalvocastError
from features.tables import issued_table

FORMATS = {f"salvocast/{kind}/{number}": kind for kind in ("forecast", "plan") for number in (1, 2)}
"""Format of a document -> its kind."""


NEWEST_PLAN = "salvocast/plan/2"
_EXPECTED = "'{wanted}': expected last, the id of an issued plan, or a date such as 2026-02-28"
_NO_DATE = "'{wanted}' is no date: expected last, the id of an issued plan, or a date such as 2026-02-28"
_NO_ID = "no issued plan has the id '{wanted}': expected last, the id of an issued plan, or a date such as 2026-02-28"
_DATE, _ID = re.compile(r"\d{4}-\d\d-\d\d"), re.compile("[0-9a-f]{8,64}")


class Channel(StrEnum):
    """How a forecast was given out."""

    CLI = "cli"
    API = "api"
    PAGE = "page"
    SCHEDULE = "schedule"


@dataclass(frozen=True, kw_only=True)
class Issued:
    """What is known of an issued forecast without its document.

    number: in the order of issue. id: SHA-256 of the document's bytes. issued_at: UTC, with zone. kind: plan or
    forecast. model_version: of the registry; None for a model that is not registered. scenario: its name, None without
    one. data_digest: of the history that the model saw. request: canonical JSON.
    """

    number: int
    id: str
    issued_at: datetime
    channel: Channel
    kind: str
    theatre: str
    weapon_class: str
    origin: date
    horizon: int
    model_id: str
    model_version: int | None
    scenario: str | None
    data_digest: str
    request: str


@dataclass(frozen=True, kw_only=True)
class IssuedForecast(Issued):
    """An issued forecast. document: the JSON of a ForecastDocument or PlanDocument, as it was given out."""

    document: bytes


class Archive(Database):
    """The issued forecasts, in the database of the ledger. Use `with Archive.open(ledger_url()) as archive`."""

    def issue(
        self, document: bytes, *, request: str, channel: Channel | str, model_version: int | None, issued_at: datetime
    ) -> str:
        """Keeps a document as it is given out; returns its id.

        document: JSON of a ForecastDocument or PlanDocument. request: canonical JSON (ForecastRequest.canonical).
        issued_at: now, with zone. The same bytes again have the same id, and their first issue stays as it was.
        Raises InputError for what is no such document, and stores nothing.
        """
        identity = hashlib.sha256(document).hexdigest()
        row = _document_facts(document) | {
            "id": identity,
            "issued_at": utc(issued_at),
            "channel": Channel(channel).value,
            "model_version": model_version,
            "request": request,
            "document": zlib.compress(document),
        }
        with self._transaction() as connection:
            same = sa.select(issued_table.c.number).where(issued_table.c.id == identity)
            if connection.execute(same).first() is None:
                connection.execute(issued_table.insert().values(row))
        return identity

    def get(self, identity: str) -> IssuedForecast:
        """The issued forecast of that id. Raises InputError where there is none, SalvocastError for altered bytes."""
        with self._connection() as connection:
            row = connection.execute(sa.select(issued_table).where(issued_table.c.id == identity)).mappings().first()
        if row is None:
            raise InputError(f"no issued forecast has the id '{identity[:64]}': expected the id that was told at issue")
        try:
            document = zlib.decompress(row["document"])
        except zlib.error:
            document = b""
        if hashlib.sha256(document).hexdigest() != identity:
            raise SalvocastError(
                f"issued forecast {identity} is not what was given out: somebody has altered the archive; restore the "
                "database from a backup"
            )
        return IssuedForecast(**_fields(row), document=document)

    def plan_of(self, wanted: str, theatre: str, weapon_class: str) -> IssuedForecast:
        """The issued plan that `last`, an id or the first eight letters of one, or a date tells: of a date, the last
        one issued until then.

        Raises InputError where there is none, for a forecast without a plan, and for one of an older format.
        """
        issued = [each for each in self.list() if each.kind == "plan"]
        of_series = [each for each in issued if (each.theatre, each.weapon_class) == (theatre, weapon_class)]
        if wanted == "last":
            found = of_series[-1:]
            missing = InputError(
                "no plan of {weapons} against {theatre} was issued yet: issue one first",
                weapons=weapon_class,
                theatre=theatre,
            )
        elif _DATE.fullmatch(wanted):
            try:
                day = date.fromisoformat(wanted)
            except ValueError as error:
                raise InputError(_NO_DATE, wanted=wanted) from error
            found = [each for each in of_series if each.issued_at.date() <= day][-1:]
            missing = InputError(
                "no plan of {weapons} against {theatre} was issued until {day}",
                weapons=weapon_class,
                theatre=theatre,
                day=day,
            )
        elif _ID.fullmatch(wanted):
            found = [each for each in issued if each.id.startswith(wanted)]
            missing = InputError(_NO_ID, wanted=wanted)
            if len(found) > 1:
                raise InputError(
                    "{n} issued plans have ids that begin with '{wanted}': give more of it", n=len(found), wanted=wanted
                )
        else:
            raise InputError(_EXPECTED, wanted=wanted[:64])
        if not found:
            raise missing
        plan = self.get(found[0].id)
        if (plan.theatre, plan.weapon_class) != (theatre, weapon_class):
            raise InputError(
                "plan {id} is of {its_weapons} against theatre {its_theatre}: expected one of {weapons} against "
                "{theatre}",
                id=plan.id[:12],
                its_weapons=plan.weapon_class,
                its_theatre=plan.theatre,
                weapons=weapon_class,
                theatre=theatre,
            )
        if json.loads(plan.document)["format"] != NEWEST_PLAN:
            raise InputError(
                "plan {id} is of an older format: expected one of {format}", id=plan.id[:12], format=NEWEST_PLAN
            )
        return plan

    def list(
        self,
        *,
        since: date | None = None,
        theatre: str | None = None,
        weapon_class: str | None = None,
        model_id: str | None = None,
    ) -> Sequence[Issued]:
        """The issued forecasts in the order of issue; since: issued on that day (UTC) or later."""
        columns = issued_table.c
        query = sa.select(*(column for column in columns if column is not columns.document)).order_by(columns.number)
        if since is not None:
            query = query.where(columns.issued_at >= datetime.combine(since, datetime.min.time()))
        wanted = {columns.theatre: theatre, columns.weapon_class: weapon_class, columns.model_id: model_id}
        query = query.where(*(column == value for column, value in wanted.items() if value is not None))
        with self._connection() as connection:
            return [Issued(**_fields(row)) for row in connection.execute(query).mappings()]


def _document_facts(document: bytes) -> dict[str, Any]:
    """What a document tells of itself."""
    try:
        told = json.loads(document)
        kind = FORMATS[told["format"]]
        forecast = told["forecast"] if kind == "plan" else told
        names = ("theatre", "weapon_class", "horizon", "model_id", "data_digest")
        return {name: forecast[name] for name in names} | {
            "kind": kind,
            "origin": date.fromisoformat(forecast["origin"]),
            "scenario": forecast["supply"]["scenario"] if forecast["supply"] else None,
        }
    except (ValueError, TypeError, KeyError) as error:
        raise InputError(
            f"{document[:40]!r}... is no document that can be issued: expected the JSON of a forecast or a plan"
        ) from error


def _fields(row: Mapping[Any, Any]) -> dict[str, Any]:
    fields = {name: value for name, value in row.items() if name != "document"}
    return fields | {"issued_at": row["issued_at"].replace(tzinfo=UTC), "channel": Channel(row["channel"])}
