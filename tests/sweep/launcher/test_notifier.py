"""What a launcher announces about its study, with a real HTTP server."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from sweep.errors import StudyFailedError
from sweep.states import Cause, JobState, Outcome
from tests.sweep.launcher.harness import FakeExecutor, LauncherHarness
from tests.sweep.notification.http_server import WebhookServer, webhook_server

NOTIFY = ("notify.webhook_env=HOOK", "notify.stalled_hours=6", "parallel=2")


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[WebhookServer]:
    with webhook_server() as server:
        monkeypatch.setenv("HOOK", server.address)
        yield server


def end_all(harness: LauncherHarness, executor: FakeExecutor, outcome: Outcome = Outcome.COMPLETE) -> None:
    """Let all trials run to their ends."""
    state = JobState.COMPLETE if outcome is Outcome.COMPLETE else JobState.FAILED
    cause = None if outcome is Outcome.COMPLETE else Cause.ERROR
    while harness.step():
        for job_id in [job_id for job_id, found in executor.state.items() if found is JobState.PENDING]:
            executor.begin(job_id)
            executor.end(job_id, state, outcome, cause=cause)
    harness.launcher.run()


def test_end_is_announced_once_and_again_after_an_extension(
    harness: LauncherHarness, executor: FakeExecutor, server: WebhookServer, workplace: Path
) -> None:
    end_all(harness.launch(*NOTIFY, "trials=2"), executor)
    assert server.texts == ["Study toy has ended: 2 complete."]
    end_all(harness.relaunch(*NOTIFY, "trials=2"), executor)
    assert len(server.texts) == 1
    end_all(harness.relaunch(*NOTIFY, "trials=3"), executor)
    assert server.texts[1:] == ["Study toy has ended: 3 complete."]
    harness.close()
    with closing(sqlite3.connect(workplace / "sweep.db")) as database:
        assert "S3CRET" not in "\n".join(database.iterdump())


def test_failure_is_announced_once(
    harness: LauncherHarness, executor: FakeExecutor, server: WebhookServer
) -> None:
    harness.launch(*NOTIFY, "trials=2", "failures.stop_after_same=2")
    for _ in range(2):
        with pytest.raises(StudyFailedError):
            end_all(harness, executor, Outcome.FAILED)
        assert server.texts == ["Study toy has failed: every trial failed (2 failed)."]
        harness.relaunch(*NOTIFY, "trials=2", "failures.stop_after_same=2")


def test_stall_is_announced_once_across_launchers(
    harness: LauncherHarness, executor: FakeExecutor, server: WebhookServer
) -> None:
    harness.launch(*NOTIFY, "trials=2").step()
    for job_id in ("1", "2"):
        executor.begin(job_id, at=harness.clock.now())
    harness.step()
    harness.clock.time += timedelta(hours=5)
    harness.relaunch(*NOTIFY, "trials=2").step()
    assert server.texts == []
    harness.clock.time += timedelta(hours=1.1)
    for _ in range(2):
        harness.step()
        harness.relaunch(*NOTIFY, "trials=2").step()
    [text] = server.texts
    assert text.startswith("Study toy has made no progress for 6.1 hours")


def test_use_of_the_budget_is_announced_before_the_end(
    harness: LauncherHarness, executor: FakeExecutor, server: WebhookServer
) -> None:
    end_all(harness.launch(*NOTIFY, "trials=5", "parallel=1"), executor)
    assert [text.partition(":")[0] for text in server.texts] == [
        "Study toy has used 80% of its budget",
        "Study toy has ended",
    ]


def test_failing_server_is_logged_once_and_affects_nothing(
    harness: LauncherHarness,
    executor: FakeExecutor,
    server: WebhookServer,
    caplog: pytest.LogCaptureFixture,
) -> None:
    server.status = 500
    end_all(harness.launch(*NOTIFY, "trials=5", "parallel=1"), executor)
    assert harness.states() == ["complete"] * 5
    assert len(server.texts) == 2
    warnings = [record.getMessage() for record in caplog.records if "HOOK" in record.getMessage()]
    assert warnings == [
        "study toy: the webhook of HOOK has not received an event: exit code 1: the server has "
        "answered with the HTTP status 500; the study is not affected"
    ]
    assert "S3CRET" not in caplog.text


def test_periodic_launcher_announces_the_end(
    harness: LauncherHarness, executor: FakeExecutor, server: WebhookServer
) -> None:
    harness.launch(*NOTIFY, "trials=1", once=True)
    assert harness.launcher.run_once() == 1
    executor.begin("1")
    executor.end("1")
    assert harness.launcher.run_once() == 0
    assert server.texts == ["Study toy has ended: 1 complete."]
    assert harness.launcher.run_once() == 0
    assert len(server.texts) == 1
