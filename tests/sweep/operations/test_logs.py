"""A trial's log: as it is, as it grows, and what there is to say without one."""

from collections.abc import Callable
from pathlib import Path

import pytest

from sweep.launcher.attempts import folder_of
from sweep.operations.logs import follow_log, read_log
from sweep.states import Outcome
from sweep.storage.tables import AttemptRow, TrialRow
from sweep.worker.documents import Result


def attempt(place: Path, number: int = 1, state: str = "running", job_id: str | None = "7") -> AttemptRow:
    row = AttemptRow(number=number, token="abc", state=state, job_name="toy-3.0", job_id=job_id)
    row.trial = TrialRow(number=3, folder=str(place / "toy" / "00003"))
    folder_of(row).path.mkdir(parents=True, exist_ok=True)
    return row


def write(row: AttemptRow, text: str) -> None:
    with folder_of(row).log.open("a", encoding="utf-8") as log:
        log.write(text)


def test_a_log(tmp_path: Path) -> None:
    row = attempt(tmp_path)
    write(row, "epoch 1\nepoch 2 ✓\n" * 20_000)  # more than is read at once
    assert "".join(read_log(row)) == "epoch 1\nepoch 2 ✓\n" * 20_000


@pytest.mark.parametrize("job_id", ["7", "7_1", "host:7:99"])
def test_a_job_that_ended_before_the_trial_began(tmp_path: Path, job_id: str) -> None:
    row = attempt(tmp_path, state="failed", job_id=job_id)
    row.cause = "launch_failure"
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


def test_a_trial_that_waits(tmp_path: Path) -> None:
    row = attempt(tmp_path, state="submitting", job_id=None)
    row.job_name = None
    assert (
        "".join(read_log(row))
        == "trial 3, attempt 1, has printed nothing: submitting; its job has no id yet\n"
    )


def test_what_the_scheduler_said(tmp_path: Path) -> None:
    row = attempt(tmp_path, state="failed")
    row.cause, row.error = "lost", "the trial's process ended with exit code -11"
    assert "exit code -11" in "".join(read_log(row))


def follow(steps: list[tuple[AttemptRow, bool, Callable[[], None]]]) -> str:
    """Each look finds an attempt and whether a launcher is at work; what happens then is seen after it."""
    remaining = iter(steps)
    happens: list[Callable[[], None]] = []

    def look() -> tuple[AttemptRow, bool]:
        row, is_launched, then = next(remaining)
        happens.append(then)
        return row, is_launched

    text = "".join(follow_log(look, sleep=lambda _: happens[-1]()))
    assert next(remaining, None) is None, "it ended early"
    return text


def test_followed_until_the_trial_has_ended(tmp_path: Path) -> None:
    running, ended = attempt(tmp_path), attempt(tmp_path, state="complete")
    assert follow(
        [
            (running, True, lambda: write(running, "epoch 1\nepo")),
            (running, True, lambda: write(running, "ch 2\n")),
            (running, True, lambda: write(running, "done\n")),
            (ended, True, lambda: None),
        ]
    ) == "epoch 1\nepoch 2\ndone\n"  # fmt: skip


def test_followed_into_the_next_attempt(tmp_path: Path) -> None:
    first, second = attempt(tmp_path), attempt(tmp_path, number=2)
    ended = attempt(tmp_path, number=2, state="failed")
    write(first, "epoch 1\n")
    write(second, "goes on\n")
    nothing = lambda: None  # noqa: E731
    seen = follow([(first, True, nothing), (second, True, nothing), (ended, True, nothing)])
    assert seen == "epoch 1\n--- attempt 2 ---\ngoes on\n"


def test_without_a_launcher_the_result_ends_it(tmp_path: Path) -> None:
    row = attempt(tmp_path)
    write(row, "done\n")
    result = Result("abc", Outcome.COMPLETE, 0.0, {"score": 1.0})
    steps = [
        (row, True, lambda: folder_of(row).write_result(result)),
        (row, True, lambda: None),  # the launcher has yet to record it, and may start another attempt
        (row, False, lambda: None),
    ]
    assert follow(steps) == "done\n"
