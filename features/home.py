"""Where Salvocast keeps its own files on this machine."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from features.errors import SalvocastError

if TYPE_CHECKING:
    from sqlalchemy import URL


def salvocast_home() -> Path:
    """The folder of the ledger and the embedded tracking store: `SALVOCAST_HOME`, or the user's data folder.

    Made when missing. Raises SalvocastError where it cannot be made or written to.
    """
    given = os.environ.get("SALVOCAST_HOME")
    if given:
        home = Path(given).expanduser().absolute()
    else:
        from platformdirs import user_data_path  # only then: it is not needed where the home is given

        home = user_data_path("salvocast")
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)  # its owner's alone: issued plans hold real stocks
    except OSError as error:
        raise SalvocastError(
            f"the home {home} cannot be made ({error.strerror}): set SALVOCAST_HOME to a folder that can be written"
        ) from error
    if not os.access(home, os.W_OK | os.X_OK):
        raise SalvocastError(
            f"the home {home} cannot be written to: set SALVOCAST_HOME to a folder that can be written"
        )
    return home


def ledger_url() -> "URL | str":
    """The database of the ledger: `SALVOCAST_LEDGER_URL` (any SQLAlchemy URL), or SQLite in the home."""
    given = os.environ.get("SALVOCAST_LEDGER_URL")
    if given:
        return given
    from sqlalchemy import URL

    return URL.create("sqlite", database=str(salvocast_home() / "ledger.db"))  # a path may hold any character
