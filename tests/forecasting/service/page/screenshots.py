"""The first screen of the page in both themes: python -m tests.forecasting.service.page.screenshots FOLDER."""

import shutil
import sys
import tempfile
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

from features.ledger import Ledger
from features.sources.bundled import read_bundled
from tests.forecasting.service.conftest import serving
from tests.forecasting.service.page.browsing import FIRST_SCREEN


def main(folder: Path) -> None:
    """Writes page-light.png and page-dark.png, of the bundled reports alone, into the folder."""
    with tempfile.TemporaryDirectory() as place:
        filled = Path(place) / "filled.db"
        with Ledger.open(f"sqlite:///{filled}") as ledger:
            ledger.ingest(read_bundled(), datetime(2026, 5, 1, 12, tzinfo=UTC))
        with serving(Path(place), filled) as serve, sync_playwright() as playwright:
            url = serve().url
            browser = playwright.chromium.launch(executable_path=shutil.which("chromium"))
            for theme in ("light", "dark"):
                page = browser.new_page(viewport=FIRST_SCREEN, color_scheme=theme, locale="en-GB")
                page.goto(f"{url}/?origin=2026-04-30", wait_until="networkidle")
                few = Image.open(BytesIO(page.screenshot())).quantize(128, dither=Image.Dither.NONE)
                few.save(folder / f"page-{theme}.png", optimize=True)  # half the size, and nobody sees it
            browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
