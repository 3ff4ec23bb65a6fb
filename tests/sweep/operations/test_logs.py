"""The output of a trial, and what is shown if there is none."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sweep.launcher.attempts import folder_of
from sweep.operations.logs import LogObservation, follow_log, read_log
from sweep.states import AttemptState, Cause, Outcome
from sweep.storage.tables import AttemptRow, TrialRow
from sweep.worker.documents import Result


def attempt(
    parent: Path, number: int = 1, state: AttemptState = AttemptState.RUNNING, job_id: str | None = "7"
) -> AttemptRow:
    row = AttemptRow(number=number, token="abc", state=state, job_name="toy-3.0", job_id=job_id, notes={})
    row.trial = TrialRow(number=3, folder=str(parent / "toy" / "00003"))
    folder_of(row).path.mkdir(parents=True, exist_ok=True)
    return row


def write(row: AttemptRow, text: str) -> None:
    with folder_of(row).log.open("a", encoding="utf-8") as log:
        log.write(text)


def test_log_is_printed_whole(tmp_path: Path) -> None:
    row = attempt(tmp_path)
    write(row, "epoch 1\nepoch 2 ✓\n" * 20_000)  # larger than one chunk
    assert "".join(read_log(row)) == "epoch 1\nepoch 2 ✓\n" * 20_000


@pytest.mark.parametrize("job_id", ["7", "7_1", "host:7:99"])
def test_output_of_a_job_that_ended_early_is_printed(tmp_path: Path, job_id: str) -> None:
    row = attempt(tmp_path, state=AttemptState.FAILED, job_id=job_id)
    row.cause = Cause.LAUNCH_FAILURE
    jobs = tmp_path / "toy" / "jobs" / "toy-3"
    jobs.mkdir(parents=True)
    number = job_id.split(":")[1] if ":" in job_id else job_id
    (jobs / f"{number}_0_log.out").write_text("loading modules\n")
    (jobs / f"{number}_0_log.err").write_text("srun: error: no such node\n")
    (jobs / f"{number}9_0_log.err").write_text("of another job\n")
    assert "".join(read_log(row)).splitlines() == [
        f"trial 3, attempt 1, has printed nothing: failed (launch_failure); job {job_id}",
        f"--- {jobs / f'{number}_0_log.err'} ---",
        "srun: error: no such node",
        f"--- {jobs / f'{number}_0_log.out'} ---",
        "loading modules",
    ]


def test_attempt_without_a_job_is_described(tmp_path: Path) -> None:
    row = attempt(tmp_path, state=AttemptState.SUBMITTING, job_id=None)
    row.job_name = None
    assert (
        "".join(read_log(row))
        == "trial 3, attempt 1, has printed nothing: submitting; its job has no id yet\n"
    )


def test_error_of_an_attempt_without_output_is_printed(tmp_path: Path) -> None:
    row = attempt(tmp_path, state=AttemptState.FAILED)
    row.cause, row.error = Cause.LOST, "the trial's process ended with exit code -11"
    assert "exit code -11" in "".join(read_log(row))


def test_log_of_a_failed_attempt_is_followed_by_its_error_and_the_output_of_its_job(tmp_path: Path) -> None:
    row = attempt(tmp_path, state=AttemptState.FAILED)
    row.cause, row.error, row.exit_status = Cause.ERROR, "ended by signal SIGSEGV", "signal SIGSEGV"
    write(row, "epoch 1")
    jobs = tmp_path / "toy" / "jobs" / "toy-3"
    jobs.mkdir(parents=True)
    (jobs / "7_0_log.err").write_text("srun: error: n1: task 0: Segmentation fault\n")
    assert "".join(read_log(row)).splitlines() == [
        "epoch 1",
        "trial 3, attempt 1, has ended: failed (error); job 7; signal SIGSEGV",
        "ended by signal SIGSEGV",
        f"--- {jobs / '7_0_log.err'} ---",
        "srun: error: n1: task 0: Segmentation fault",
    ]


def test_log_that_is_not_a_regular_file_is_not_opened(tmp_path: Path) -> None:
    row = attempt(tmp_path, state=AttemptState.COMPLETE)
    os.mkfifo(folder_of(row).log)
    assert "has printed nothing" in "".join(read_log(row))


def follow(steps: list[tuple[AttemptRow, bool, Callable[[], None]]]) -> str:
    """Follow a log through these observations, each with what happens between it and the next one."""
    num_observed = 0

    def observations() -> Iterator[LogObservation]:
        nonlocal num_observed
        for row, has_launcher, then in steps:
            num_observed += 1
            yield LogObservation(row, has_launcher)
            then()

    text = "".join(follow_log(observations()))
    assert num_observed == len(steps), "the log was not followed to its end"
    return text


def test_log_is_followed_until_the_trial_has_ended(tmp_path: Path) -> None:
    running, ended = attempt(tmp_path), attempt(tmp_path, state=AttemptState.COMPLETE)
    assert follow(
        [
            (running, True, lambda: write(running, "epoch 1\nepo")),
            (running, True, lambda: write(running, "ch 2\n")),
            (running, True, lambda: write(running, "done\n")),
            (ended, True, lambda: None),
        ]
    ) == "epoch 1\nepoch 2\ndone\n"  # fmt: skip


def test_log_is_followed_into_the_next_attempt(tmp_path: Path) -> None:
    first, second = attempt(tmp_path), attempt(tmp_path, number=2)
    ended = attempt(tmp_path, number=2, state=AttemptState.FAILED)
    write(first, "epoch 1\n")
    write(second, "epoch 2\n")
    nothing = lambda: None  # noqa: E731
    text = follow([(first, True, nothing), (second, True, nothing), (ended, True, nothing)])
    assert text == "epoch 1\n--- attempt 2 ---\nepoch 2\n"


def test_result_ends_the_log_if_no_launcher_is_running(tmp_path: Path) -> None:
    row = attempt(tmp_path)
    write(row, "done\n")
    result = Result("abc", Outcome.COMPLETE, 0.0, {"score": 1.0})
    steps = [
        (row, True, lambda: folder_of(row).write_result(result)),
        (row, True, lambda: None),  # the launcher has not recorded it yet, and may start another attempt
        (row, False, lambda: None),
    ]
    assert follow(steps) == "done\n"


def test_description_ends_the_followed_log_of_an_attempt_without_output(tmp_path: Path) -> None:
    row = attempt(tmp_path, state=AttemptState.COMPLETE)
    assert "has printed nothing: complete; job 7" in follow([(row, False, lambda: None)])
