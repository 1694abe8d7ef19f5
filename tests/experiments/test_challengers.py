"""What is told when a challenger is registered: that it replaces another, and that its code stays behind."""

from datetime import date
from pathlib import Path

import pytest

from experiments import compare
from experiments.compare import preparation
from forecasting.registry import CHALLENGER
from forecasting.salvos.model import load_model


@pytest.mark.usefixtures("store")
def test_a_second_challenger_says_that_it_replaces_the_first_and_what_its_loader_will_need(
    home: Path, weekly_ledger: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (home / "ledger.db").write_bytes(weekly_ledger.read_bytes())
    # Each keeps the laws, as other tests show.
    monkeypatch.setattr(preparation, "check_contract", lambda _: None)
    run = compare.ensure_backtest(["seasonal_naive", "ratio_to_level"], first=date(2025, 12, 20), n_paths=20, horizon=7)
    capsys.readouterr()
    compare.register_challenger(load_model("ratio_to_level"), run)
    assert capsys.readouterr().err == ""  # a first one of ours needs no word
    monkeypatch.setattr(preparation, "BUNDLED_MODELS", {})  # as if it were somebody's own
    second = compare.register_challenger(load_model("seasonal_naive"), run)
    assert (second.model_id, second.aliases) == ("seasonal_naive", (CHALLENGER,))
    replaced, without_code = capsys.readouterr().err.splitlines()
    assert replaced.startswith("seasonal_naive (version 2) replaces the challenger ratio_to_level (version 1): ")
    assert "seasonal_naive is registered as numbers, without its code: " in without_code
    assert "needs forecasting.salvos.models.seasonal_naive installed, with an entry point of the group " in without_code
