"""`sweep clean`: what it removes from the folders of trials in each state, and what it leaves."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from sweep.operations.cleaning import Cleaning, Kind, clean
from sweep.states import Cause, Outcome
from sweep.storage.database import connect
from sweep.storage.studies import get_study
from sweep.storage.tables import SnapshotRow
from sweep.storage.user_requests import request_retry
from sweep.worker.attempt_folder import AttemptFolder
from tests.sweep.launcher.harness import URL, FakeExecutor, LauncherHarness

COMPLETE, PRUNED, FAILED, RUNNING = "1", "2", "3", "4"
RECORD = {"spec.json", "started.json", "result.json", "metrics.jsonl", "log.txt", "stop"}
UNUSED = "0" * 64
SIZE = 50_000


@pytest.fixture
def harness(workplace: Path) -> Iterator[LauncherHarness]:
    """A launcher of a study with one trial in each state, each with all kinds of files."""
    harness = LauncherHarness(workplace, FakeExecutor())
    executor = harness.executor
    harness.launch("trials=4", "parallel=4")
    harness.step()
    harness.step()
    for job_id in (COMPLETE, PRUNED, FAILED, RUNNING):
        executor.begin(job_id)
        executor.report(job_id, 0.5)
        fill(executor.attempt(job_id))
    executor.end(COMPLETE)
    executor.end(PRUNED, outcome=Outcome.PRUNED)
    executor.end(FAILED, outcome=Outcome.FAILED, cause=Cause.ERROR)
    harness.step()
    assert harness.states() == ["complete", "pruned", "failed", "running"]
    study = workplace / "sweeps/toy"
    write(study / "code" / UNUSED / "model.py")
    write(study / "code/.partial-1/model.py")
    write(study / "worker/0123456789abcdef/start.py")
    yield harness
    harness.close()


def write(file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(b"x" * SIZE)


def fill(attempt: AttemptFolder) -> None:
    """Write what a train function may have left."""
    write(attempt.checkpoints / "weights")
    write(attempt.artifacts / "picture.png")
    write(attempt.work / "output.csv")
    write(attempt.log)
    attempt.request_stop(Outcome.PRUNED)
    (attempt.work / "data").symlink_to(Path("studies").absolute())


def cleaned(failed: bool = False, dry_run: bool = False) -> Cleaning:
    engine = connect(URL)
    result = clean(engine, get_study(engine, "toy"), failed=failed, dry_run=dry_run)
    engine.dispose()
    return result


def end_all(harness: LauncherHarness) -> None:
    harness.executor.end(RUNNING)
    harness.step()
    assert harness.states() == ["complete", "pruned", "failed", "complete"]
    harness.close()


def contents(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*")}


def test_complete_trial_loses_its_checkpoints_only(harness: LauncherHarness) -> None:
    attempt = harness.executor.attempt(COMPLETE)
    before = contents(attempt.path)
    cleaned()
    assert before - contents(attempt.path) == {"checkpoints", "checkpoints/weights"}


def test_pruned_trial_keeps_its_record_only(harness: LauncherHarness, workplace: Path) -> None:
    cleaned()
    assert contents(harness.executor.attempt(PRUNED).path) == RECORD
    assert (workplace / "studies/toy.yaml").exists()  # the target of a link


def test_active_trial_is_not_touched(harness: LauncherHarness) -> None:
    attempt = harness.executor.attempt(RUNNING)
    before = contents(attempt.path)
    harness.close()
    cleaned(failed=True)
    assert contents(attempt.path) == before


def test_failed_trial_keeps_its_checkpoints_unless_they_are_to_be_removed(harness: LauncherHarness) -> None:
    attempt = harness.executor.attempt(FAILED)
    before = contents(attempt.path)
    harness.close()
    cleaned()
    assert contents(attempt.path) == before
    cleaned(failed=True)
    assert before - contents(attempt.path) == {"checkpoints", "checkpoints/weights"}


def test_failed_trial_that_will_be_retried_keeps_its_checkpoints(harness: LauncherHarness) -> None:
    harness.close()
    engine = connect(URL)
    request_retry(engine, get_study(engine, "toy"))
    engine.dispose()
    cleaned(failed=True)
    assert harness.executor.attempt(FAILED).checkpoints.is_dir()


def test_beside_a_launcher_only_files_of_complete_and_pruned_trials_are_removed(
    harness: LauncherHarness, workplace: Path
) -> None:
    result = cleaned(failed=True)
    assert result.left_out is not None
    assert "a launcher is running" in result.left_out
    assert result.num_bytes[Kind.SNAPSHOTS] == result.num_bytes[Kind.WORKER_PACKAGES] == 0
    assert not harness.executor.attempt(COMPLETE).checkpoints.exists()
    assert harness.executor.attempt(FAILED).checkpoints.exists()
    assert (workplace / "sweeps/toy/code" / UNUSED).is_dir()
    end_all(harness)  # the launcher continues


def test_unused_snapshots_are_removed_and_the_others_stay(harness: LauncherHarness, workplace: Path) -> None:
    harness.close()
    (workplace / "more.py").touch()
    harness.launch("trials=5", update_code=True)  # the running trial has another snapshot than new ones
    harness.close()
    engine = connect(URL)
    study = get_study(engine, "toy")
    with Session(engine) as session:
        session.add(SnapshotRow(study_id=study.id, digest=UNUSED, created_at=study.created_at, files={}))
        session.commit()
    used = [path for path in (workplace / "sweeps/toy/code").glob("[0-9a-f]*") if path.name != UNUSED]
    assert len(used) == 2
    cleaned()
    assert set((workplace / "sweeps/toy/code").iterdir()) == set(used)
    with Session(engine) as session:
        assert {row.digest for row in session.query(SnapshotRow)} == {path.name for path in used}
    engine.dispose()


def test_worker_packages_stay_while_trials_are_active(harness: LauncherHarness, workplace: Path) -> None:
    package = workplace / "sweeps/toy/worker/0123456789abcdef"
    harness.close()
    assert cleaned().num_bytes[Kind.WORKER_PACKAGES] == 0
    assert package.is_dir()
    end_all(harness.launch("trials=4"))
    assert cleaned().num_bytes[Kind.WORKER_PACKAGES] >= SIZE
    assert not package.exists()


def test_dry_run_lists_the_same_sizes_and_changes_nothing(harness: LauncherHarness, workplace: Path) -> None:
    end_all(harness)
    before = contents(workplace)
    expected = cleaned(failed=True, dry_run=True)
    assert contents(workplace) == before
    assert min(expected.num_bytes.values()) >= SIZE
    assert cleaned(failed=True) == expected
    assert cleaned(failed=True).total == 0


def test_snapshots_stay_if_a_study_of_another_database_shares_the_folder(
    harness: LauncherHarness, workplace: Path
) -> None:
    end_all(harness)
    (workplace / "sweeps/toy/00000/attempt-1-0123abcd").mkdir()
    result = cleaned()
    assert result.left_out is not None
    assert "contains 00000/attempt-1-0123abcd, which the study has not created" in result.left_out
    assert (workplace / "sweeps/toy/code" / UNUSED).is_dir()
    assert result.num_bytes[Kind.CHECKPOINTS] >= SIZE


def test_study_folder_that_is_a_link_is_left_out(harness: LauncherHarness, workplace: Path) -> None:
    end_all(harness)
    (workplace / "sweeps/toy").rename(workplace / "elsewhere")
    (workplace / "sweeps/toy").symlink_to(workplace / "elsewhere")
    before = contents(workplace / "elsewhere")
    result = cleaned()
    assert (result.total, result.left_out) == (
        0,
        f"{workplace}/sweeps/toy is not a folder of yours, or is a link",
    )
    assert contents(workplace / "elsewhere") == before


def test_links_in_place_of_folders_are_not_followed(harness: LauncherHarness, workplace: Path) -> None:
    end_all(harness)
    write(workplace / "shared/weights")
    checkpoints = harness.executor.attempt(COMPLETE).checkpoints
    checkpoints.rename(workplace / "old")
    checkpoints.symlink_to(workplace / "shared")
    attempt = harness.executor.attempt(PRUNED).path
    attempt.rename(workplace / "moved")
    attempt.symlink_to(workplace / "moved")
    cleaned()
    assert not checkpoints.is_symlink()
    assert (workplace / "shared/weights").exists()
    assert (workplace / "moved/artifacts/picture.png").exists()
