"""The text of an attack report, in Ukrainian or English, to salvo reports: read by rules, never guessed.

text -> tokens (`lexer`) -> sentences and clauses (`sentences`), those told of something else set aside (`scope`,
`places`) -> numbers with what they count (`nodes`) -> numbers with what they stand for (`roles`, `sifting`) ->
reports (`drones`, `missiles`, `areas`, `windows`). The rules are data (`features/bundled/bulletin_grammar.toml`).
What they cannot read is returned as unread spans.
"""

from features.sources.bulletin.messages import read_bulletins
from features.sources.bulletin.parser import SOURCE, parse_bulletin
from features.sources.bulletin.review import review
from features.sources.bulletin.types import Bulletin, ReadField, Span

__all__ = ["SOURCE", "Bulletin", "ReadField", "Span", "parse_bulletin", "read_bulletins", "review"]
