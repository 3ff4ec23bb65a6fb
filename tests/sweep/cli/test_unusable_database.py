"""Commands with a database that cannot be used end with one message."""

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import optuna
import pytest

from sweep.storage.database import connect, parse_url
from sweep.storage.optuna_storage import create_tables
from tests.sweep.cli.conftest import CommandResult, Sweep

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
WRITING = [["launch"], ["stop"], ["retry", "--failed"]]
READING = [["status"], ["report", "--output", "out"]]
WITHOUT_PRIVILEGES = """
import ctypes, os, sys
for capability in (1, 2):  # CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH
    ctypes.CDLL(None).prctl(24, capability)  # PR_CAPBSET_DROP
os.execv(sys.executable, [sys.executable, "-m", "sweep", *sys.argv[1:]])
"""


def add_optuna_study(name: str, direction: str = "maximize", num_ended: int = 1) -> None:
    storage = optuna.storages.RDBStorage("sqlite:///sweep.db")
    study = optuna.create_study(study_name=name, storage=storage, direction=direction)
    study.optimize(lambda trial: trial.suggest_float("y", 0, 1), n_trials=num_ended)
    storage.remove_session()
    storage.engine.dispose()


def check_message(result: CommandResult, *messages: str) -> None:
    assert result.code == 2, result.err
    assert all(message in result.err for message in messages), result.err
    assert "Traceback" not in result.err
    assert len(result.err.strip().splitlines()) <= 4


@pytest.mark.parametrize("direction", ["maximize", "minimize"])
def test_optuna_study_of_another_program_is_not_adopted(sweep: Sweep, direction: str) -> None:
    add_optuna_study("toy", direction)
    check_message(
        sweep("launch", "--study", "toy", "--cluster", "inline"),
        "contains an Optuna study 'toy' of another program",
        "--set name=NAME",
    )
    assert sweep("status").code == 0
    check_message(sweep("status", "--study", "toy"), "has no study 'toy'")


def test_dry_run_takes_another_name_than_an_optuna_study(sweep: Sweep) -> None:
    add_optuna_study("toy-dryrun")
    result = sweep("launch", "--study", "toy", "--dry-run")
    assert (result.code, "study toy-dryrun-2" in result.out) == (0, True), result.err


@pytest.mark.usefixtures("launched")
def test_optuna_study_named_as_an_evaluation_is_not_adopted(sweep: Sweep, workplace: Path) -> None:
    add_optuna_study("toy-evaluation")
    arguments = ("launch", "--study", "toy", "--set", "evaluate=toy_model:train", "--cluster", "inline")
    assert sweep(*arguments).code == 0
    result = sweep("evaluate", "--study", "toy", "--seeds", "1")
    check_message(result, "contains an Optuna study 'toy-evaluation' of another program")


@pytest.mark.usefixtures("launched")
def test_deleted_optuna_study_is_an_error(sweep: Sweep) -> None:
    with closing(sqlite3.connect("sweep.db")) as connection, connection:
        connection.execute("DELETE FROM studies")
    check_message(sweep("launch", "--study", "toy", "--cluster", "inline"), "deleted from Optuna's tables")
    assert sweep("status", "--study", "toy").code == 0


def test_first_launch_that_was_killed_between_the_two_studies_continues(sweep: Sweep) -> None:
    url = parse_url("sqlite:///sweep.db")
    kill = "import sweep.launcher.proposals as p, os, sys; p.Proposals.__init__ = lambda *_: os._exit(9); "
    command = [sys.executable, "-c", kill + "from sweep.cli import main; main()", "launch", "--study", "toy"]
    assert subprocess.run(command, env={**os.environ, "PYTHONPATH": str(ROOT)}).returncode == 9
    engine = connect(url)
    create_tables(engine, url)
    engine.dispose()
    assert sweep("status", "--study", "toy").code == 0
    assert sweep("report", "--study", "toy", "--format", "csv").code == 0
    result = sweep("launch", "--study", "toy", "--cluster", "inline")
    assert (result.code, "4 complete" in result.out) == (0, True), result.err


def test_first_launches_at_the_same_time_all_run(workplace: Path) -> None:
    command = [sys.executable, "-m", "sweep", "launch", "--study", "toy", "--cluster", "inline"]
    launches = [
        subprocess.Popen(
            [*command, "--set", f"name=toy{number}"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in range(4)
    ]
    for launch in launches:
        out, err = launch.communicate(timeout=200)
        assert (launch.returncode, "4 complete" in out) == (0, True), err


def run_without_privileges(*arguments: str) -> CommandResult:
    """Run a command with the file permissions of its user, even if that is root."""
    command = [sys.executable, "-c", WITHOUT_PRIVILEGES, *arguments, "--study", "toy"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    return CommandResult(done.returncode, done.stdout, done.stderr)


@pytest.mark.usefixtures("launched")
@pytest.mark.parametrize("kind", ["file", "folder"])
def test_database_that_cannot_be_written_is_one_message(workplace: Path, kind: str) -> None:
    with closing(sqlite3.connect("sweep.db")) as connection, connection:
        connection.execute("UPDATE sweep_attempts SET state = 'failed' WHERE id = 1")
    folder = workplace / "databases"
    folder.mkdir()
    (workplace / "sweep.db").rename(folder / "sweep.db")
    storage = ("--storage", "sqlite:///databases/sweep.db")
    (folder / "sweep.db" if kind == "file" else folder).chmod(0o444 if kind == "file" else 0o555)
    try:
        for arguments in WRITING:
            check_message(
                run_without_privileges(*arguments, *storage),
                "databases/sweep.db cannot be used: ",
                "writable",
            )
        for arguments in READING:
            result = run_without_privileges(*arguments, *storage)
            assert result.code == 0, result.err
    finally:
        folder.chmod(0o755)


@pytest.mark.usefixtures("launched")
@pytest.mark.parametrize("arguments", [*WRITING, *READING])
def test_file_that_is_no_database_is_one_message(sweep: Sweep, arguments: list[str]) -> None:
    Path("sweep.db").write_text("not a database, " * 1000)
    check_message(sweep(*arguments, "--study", "toy"), "file is not a database")


@pytest.mark.usefixtures("launched")
def test_locked_database_is_one_message(sweep: Sweep, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(
        __import__("sweep.storage.database").storage.database.WAITS, "sqlite", {"timeout": 0.2}
    )
    with closing(sqlite3.connect("sweep.db", isolation_level=None)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        for arguments in [*WRITING, *READING]:
            check_message(sweep(*arguments, "--study", "toy"), "database is locked")
