"""The operator's settings: defaults, a file, and what is wrong with one in one line."""

from pathlib import Path

import pytest

from experiments.settings import RetrainSettings, Settings, TableSource, load_settings, parse_settings, settings_path
from features.errors import InputError

EXAMPLE = """
[[source]]
kind = "bulletin"
path = "inbox/*.txt"
[[source]]
kind = "table"
path = "counts.csv"
map = {launched = "UAVs"}
[[source]]
kind = "kaggle"

[retrain]
challengers = ["two_regime"]
margin = 0.03
[alerts]
command = ["notify", "--urgent"]
[retention]
runs_days = 365
"""


def test_without_a_file_all_is_default(home: Path) -> None:
    assert load_settings() == Settings() == parse_settings("", "settings.toml")
    assert settings_path() == home / "settings.toml"


def test_the_file_in_the_home_is_read(home: Path) -> None:
    home.mkdir()
    (home / "settings.toml").write_text(EXAMPLE, encoding="utf-8")
    settings = load_settings()
    assert [source.kind for source in settings.source] == ["bulletin", "table", "kaggle"]
    assert settings.source[1] == TableSource(kind="table", path="counts.csv", map={"launched": "UAVs"})
    assert settings.retrain == RetrainSettings(challengers=("two_regime",), margin=0.03)
    assert settings.alerts.command == ("notify", "--urgent")
    assert settings.retention.runs_days == 365


def test_another_file_may_be_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    named = tmp_path / "mine.toml"
    monkeypatch.setenv("SALVOCAST_SETTINGS", str(named))
    with pytest.raises(InputError, match=r"cannot read .*mine\.toml: No such file"):
        load_settings()
    named.write_text("[retrain]\nseed = 7\n", encoding="utf-8")
    assert load_settings().retrain.seed == 7


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[retrain", "mine.toml is not TOML: "),
        ("[retrian]\n", "mine.toml: retrian: unknown key 'retrian': did you mean retrain or "),
        ("[retrain]\norigin = 3\n", "mine.toml: retrain.origin: unknown key 'origin': did you mean origins"),
        ("[retrain]\nmargin = 1.0\n", "mine.toml: retrain.margin: expected less than 1 (given: 1.0)"),
        (
            "[retrain]\nhorizon = 29\n",
            "mine.toml: retrain.horizon: expected a value less than or equal to 28 (given: 29)",
        ),
        (
            "[retrain]\nchallengers = ['two_regimes']\n",
            "mine.toml: retrain: unknown model 'two_regimes': did you mean two_regime ",
        ),
        ("[retrain]\norigins = 5\n", "mine.toml: retrain: fewest_origins is 26: expected at most origins, 5"),
        ("[[source]]\nkind = 'rss'\n", "mine.toml: source 1: unknown kind 'rss': known are bulletin, kaggle, table"),
        ("[[source]]\nkind = 'bulletin'\n", "mine.toml: source 1.path is missing"),
        (
            "[[source]]\nkind = 'table'\npath = 'a'\ntimezone = '/etc/passwd'\n",
            "mine.toml: source 1: timezone is '/etc/passwd': expected a name such as Europe/Kyiv",
        ),
        ("[retention]\nruns_days = 0\n", "mine.toml: retention.runs_days: expected a value greater than or equal to 1"),
        (
            "[[source]]\nkind = 'kaggle'\n" * 2,
            "mine.toml: the source kaggle stands there twice: expected each once",
        ),
        (
            "".join(f"[[source]]\nkind = 'bulletin'\npath = '{path}'\n" for path in ("inbox/*.txt", "./inbox//*.txt")),
            "mine.toml: the source bulletin ./inbox//*.txt stands there twice: expected each once",
        ),
        (
            "[[source]]\nkind = 'bulletin'\npath = '~nobody-of-that-name/inbox'\n",
            "mine.toml: source 1.path: there is no such user: write the whole path",
        ),
        ("a = " + "[" * 5_000, "mine.toml is not TOML that a person would write: "),
    ],
)
def test_a_mistake_is_told_in_one_line_that_names_the_key(text: str, told: str) -> None:
    with pytest.raises(InputError) as error:
        parse_settings(text, "mine.toml")
    assert str(error.value).startswith(told)
    assert "\n" not in str(error.value)


def test_the_digest_is_of_the_rules_alone() -> None:
    """Another source is no reason to retrain; another rule is."""
    sources = parse_settings("[[source]]\nkind = 'kaggle'\n", "mine.toml")
    assert sources.retrain.digest == Settings().retrain.digest
    assert RetrainSettings(margin=0.03).digest != RetrainSettings().digest
