"""The champions as a server knows them: asked for now and then, kept while the registry is away."""

from collections.abc import Iterable

from features.errors import SalvocastError
from features.records import SHAHED, UKRAINE
from forecasting.registry import Champion, Registry, current_champion, embedded_store, tracking_uri
from forecasting.registry.store import is_lack_of_rights, is_refusal
from forecasting.service.workers.pool import Overloaded

Series = tuple[str, str]
"""Theatre and weapon class."""
DEFAULT_SERIES = (UKRAINE, SHAHED)
RETRY_SECONDS = 5.0
"""After which a client may ask again where it is not known yet which model serves."""


class Champions:
    """The champion of each series. Its saved files are in the home, for the processes that compute.

    problems: series -> why the registry did not answer for it the last time. One series stops no other: a registry with
    logins refuses a model that nobody has made, and answers for the rest.
    """

    def __init__(self) -> None:
        self._known: dict[Series, Champion] = {}
        self._answered: frozenset[Series] = frozenset()
        self.problems: dict[Series, str] = {}
        self._not_let_in: frozenset[Series] = frozenset()

    @property
    def known_champions(self) -> dict[Series, Champion]:
        """Those that are known now."""
        return dict(self._known)

    def is_settled(self, theatre: str, weapon_class: str) -> bool:
        """Whether the registry has said which model serves the series, if any, or could not be asked just now."""
        return (theatre, weapon_class) in self._answered or (theatre, weapon_class) in self.problems

    def is_let_in(self, theatre: str, weapon_class: str) -> bool:
        """Whether the registry, when it last answered for the series, let this server's login see its model."""
        return (theatre, weapon_class) not in self._not_let_in

    def of(self, theatre: str, weapon_class: str) -> Champion | None:
        """The champion of a series; None where none is registered.

        Raises Overloaded where that is not known yet: the registry was not reached, and this machine has loaded none.
        """
        series = (theatre, weapon_class)
        if series not in self._known and series not in self._answered:
            raise Overloaded(
                f"which model serves {weapon_class} in {theatre} is not known yet, as the registry did not answer for "
                f"it: try again in {RETRY_SECONDS:.0f} s, or name a model",
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
        uri, asked = tracking_uri(), sorted(set(series))
        store = embedded_store(uri)
        if store is not None and not store.exists():  # nothing was ever registered there, and asking would make it
            self._answered, self.problems = self._answered | set(asked), {}
            return
        try:
            registry = Registry.open(uri)
        except SalvocastError as error:
            self.problems = dict.fromkeys(asked, str(error))
            return
        for number, each in enumerate(asked):
            try:
                self._ask(registry, each)
                self.problems.pop(each, None)
                self._not_let_in -= {each}
            except SalvocastError as error:
                if is_lack_of_rights(error):
                    self._not_let_in |= {each}
                if not is_refusal(error):  # it is away, and would keep us waiting for each of the others too
                    self.problems |= dict.fromkeys(asked[number:], str(error))
                    return
                self.problems[each] = str(error)

    def _ask(self, registry: Registry, series: Series) -> None:
        found = current_champion(registry, *series)
        if found is None:
            self._known.pop(series, None)
        else:
            self._known[series] = Champion.of(found)
        self._answered |= {series}
