import dataclasses

import pytest

from sweep.reporting.figures.cost import cost_info, describe_cost
from tests.sweep.reporting import synthetic_studies as studies


def test_hours_add_up_to_those_of_all_trials() -> None:
    data = studies.kmnist()
    info = cost_info(data)
    assert info.unit == "GPU hours"
    assert info.total == pytest.approx(data.trials["gpu_seconds"].sum() / 3600)
    failed = data.attempts[data.attempts["state"] == "failed"]
    assert info.wasted == pytest.approx(failed["gpu_seconds"].sum() / 3600)


def test_causes_of_failure_come_last_and_the_most_expensive_first() -> None:
    info = cost_info(studies.kmnist(60))
    assert info.outcomes[:3] == ["complete", "pruned", "failed: preempted"]
    assert info.hours[2:] == sorted(info.hours[2:], reverse=True)


def test_job_hours_are_counted_without_gpus() -> None:
    data = studies.kmnist()
    data.attempts["gpu_seconds"] = 0.0
    info = cost_info(data)
    seconds = (data.attempts["ended_at"] - data.attempts["started_at"]).dt.total_seconds()
    assert (info.unit, info.total) == ("job hours", pytest.approx(seconds.sum() / 3600))


def test_no_hours_are_wasted_without_failures() -> None:
    data = studies.kmnist()
    complete = data.attempts[data.attempts["state"] == "complete"]
    info = cost_info(dataclasses.replace(data, attempts=complete))
    assert (info.outcomes, info.wasted) == (["complete"], 0)
    assert " 0 of them on attempts that failed" in describe_cost(info)


def test_description_without_ended_attempts() -> None:
    assert describe_cost(cost_info(studies.empty())) == "No attempt has ended yet."
