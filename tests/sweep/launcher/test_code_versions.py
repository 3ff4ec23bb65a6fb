"""Which snapshot of the code the attempts of a study run, over several launches."""

import logging
import shutil
from pathlib import Path

import pytest
from sqlalchemy import update
from sqlalchemy.orm import Session

from sweep.errors import InputError
from sweep.states import Cause, JobState, Outcome
from sweep.storage.database import connect
from sweep.storage.tables import AttemptRow, StudyRow
from tests.sweep.launcher.harness import URL, FakeExecutor, LauncherHarness


@pytest.fixture
def model(workplace: Path) -> Path:
    return workplace / "toy_model.py"


def code_of(executor: FakeExecutor, job_id: str) -> str:
    """Return the first line of the model that a job runs."""
    spec = executor.attempt(job_id).read_spec()
    return Path(spec.code_dir, "toy_model.py").read_text().splitlines()[0]


def edit(model: Path, first_line: str) -> None:
    model.write_text(f"{first_line}\n{model.read_text()}")


def test_later_edits_affect_no_trial(harness: LauncherHarness, executor: FakeExecutor, model: Path) -> None:
    edit(model, "# version 1")
    harness.launch("parallel=1").step()
    edit(model, "# version 2")
    executor.end("1")
    harness.step()
    assert [code_of(executor, job) for job in ("1", "2")] == ["# version 1", "# version 1"]


def test_attempts_record_the_snapshot(harness: LauncherHarness, workplace: Path) -> None:
    harness.launch().step()
    data = harness.read()
    assert data.attempts["snapshot"].nunique() == data.trials["snapshot"].nunique() == 1
    (version,) = data.code
    assert version.num_trials == len(data.trials) == 2
    assert version.snapshot[1:] == (None, None)  # not in a repository
    assert [path.name for path in (workplace / "sweeps/toy/code").iterdir()] == [version.snapshot.digest]


def test_launch_logs_one_line_about_the_code(
    harness: LauncherHarness, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="sweep")
    harness.launch()
    lines = [record.getMessage() for record in caplog.records if record.getMessage().startswith("code:")]
    assert len(lines) == 1
    assert lines[0].startswith("code: snapshot ")
    assert lines[0].endswith(" of 3 files")  # the model, the study and the cluster file


def test_relaunch_with_different_code_continues_with_the_snapshot(
    harness: LauncherHarness, executor: FakeExecutor, model: Path, caplog: pytest.LogCaptureFixture
) -> None:
    edit(model, "# version 1")
    harness.launch("parallel=1").step()
    edit(model, "# version 2")
    model.with_name("helper.py").touch()
    executor.end("1")
    harness.relaunch("parallel=1").step()
    assert code_of(executor, "2") == "# version 1"
    assert "(changed: toy_model.py; added: helper.py); to run the project's code in new trials" in caplog.text


def test_update_code_switches_new_trials_and_retries_keep_their_code(
    harness: LauncherHarness, executor: FakeExecutor, model: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="sweep")
    edit(model, "# version 1")
    harness.launch("parallel=1").step()
    edit(model, "# version 2")
    executor.begin("1")
    executor.end("1", JobState.PREEMPTED, outcome=None)
    harness.close()
    harness.launch("parallel=2", update_code=True).step()
    assert [code_of(executor, job) for job in ("2", "3")] == ["# version 1", "# version 2"]
    assert executor.attempt("2").read_spec().attempt == 2
    assert [version.num_trials for version in harness.read().code] == [1, 1]
    assert ", instead of snapshot " in caplog.text
    executor.end("3", outcome=Outcome.FAILED, cause=Cause.ERROR)
    harness.relaunch("parallel=2").step()  # without the option, the study keeps its new snapshot
    assert code_of(executor, "4") == "# version 2"


def test_attempts_of_an_earlier_version_are_retried_with_the_files_of_the_project(
    harness: LauncherHarness, executor: FakeExecutor, workplace: Path
) -> None:
    harness.launch("parallel=1").step()
    harness.close()
    engine = connect(URL)
    with Session(engine) as session:
        session.execute(update(AttemptRow).values(snapshot=None))
        session.execute(update(StudyRow).values(snapshot=None))
        session.commit()
    engine.dispose()
    executor.begin("1")
    executor.end("1", JobState.PREEMPTED, outcome=None)
    harness.launch("parallel=2").step()
    specs = [executor.attempt(job).read_spec() for job in ("2", "3")]
    assert [spec.number for spec in specs] == [0, 1]
    assert (specs[0].code_dir, specs[0].project_dir) == (str(workplace), None)
    assert Path(specs[1].code_dir).parent == workplace / "sweeps" / "toy" / "code"


def test_missing_snapshot_is_copied_again_or_reported(
    harness: LauncherHarness, workplace: Path, model: Path
) -> None:
    harness.launch().close()
    shutil.rmtree(workplace / "sweeps" / "toy" / "code")
    harness.launch().close()
    assert len(list((workplace / "sweeps" / "toy" / "code").iterdir())) == 1
    shutil.rmtree(workplace / "sweeps" / "toy" / "code")
    edit(model, "# version 2")
    with pytest.raises(
        InputError, match=r"is missing, and the project has changed since \(changed: toy_model"
    ):
        harness.launch()


def test_study_continues_if_its_project_cannot_be_copied_any_more(
    harness: LauncherHarness, executor: FakeExecutor, workplace: Path, caplog: pytest.LogCaptureFixture
) -> None:
    harness.launch("parallel=1").step()
    executor.end("1")
    (workplace / "studies" / "data").mkdir()
    for number in range(101):
        with (workplace / "studies" / "data" / f"{number}.json").open("wb") as file:
            file.truncate(1_000_000)
    harness.relaunch("parallel=1").step()
    assert "the study continues with its snapshot, because the code in" in caplog.text
    assert "2" in executor.jobs
