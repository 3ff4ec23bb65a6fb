"""Debian's Chromium, driven by Playwright, and the requests and errors of the pages it opens."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import Browser, Page, Route, sync_playwright

PACKAGES = "chromium fonts-dejavu-core"  # Debian packages
ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
WIDE, NARROW = 1280, 390  # widths of a desktop window and of a phone, in pixels
TIMEOUT_MS = 60_000
"""The time limit of every wait, generous because the machine may be busy."""


def is_installed() -> bool:
    """Return whether Chromium is installed."""
    return shutil.which("chromium") is not None


@contextmanager
def running() -> Iterator[Browser]:
    """Run a browser with a new profile, which is deleted at the end."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()


@dataclass
class Visit:
    """An open page with its requests and errors.

    Attributes:
        page: The page.
        blocked: The requested addresses that were not allowed.
        errors: The messages of errors on the console and of uncaught exceptions.
    """

    page: Page
    blocked: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


@contextmanager
def visiting(
    browser: Browser, address: str, allowed: str, width: int = WIDE, scheme: str = "light", **options: Any
) -> Iterator[Visit]:
    """Open a page in a new window.

    Args:
        browser: The browser.
        address: The address of the page.
        allowed: The prefix of allowed addresses; all other requests are blocked and recorded.
        width: The width of the window in pixels.
        scheme: The preferred color scheme, `light` or `dark`.
        options: Further options of Playwright's `Browser.new_context`.
    """
    context = browser.new_context(
        viewport={"width": width, "height": 900},
        color_scheme=scheme,
        **options,  # type: ignore[arg-type]
    )
    context.set_default_timeout(TIMEOUT_MS)
    visit = Visit(context.new_page())

    def block_others(route: Route) -> None:
        if route.request.url.startswith(allowed):
            route.continue_()
        else:
            visit.blocked.append(route.request.url)
            route.abort()

    context.route("**/*", block_others)
    visit.page.on("console", lambda message: message.type == "error" and visit.errors.append(message.text))
    visit.page.on("pageerror", lambda error: visit.errors.append(str(error)))
    try:
        visit.page.goto(address)
        yield visit
    finally:
        context.close()


def wait_for_figures(page: Page) -> None:
    """Wait until every figure of a report page is drawn."""
    page.wait_for_function(
        "() => [...document.querySelectorAll('.plot')].every((plot) => plot.querySelector('.main-svg'))"
    )
