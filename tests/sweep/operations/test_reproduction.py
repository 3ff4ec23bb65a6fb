"""`sweep reproduce` in processes of its own: identical and different metrics, environments and faults."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import update
from sqlalchemy.orm import Session

from sweep.storage.database import connect, parse_url
from sweep.storage.tables import AttemptRow, EnvironmentRow, StudyRow

pytestmark = pytest.mark.slow


def sweep(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "sweep", *arguments], capture_output=True, text=True, timeout=120
    )


def launch(*overrides: str) -> None:
    settings = [word for override in overrides for word in ("--set", override)]
    done = sweep("launch", "--study", "toy", "--trials", "2", "--cluster", "inline", *settings)
    assert done.returncode in {0, 1}, done.stderr


def reproduce(*options: str, trial: int = 1) -> subprocess.CompletedProcess[str]:
    return sweep("reproduce", "--study", "toy", "--trial", str(trial), *options)


def change_model(workplace: Path, old: str, new: str) -> None:
    model = workplace / "toy_model.py"
    text = model.read_text()
    assert old in text
    model.write_text(text.replace(old, new))


def database(workplace: Path) -> bytes:
    return (workplace / "sweep.db").read_bytes()


def test_unchanged_trial_is_identical_to_the_last_bit(workplace: Path) -> None:
    launch()
    before = database(workplace)
    done = reproduce()
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].startswith("trial 1 of study toy, complete: ledger=ledger.txt, x=0.")
    assert lines[0].endswith("; seed 1")
    assert lines[2] == "the data, Python and the packages are unchanged"
    assert lines[3].startswith("the code is that of the trial: snapshot ")
    assert lines[4] == f"the trial is trained again in {workplace / 'reproduced' / 'toy' / '00001-1'}"
    assert all(line.endswith(", as recorded") for line in lines[5:9])
    assert lines[9:] == ["identical to the last bit over 3 epochs: score, size"]
    assert database(workplace) == before  # the study is only read
    assert len(list((workplace / "sweeps" / "toy" / "00001").iterdir())) == 1
    reproduce()
    assert (workplace / "reproduced" / "toy" / "00001-2" / "result.json").exists()


def test_first_different_epoch_is_named(workplace: Path) -> None:
    launch()
    change_model(workplace, 'trial.report(epoch, {"score": params["x"] * epoch})',
                 'trial.report(epoch, {"score": params["x"] * epoch + (epoch > 1)})')  # fmt: skip
    assert reproduce().returncode == 0  # the trial's own code
    done = reproduce("--current-code")
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    assert lines[3].startswith("the project's code differs from that of the trial, snapshot ")
    assert lines[3].endswith("(changed: toy_model.py)")
    assert lines[5].endswith(", as recorded")
    assert ", difference 1" in lines[6]
    assert lines[-2:] == [
        "identical to the last bit over 3 epochs: size",
        "different from epoch 2 on: score, by at most 1",
    ]


def test_different_environment_is_listed(workplace: Path) -> None:
    launch("prepare=toy_model:prepare", "dataset=mine")
    change_model(workplace, 'f"checksum of {dataset}"', '"another"')
    engine = connect(parse_url("sqlite:///sweep.db"))
    with Session(engine) as session:
        study = session.get_one(StudyRow, 1)
        study.provenance = {**study.provenance, "git_commit": "1234abcd", "git_dirty": False}
        environment = session.query(EnvironmentRow).one()
        environment.content = {
            "python": "3.9.1",
            "packages": {**environment.content["packages"], "numpy": "1.0"},
        }
        session.execute(update(AttemptRow).values(snapshot=None))  # as an earlier version recorded it
        session.commit()
    engine.dispose()
    out = reproduce().stdout
    assert "different: the checksum of the data was checksum of mine, is another" in out
    assert "different: python was 3.9.1, is 3." in out
    assert "different: numpy was 1.0, is " in out
    assert "different: the commit of the code was 1234abcd, is None" in out
    assert "the code is not that of commit 1234abcd" in out


def test_failed_trial_is_trained_up_to_its_last_recorded_epoch(workplace: Path) -> None:
    launch("fixed.fault=raise")
    change_model(workplace, 'raise RuntimeError("the model has diverged")', "pass")
    done = reproduce("--current-code")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "identical to the last bit over 1 epoch: score"
    assert "epoch 2" not in done.stdout


def test_failure_of_the_reproduction_is_one_message(workplace: Path) -> None:
    launch()
    change_model(
        workplace, "def train(params, trial):", 'def train(params, trial):\n    raise OSError("no disk")'
    )
    done = reproduce("--current-code")
    assert done.returncode == 1
    assert "error: trial 1 failed when it was trained again: OSError: no disk\nsee its log: " in done.stderr
    assert "Traceback" not in done.stderr


def test_unknown_trial_is_rejected(workplace: Path) -> None:
    launch()
    done = reproduce(trial=7)
    assert (done.returncode, "study toy has no trial 7" in done.stderr) == (2, True)
    assert not (workplace / "reproduced").exists()


def test_missing_snapshot_is_one_message(workplace: Path) -> None:
    launch()
    shutil.rmtree(workplace / "sweeps" / "toy" / "code")
    done = reproduce()
    assert done.returncode == 2
    assert "the folder of the code that trial 1 of study toy ran is missing" in done.stderr
    assert "--current-code" in done.stderr
