"""The attack windows of a message: what it says of times and dates, and from when to when that is."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from itertools import pairwise

from features.records import KYIV
from features.sources.bulletin.findings import Findings
from features.sources.bulletin.grammar import Grammar
from features.sources.bulletin.lexer import ASIDE, Day, Token
from features.sources.bulletin.moments import END_DAYS, Moments
from features.sources.bulletin.nodes import DRONES, Count
from features.sources.bulletin.sentences import Sentences

NOON = time(12)
WEAPONS = (*DRONES, "decoys", "jet_drones", "missiles", "unclear")
THIS = re.compile(r"цієї|цю|минулої|last night|this night|tonight")
BESIDE = frozenset({"night", "day", "time", "attack"})
"""Classes of words that a bare date says the day of."""
COUNTED = frozenset({"launched", "shot_down", "suppressed"})
"""Roles of counts that a date beside them is the date of."""
NEAR = 5
"""Words between a date and the year that belongs to it."""
LONGEST = timedelta(days=2)
NEWS = timedelta(days=90)
"""A date without a year is at most so long before the receipt."""
START_WORDS = ("start_time", "start_date", "night_from")
END_WORDS = ("end_time", "end_date", "asof_time", "asof_date")
CUE_WORDS = ("cue", "night_date", "day_date", "plain_date")


class Windows:
    """The mentions of times in one message, and the windows they make."""

    def __init__(
        self,
        grammar: Grammar,
        findings: Findings,
        received: datetime | None,
        sentences: Sentences,
        counts: Sequence[Count],
        tokens: list[Token] | None = None,
    ) -> None:
        self._grammar, self._findings = grammar, findings
        self._tokens = findings.tokens if tokens is None else tokens
        self._corrected = sentences.corrected
        self._sentences = sentences
        self._counted = {
            sentences.of(one.first).first for one in counts if one.role in COUNTED and one.object in WEAPONS
        }
        self._local = received.astimezone(KYIV).replace(tzinfo=None) if received else None
        self._kinds = {token.kind for token in self._tokens}
        self._telling = {*grammar.verbs, *BESIDE, "drone", "shahed", "date", "today", "asof", "merged"}
        self._mentions = self._found()
        self._stated = self._stated_years()
        self._firsts = [first for first, _ in self._mentions]

    @property
    def anchored(self) -> bool:
        """Whether the message tells of any window."""
        return any(said.anchored or "plain_date" in said.days for _, said in self._mentions)

    def _found(self) -> list[tuple[int, Moments]]:
        used: set[int] = set()
        mentions = []
        line = self._grammar.line(token.kind for token in self._tokens)
        for pattern, cue in self._grammar.windows:
            for match in pattern.finditer(line):
                caught = {name: match.start(name) for name in match.groupdict() if match[name]}
                if used.isdisjoint(caught.values()) and (said := self._said(cue, caught, match.span())) is not None:
                    used.update(caught.values())
                    bare = set(caught) in ({"plain_date"}, {"evening_date"})
                    hours = bool(caught) and all(name.endswith("_time") for name in caught)
                    dated = not bare or self._dates_the_attack(match.start())
                    if (
                        dated
                        and not self._is_broken_off(match.start())
                        and not (hours and self._is_aside(*match.span()))
                    ):
                        mentions.append((match.start(), said))
        return sorted(mentions, key=lambda one: one[0])

    def _is_broken_off(self, index: int) -> bool:
        """Whether the sentence of a mention counts nothing and breaks off ("At night... no, at dawn ...")."""
        sentence = self._sentences.of(index)
        stop = self._tokens[sentence.last : sentence.last + 1]
        return sentence.first not in self._counted and bool(stop) and stop[0].text.startswith("..")

    def _is_aside(self, first: int, last: int) -> bool:
        """Whether hours stand in a later paragraph with no word of an attack: those of a programme, or of an office."""
        sentence = self._sentences.of(first)
        around = [*self._tokens[sentence.first : first], *self._tokens[last : sentence.last]]
        return sentence.paragraph > 1 and not any(one.number or one.kind in self._telling for one in around)

    def _dates_the_attack(self, index: int) -> bool:
        """Whether a bare date is that of what is counted: on top, or in one sentence with a count or the attack."""
        sentence = self._sentences.of(index)
        if sentence.first in self._counted or self._tokens[index].kind in ("today", "yesterday"):
            return sentence.first in self._counted
        kinds = {token.kind for token in self._tokens[sentence.first : sentence.last]}
        return not sentence.paragraph or bool(kinds & BESIDE and ASIDE not in kinds)

    def _said(self, cue: str, caught: dict[str, int], span: tuple[int, int]) -> Moments | None:
        """What the captured tokens say; None where one of them is not what its name asks for."""
        said = Moments(cue, tokens=dict.fromkeys([*caught, *(["cue"] if cue else [])], span))
        for name, index in caught.items():
            token = self._tokens[index]
            if name == "cue":
                said.cue = token.kind
            elif name.endswith("_time"):
                if token.clock is None:
                    return None
                said.clocks[name] = token.clock
            elif (day := self._day(token)) is not None:
                if name == "said_date":
                    said.told_on = day
                else:
                    said.days[name] = day
            else:
                return None
        return said

    def _day(self, token: Token) -> Day | None:
        if token.kind in ("today", "yesterday", "weekday", "said_on") and self._local:
            back = int(token.kind == "yesterday")
            if token.kind in ("weekday", "said_on"):
                back = (self._local.weekday() - self._grammar.lexer.weekday(token.text)) % 7
            day = self._local.date() - timedelta(days=back)
            return Day(day.day, day.month, day.year)
        return token.days[-1] if token.days else None

    def sections(self, counts: Sequence[Count]) -> list[tuple[int, int]]:
        """Token ranges, one per reported window.

        A sentence with a launched count opens one where its time contradicts what was said before.
        """
        stops = [0, *(index + 1 for index, token in enumerate(self._tokens) if token.kind == "stop"), len(self._tokens)]
        launched = (one.first for one in counts if one.role == "launched" and one.object in DRONES)
        sentences = sorted({bisect_right(stops, first) - 1 for first in launched})
        starts = [0]
        before = Moments()
        for sentence, after in pairwise([*sentences, len(stops) - 1]):
            opening = self.said(stops[sentence], stops[sentence + 1])
            if opening.anchored and before.contradicts(opening) and stops[sentence] not in self._corrected:
                starts.append(stops[sentence])
                before = Moments()
            before.add(self.said(stops[sentence], stops[after]))
        return list(zip(starts, [*starts[1:], len(self._tokens)], strict=True))

    def said(self, first: int, last: int) -> Moments:
        """The mentions in tokens[first:last] as one window: what is said first counts, unless it is corrected."""
        mine = self._mentions[bisect_left(self._firsts, first) : bisect_left(self._firsts, last)]
        together = Moments()
        for _, one in sorted(mine, key=lambda mention: not self._corrects(*mention)):
            together.add(one)
        return together

    def said_of(self, first: int, last: int, counts: Sequence[Count]) -> Moments:
        """The window of the section tokens[first:last]: what the sentence says that tells what was launched goes first.

        Another night that is mentioned in the section adds nothing to it.
        """
        launched = next((one.first for one in counts if one.role == "launched" and one.object in DRONES), None)
        together = Moments()
        told = last
        if launched is not None:
            sentence = self._sentences.of(launched)
            together = self.said(max(sentence.first, first), min(sentence.last, last))
        if "evening_date" in together.days and not together.cue:
            return together.with_evening()  # what was launched in the evening of a date is of it, whatever the night
        if together.anchored:
            told = self._sentences.of(launched or 0).last
        else:
            together = Moments()
        this_night = self._is_this_night(together)
        mine = self._mentions[bisect_left(self._firsts, first) : bisect_left(self._firsts, last)]
        for place, one in sorted(mine, key=lambda mention: not self._corrects(*mention)):
            another = together.is_of_another_attack(one) or (this_night and this_night.is_of_another_attack(one))
            undated = not any(name in together.days for name in END_DAYS)
            if not another and not (undated and place >= told and self._is_old_news(one)):
                together.add(one)
        together.with_evening()
        if self._may_be_eve(together):
            self._findings.problems.append("a date stands apart from the night: is it that before or after it?")
            return Moments()
        if this_night and not any(name in together.days for name in END_DAYS):
            together.days["night_date"] = this_night.days["asof_date"]
            together.tokens["night_date"] = together.tokens["cue"]
        return together

    def _may_be_eve(self, said: Moments) -> bool:
        """Whether a date of yesterday stands in another sentence than the night: that night may be the one after it."""
        named = [name for name in END_DAYS if name in said.days]
        if said.cue != "night" or named != ["plain_date"] or self._local is None or "start_time" in said.clocks:
            return False
        places = [self._sentences.of(said.tokens[name][0]) for name in ("cue", "plain_date")]
        try:
            eve = self._local.date() - self._date(said.days["plain_date"]) == timedelta(days=1)
        except ValueError:
            return False
        return eve and places[0] != places[1]

    def _is_old_news(self, said: Moments) -> bool:
        """Whether a mention is of days before what a text speaks of that came out now: a recollection."""
        try:
            days = [self._date(said.days[name]) for name in ("plain_date", "evening_date") if name in said.days]
        except ValueError:
            return False
        return self._local is not None and any(self._local.date() - day > LONGEST for day in days)

    def _is_this_night(self, said: Moments) -> Moments | None:
        """The night before the receipt, where the text speaks of "this night" without a date."""
        if self._local is None or "cue" not in said.tokens or any(name in said.days for name in END_DAYS):
            return None
        first, last = said.tokens["cue"]
        if not any(THIS.match(token.text) for token in self._tokens[first:last]):
            return None
        day = self._local.date()
        return Moments(said.cue, days={"asof_date": Day(day.day, day.month)})

    def of_window(self, counts: Sequence[Count], said: Moments) -> list[Count]:
        """The counts without those whose own sentence tells of another night or day."""

        def other(count: Count) -> bool:
            sentence = self._sentences.of(count.first)
            return said.is_of_another_attack(self.said(sentence.first, sentence.last))

        return [one for one in counts if not other(one)]

    def _corrects(self, place: int, said: Moments) -> bool:
        """Whether a mention is one of a correction; one later than the receipt came with a later edit."""
        clock = said.clocks.get("asof_time", (0, 0))
        return place in self._corrected and not (self._local and clock > (self._local.hour, self._local.minute))

    def window(self, said: Moments, previous: Moments | None) -> tuple[datetime, datetime] | None:
        """From when to when, and the fields that tell; None, and a problem, where that cannot be told.

        previous: an earlier window of the message, whose day holds where this one names none.
        """
        if said.told_on and not any(name in said.days for name in END_DAYS) and (news := self._news_of(said)):
            said = news
        kind = said.cue or ("date" if "plain_date" in said.days and "period" not in self._kinds else "")
        usual = [time.fromisoformat(one) for one in self._grammar.data["window"].get(kind, [])]
        start_said, end_said = said.clocks.get("start_time"), said.clocks.get("end_time", said.clocks.get("asof_time"))
        if not usual and (start_said is None or end_said is None):
            self._findings.problems.append("no window: expected a night or a day with its date, or times from and to")
            return None
        clock_start = _clock(start_said) if start_said else usual[0]
        clock_end = _clock(end_said) if end_said else usual[1]
        try:
            days = self._dates(said)
        except (ValueError, StopIteration):
            problem = "a date in the text is no date, or its year cannot be told: state it in full"
            self._findings.problems.append(problem)
            return None
        assumed = ["start"] * (start_said is None) + ["end"] * (end_said is None)
        start_day = days.get("start_date", days.get("night_from"))
        day = self._end_day(said.cue, days, start_day, clock_start, clock_end)
        if day is None:
            day = self._day_of(previous)
        if day is None and self._local is not None:
            day = self._local.date()
            assumed += ["date"] * (not said.cue)
        if day is None:
            self._findings.problems.append("no window: the text gives no date, and no time of receipt was given")
            return None
        if start_day is None:
            late = clock_start >= NOON if said.cue == "night" and clock_end <= NOON else clock_start > clock_end
            start_day = day - timedelta(days=late)
        start = datetime.combine(start_day, clock_start)
        end = datetime.combine(day, clock_end) + timedelta(days=end_said == (24, 0))
        if end <= start and said.cue == "night" and "end_date" not in days and start - end < timedelta(days=1):
            end += timedelta(days=1)
        if self._local is not None and end_said is None and start < self._local < end:
            # A report that came out within the usual window covers it up to then.
            end = self._local.replace(second=0, microsecond=0)
        if end < start or end - start > LONGEST:
            self._findings.problems.append(
                f"the window would run from {start:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M}: check its dates and times"
            )
            return None
        self._take(said, start, end, assumed)
        return start, end

    def _news_of(self, said: Moments) -> Moments | None:
        """What is said without a day, as of the day on which it was told; without night or day only as fresh news."""
        if said.told_on is None or self._local is None or "start_date" in said.days or "night_from" in said.days:
            return None
        fresh = (said.told_on.day, said.told_on.month) == (self._local.day, self._local.month)
        if not said.cue and ("start_time" in said.clocks or not fresh):
            return None
        cue = said.cue or ("night" if self._local.time() < NOON else "")
        name = {"night": "night_date", "day": "day_date"}.get(cue, "plain_date")
        place = said.tokens.get("said_date", (0, 0))
        return replace(said, cue=cue, days={**said.days, name: said.told_on}, tokens={**said.tokens, name: place})

    def day_before(self) -> tuple[datetime, datetime] | None:
        """The calendar day before the receipt, and the fields that tell."""
        if self._local is None:
            return None
        day = self._local.date() - timedelta(days=1)
        hours = [datetime.combine(day, time.fromisoformat(one)) for one in self._grammar.data["window"]["date"]]
        self._take(Moments(), hours[0], hours[1], ["start", "end", "date"])
        return hours[0], hours[1]

    def is_running(self, window: tuple[datetime, datetime]) -> bool:
        """Whether a window is taken to end at the receipt, because the message came out before its usual end."""
        return self._local is not None and window[1] == self._local.replace(second=0, microsecond=0)

    def _end_day(
        self, cue: str, days: dict[str, date], start_day: date | None, clock_start: time, clock_end: time
    ) -> date | None:
        """The day on which the window ends, where the text tells it."""
        stated = days.get("end_date", days.get("asof_date"))
        if stated is None and (cue or start_day is None):
            stated = next((days[name] for name in END_DAYS if name in days), None)
        if stated is None and start_day is not None:
            overnight = clock_start >= NOON if cue == "night" else clock_end <= clock_start
            stated = start_day + timedelta(days=overnight)
        return stated

    def _day_of(self, previous: Moments | None) -> date | None:
        found = []
        for name, day in previous.days.items() if previous else ():
            try:
                found += [self._date(day)] if name != "night_from" else []
            except ValueError:
                continue
        return max(found, default=None)

    def _stated_years(self) -> tuple[date | None, int | None]:
        """The first date with a year that is said of a window, and the year that stands alone beside one.

        A time of receipt tells the year better than a year alone, which may be that of something else.
        """
        days = (day for _, said in self._mentions for day in said.days.values() if day.year is not None)
        dated = None
        for day in days:
            try:
                dated = date(day.year or 0, day.month, day.day)
            except ValueError:
                continue
            break
        if self._local is not None:
            return None, None
        alone = (index for index, token in enumerate(self._tokens) if token.kind == "year")
        beside = (index for index in alone if any(one.days for one in self._tokens[max(index - NEAR, 0) : index]))
        return dated, next((int(self._tokens[index].text[:4]) for index in beside), None)

    def _date(self, day: Day) -> date:
        """A day as a date: its year from the text, else the latest up to the receipt. Raises ValueError."""
        dated, year = self._stated
        if day.year is not None or (year is not None and dated is None):
            return date(day.year or year or 0, day.month, day.day)
        anchor = dated or (self._local.date() + timedelta(days=1) if self._local else None)
        if anchor is None:
            raise ValueError("no year")
        candidates = []
        for candidate in range(max(anchor.year - 4, 1), min(anchor.year + 1, 9999) + 1):
            try:
                candidates.append(date(candidate, day.month, day.day))
            except ValueError:
                continue
        if dated:
            return min(candidates, key=lambda one: abs(one - anchor))
        latest = max(one for one in candidates if one <= anchor)
        if anchor - latest > NEWS:
            raise ValueError("no year: news is not that old")
        return latest

    def _dates(self, said: Moments) -> dict[str, date]:
        """The days that are said, as dates; "the 16th" is the one before the other. Raises ValueError."""
        known = {name: self._date(day) for name, day in said.days.items() if day.month}
        latest = max(known.values(), default=None)
        for name, day in said.days.items():
            if not day.month:
                before = (latest - timedelta(days=back) for back in range(3)) if latest else iter(())
                known[name] = next(one for one in before if one.day == day.day)
        return known

    def _take(self, said: Moments, start: datetime, end: datetime, assumed: list[str]) -> None:
        anchor = next((said.tokens[name] for name in CUE_WORDS if name in said.tokens), (0, 0))
        for name, value, words in (("window_start", start, START_WORDS), ("window_end", end, END_WORDS)):
            self._findings.take(name, value, *next((said.tokens[one] for one in words if one in said.tokens), anchor))
        for first, last in said.tokens.values():
            self._findings.mark(first, last)
        if assumed:
            place = anchor if anchor != (0, 0) else next(iter(said.tokens.values()), anchor)
            self._findings.take("window_assumed", " ".join(assumed), *place)


def _clock(said: tuple[int, int]) -> time:
    return time(said[0] % 24, said[1])
