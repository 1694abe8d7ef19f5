"""A real browser for the tests of the page: Debian's chromium, driven by Playwright."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright

NEEDED = "SALVOCAST_TESTS_NEED_CHROMIUM"
SLOW_MS = 120_000
"""As long as a busy machine may take: no test here is about speed."""
expect.set_options(timeout=SLOW_MS)

DRAWN = "image => image.decode().then(() => image.naturalWidth)"
GIVEN_UP = "net::ERR_ABORTED"
"""Of a request that the page itself, or who closed it, has given up."""
FIRST_SCREEN = {"width": 1280, "height": 800}
Open = Callable[..., Page]


@contextmanager
def chromium() -> Iterator[Browser]:
    """Chromium. Where there is none the tests are skipped, or fail where the environment says that they must run."""
    found = shutil.which("chromium")
    if found is None:
        if os.environ.get(NEEDED) == "1":
            pytest.fail(f"no chromium on the PATH, and {NEEDED}=1 says that the tests of the page must run: install it")
        pytest.skip("no chromium on the PATH: the page is not tested in a browser (Debian: apt-get install chromium)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found)
        yield browser
        browser.close()


@contextmanager
def opening(browser: Browser, origin: str) -> Iterator[Open]:
    """open_page("?days=14", width=..., dark=True): a page of the server at that origin.

    Whatever a test does, no request has left the origin, nothing was logged as an error, and no address failed that
    the test has not said may fail (`page.may_fail`, a set of status codes; 0 for a server that is not there). What a
    page no longer asks for has not failed: pages are to be closed before their servers are stopped.
    """
    contexts, faults = [], []

    def is_fault(said: ConsoleMessage) -> bool:
        # Of an address that failed the browser tells here too; which it was, and whether it may, the others know.
        return said.type in ("error", "warning") and not said.text.startswith("Failed to load resource")

    def start(query: str = "", *, url: str = origin, dark: bool = False, scripts: bool = True, **view: int) -> Page:
        context = browser.new_context(
            viewport=FIRST_SCREEN | view,  # type: ignore[arg-type]
            color_scheme="dark" if dark else "light",
            java_script_enabled=scripts,
            locale="en-GB",
        )
        contexts.append(context)
        context.set_default_timeout(SLOW_MS)
        page = context.new_page()
        page.may_fail = {200, 303}  # type: ignore[attr-defined]
        page.on("request", lambda sent: sent.url.startswith((url, "blob:", "data:")) or faults.append(sent.url))
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda said: faults.append(said.text) if is_fault(said) else None)
        page.on(
            "response",
            lambda response: (
                None
                if response.ok or response.status in page.may_fail  # type: ignore[attr-defined]
                else faults.append(f"{response.status} {response.url}")
            ),
        )
        page.on(
            "requestfailed",
            lambda sent: (
                None
                if sent.failure == GIVEN_UP or 0 in page.may_fail  # type: ignore[attr-defined]
                else faults.append(f"{sent.failure} {sent.url}")
            ),
        )
        page.goto(f"{url}/{query}")
        return page

    yield start
    for context in contexts:
        context.close()
    assert faults == [], faults  # pytest explains an assertion in the tests themselves, not here


def orders(page: Page) -> dict[str, str]:
    """Layer -> what the order table says."""
    cells = page.locator("#orders [data-layer]")
    return {str(cell.get_attribute("data-layer")): cell.inner_text() for cell in cells.all()}
