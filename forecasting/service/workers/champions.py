"""The champions as a server knows them: asked for now and then, kept while the registry is away."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from features.errors import SalvocastError
from features.records import SHAHED, UKRAINE
from forecasting.registry import RegisteredModel, Registry, tracking_uri

Series = tuple[str, str]
"""Theatre and weapon class."""
DEFAULT_SERIES = (UKRAINE, SHAHED)


@dataclass(frozen=True)
class Champion:
    """A registered champion, as far as a server tells of it. origin: the last attack day that it has learnt from.
    scores: as given when it was registered."""

    digest: str
    version: int
    model_id: str
    origin: date
    registered_at: datetime
    scores: tuple[tuple[str, float], ...]

    @classmethod
    def of(cls, registered: RegisteredModel) -> "Champion":
        """The same, without what only the registry needs."""
        return cls(
            digest=registered.digest,
            version=registered.version,
            model_id=registered.model_id,
            origin=registered.origin,
            registered_at=registered.registered_at,
            scores=tuple(sorted(registered.scores.items())),
        )


class Champions:
    """The champion of each series. Its saved files are in the home, for the processes that compute.

    problem: why the registry could not be asked the last time; None where it could.
    """

    def __init__(self) -> None:
        self._known: dict[Series, Champion] = {}
        self.problem: str | None = None

    @property
    def known(self) -> dict[Series, Champion]:
        """Those that are known now."""
        return dict(self._known)

    def of(self, theatre: str, weapon_class: str) -> Champion | None:
        """The champion that is known of a series; None where there is none."""
        return self._known.get((theatre, weapon_class))

    def recall(self, series: Iterable[Series]) -> None:
        """Takes those that this machine loaded last, without asking the registry."""
        registry = Registry.open()
        for each in series:
            known = registry.last_known_champion(*each)
            if known is not None:
                self._known[each] = Champion.of(known)

    def ask(self, series: Iterable[Series]) -> None:
        """Asks the registry, which may take a while; where it is away, what is known stays."""
        uri = tracking_uri()
        embedded = uri.removeprefix("sqlite:///")
        if embedded != uri and not Path(embedded).exists():
            self.problem = None  # nothing was ever registered there, and asking would make it
            return
        try:
            registry = Registry.open(uri)
            for each in series:
                found = registry.champion(*each)
                if found is None:
                    self._known.pop(each, None)
                elif self._known.get(each) != Champion.of(found):
                    registry.load(found)
                    self._known[each] = Champion.of(found)
            self.problem = None
        except SalvocastError as error:
            self.problem = str(error)
