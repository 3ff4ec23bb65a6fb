"""Fixtures of the tests of notifications."""

from collections.abc import Iterator

import pytest

from tests.sweep.notification.http_server import WebhookServer, webhook_server


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[WebhookServer]:
    """Return a server whose address is in the variable HOOK."""
    with webhook_server() as server:
        monkeypatch.setenv("HOOK", server.address)
        yield server
