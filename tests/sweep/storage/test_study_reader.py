"""Reading a recorded study whose metrics have unusual names."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from sweep.cli import main
from sweep.errors import InputError
from sweep.reporting.report import write_report
from sweep.storage.database import connect, parse_url
from sweep.storage.study_data import StudyData
from sweep.storage.study_reader import read_study
from sweep.storage.tables import EpochRow, FinalMetricRow, TrialRow
from tests.sweep.reporting.recorded_study import COMPLETE, DEFINITION, NOON, RecordedStudy

NAMES = [
    "epoch",
    "number",
    "",
    "val[/x]",
    "a\nb",
    "x" * 100,
    "epoch_metric",
    "final_number",
    "state",
    "value",
    "=",
]


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = connect(parse_url(f"sqlite:///{tmp_path}/sweep.db"))
    yield engine
    engine.dispose()


def recorded(engine: Engine, names: list[str], objective: str = "score") -> StudyData:
    """Record a study as earlier versions did, which allowed any name of a metric, and read it."""
    study = RecordedStudy(engine)
    space = {"x": {"type": "float", "low": 0.0, "high": 1.0}}
    recorded = {**DEFINITION, "name": "toy", "train": "toy:train", "metric": objective, "space": space}
    study.change(definition=recorded)
    study.add(COMPLETE, value=0.5, epochs={1: 0.25, 2: 0.5})
    with Session(engine) as session:
        trial_id = session.scalars(select(TrialRow.id)).one()
        for metric in names:
            session.add(FinalMetricRow(trial_id=trial_id, metric=metric, value=7.0))
            for epoch in (1, 2):
                session.add(
                    EpochRow(
                        trial_id=trial_id, epoch=epoch, metric=metric, value=8.0 + epoch, reported_at=NOON
                    )
                )
        session.commit()
    return read_study(engine, engine.url, "toy")


def test_metric_with_the_name_of_a_column_gets_another_name(engine: Engine) -> None:
    data = recorded(engine, ["epoch", "number", "epoch_metric"])
    assert data.epochs["number"].tolist() == [0, 0]
    assert data.epochs["epoch"].tolist() == [1, 2]
    assert data.epochs["epoch_metric_metric"].tolist() == [9.0, 10.0]
    assert data.epochs["epoch_metric"].tolist() == [9.0, 10.0]
    assert data.epochs["number_metric"].tolist() == [9.0, 10.0]
    assert data.trials["number"].tolist() == [0]
    assert data.trials["final_number_metric"].tolist() == [7.0]
    assert data.trials["final_epoch"].tolist() == [7.0]
    assert data.trials.columns.is_unique
    assert data.epochs.columns.is_unique


def test_definition_that_is_not_valid_raises_error(engine: Engine) -> None:
    study = RecordedStudy(engine)
    study.change(definition={**DEFINITION, "trials": "many"})
    with pytest.raises(InputError, match="the definition that the database contains for study toy cannot be"):
        read_study(engine, engine.url, "toy")


@pytest.mark.parametrize("objective", [name for name in NAMES if name])
def test_report_and_status_show_a_study_with_any_names(
    engine: Engine,
    objective: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    data = recorded(engine, NAMES, objective)
    assert len(write_report(data, tmp_path / "report", ["html", "csv", "parquet", "markdown", "json"])) == 7
    monkeypatch.chdir(tmp_path)
    for options in ([], ["--study", "toy"], ["--study", "toy", "--json"]):
        monkeypatch.setattr("sys.argv", ["sweep", "status", *options])
        with pytest.raises(SystemExit) as exit_info:
            main()
        assert exit_info.value.code == 0, capsys.readouterr().err
