"""A real browser, started once; it asks nothing of any network."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.browser import chromium as chromium_browser
from tests.services import need

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    need("Chromium", chromium_browser.is_installed(), chromium_browser.PACKAGES)
    with chromium_browser.running() as browser:
        yield browser


@pytest.fixture(scope="session")
def screenshots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where pictures of the pages go: kept where CI runs, for a person to look at."""
    if not os.environ.get("CI"):
        return tmp_path_factory.mktemp("screenshots")
    folder = ROOT / "ci-output" / "screenshots"
    folder.mkdir(parents=True, exist_ok=True)
    return folder
