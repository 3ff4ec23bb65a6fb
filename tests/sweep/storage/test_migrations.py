"""A study that an earlier version recorded; `contract.py` upgrades each revision on every database."""

import shutil
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import URL, Engine, text

from sweep.definition.local_profile import LocalProfile
from sweep.operations.launch_request import LaunchRequest
from sweep.operations.startup import open_launcher
from sweep.reporting.status.study_status import study_status
from sweep.scheduler.factory import make_executor
from sweep.storage.database import HEAD, VERSION_TABLE, open_recorded, parse_url
from sweep.storage.studies import get_study
from sweep.storage.study_definition import recorded_definition
from sweep.storage.study_reader import read_study

RECORDED = Path(__file__).parent / "version_0003"
MODEL = """
def train(params, trial):
    raise AssertionError("every trial of the study has been trained")


evaluate = train
"""


@pytest.fixture
def recorded(tmp_path: Path) -> Path:
    """A user's folder as version 0003 left it.

    Trials 0 to 6 have ended. The attempt of trial 7 is still running in the database, while its folder
    already holds a result. Its job ran on another host, so that its state is unknown.
    """
    shutil.copytree(RECORDED / "sweeps", tmp_path / "sweeps")
    for file in (tmp_path / "sweeps").rglob("*.json"):
        file.write_text(_filled(file.read_text(), tmp_path))
    with sqlite3.connect(tmp_path / "sweep.db") as connection:
        connection.executescript(_filled((RECORDED / "sweep.sql").read_text(), tmp_path))
    connection.close()
    (tmp_path / "old_model.py").write_text(MODEL)
    return tmp_path


def _filled(content: str, workplace: Path) -> str:
    """Return the content of a recorded file with the paths of another machine, whose host is "elsewhere"."""
    content = content.replace("@WORKPLACE@", str(workplace)).replace("@CODE@", "/opt/capsweep")
    return content.replace("'vm", "'elsewhere")


@pytest.fixture
def url(recorded: Path) -> URL:
    return parse_url(f"sqlite:///{recorded}/sweep.db")


@pytest.fixture
def engine(url: URL) -> Iterator[Engine]:
    """The recorded database, brought up to date."""
    engine = open_recorded(url)
    yield engine
    engine.dispose()


def test_upgrade_renames_states_and_keeps_whether_costs_are_final(engine: Engine) -> None:
    with engine.connect() as connection:
        assert connection.scalar(text(f"SELECT version_num FROM {VERSION_TABLE}")) == HEAD == "0007"
        rows = connection.execute(text("SELECT state, is_cost_final FROM sweep_attempts ORDER BY id")).all()
    assert [(state, bool(is_final)) for state, is_final in rows] == [
        ("complete", True),
        ("complete", True),
        ("failed", True),
        ("pruned", True),
        ("failed", True),
        ("pruned", True),
        ("complete", True),
        ("pruned", True),
        ("running", False),
    ]


def test_upgraded_study_can_be_read(engine: Engine, url: URL) -> None:
    data = read_study(engine, url, "old")
    assert data.trials["state"].tolist() == [
        "complete", "complete", "pruned", "failed", "pruned", "complete", "pruned", "running",
    ]  # fmt: skip
    assert data.trials["value"].dropna().to_dict() == {0: 0.75, 1: 2.7, 5: pytest.approx(2.85)}
    assert data.attempts["state"].value_counts().to_dict() == {
        "complete": 3, "pruned": 3, "failed": 2, "running": 1,
    }  # fmt: skip
    assert data.epochs.groupby("number").size().tolist() == [3, 3, 3, 1, 2, 3, 2, 1]


def test_upgraded_study_has_a_status(engine: Engine) -> None:
    study = get_study(engine, "old")
    status = study_status(engine, study.id, datetime.now(UTC), num_shown=None)
    assert status.num_by_state == {"running": 1, "complete": 3, "pruned": 3, "failed": 1}
    assert [trial.number for trial in status.trials] == list(range(8))
    assert (status.best[0].number, status.best[0].values[0]) == (5, pytest.approx(2.85))


def test_relaunch_records_a_result_written_before_the_upgrade(
    recorded: Path, engine: Engine, url: URL
) -> None:
    study = recorded_definition(get_study(engine, "old"))
    profile = LocalProfile(executor="local", poll_seconds=0.1)
    with open_launcher(
        LaunchRequest(study, profile, url, recorded / "sweeps", recorded, once=True), make_executor(profile)
    ) as launcher:
        assert launcher.run_once() == 0
    data = read_study(engine, url, "old")
    trial = data.trials.iloc[7]
    assert (trial["state"], trial["value"], trial["num_epochs"], trial["num_attempts"]) == (
        "complete", 0.2289249, 2, 1,
    )  # fmt: skip
    assert data.attempts["state"].tolist()[-1] == "complete"
    assert len(data.trials) == study.trials == 8
