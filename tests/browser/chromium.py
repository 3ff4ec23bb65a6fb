"""Debian's Chromium, driven by Playwright: pages opened in it, and what they did meanwhile."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import Browser, Page, Route, sync_playwright

PACKAGES = "chromium fonts-dejavu-core"
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
WIDE, NARROW = 1280, 390
TIMEOUT_MS = 60_000  # of every wait: the machine may be busy


def is_installed() -> bool:
    return shutil.which("chromium") is not None


@contextmanager
def running() -> Iterator[Browser]:
    """A browser with a fresh profile, which is deleted with it."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()


@dataclass
class Visit:
    """A page, and what it asked for and complained of since it was opened."""

    page: Page
    blocked: list[str] = field(default_factory=list)  # addresses outside `allowed`
    errors: list[str] = field(default_factory=list)


@contextmanager
def visiting(
    browser: Browser, address: str, allowed: str, width: int = WIDE, scheme: str = "light", **options: Any
) -> Iterator[Visit]:
    """The page at `address` in a window of its own; what does not start with `allowed` is refused."""
    context = browser.new_context(
        viewport={"width": width, "height": 900},
        color_scheme=scheme,
        **options,  # type: ignore[arg-type]
    )
    context.set_default_timeout(TIMEOUT_MS)
    visit = Visit(context.new_page())

    def refuse_others(route: Route) -> None:
        if route.request.url.startswith(allowed):
            route.continue_()
        else:
            visit.blocked.append(route.request.url)
            route.abort()

    context.route("**/*", refuse_others)
    visit.page.on("console", lambda message: message.type == "error" and visit.errors.append(message.text))
    visit.page.on("pageerror", lambda error: visit.errors.append(str(error)))
    try:
        visit.page.goto(address)
        yield visit
    finally:
        context.close()


def wait_for_figures(page: Page) -> None:
    """Until every figure that a report's page has data for is drawn."""
    page.wait_for_function(
        "() => [...document.querySelectorAll('.plot')].every((plot) => plot.querySelector('.main-svg'))"
    )
