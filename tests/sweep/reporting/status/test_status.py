"""How a study stands: what is read of it, what is forecast, what a person and a script see."""

import io
import json
import platform
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from rich.console import Console, RenderableType
from sqlalchemy import Engine

from sweep.reporting.status.forecast import Forecast, Plan, Spent, forecast, typical
from sweep.reporting.status.json_document import studies_document
from sweep.reporting.status.study_status import NUM_BEST, StudyStatus, all_statuses, study_status
from sweep.reporting.status.terminal import plain_line, show_studies, show_study
from sweep.storage.database import connect, parse_url
from sweep.storage.status_queries import TrialCost
from sweep.storage.studies import get_study
from sweep.storage.user_requests import request_retry
from tests.sweep.reporting.recorded_study import NOON, RecordedStudy, minutes

COMPLETED = {"state": "complete", "started_at": minutes(1), "ended_at": minutes(11), "gpu_seconds": 600.0}
PRUNED = {**COMPLETED, "state": "pruned"}
FAILED = {**COMPLETED, "state": "failed", "cause": "error"}
RUNNING = {"state": "running", "job_id": "7_1", "host": "n1", "gpu": "A100", "started_at": minutes(20)}
PENDING = {"state": "pending", "job_id": "7_2", "submitted_at": minutes(25)}


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = connect(parse_url(f"sqlite:///{tmp_path}/sweep.db"))
    yield engine
    engine.dispose()


def look(study: RecordedStudy, num_shown: int | None = None, at_minute: float = 30) -> StudyStatus:
    return study_status(study.engine, study.id, minutes(at_minute), num_shown)


def text(what: RenderableType, width: int = 120) -> str:
    console = Console(width=width, file=io.StringIO())
    with console.capture() as capture:
        console.print(what)
    return capture.get()


# what is read


def test_a_trial_is_its_newest_attempt(engine: Engine) -> None:
    study = RecordedStudy(engine)
    study.add({**FAILED, "cause": "preempted", "ended_at": minutes(5)}, RUNNING, epochs={1: 0.5, 2: 0.25})
    (trial,) = look(study).trials
    assert (trial.number, trial.state, trial.cause, trial.attempt) == (0, "running", None, 2)
    assert (trial.job_id, trial.host, trial.gpu) == ("7_1", "n1", "A100")
    assert (trial.epoch, trial.best) == (2, 0.5)
    assert (trial.started_at, trial.ended_at) == (minutes(20), None)


def test_best_is_the_value_of_a_completed_trial_and_the_best_epoch_of_another(engine: Engine) -> None:
    study = RecordedStudy(engine, direction="minimize")
    study.add(COMPLETED, value=0.5, epochs={1: 0.25, 2: 0.5})
    study.add(PRUNED, epochs={1: 0.75, 2: 0.5, 3: 1.0})
    study.add(PENDING)
    status = look(study)
    assert [trial.best for trial in status.trials] == [0.5, 0.5, None]
    assert status.best is not None
    assert status.best.number == 0


def test_counts_and_what_is_spent(engine: Engine) -> None:
    study = RecordedStudy(engine)
    study.optuna.enqueue_trial({"x": 1.0})
    study.optuna.ask()  # the enqueued point; proposed, and not recorded yet
    for attempts in ([COMPLETED], [FAILED, COMPLETED], [FAILED], [RUNNING], [PENDING]):
        study.add(*attempts, value=1.0 if attempts[-1] is COMPLETED else None)
    study.optuna.enqueue_trial({"x": 1.0})
    status = look(study)
    assert status.num_by_state == {"pending": 1, "running": 1, "complete": 2, "failed": 1}
    assert (status.num_active, status.num_waiting) == (2, 1)
    assert status.spent == Spent(trials=5, hours=0.5, gpu_hours=pytest.approx((4 * 600 + 600) / 3600))


def test_active_trials_then_the_best_then_the_latest(engine: Engine) -> None:
    study = RecordedStudy(engine)
    for number in range(20):
        study.add({**COMPLETED, "ended_at": minutes(number)}, value=-abs(number - 5.25))
    study.add(RUNNING)
    study.add(PENDING)
    assert [trial.number for trial in look(study, 10).trials] == [20, 21, 5, 6, 4, 7, 3, 19, 18, 17]
    assert [trial.number for trial in look(study, 1).trials] == [20]
    assert [trial.number for trial in look(study).trials] == list(range(22))
    assert NUM_BEST == 5


def test_studies_do_not_mix(engine: Engine) -> None:
    first, second = RecordedStudy(engine, "first"), RecordedStudy(engine, "second")
    first.add(RUNNING)
    second.add(COMPLETED, value=1.0, epochs={1: 1.0})
    second.add(FAILED)
    one, other = all_statuses(engine, minutes(30))
    assert (one.name, one.num_by_state, one.best) == ("first", {"running": 1}, None)
    assert (other.name, other.num_by_state) == ("second", {"complete": 1, "failed": 1})
    assert other.best is not None
    assert [trial.state for trial in look(second).trials] == ["complete", "failed"]
    assert not one.trials


def test_who_is_at_work(engine: Engine) -> None:
    study = RecordedStudy(engine)
    assert look(study).launcher is None
    study.change(launcher="login9 4711 abc", launcher_seen_at=minutes(29))
    found = look(study).launcher
    assert found is not None
    assert (found.host, found.pid, found.seen_at) == ("login9", 4711, minutes(29))
    assert look(study, at_minute=60).launcher is None  # no heartbeat for too long
    study.change(launcher=f"{platform.node()} 999999999 abc")
    assert look(study).launcher is None  # dead, as this host can tell


# the forecast

HOUR = TrialCost(slot_s=3600, gpu_s=3000)


@pytest.mark.parametrize(
    ("plan", "spent", "active_s", "expected"),
    [
        (Plan(4, 2, None, None), Spent(0, 0, 0), [], Forecast(7200, 4, "trials")),
        (Plan(5, 2, None, None), Spent(0, 0, 0), [], Forecast(3 * 3600, 5, "trials")),
        (Plan(4, 2, None, None), Spent(2, 9, 0), [1800, 600], Forecast(3000 + 3600, 4, "trials")),
        (Plan(2, 2, None, None), Spent(2, 9, 0), [7200], Forecast(0, 2, "trials")),  # longer than most
        (Plan(2, 2, None, None), Spent(2, 9, 9), [], None),
        (Plan(9, 1, 2.5, None), Spent(0, 0, 0), [], Forecast(3 * 3600, 3, "hours")),
        (Plan(9, 1, 2.5, None), Spent(3, 3, 0), [], None),
        (Plan(9, 2, None, 3.0), Spent(0, 0, 0), [], Forecast(7200, 4, "gpu_hours")),
        (Plan(9, 2, None, 3.0), Spent(4, 3, 3.1), [1800], Forecast(1800, 4, "gpu_hours")),
    ],
)
def test_forecast(plan: Plan, spent: Spent, active_s: list[float], expected: Forecast | None) -> None:
    assert forecast(plan, spent, HOUR, active_s) == expected


def test_the_typical_cost() -> None:
    assert typical([]) is None
    assert typical([TrialCost(10, 0), TrialCost(20, 3)]) == TrialCost(15, 1.5)


def test_the_forecast_goes_by_what_trials_took_with_all_their_attempts(engine: Engine) -> None:
    study = RecordedStudy(engine, trials=2, parallel=1)
    assert look(study).forecast is None
    study.add({**FAILED, "ended_at": minutes(9)}, COMPLETED, value=1.0)  # 9 and 11 minutes from submission
    assert look(study).forecast == Forecast(20 * 60, 2, "trials")


# what is shown


def test_bars_say_how_far_a_trial_is_and_how_good(engine: Engine) -> None:
    study = RecordedStudy(engine, direction="minimize")
    study.add(COMPLETED, value=1.0, epochs=dict.fromkeys(range(1, 9), 2.0))
    study.add(RUNNING, epochs={1: 5.0, 2: 3.0})
    study.add(RUNNING, epochs={1: 2.0})
    rows = [line for line in text(show_study(look(study), minutes(30))).splitlines() if "━" in line]
    assert [re.findall("[━─]{8}", row) for row in rows] == [
        ["━━━━━━━━", "━━━━━━━━"],
        ["━━──────", "────────"],
        ["━───────", "━━━━────"],
    ]


def test_without_anything_to_compare_there_are_no_bars(engine: Engine) -> None:
    study = RecordedStudy(engine)
    study.add(RUNNING, epochs={1: 0.5})
    assert "─" not in text(show_study(look(study), minutes(30)))


def test_what_a_person_sees(engine: Engine) -> None:
    study = RecordedStudy(engine, trials=4, budget={"hours": 2.0, "gpu_hours": None})
    study.change(launcher="login9 4711 abc", launcher_seen_at=minutes(30) - timedelta(seconds=4))
    for attempts, value in (
        ([FAILED], None),
        ([COMPLETED], 0.75),
        ([FAILED, RUNNING], None),
        ([PENDING], None),
    ):
        study.add(*attempts, value=value, epochs={1: 0.5} if attempts[-1] is not PENDING else {})
    seen = [line.rstrip() for line in text(show_study(look(study, num_shown=3), minutes(30))).splitlines()]
    end = (NOON + timedelta(minutes=36)).astimezone()
    assert seen[0] == "study     toy, to maximize score"
    assert seen[1] == "launcher  process 4711 on login9, last heartbeat 4 s ago"
    assert seen[2] == "trials    1 pending, 1 running, 1 complete, 1 failed"
    assert seen[3].startswith("budget    4 of 4 trials, 0 left; 0.5 of 2 hours, 1.5 left; ")
    assert seen[4] == f"forecast  ends about {end:%a %H:%M}, in 6 min, with 4 trials: all are there"
    assert seen[5] == "best      trial 1, score = 0.75"
    rows = [line.split() for line in seen[6:]]
    assert rows == [
        ["trial", "state", "attempt", "job", "node", "epoch", "score", "time"],
        ["2", "running", "2", "7_1", "n1", "1", "━" * 8, "0.5", "─" * 8, "10", "min"],
        ["3", "pending", "1", "7_2", "–", "–", "–", "waits", "5", "min"],
        ["1", "complete", "1", "–", "–", "1", "━" * 8, "0.75", "━" * 8, "(best)", "10", "min"],
        ["1", "more", "trial", "not", "shown;", "--json", "has", "them", "all"],
    ]


@pytest.mark.parametrize(
    ("attempts", "sentence"),
    [
        ([], "none until a trial has ended"),
        ([RUNNING], "none until a trial has ended"),
        ([COMPLETED], "11 min once it is launched again, with 2 trials: all are there"),
        ([COMPLETED, FAILED], "nothing is left to do"),
    ],
)
def test_the_forecast_in_words(engine: Engine, attempts: list[dict[str, object]], sentence: str) -> None:
    study = RecordedStudy(engine, trials=2)
    for attempt in attempts:
        study.add(attempt, value=1.0 if attempt is COMPLETED else None)
    assert f"forecast  {sentence}" in text(show_study(look(study), minutes(30)))


def test_a_study_that_is_to_stop(engine: Engine) -> None:
    study = RecordedStudy(engine, trials=9)
    study.add(COMPLETED, value=1.0)
    study.add(RUNNING)
    study.change(launcher="login9 4711 abc", launcher_seen_at=minutes(30), stop="finish")
    seen = text(show_study(look(study), minutes(30)), width=160)
    assert "last heartbeat 0 s ago; a person has asked it to stop when the active trials have ended" in seen
    assert ", with 2 trials: no more are proposed" in seen


def test_trials_to_be_tried_again(engine: Engine) -> None:
    study = RecordedStudy(engine)
    study.add(FAILED)
    study.add(FAILED)
    request_retry(engine, get_study(engine, "toy"), 1)
    assert look(study).num_retries == 1
    assert "trials    2 failed, 1 to be tried again" in text(show_study(look(study), minutes(30)))


def test_all_studies_a_line_each(engine: Engine) -> None:
    RecordedStudy(engine, "first").add(COMPLETED, value=0.5)
    RecordedStudy(engine, "second", trials=1)
    lines = text(show_studies(all_statuses(engine, minutes(30)), minutes(30)), width=160).splitlines()
    assert len(lines) == 3
    assert lines[1].split()[:7] == ["first", "1", "of", "10", "0", "0", "0.5"]
    assert lines[2].split()[:4] == ["second", "0", "of", "1"]


def test_a_line_for_a_log(engine: Engine) -> None:
    study = RecordedStudy(engine)
    assert plain_line(look(study)) == "study toy: none yet; best: none has completed yet"
    study.add(COMPLETED, value=0.5)
    assert plain_line(look(study)) == "study toy: 1 complete; best: trial 0, score = 0.5"


def test_what_a_script_reads(engine: Engine) -> None:
    study = RecordedStudy(engine, trials=2, parallel=1, budget={"hours": 1.0, "gpu_hours": None})
    study.change(launcher="login9 4711 abc", launcher_seen_at=minutes(29))
    study.add({**COMPLETED, "job_id": "3"}, value=0.5, epochs={1: 0.5})
    document = json.loads(json.dumps(studies_document([look(study)], minutes(30))))
    trial = {
        "number": 0, "state": "complete", "cause": None, "attempt": 1, "job_id": "3", "host": None,
        "gpu": None, "epoch": 1, "best": 0.5, "submitted_at": "2026-11-24T12:00:00+00:00",
        "started_at": "2026-11-24T12:01:00+00:00", "ended_at": "2026-11-24T12:11:00+00:00",
    }  # fmt: skip
    assert document == {
        "studies": [
            {
                "name": "toy", "metric": "score", "direction": "maximize",
                "created_at": "2026-11-24T12:00:00+00:00",
                "launcher": {"host": "login9", "pid": 4711, "seen_at": "2026-11-24T12:29:00+00:00"},
                "num_by_state": {"complete": 1}, "num_active": 0, "num_enqueued": 0,
                "num_retries": 0, "stop": None,
                "budget": {
                    "trials": {"used": 1, "limit": 2},
                    "hours": {"used": 0.5, "limit": 1.0},
                    "gpu_hours": {"used": pytest.approx(1 / 6), "limit": None},
                },
                "forecast": {"ends_at": "2026-11-24T12:41:00+00:00", "trials": 2, "ended_by": "trials"},
                "best": trial,
                "trials": [trial],
            }
        ]
    }  # fmt: skip
