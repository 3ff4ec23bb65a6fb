"""The delivery of events to a real HTTP server and to real commands."""

import json
import socket
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import psutil
import pytest

from sweep.definition.notify import Notify
from sweep.errors import InputError
from sweep.notification.delivery import check_recipients, deliver
from sweep.notification.events import Event, EventKind
from tests.sweep.notification.http_server import WebhookServer

NOW = datetime(2026, 1, 1, tzinfo=UTC)
EVENT = Event(EventKind.ENDED, "4", "Study toy has ended: <3 & 4>.")


@pytest.fixture
def closed_port() -> Iterator[int]:
    """Return a port on which nothing listens."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        yield unused.getsockname()[1]


def problems_of_webhook() -> list[str]:
    problems = deliver(Notify(webhook_env="HOOK"), "toy", EVENT, NOW)
    assert "S3CRET" not in " ".join(problems)
    return problems


def test_webhook_receives_the_text(server: WebhookServer) -> None:
    assert problems_of_webhook() == []
    text = "Study toy has ended: &lt;3 &amp; 4&gt;."
    assert server.requests == [("POST", "/hooks/S3CRET", {"text": text})]


@pytest.mark.parametrize("status", [301, 302, 307, 404, 500])
def test_answer_that_is_no_success_is_a_problem(server: WebhookServer, status: int) -> None:
    server.status = status
    [problem] = problems_of_webhook()
    assert problem.endswith(f"the server has answered with the HTTP status {status}")
    assert len(server.requests) == 1  # a redirect is not followed


@pytest.mark.slow
def test_server_that_does_not_answer_is_given_up(server: WebhookServer) -> None:
    server.status = None
    started = time.monotonic()
    [problem] = problems_of_webhook()
    assert "within 5 s" in problem
    assert time.monotonic() - started < 8


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("https://no-such-host.invalid/hooks/S3CRET", "the server cannot be reached"),
        ("http://127.0.0.1:{port}/hooks/S3CRET", "Connection refused"),
        ("http://127.0.0.1:S3CRET/hooks", "not a valid address"),
        ("http://127.0.0.1/hooks S3CRET", "not a valid address"),
        ("http://[S3CRET/hooks", "not a valid address"),
        ("ftp://127.0.0.1/S3CRET", "not an address"),
        ("", "not an address"),
    ],
)
def test_address_that_cannot_be_reached_is_a_problem(
    monkeypatch: pytest.MonkeyPatch, closed_port: int, address: str, message: str
) -> None:
    monkeypatch.setenv("HOOK", address.replace("{port}", str(closed_port)))
    [problem] = problems_of_webhook()
    assert message in problem


def test_certificate_of_another_name_is_a_problem(
    monkeypatch: pytest.MonkeyPatch, server: WebhookServer
) -> None:
    monkeypatch.setenv("HOOK", server.address.replace("http:", "https:"))  # it does not speak TLS at all
    [problem] = problems_of_webhook()
    assert "the server cannot be reached" in problem


def test_command_receives_the_event(tmp_path: Path) -> None:
    target = tmp_path / "event.json"
    script = (
        "import json, os, sys; event = json.load(sys.stdin); "
        "event['variables'] = [os.environ[name] for name in ('SWEEP_EVENT', 'SWEEP_STUDY', 'SWEEP_TEXT')]; "
        f"open({str(target)!r}, 'w').write(json.dumps(event))"
    )
    assert deliver(Notify(command=[sys.executable, "-c", script]), "toy", EVENT, NOW) == []
    assert json.loads(target.read_text()) == {
        "event": "ended",
        "study": "toy",
        "text": EVENT.text,
        "time": "2026-01-01T00:00:00+00:00",
        "variables": ["ended", "toy", EVENT.text],
    }


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("false", "exit code 1"),
        (["sh", "-c", "echo first; echo the reason >&2; exit 3"], "exit code 3: the reason"),
        ("no-such-program --now", "cannot be started (No such file or directory)"),
        (["sh", "-c", "kill -9 $$"], "exit code -9"),
        ("true", None),
        (["sh", "-c", "sleep 60 & exit 0"], None),
    ],
)
def test_end_of_the_command_decides(command: str | list[str], message: str | None) -> None:
    problems = deliver(Notify(command=command), "toy", EVENT, NOW)
    assert [message in problem for problem in problems if message] == [True] * len(problems)
    assert bool(problems) == (message is not None)


@pytest.mark.slow
def test_slow_command_is_killed_with_its_children() -> None:
    started = time.monotonic()
    [problem] = deliver(Notify(command=["sh", "-c", "sleep 61.5; true"]), "toy", EVENT, NOW)
    assert "has not ended within 5 s" in problem
    assert time.monotonic() - started < 8
    while any("61.5" in (process.info["cmdline"] or []) for process in psutil.process_iter(["cmdline"])):
        assert time.monotonic() - started < 20
        time.sleep(0.1)


def test_both_receive_an_event_if_one_fails(server: WebhookServer) -> None:
    problems = deliver(Notify(webhook_env="HOOK", command="false"), "toy", EVENT, NOW)
    assert (len(server.requests), len(problems)) == (1, 1)


@pytest.mark.parametrize(
    ("value", "notify", "message"),
    [
        (None, Notify(webhook_env="HOOK"), "which is not set"),
        ("S3CRET", Notify(webhook_env="HOOK"), "is not an address"),
        (None, Notify(command="no-such-program"), "not an executable file"),
    ],
)
def test_missing_recipient_is_reported(
    monkeypatch: pytest.MonkeyPatch, value: str | None, notify: Notify, message: str
) -> None:
    monkeypatch.delenv("HOOK", raising=False)
    if value is not None:
        monkeypatch.setenv("HOOK", value)
    with pytest.raises(InputError, match=message) as error:
        check_recipients("toy", notify)
    assert "S3CRET" not in str(error.value)
