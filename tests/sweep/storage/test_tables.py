from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import StatementError
from sqlalchemy.orm import Session

from sweep.states import AttemptState, Cause
from sweep.storage.tables import AttemptRow, StudyRow
from tests.sweep.reporting.recorded_study import RecordedStudy


def test_times_are_stored_in_utc(engine: Engine) -> None:
    study = RecordedStudy(engine)
    tokyo = timezone(timedelta(hours=9))
    study.change(created_at=datetime(2026, 11, 25, 3, 30, 0, 5, tzinfo=tokyo))
    with Session(engine) as session:
        stored = session.scalar(text("SELECT created_at FROM sweep_studies"))
        assert str(stored).startswith("2026-11-24 18:30:00.000005")
        created_at = session.get_one(StudyRow, study.id).created_at
    assert created_at == datetime(2026, 11, 24, 18, 30, 0, 5, tzinfo=UTC)
    assert created_at.tzinfo is UTC


def test_enums_are_stored_by_value_and_read_as_members(engine: Engine) -> None:
    RecordedStudy(engine).add({"state": AttemptState.FAILED, "cause": Cause.OUT_OF_MEMORY})
    with Session(engine) as session:
        stored = session.execute(text("SELECT state, cause FROM sweep_attempts")).one()
        assert tuple(stored) == ("failed", "out_of_memory")
        attempt = session.get_one(AttemptRow, 1)
        assert attempt.state is AttemptState.FAILED
        assert attempt.cause is Cause.OUT_OF_MEMORY


def test_value_outside_an_enum_cannot_be_stored(engine: Engine) -> None:
    study = RecordedStudy(engine)
    with pytest.raises(StatementError, match="'completed' is not among the defined enum values"):
        study.add({"state": "completed"})
