"""What coded messages say in English, for tests that look at sentences."""

from features.messages import Message
from forecasting.report.language import translator
from forecasting.report.words import Words

_ENGLISH = Words(translator("en", plain=True))


def said(message: Message | None) -> str:
    assert message is not None
    return _ENGLISH(message)
