"""Tests of the mapping of Slurm's job states and of parsing the output of Slurm's commands."""

import pytest

from sweep.scheduler.slurm import queue
from sweep.scheduler.slurm.queue import (
    DEFAULT_MAX_ARRAY_SIZE,
    JobRecord,
    job_state,
    max_array_size,
    parse_seconds,
    queued_jobs,
)
from sweep.states import JobState
from tests.sweep.scheduler.slurm.fake_commands import FakeCommands

# The states of the manuals (squeue and sacct, "JOB STATE CODES"), then those of Slurm's source code and of
# later manuals.
STATES = {
    "BOOT_FAIL": JobState.NODE_FAILURE,
    "CANCELLED": JobState.CANCELLED,
    "CANCELLED by 1000": JobState.CANCELLED,
    "COMPLETED": JobState.COMPLETE,
    "CONFIGURING": JobState.RUNNING,
    "COMPLETING": JobState.RUNNING,
    "DEADLINE": JobState.TIMEOUT,
    "FAILED": JobState.FAILED,
    "NODE_FAIL": JobState.NODE_FAILURE,
    "OUT_OF_MEMORY": JobState.OUT_OF_MEMORY,
    "PENDING": JobState.PENDING,
    "PREEMPTED": JobState.PREEMPTED,
    "RUNNING": JobState.RUNNING,
    "RUNNING+": JobState.RUNNING,
    "RESV_DEL_HOLD": JobState.PENDING,
    "REQUEUE_FED": JobState.PENDING,
    "REQUEUE_HOLD": JobState.PENDING,
    "REQUEUED": JobState.PENDING,
    "RESIZING": JobState.RUNNING,
    "REVOKED": JobState.CANCELLED,
    "SIGNALING": JobState.RUNNING,
    "SPECIAL_EXIT": JobState.PENDING,
    "STAGE_OUT": JobState.RUNNING,
    "STOPPED": JobState.RUNNING,
    "SUSPENDED": JobState.RUNNING,
    "TIMEOUT": JobState.TIMEOUT,
    "LAUNCH_FAILED": JobState.NODE_FAILURE,
    "POWER_UP_NODE": JobState.PENDING,
    "RECONFIG_FAIL": JobState.NODE_FAILURE,
    "UPDATE_DB": JobState.RUNNING,
    "A_STATE_OF_A_LATER_SLURM": JobState.UNKNOWN,
    "": JobState.UNKNOWN,
}


@pytest.mark.parametrize(("slurm_state", "state"), STATES.items())
def test_slurm_state_is_mapped(slurm_state: str, state: JobState) -> None:
    assert job_state(slurm_state) is state


def test_every_mapped_state_is_tested() -> None:
    assert set(queue.STATES) <= set(STATES)


@pytest.mark.parametrize(
    ("time", "expected"),
    [("0:00", 0), ("1:02", 62), ("01:00:02", 3602), ("2-00:00:01", 172_801), ("INVALID", None), ("", None)],
)
def test_slurm_time_is_parsed(time: str, expected: float | None) -> None:
    assert parse_seconds(time) == expected


def test_job_record_derives_the_name_of_a_job_in_an_array() -> None:
    record = JobRecord("7", JobState.PENDING, None, "", "toy-0-abc")
    assert record.name == "toy-0-abc.0"
    assert record._replace(id="7_3").name == "toy-0-abc.3"


def test_lines_that_are_not_jobs_are_ignored(commands: FakeCommands) -> None:
    name = "x" * 150 + "|y"
    commands.answers["squeue"] = f"Maintenance on Monday\n\n7|RUNNING|1:00|None|n1|{name}\n8|RUNN"
    assert queued_jobs() == [JobRecord("7", JobState.RUNNING, 60.0, "None", name, "n1")]


def test_max_array_size_is_read_from_the_configuration(commands: FakeCommands) -> None:
    commands.answers["scontrol"] = "Configuration data\nMaxArraySize            = 16\nMaxDBDMsgs = 20024\n"
    assert max_array_size() == 16


@pytest.mark.parametrize("answer", [None, "Configuration data\n"])
def test_max_array_size_has_a_default(commands: FakeCommands, answer: str | None) -> None:
    commands.answers["scontrol"] = answer
    assert max_array_size() == DEFAULT_MAX_ARRAY_SIZE
