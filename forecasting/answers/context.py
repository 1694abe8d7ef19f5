"""What an answer rests on beside the request."""

from dataclasses import dataclass
from datetime import date

from forecasting.registry import Champion

FALLBACK_MODEL = "salvo_ensemble"
"""What answers as the champion where none is registered yet. The document names it."""


@dataclass(frozen=True)
class AnswerContext:
    """What an answer rests on beside the request.

    data_version: of the ledger (`LiveLedger.data_version`); empty where it stays as it is meanwhile. champion: that of
    the request's series, where the request asks for the champion; None where none is registered. asked_on: Kyiv
    date of the request, by which the age of the record is told; None in a replay of the past.
    reported_until: attack day after which nothing is taken as reported, though the origin is later; None: all that is.
    """

    data_version: str = ""
    champion: Champion | None = None
    asked_on: date | None = None
    reported_until: date | None = None

    @property
    def model_version(self) -> int | None:
        """Of the champion, in the registry."""
        return self.champion.version if self.champion else None
