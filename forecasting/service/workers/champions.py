"""The champions as a server knows them: asked for now and then, kept while the registry is away."""

from collections.abc import Iterable

from features.errors import SalvocastError
from features.records import SHAHED, UKRAINE
from forecasting.registry import Champion, Registry, embedded_store, tracking_uri
from forecasting.service.workers.pool import Overloaded

Series = tuple[str, str]
"""Theatre and weapon class."""
DEFAULT_SERIES = (UKRAINE, SHAHED)
RETRY_SECONDS = 5.0
"""After which a client may ask again where it is not known yet which model serves."""


class Champions:
    """The champion of each series. Its saved files are in the home, for the processes that compute.

    problem: why the registry could not be asked the last time; None where it could, or was not asked yet.
    """

    def __init__(self) -> None:
        self._known: dict[Series, Champion] = {}
        self._answered: frozenset[Series] = frozenset()
        self.problem: str | None = None

    @property
    def known_champions(self) -> dict[Series, Champion]:
        """Those that are known now."""
        return dict(self._known)

    def is_settled(self, theatre: str, weapon_class: str) -> bool:
        """Whether the registry has said which model serves the series, if any, or could not be asked just now."""
        return (theatre, weapon_class) in self._answered or self.problem is not None

    def of(self, theatre: str, weapon_class: str) -> Champion | None:
        """The champion of a series; None where none is registered.

        Raises Overloaded where that is not known yet: the registry was not reached, and this machine has loaded none.
        """
        series = (theatre, weapon_class)
        if series not in self._known and series not in self._answered:
            raise Overloaded(
                "which model serves is not known yet, as the model registry was not reached: try again in "
                f"{RETRY_SECONDS:.0f} s, or name a model",
                RETRY_SECONDS,
            )
        return self._known.get(series)

    def recall(self, series: Iterable[Series]) -> None:
        """Takes those that this machine loaded last, without asking the registry."""
        registry = Registry.open()
        for each in series:
            known = registry.last_known_champion(*each)
            if known is not None:
                self._known[each] = Champion.of(known)

    def ask(self, series: Iterable[Series]) -> None:
        """Asks the registry, which may take a while; where it is away, what is known stays."""
        uri, asked = tracking_uri(), frozenset(series)
        store = embedded_store(uri)
        try:
            if store is None or store.exists():  # else nothing was ever registered there, and asking would make it
                registry = Registry.open(uri)
                for each in sorted(asked):
                    found = registry.champion(*each)
                    if found is None:
                        self._known.pop(each, None)
                    elif self._known.get(each) != Champion.of(found):
                        registry.load(found)
                        self._known[each] = Champion.of(found)
            self._answered |= asked
            self.problem = None
        except SalvocastError as error:
            self.problem = str(error)
