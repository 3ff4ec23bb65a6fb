"""Nodes on which jobs repeatedly fail before they start."""

import logging
from datetime import timedelta

import pytest

from sweep.states import JobState
from sweep.storage.failing_nodes import MAX_AGE, FailingNode
from tests.sweep.launcher.harness import FakeExecutor, LauncherHarness


def fail_to_start(executor: FakeExecutor, job_id: str, node: str) -> None:
    executor.end(job_id, JobState.FAILED, outcome=None)
    executor.host[job_id] = node


def failing_nodes(harness: LauncherHarness) -> list[FailingNode]:
    return harness.launcher.records.failing_nodes(harness.clock.now())


def test_node_is_excluded_after_its_second_failure(
    harness: LauncherHarness, executor: FakeExecutor, caplog: pytest.LogCaptureFixture
) -> None:
    harness.launch("trials=4", "parallel=3")
    harness.step()
    fail_to_start(executor, "1", "n1")
    harness.step()
    assert executor.jobs["4"].resources.exclude_nodes == ("n1",)  # the retry avoids the node
    assert failing_nodes(harness) == []
    fail_to_start(executor, "2", "n1")
    executor.end("3")
    with caplog.at_level(logging.WARNING):
        harness.step()
    assert failing_nodes(harness) == [FailingNode("n1", 2)]
    assert [executor.jobs[job_id].resources.exclude_nodes for job_id in ("5", "6")] == [("n1",)] * 2
    assert executor.excluded == [(["4"], ["n1"])]  # the retry, which waits in the queue
    assert "study toy: node n1 is excluded, because 2 jobs have failed there before they started" in (
        caplog.messages
    )


def test_failures_are_forgotten_when_a_job_starts_and_after_a_day(
    harness: LauncherHarness, executor: FakeExecutor
) -> None:
    harness.launch("trials=4", "parallel=4")
    harness.step()
    for job_id in ("1", "2"):
        fail_to_start(executor, job_id, "n1")
    harness.step()
    assert failing_nodes(harness) == [FailingNode("n1", 2)]
    harness.clock.sleep((MAX_AGE + timedelta(minutes=1)).total_seconds())
    assert failing_nodes(harness) == []
    for job_id in ("3", "4"):
        fail_to_start(executor, job_id, "n1")
    harness.step()
    assert failing_nodes(harness) == [FailingNode("n1", 2)]
    executor.begin("5", host="n1", at=harness.clock.now())
    harness.step()
    assert failing_nodes(harness) == []


def test_node_that_fails_after_the_start_is_not_excluded(
    harness: LauncherHarness, executor: FakeExecutor
) -> None:
    harness.launch("trials=2")
    harness.step()
    for job_id in ("1", "2"):
        executor.begin(job_id)
        executor.end(job_id, JobState.NODE_FAILURE, outcome=None)
    harness.step()
    assert failing_nodes(harness) == []
