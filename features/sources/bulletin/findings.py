"""What has been read of a message so far, what has not, and why."""

from datetime import datetime

from features.records import SHAHED
from features.sources.bulletin.lexer import Token
from features.sources.bulletin.nodes import Count, Node
from features.sources.bulletin.text import Clean
from features.sources.bulletin.types import ReadField, Span

NAMES = {
    "shahed": SHAHED,
    "shahed_jet": SHAHED,
    "decoy": SHAHED,
    "recon": SHAHED,
    "cruise_name": "cruise",
    "ballistic_name": "ballistic",
}
"""Classes of weapon names and the weapon they are a name of."""
NOTABLE = frozenset(
    {
        *("number", "indefinite", "date", "date_range", "time", "dotted", "percent", "unknown"),
        *(*NAMES, "missile_name", "antiradar", "carrier"),
    }
)
"""Classes that are shown as unread where no rule took them."""


class Findings:
    """The fields read from a message; `take` and `take_text` add one and mark its words as read."""

    def __init__(self, clean: Clean, tokens: list[Token]) -> None:
        self.clean, self.tokens = clean, tokens
        self.fields: list[ReadField] = []
        self.problems: list[str] = []
        self._read: set[int] = set()

    def take(self, name: str, value: int | str | datetime, first: int, last: int, qualifier: str = "exactly") -> None:
        """Enter a field that tokens[first:last] state; nothing states it where first == last."""
        if first == last:
            self.fields.append(ReadField(name, value, 0, 0, qualifier))
            return
        span = self.clean.span(self.tokens[first].start, self.tokens[last - 1].end)
        self.fields.append(ReadField(name, value, span.start, span.end, qualifier))
        self.mark(first, last)

    def take_count(self, name: str, one: Count) -> None:
        """Enter a count under a name of its own."""
        self.take(name, one.number.value, one.first, one.last, one.number.qualifier)

    def mark(self, first: int, last: int) -> None:
        """Mark tokens[first:last] as read without a field of their own."""
        self._read.update(range(first, last))

    def take_names(self, nodes: list[Node]) -> None:
        """Weapon names without a number of their own belong to the count of the same weapon before them."""
        current = ""
        for node in nodes:
            read = node.first in self._read
            if node.kind == "stop":
                current = ""
            elif node.number is not None:
                current = "" if not read else node.missiles if node.kind == "missiles" else SHAHED
            elif not read and current and NAMES.get(node.kind) == current:
                self.mark(node.first, node.last)

    def unread(self) -> tuple[Span, ...]:
        """The stretches of counts, dates and weapon names that nothing took, a sentence at most each."""
        spans: list[Span] = []
        group: list[Token] = []
        for index, token in [*enumerate(self.tokens), (len(self.tokens), None)]:
            over = token is None or index in self._read or token.kind == "stop"
            if over and group:
                spans.append(self.clean.span(group[0].start, group[-1].end))
                group = []
            elif token is not None and not over and token.kind in NOTABLE:
                group.append(token)
        return tuple(spans)
