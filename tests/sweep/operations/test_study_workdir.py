"""The folder in which a study continues if the workdir of a launch is another one than before."""

import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sweep.errors import InputError
from tests.sweep.launcher.harness import FakeExecutor, LauncherHarness


def launch(harness: LauncherHarness, workdir: Path, is_given: bool = True) -> str:
    """Launch in another workdir and return the folder in which the study continues."""
    harness.close()
    harness.launch(workdir=workdir, is_workdir_given=is_given)
    return str(harness.launcher.settings.workdir)


def follow(error: InputError) -> None:
    """Run the command in the last line of a message."""
    subprocess.run(str(error).splitlines()[-1], shell=True, check=True)


@pytest.fixture
def harness(workplace: Path) -> Iterator[LauncherHarness]:
    """A harness of launchers that simulate a crash when they are closed."""
    harness = LauncherHarness(workplace, FakeExecutor())
    yield harness
    harness.close()


@pytest.fixture
def ended(harness: LauncherHarness) -> LauncherHarness:
    """A study of one complete trial, in the folder `sweeps`."""
    harness.launch("trials=1")
    harness.step()
    harness.executor.begin("1")
    harness.executor.end("1")
    harness.step()
    assert harness.states() == ["complete"]
    return harness


def test_folders_of_a_study_and_of_its_jobs_are_private(ended: LauncherHarness) -> None:
    study = ended.workplace / "sweeps/toy"
    assert [stat.S_IMODE(path.stat().st_mode) for path in (study, study / "jobs")] == [0o700] * 2


@pytest.mark.parametrize("is_given", [True, False])
def test_study_continues_where_its_folder_was_moved(ended: LauncherHarness, is_given: bool) -> None:
    new = ended.workplace / "new"
    shutil.move(ended.workplace / "sweeps", new)
    assert launch(ended, new, is_given) == str(new)
    assert list(ended.read().trials["folder"]) == [str(new / "toy/00000")]


def test_study_continues_in_its_copy(ended: LauncherHarness) -> None:
    new = ended.workplace / "new"
    shutil.copytree(ended.workplace / "sweeps", new)
    assert launch(ended, new) == str(new)


def test_study_without_trials_continues_anywhere(harness: LauncherHarness) -> None:
    harness.launch()
    assert launch(harness, harness.workplace / "new") == str(harness.workplace / "new")


def test_another_spelling_of_the_same_folder_is_the_same(ended: LauncherHarness) -> None:
    (ended.workplace / "link").symlink_to("sweeps")
    assert launch(ended, ended.workplace / "link") == str(ended.workplace / "sweeps")


def test_given_workdir_without_the_study_is_rejected(ended: LauncherHarness) -> None:
    with pytest.raises(InputError, match=r"has its trials in .*/sweeps/toy, not in .*/new/toy\ncontinue it"):
        launch(ended, ended.workplace / "new")
    assert not (ended.workplace / "new").exists()


def test_another_default_workdir_does_not_move_the_study(ended: LauncherHarness) -> None:
    assert launch(ended, ended.workplace / "new", is_given=False) == str(ended.workplace / "sweeps")


def test_folder_that_is_nowhere_is_an_error(ended: LauncherHarness) -> None:
    shutil.move(ended.workplace / "sweeps", ended.workplace / "elsewhere")
    with pytest.raises(InputError, match=r"is neither .*/sweeps/toy, where its trials were, nor .*/new/toy"):
        launch(ended, ended.workplace / "new", is_given=False)


@pytest.mark.parametrize("copied", ["", "00000", "code"])
def test_incomplete_copy_is_rejected_until_it_is_complete(ended: LauncherHarness, copied: str) -> None:
    new = ended.workplace / "new"
    (new / "toy").mkdir(parents=True)
    if copied:
        shutil.copytree(ended.workplace / "sweeps/toy" / copied, new / "toy" / copied)
    with pytest.raises(InputError, match=r"remove .*/new/toy and launch again, or complete the copy") as info:
        launch(ended, new)
    follow(info.value)
    assert launch(ended, new) == str(new)


def test_study_with_active_trials_is_moved_when_they_have_ended(harness: LauncherHarness) -> None:
    harness.launch("trials=1")
    harness.step()
    new = harness.workplace / "new"
    with pytest.raises(InputError, match=r"move it when no trial is active any more \(trial 0 is active\)"):
        launch(harness, new)
    harness.launch("trials=1")
    harness.executor.begin("1")
    harness.executor.end("1")
    harness.step()
    with pytest.raises(InputError, match="or move it and launch again") as info:
        launch(harness, new)
    follow(info.value)
    assert launch(harness, new) == str(new)


def test_study_with_active_trials_does_not_continue_in_a_copy(harness: LauncherHarness) -> None:
    harness.launch("trials=2")
    harness.step()
    shutil.copytree(harness.workplace / "sweeps", harness.workplace / "new")
    with pytest.raises(InputError, match=r"was copied to .*, but trials 0, 1 are active in .*/sweeps/toy"):
        launch(harness, harness.workplace / "new")


def sweep(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "sweep", *arguments], capture_output=True, text=True, timeout=120
    )


@pytest.mark.slow
def test_following_the_message_moves_a_study_with_its_snapshot_and_checkpoints(workplace: Path) -> None:
    """The retried trials of the moved study run the old code in new working directories."""
    old, new = workplace / "sweeps", workplace / "a new/place"
    settings = ["working_dir=attempt", "fixed.fault=vanish once", f"fixed.ledger={workplace}/ledger.txt"]
    options = ["--study", "toy", "--trials", "2", *(f"--set={setting}" for setting in settings)]
    assert sweep("launch", *options).returncode == 1  # both trials have failed after their first epoch
    (workplace / "toy_model.py").write_text("raise RuntimeError('new code')")
    assert sweep("retry", "--study", "toy", "--failed").returncode == 0
    rejected = sweep("launch", *options, "--workdir", str(new))
    assert rejected.returncode == 2, rejected.stderr
    follow(InputError(rejected.stderr.strip()))
    moved = sweep("launch", *options, "--workdir", str(new))
    assert moved.returncode == 0, moved.stderr
    assert "study toy: 2 complete" in moved.stdout
    assert list(old.iterdir()) == []
    lines = (workplace / "ledger.txt").read_text().splitlines()
    assert sorted(line.split()[:2] for line in lines) == [
        [seed, epoch] for seed in "01" for epoch in "123"
    ]  # no epoch was trained twice
    for trial in range(2):
        specs = sorted((new / f"toy/{trial:05d}").glob("attempt-*/spec.json"))
        # Nothing that the new attempt uses is in the old workdir.
        assert [str(old) in spec.read_text() for spec in specs] == [True, False]
        assert sweep("logs", "--study", "toy", "--trial", str(trial)).returncode == 0
