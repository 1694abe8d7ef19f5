"""What is to be said, as data: a code and the values that go into its words. Reports turn it into a language."""

from collections.abc import Sequence
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field


class Message(BaseModel):
    """A sentence, or a part of one, without its words.

    Parameters
    ----------
    code : str
        What is said; it stays the same when the words change.
    values : dict
        Name -> what is put in: a number, a text that a person gave (a name, an id, a day as YYYY-MM-DD), another
        message, or a list of messages or texts.

    Examples
    --------
    >>> Message.of("last_nights", n=28).values
    {'n': 28}
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    code: str = Field(description="what is said")
    values: "dict[str, int | float | str | Message | list[Message | str]]" = Field(default_factory=dict)

    @classmethod
    def of(cls, code: str, **values: Any) -> Self:
        """The message of that code; days become text, and tuples lists, as in a published document."""
        return cls(code=code, values={name: _plain(value) for name, value in values.items()})


def _plain(value: Any) -> Any:
    if isinstance(value, Message | int | float | str):
        return value
    return [_plain(each) for each in value] if isinstance(value, Sequence) else str(value)
