"""One reader per source of reports. A reader yields records in the order of the file and never drops a row."""

_PUBLIC_TABLE = (
    "daily reports of the Ukrainian Air Force Command as compiled by P. Ivaniuk in Massive Missile Attacks on Ukraine "
    "(Kaggle: piterfm/massive-missile-attacks-on-ukraine)"
)
ATTRIBUTION = {
    "bundled": f"{_PUBLIC_TABLE}, facts to 2026-04-30, bundled with Salvocast",
    "kaggle": _PUBLIC_TABLE,
    "bulletin": "bulletins of the Ukrainian Air Force Command",
    "table": "a table ingested by this team",
}
"""Source name -> whose facts they are, as every output names them."""
