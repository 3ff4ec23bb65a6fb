from sqlalchemy import Engine

from sweep.storage.attempts import newest_attempt
from sweep.storage.studies import get_study
from sweep.storage.study_records import StudyRecords
from sweep.storage.tables import FinalMetricRow
from sweep.storage.trial_records import recorded_environment, recorded_epochs, recorded_final_metrics
from tests.sweep.reporting.recorded_study import RecordedStudy


def test_records_of_one_trial_are_read(engine: Engine) -> None:
    study = RecordedStudy(engine)
    records = StudyRecords(engine, study.id)
    digest = records.environment("3.11.7", {"numpy": "2.0"})
    study.add({"state": "complete", "environment": digest}, value=1.0, epochs={2: 1.0, 1: 0.5})
    study.add({"state": "pending"}, epochs={1: 9.0})
    ended, pending = (newest_attempt(engine, get_study(engine, "toy"), number) for number in (0, 1))
    records.save([FinalMetricRow(trial_id=ended.trial_id, metric="size", value=None)])
    assert recorded_environment(engine, ended) == {"python": "3.11.7", "packages": {"numpy": "2.0"}}
    assert recorded_environment(engine, pending) is None
    epochs = recorded_epochs(engine, ended.trial_id)
    assert list(epochs) == [1, 2]
    assert epochs[2]["score"] == 1.0
    assert recorded_final_metrics(engine, ended.trial_id) == {"size": None}
    assert recorded_final_metrics(engine, pending.trial_id) == {}
