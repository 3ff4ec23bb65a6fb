"""`sweep delete`: what it deletes, what it leaves, and when it is rejected."""

import os
import pty
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import optuna
import pytest
from sqlalchemy import update

from sweep.storage.database import connect, parse_url, real_url
from sweep.storage.lease import Lease
from sweep.storage.optuna_storage import optuna_storage
from sweep.storage.studies import get_study, optuna_study_names, study_names
from sweep.storage.tables import AttemptRow
from tests.sweep.cli.conftest import CommandResult, Sweep
from tests.sweep.launcher.test_crash import run_and_kill

URL = parse_url("sqlite:///sweep.db")
DELETE = ("delete", "--study", "toy", "--yes")


def studies() -> tuple[list[str], set[str]]:
    """Return the names of the studies in our tables and in Optuna's."""
    engine = connect(URL)
    names = study_names(engine), optuna_study_names(engine)
    engine.dispose()
    return names


def check_nothing_is_deleted(result: CommandResult, message: str) -> None:
    assert result.code == 2
    assert message in result.err
    assert "Traceback" not in result.err
    assert studies() == (["toy"], {"toy"})


def delete_on_a_terminal(answer: bytes) -> tuple[int, str]:
    """Run the command on a terminal, answer its question, and return its exit code and its output."""
    terminal, other_end = pty.openpty()
    command = [sys.executable, "-m", "sweep", "delete", "--study", "toy"]
    process = subprocess.Popen(
        command, stdin=other_end, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    os.close(other_end)
    os.write(terminal, answer)
    output, _ = process.communicate(timeout=60)
    os.close(terminal)
    return process.returncode, output


def test_missing_database_is_rejected(check_rejected: Callable[[tuple[str, ...], str], None]) -> None:
    check_rejected(DELETE, "there is no database")


def test_study_is_deleted_with_its_folder(workplace: Path, launched: CommandResult, sweep: Sweep) -> None:
    with optuna_storage(URL) as storage:
        optuna.create_study(study_name="of another program", storage=storage)
    (workplace / "sweeps/other").mkdir()
    result = sweep(*DELETE)
    assert result.code == 0, result.err
    assert "study toy in sqlite:///sweep.db: 4 trials, 0.0 GPU hours" in result.out
    assert f"folder {workplace}/sweeps/toy: " in result.out
    assert result.out.endswith("deleted study toy\n")
    assert studies() == ([], {"of another program"})
    assert [path.name for path in (workplace / "sweeps").iterdir()] == ["other"]
    assert "has no study 'toy'" in sweep(*DELETE).err


def test_new_study_of_the_same_name_starts_from_nothing(
    workplace: Path, launched: CommandResult, sweep: Sweep
) -> None:
    sweep(*DELETE)
    again = sweep("launch", "--study", "toy", "--cluster", "inline", "--trials", "2")
    assert "study toy: 2 complete" in again.out
    assert len(list((workplace / "sweeps/toy").glob("[0-9]*/attempt-*"))) == 2


@pytest.mark.slow
def test_dry_runs_are_named_and_deleted_by_their_own_names(
    workplace: Path, launched: CommandResult, sweep: Sweep
) -> None:
    assert sweep("launch", "--study", "toy", "--dry-run", "--cluster", "local").code == 0
    assert "not deleted with it: sweep delete --study toy-dryrun" in sweep(*DELETE).out
    assert studies() == (["toy-dryrun"], {"toy-dryrun"})
    assert sweep("delete", "--study", "toy-dryrun", "--yes").code == 0
    assert studies() == ([], set())
    assert list((workplace / "sweeps").iterdir()) == []


def test_deletion_without_a_terminal_requires_a_confirmation(launched: CommandResult, sweep: Sweep) -> None:
    check_nothing_is_deleted(sweep("delete", "--study", "toy"), "sweep delete --study toy --yes")


def test_answer_on_the_terminal_decides(launched: CommandResult) -> None:
    code, output = delete_on_a_terminal(b"n\n")
    assert (code, output.endswith("nothing was deleted\n")) == (130, True)
    assert studies() == (["toy"], {"toy"})
    code, output = delete_on_a_terminal(b"y\n")
    assert (code, output.endswith("deleted study toy\n")) == (0, True)
    assert studies() == ([], set())


def test_study_with_active_trials_is_not_deleted(launched: CommandResult, sweep: Sweep) -> None:
    engine = connect(URL)
    with engine.begin() as connection:
        connection.execute(update(AttemptRow).where(AttemptRow.id <= 2).values(state="running"))
    engine.dispose()
    result = sweep(*DELETE)
    check_nothing_is_deleted(result, "study toy: trials 0, 1 are active, so jobs may be running")
    assert "sweep stop --study toy --cancel-jobs" in result.err


def test_study_with_a_launcher_is_not_deleted(launched: CommandResult, sweep: Sweep) -> None:
    engine = connect(URL)
    lease = Lease(engine, 1)
    lease.acquire()
    result = sweep(*DELETE)
    lease.release()
    engine.dispose()
    check_nothing_is_deleted(result, f"study toy has a launcher: process {os.getpid()} on ")


def test_folder_that_is_a_link_is_not_followed(
    workplace: Path, launched: CommandResult, sweep: Sweep
) -> None:
    (workplace / "sweeps/toy").rename(workplace / "elsewhere")
    (workplace / "sweeps/toy").symlink_to(workplace / "elsewhere")
    check_nothing_is_deleted(sweep(*DELETE), "sweeps/toy is a symbolic link, so nothing is deleted")
    assert (workplace / "elsewhere/00000").is_dir()
    (workplace / "sweeps/toy").unlink()
    assert "sweeps/toy: does not exist here" in sweep(*DELETE).out
    assert (workplace / "elsewhere/00000").is_dir()


@pytest.mark.parametrize("name", ["notes.txt", "00000/attempt-1-0123abcd", "code/main.py", "data/train.csv"])
def test_folder_with_files_of_others_is_not_deleted(
    workplace: Path, launched: CommandResult, sweep: Sweep, name: str
) -> None:
    file = workplace / "sweeps/toy" / name
    file.parent.mkdir(exist_ok=True)
    file.touch()
    check_nothing_is_deleted(sweep(*DELETE), "contains what the study has not created")
    assert file.exists()
    file.unlink()
    if name.startswith("data"):
        file.parent.rmdir()
    assert sweep(*DELETE).code == 0


def test_links_of_trials_are_removed_but_not_followed(
    workplace: Path, launched: CommandResult, sweep: Sweep
) -> None:
    data = workplace / "data"
    data.mkdir()
    (data / "train.csv").touch()
    attempt = next((workplace / "sweeps/toy/00000").iterdir())
    (attempt / "artifacts/data").symlink_to(data)
    shutil.rmtree(workplace / "sweeps/toy/00001")
    (workplace / "sweeps/toy/00001").symlink_to(data)
    assert sweep(*DELETE).code == 0
    assert not (workplace / "sweeps/toy").exists()
    assert (data / "train.csv").exists()


def test_optuna_study_of_another_program_stays(launched: CommandResult, sweep: Sweep) -> None:
    storage = optuna.storages.RDBStorage(real_url(URL))
    optuna.delete_study(study_name="toy", storage=storage)
    optuna.create_study(study_name="toy", storage=storage, direction="maximize").ask()
    storage.remove_session()
    storage.engine.dispose()
    assert "the Optuna study toy has other trials than the study" in sweep(*DELETE).out
    assert studies() == ([], {"toy"})


@pytest.mark.slow
@pytest.mark.parametrize(
    "moment",
    [
        ("sweep.storage.lease", "Lease", "acquire", "after"),
        ("sweep.operations.study_removal", "Path", "rename", "after"),
        ("sweep.operations.disk_usage", "shutil", "rmtree", "after"),
        ("sweep.storage.lease", "Lease", "lock", "after"),
    ],
    ids=lambda moment: f"{moment[3]} {moment[1]}.{moment[2]}",
)
def test_deletion_that_was_killed_is_finished_by_the_next_one(
    workplace: Path, launched: CommandResult, sweep: Sweep, moment: tuple[str, str, str, str]
) -> None:
    run_and_kill(moment, *DELETE)
    engine = connect(URL)
    assert get_study(engine, "toy").launcher is not None
    engine.dispose()
    result = sweep(*DELETE)
    assert result.code == 0, result.err
    assert studies() == ([], set())
    assert list((workplace / "sweeps").iterdir()) == []
