"""Which form a client asks for (RFC 9110, 12.5.1)."""

import pytest

from forecasting.report.forms import ASKED_FOR, CSV, HUB, JSON, XLSX, Form
from forecasting.service.http.media import accepted_form
from forecasting.service.http.problems import Refusal


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        ("", JSON),
        ("*/*", JSON),
        ("application/json", JSON),
        ("Application/JSON", JSON),
        ("text/csv", CSV),
        ("text/*", CSV),
        ("application/*", JSON),
        (XLSX.accepted[0], XLSX),
        ("application/vnd.hubverse+csv", HUB),
        ('text/csv; profile="hub"', HUB),
        ("text/csv;profile=hub;q=0.9, application/json;q=0.5", HUB),
        ("text/csv;q=0.1, application/json", JSON),
        ("text/html, application/xhtml+xml, */*;q=0.8", JSON),
        ("text/csv, */*;q=0.1", CSV),
        ("*/*, text/csv", CSV),  # what is named goes before what is merely allowed
        ("text/csv, application/json", JSON),  # of equals the one that is ours
        ("application/json;q=0, text/csv", CSV),
    ],
)
def test_the_form_that_is_preferred(accept: str, form: Form) -> None:
    assert accepted_form(accept) == form


@pytest.mark.parametrize("accept", ["image/png", "application/json;q=0", "text/html", "text/csv;profile=other", "json"])
def test_what_allows_no_form_is_refused(accept: str) -> None:
    with pytest.raises(Refusal, match="expected one of application/json, text/csv") as caught:
        accepted_form(accept)
    assert caught.value.status == 406


def test_every_form_is_reached_by_the_type_that_it_states() -> None:
    for form in ASKED_FOR.values():
        assert accepted_form(form.accepted[0]) == form
