"""A trial run again from its records: compared to the last bit, and told apart where something is other."""

import math
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from sweep.operations.metric_agreement import Agreement, agreements, difference
from sweep.storage.database import connect, parse_url
from sweep.storage.tables import EnvironmentRow, StudyRow

pytestmark = pytest.mark.slow


def sweep(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "sweep", *arguments], capture_output=True, text=True, timeout=120
    )


def launch(*overrides: str) -> None:
    settings = [word for override in overrides for word in ("--set", override)]
    done = sweep("launch", "--study", "toy", "--trials", "2", "--cluster", "inline", *settings)
    assert done.returncode in {0, 1}, done.stderr


def reproduce(trial: int = 1) -> subprocess.CompletedProcess[str]:
    return sweep("reproduce", "--study", "toy", "--trial", str(trial))


def change_model(workplace: Path, old: str, new: str) -> None:
    model = workplace / "toy_model.py"
    text = model.read_text()
    assert old in text
    model.write_text(text.replace(old, new))


def database(workplace: Path) -> bytes:
    return (workplace / "sweep.db").read_bytes()


# agreement


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (0.25, 0.25, 0.0),
        (0.25, 0.5, 0.25),
        (None, None, 0.0),
        (None, math.nan, 0.0),
        (None, 1.0, math.inf),
        (1.0, math.nan, math.inf),
    ],
)
def test_how_far_two_values_are_apart(one: float | None, other: float | None, expected: float) -> None:
    assert difference(one, other) == expected


def test_metrics_are_compared_over_what_both_runs_have() -> None:
    recorded = {1: {"a": 1.0, "b": 1.0}, 2: {"a": 2.0, "b": 2.0}, 3: {"a": 3.0}, 0: {"a": 3.0}}
    now = {1: {"a": 1.0, "b": 1.0, "c": 1.0}, 2: {"a": 2.0, "b": 2.5}, 0: {"a": 4.0}}
    assert agreements(recorded, now) == [Agreement("a", 3, 0, 1.0), Agreement("b", 2, 2, 0.5)]
    assert agreements(recorded, {}) == []


# as a person uses it


def test_the_same_to_the_last_bit(workplace: Path) -> None:
    launch()
    before = database(workplace)
    done = reproduce()
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].startswith("trial 1 of study toy, complete: ledger=ledger.txt, x=0.")
    assert lines[0].endswith("; seed 1")
    assert lines[2:4] == [
        "the data, Python and the packages are unchanged",
        "it is unknown whether the code is unchanged: it was not in a repository",
    ]
    assert lines[4] == f"the trial is trained again in {workplace / 'reproduced' / 'toy' / '00001-1'}"
    assert all(line.endswith(", as recorded") for line in lines[5:9])
    assert lines[9:] == ["identical to the last bit over 3 epochs: score, size"]
    assert database(workplace) == before  # beside the study
    assert len(list((workplace / "sweeps" / "toy" / "00001").iterdir())) == 1
    reproduce()
    assert (workplace / "reproduced" / "toy" / "00001-2" / "result.json").exists()


def test_where_it_begins_to_differ(workplace: Path) -> None:
    launch()
    change_model(workplace, 'trial.report(epoch, {"score": params["x"] * epoch})',
                 'trial.report(epoch, {"score": params["x"] * epoch + (epoch > 1)})')  # fmt: skip
    lines = reproduce().stdout.splitlines()
    assert lines[5].endswith(", as recorded")
    assert ", difference 1" in lines[6]
    assert lines[-2:] == [
        "identical to the last bit over 3 epochs: size",
        "different from epoch 2 on: score, by at most 1",
    ]


def test_an_environment_that_is_another(workplace: Path) -> None:
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
        session.commit()
    engine.dispose()
    out = reproduce().stdout
    assert "different: the checksum of the data was checksum of mine, is another" in out
    assert "different: python was 3.9.1, is 3." in out
    assert "different: numpy was 1.0, is " in out
    assert "different: the commit of the code was 1234abcd, is None" in out
    assert "the code is not that of commit 1234abcd" in out


def test_a_trial_that_failed_is_run_as_far_as_it_is_recorded(workplace: Path) -> None:
    launch("fixed.fault=raise")
    change_model(workplace, 'raise RuntimeError("the model has diverged")', "pass")
    done = reproduce()
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "identical to the last bit over 1 epoch: score"
    assert "epoch 2" not in done.stdout


def test_it_fails_here(workplace: Path) -> None:
    launch()
    change_model(
        workplace, "def train(params, trial):", 'def train(params, trial):\n    raise OSError("no disk")'
    )
    done = reproduce()
    assert done.returncode == 1
    assert "error: trained again, trial 1 failed: OSError: no disk\nits log says more: " in done.stderr
    assert "Traceback" not in done.stderr


def test_no_such_trial(workplace: Path) -> None:
    launch()
    done = reproduce(trial=7)
    assert (done.returncode, "study toy has no trial 7" in done.stderr) == (2, True)
    assert not (workplace / "reproduced").exists()
