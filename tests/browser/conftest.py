"""Fixtures for the tests in a real browser."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.browser import chromium as chromium_browser
from tests.services import require_service

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Start Chromium once per session."""
    require_service("Chromium", chromium_browser.is_installed(), chromium_browser.PACKAGES)
    with chromium_browser.running() as browser:
        yield browser


@pytest.fixture(scope="session")
def screenshots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the screenshots, which continuous integration keeps for inspection."""
    if not os.environ.get("CI"):
        return tmp_path_factory.mktemp("screenshots")
    folder = ROOT / "ci-output" / "screenshots"
    folder.mkdir(parents=True, exist_ok=True)
    return folder
