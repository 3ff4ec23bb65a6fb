"""Which events are due."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sweep.definition.study import load_study
from sweep.notification.events import EventKind, Progress, due_events, end_of_study, is_announced

NOW = datetime(2026, 1, 2, tzinfo=UTC)


def progress(idle_hours: float = 0.0, **values: Any) -> Progress:
    fields = {"hours": 1.0, "gpu_hours": 0.0, "num_ended": 0, "num_active": 2} | values
    return Progress(now=NOW, progressed_at=NOW - timedelta(hours=idle_hours), **fields)


@pytest.mark.usefixtures("workplace")
@pytest.mark.parametrize(
    ("overrides", "state", "announced", "due"),
    [
        ([], progress(), {}, []),
        ([], progress(23.9), {}, []),
        ([], progress(24.0), {}, ["stalled"]),
        ([], progress(30.0), {"stalled": "24"}, []),
        (["notify.stalled_hours=6"], progress(30.0), {"stalled": "24"}, ["stalled"]),
        (["notify.stalled_hours=null"], progress(999.0), {}, []),
        ([], progress(30.0, num_active=0), {}, []),
        ([], progress(num_ended=7), {}, []),
        ([], progress(num_ended=8), {}, ["budget"]),
        ([], progress(num_ended=9), {"budget": "10 trials"}, []),
        ([], progress(num_ended=10, num_active=0), {}, []),
        (["trials=20"], progress(num_ended=16), {"budget": "10 trials"}, ["budget"]),
        (["budget.gpu_hours=10"], progress(gpu_hours=7.9), {}, []),
        (["budget.gpu_hours=10"], progress(gpu_hours=8.0), {}, ["budget"]),
        (["budget.gpu_hours=10"], progress(gpu_hours=9.0), {"budget": "10 GPU hours; 10 trials"}, []),
        (
            ["budget.gpu_hours=20"],
            progress(gpu_hours=16.0),
            {"budget": "10 GPU hours; 10 trials"},
            ["budget"],
        ),
        (["budget.hours=10"], progress(hours=8.0), {}, ["budget"]),
        ([], progress(30.0, num_ended=9), {}, ["stalled", "budget"]),
    ],
)
def test_events_are_due(
    overrides: list[str], state: Progress, announced: dict[str, str], due: list[str]
) -> None:
    study = load_study("toy", ["trials=10", "notify.webhook_env=HOOK", *overrides])
    assert [event.kind.value for event in due_events(study, state, announced)] == due


@pytest.mark.usefixtures("workplace")
def test_text_names_the_limit_that_is_used_most() -> None:
    study = load_study("toy", ["trials=10", "budget.gpu_hours=40"])
    [event] = due_events(study, progress(gpu_hours=34.0, num_ended=8), {})
    assert event.text == "Study toy has used 85% of its budget: 34 of 40 GPU hours."


def test_end_is_announced_again_only_after_another_attempt() -> None:
    first = end_of_study("toy", 4, None, "4 complete")
    assert (first.kind, first.text) == (EventKind.ENDED, "Study toy has ended: 4 complete.")
    announced = {first.kind.value: first.mark}
    assert is_announced(end_of_study("toy", 4, None, "4 complete"), announced)
    assert not is_announced(end_of_study("toy", 5, None, "5 complete"), announced)
    assert not is_announced(end_of_study("toy", 4, "every trial failed", "4 failed"), announced)
