"""The reason why a job left no result: its exit status and its own output."""

from pathlib import Path

import pytest

from sweep.launcher.job_output import MAX_FILE_BYTES, describe_job_end
from sweep.scheduler.job import Job, JobStatus
from sweep.states import JobState
from sweep.worker.attempt_folder import AttemptFolder
from tests.sweep.launcher.harness import FakeExecutor, LauncherHarness


def described(folder: Path, status: str | None = None, **outputs: str) -> str | None:
    for ending, text in outputs.items():
        (folder / f"7_0_log.{ending}").write_text(text)
    job = Job("toy-0.0", folder, (), id="7")
    return describe_job_end(AttemptFolder(folder), job, JobStatus(JobState.FAILED, "7", exit_status=status))


def test_summary_names_the_exit_status_and_the_last_line_of_the_shell(tmp_path: Path) -> None:
    text = described(
        tmp_path,
        "exit code 1",
        err="/bin/bash: line 12: module: command not found\nsrun: error: n1: Exited with exit code 1\n",
        out="submitit INFO (2026-11-25) - Starting\n",
    )
    assert text is not None
    assert text.splitlines()[-1] == "exit code 1; /bin/bash: line 12: module: command not found"
    assert "srun: error: n1" in text


def test_nothing_is_known_about_a_job_without_output(tmp_path: Path) -> None:
    assert described(tmp_path) is None
    assert described(tmp_path, "signal SIGKILL") == "signal SIGKILL"
    assert describe_job_end(AttemptFolder(tmp_path), None, None) is None


def test_output_is_bounded_and_without_passwords(tmp_path: Path) -> None:
    text = described(tmp_path, err="x\n" * 100_000 + "postgresql://me:hunter2@db says no\n")
    assert text is not None
    assert len(text) < 10_000
    assert "hunter2" not in text


@pytest.mark.parametrize("line", ["postgresql://me:hunter2@db says no", "\x1b[31mpass\x1b[0mword=hunter2"])
def test_no_part_of_a_password_is_kept(tmp_path: Path, line: str) -> None:
    """The output is longer than what is read, which may begin in the middle of the line."""
    beginning = line.index("hunter2") + 1
    last = "x" * (MAX_FILE_BYTES - (len(line) - beginning) - len("\n\n"))
    for text in (f"{line}\n{last}\n", f"{line}\n"):
        shown = described(tmp_path, err="y\n" + text)
        assert shown is not None
        assert "unter2" not in shown


@pytest.mark.slow
def test_jobs_own_output_is_stored_and_logged(
    harness: LauncherHarness, executor: FakeExecutor, caplog: pytest.LogCaptureFixture
) -> None:
    harness.launch("parallel=1", "trials=1", "failures.retries={launch_failure: 0}")
    harness.step()
    job = executor.jobs["1"]
    job.folder.mkdir(parents=True, exist_ok=True)
    (job.folder / "1_0_log.err").write_text("bash: module: command not found\n\x1b[31mred\x1b[0m\n")
    executor.state["1"] = JobState.FAILED
    harness.step()
    assert "trial 0: failed (launch_failure): red; more: sweep logs --study toy --trial 0" in caplog.messages
    attempt = harness.read().attempts.iloc[0]
    assert attempt["error"] == "red"
