"""One message to its reports: the order of the steps, and what of their numbers may enter a report."""

from bisect import bisect_left
from dataclasses import replace
from datetime import datetime
from typing import Any

from features.errors import InputError
from features.records import COUNT_FIELDS, MISSILES, SHAHED, UKRAINE, ReportingRegime, SalvoReport
from features.sources.bulletin.areas import Areas
from features.sources.bulletin.drones import drone_counts
from features.sources.bulletin.findings import Findings
from features.sources.bulletin.grammar import Grammar, bulletin_grammar
from features.sources.bulletin.lexer import YEARS, Number
from features.sources.bulletin.missiles import inherit_kind, missile_counts
from features.sources.bulletin.moments import Moments
from features.sources.bulletin.nodes import DRONES, nodes_of
from features.sources.bulletin.roles import Roles
from features.sources.bulletin.scope import DAY_BEFORE, Scope
from features.sources.bulletin.sifting import sifted
from features.sources.bulletin.text import Clean
from features.sources.bulletin.types import Bulletin
from features.sources.bulletin.windows import Windows

SOURCE = "bulletin"
RUSSIAN = "the text is in Russian, which is not read: give the Ukrainian or English version"
MOST_LAUNCHED = 5_000
"""Several times the largest attack there has been: more is a total of months."""
LOSSES = frozenset({"shot_down", "suppressed"})
HEAD = 200
"""Characters of a message in which its reporter names itself."""


def parse_bulletin(text: str, *, received: datetime | None) -> Bulletin:
    """Read one message that tells of an attack: a post, a quote or an article, in Ukrainian or English.

    Parameters
    ----------
    text
        One message, at most 100 kB and 30,000 words.
    received
        When it came out, with zone: it becomes `published_at`, says which year and which "last night" is meant.

    Returns
    -------
    Bulletin
        The reports, the fields with their places in the text, what was set aside as told of something else, and what
        stayed unread. A count that is ambiguous, or stated twice and differently, is unread. There is a report where
        the text has its shape: a window, a count of what was launched, and no more losses than that; `problems` says
        what is missing.

    Raises
    ------
    InputError
        For a longer message, and for a `received` without zone.
    """
    grammar = bulletin_grammar()
    limit = int(grammar.data["limits"]["message_bytes"])
    size = len(text.encode("utf-8", "surrogatepass"))
    if size > limit:
        raise InputError(
            f"message of {size} bytes: expected one bulletin of at most {limit}; split the file into messages"
        )
    if received is not None and received.tzinfo is None:
        raise InputError(f"received {received.isoformat()}: expected a time with its zone")
    if received is not None and received.year not in YEARS:
        raise InputError(f"received {received.isoformat()}: expected a year from {YEARS.start} to {YEARS.stop - 1}")
    clean = Clean(text)
    if grammar.is_russian(clean.text):
        return Bulletin(text, (), (), (), ReportingRegime.UNSPECIFIED, (RUSSIAN,), foreign=True)
    bulletin = _read(grammar, clean, received)
    if not bulletin.reports and received is not None and any(one.reason == DAY_BEFORE for one in bulletin.asides):
        # Nothing is told of the night: a summary of the day before, which the receipt dates.
        return _read(grammar, clean, received, day_before=True)
    return bulletin


def _read(grammar: Grammar, clean: Clean, received: datetime | None, *, day_before: bool = False) -> Bulletin:
    """A cleaned text as it is read; day_before: its summary of the day before the receipt, and nothing else."""
    reporter, area = _reporter(grammar, clean.text)
    own_area = area != grammar.reporters[-1][1]
    tokens = grammar.lexer.tokens(clean.text)
    scope = Scope(grammar, clean, tokens, area=own_area, received=received, day_before=day_before)
    findings = Findings(clean, scope.tokens)
    nodes = nodes_of(findings.tokens, grammar)
    roles = Roles(grammar, nodes)
    windows, areas = (
        Windows(grammar, findings, received, scope.sentences, roles.counts),
        Areas(grammar, nodes, findings),
    )
    if not windows.anchored and scope.national:
        windows = Windows(grammar, findings, received, scope.sentences, roles.counts, scope.told_locally())
    writer = _Writer(grammar, findings, received, reporter, area)
    places = [one.first for one in roles.counts]
    previous: Moments | None = None
    regime: ReportingRegime | None = None
    for first, last in windows.sections(roles.counts):
        mine = roles.counts[bisect_left(places, first) : bisect_left(places, last)]
        said = windows.said_of(first, last, mine)
        window = windows.day_before() if day_before else windows.window(said, previous)
        previous = said if said.days else previous
        counts = sifted(windows.of_window(mine, said), scope)
        drones = drone_counts(counts, nodes, findings)
        if (named := areas.count(counts, first, last)) is not None:
            drones["launch_areas"] = named
        inherit_kind(counts, nodes)
        missiles = {kind: missile_counts(kind, counts, nodes, findings) for kind in (*MISSILES, "")}
        if window is not None:
            regime = ReportingRegime.of(UKRAINE, window[1].date())
            writer.write(window, drones, missiles, running=windows.is_running(window))
    findings.take_names(nodes)
    fields = tuple(sorted(findings.fields, key=lambda one: (one.start, one.end, one.name)))
    problems = tuple(dict.fromkeys(findings.problems))
    regime = regime or _regime_of_words(roles)
    asides = tuple(sorted(scope.asides, key=lambda one: one.start))
    return Bulletin(clean.original, writer.without_repeats(), fields, findings.unread(), regime, problems, asides)


def _reporter(grammar: Grammar, text: str) -> tuple[str, str]:
    """Who reports, and of which area: named at the head of the message, or signing in its last line."""
    ends = (text[:HEAD], text.rstrip().rpartition("\n")[2])
    return next((name, area) for name, area, said in grammar.reporters if any(said.search(one) for one in ends))


class _Writer:
    """The reports of one message, as far as their numbers are counts."""

    def __init__(
        self, grammar: Grammar, findings: Findings, received: datetime | None, reporter: str, area: str
    ) -> None:
        self.reports: list[SalvoReport] = []
        self._accepted: dict[str, list[str]] = grammar.data["accepted"]
        self._problems, self._received = findings.problems, received
        self._reporter, self._area = reporter, area

    def write(
        self,
        window: tuple[datetime, datetime],
        drones: dict[str, Number],
        missiles: dict[str, dict[str, Number]],
        *,
        running: bool,
    ) -> None:
        """Add the reports of one window, or the problem that it has none.

        running: the message came out before the usual end of a window whose end it does not tell; without losses it is
        an alert.
        """
        for weapon, numbers in ((SHAHED, drones), *((kind, missiles[kind]) for kind in MISSILES)):
            known = {
                name: one.value
                for name, one in numbers.items()
                if one.qualifier in self._accepted.get(name, self._accepted["default"])
            }
            if "launched" in known:
                if running and not any(LOSSES & one.keys() for one in (drones, *missiles.values())):
                    self._problems.append(f"{weapon}: the attack went on, and no losses are told: an alert, no report")
                elif told := _implausible(known):
                    self._problems.append(f"{weapon}: {told}")
                else:
                    self._add(window, weapon, known)
            elif "launched" in numbers:
                stated = numbers["launched"]
                self._problems.append(
                    f"{weapon}: launched is {stated.qualifier.replace('_', ' ')} {stated.value}, not a count"
                )
            elif weapon == SHAHED:
                self._problems.append("no launched count of drones that could be read without doubt")

    def without_repeats(self) -> tuple[SalvoReport, ...]:
        """The reports, where two are of the same hours one for both; none of those that differ in what they count."""
        kept: list[SalvoReport] = []
        for report in self.reports:
            same = [one for one in kept if one.weapon_class == report.weapon_class and _share_hours(one, report)]
            kept = [one for one in kept if one not in same]
            together = report
            for one in same:
                if not (joined := _joined(one, together)):
                    self._problems.append(f"{report.weapon_class}: {one.launched} and {report.launched} of one night")
                    break
                together = joined
            else:
                kept.append(together)
        return tuple(kept)

    def _add(self, window: tuple[datetime, datetime], weapon: str, known: dict[str, int]) -> None:
        try:
            report = SalvoReport(
                window_start=window[0],
                window_end=window[1],
                launched=known["launched"],
                shot_down=known.get("shot_down"),
                suppressed=known.get("suppressed"),
                still_airborne=known.get("still_airborne"),
                strike_drones=known.get("strike_drones"),
                jet_drones=known.get("jet_drones"),
                impact_sites=known.get("impact_sites"),
                debris_sites=known.get("debris_sites"),
                launch_areas=known.get("launch_areas"),
                target_area=self._area,
                reporter=self._reporter,
                weapon_class=weapon,
                source=SOURCE,
                published_at=self._received,
            )
        except InputError as error:
            self._problems.append(f"{weapon}: {error}")
        else:
            self.reports.append(report)


def _share_hours(one: SalvoReport, other: SalvoReport) -> bool:
    """Whether two windows share more than half of the shorter one."""
    shared = min(one.window_end, other.window_end) - max(one.window_start, other.window_start)
    return 2 * shared > min(one.window_end - one.window_start, other.window_end - other.window_start)


def _joined(one: SalvoReport, other: SalvoReport) -> SalvoReport | None:
    """What two reports of one attack tell together; None where they differ in a count."""
    counts: dict[str, Any] = {}
    for name in COUNT_FIELDS:
        told = {getattr(one, name), getattr(other, name)} - {None}
        if len(told) > 1:
            return None
        counts[name] = next(iter(told), None)
    return replace(one, **counts)


def _implausible(known: dict[str, int]) -> str | None:
    """What cannot be in the counts of one salvo; None where nothing is odd."""
    launched = known["launched"]
    if launched > MOST_LAUNCHED:
        return f"{launched} launched is far beyond what one attack can bring: a total of a longer time, or a slip"
    lost = sum(known.get(name, 0) for name in (*LOSSES, "still_airborne"))
    if lost > launched:
        return f"{lost} shot down, suppressed or still airborne are more than the {launched} launched"
    if known.get("strike_drones", 0) > launched or known.get("jet_drones", 0) > launched:
        return f"a part of the drones is more than the {launched} launched"
    return None


def _regime_of_words(roles: Roles) -> ReportingRegime:
    """The reporting style of a text without a date: one verb for both losses, or a count of each."""
    if roles.merged:
        return ReportingRegime.MERGED
    said = {one.role for one in roles.counts if one.object in (*DRONES, "decoys")}
    return ReportingRegime.APART if {"shot_down", "suppressed"} <= said else ReportingRegime.UNSPECIFIED
