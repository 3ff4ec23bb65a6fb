import dataclasses

import pandas as pd
import pytest

from sweep.reporting.figures.timeline import MAX_LANES, describe_timeline, draw_timeline, timeline_info
from sweep.storage.study_data import StudyData
from tests.sweep.reporting import synthetic_studies as studies

START = pd.Timestamp("2025-05-03 14:00", tz="UTC")


def of_jobs(*jobs: tuple[str, float, float | None, str]) -> StudyData:
    """Attempts as (host, start and end in hours, state), each submitted half an hour before it started."""
    template = studies.kmnist(1).attempts.iloc[0].to_dict()
    rows = [
        {
            **template,
            "number": number,
            "host": host,
            "state": state,
            "submitted_at": START + pd.Timedelta(hours=start - 0.5),
            "started_at": START + pd.Timedelta(hours=start),
            "ended_at": pd.NaT if end is None else START + pd.Timedelta(hours=end),
        }
        for number, (host, start, end, state) in enumerate(jobs)
    ]
    return dataclasses.replace(studies.empty(), attempts=pd.DataFrame(rows))


def test_a_bar_a_job_on_its_node_in_hours_since_the_first() -> None:
    info = timeline_info(of_jobs(("b", 1, 2, "complete"), ("a", 2, 4, "failed"), ("b", 3, 3.5, "pruned")))
    assert info.lanes == ["a", "b"]
    assert [(bar.number, bar.group, bar.x, bar.y) for bar in info.bars] == [
        (1, "failed", [1, 3], [0, 0]),
        (0, "complete", [0, 1], [1, 1]),
        (2, "pruned", [2, 2.5], [1, 1]),
    ]
    assert info.mean_wait_s == 1800


def test_jobs_at_once_on_a_node_lie_in_lanes_that_are_used_again() -> None:
    info = timeline_info(of_jobs(("a", 0, 2, "complete"), ("a", 1, 3, "complete"), ("a", 2, 4, "complete")))
    assert info.lanes == ["a", "a"]
    assert [bar.y[0] for bar in info.bars] == [0, 1, 0]


def test_a_running_job_lasts_as_long_as_anything_is_known() -> None:
    info = timeline_info(of_jobs(("a", 0, None, "running"), ("b", 1, 5, "complete")))
    assert (info.bars[0].group, info.bars[0].x) == ("running", [0, 5])


def test_jobs_of_which_none_has_ended_last_until_the_latest_start() -> None:
    data = of_jobs(("a", 0, 1, "running"), ("b", 2, 3, "running"))
    data.attempts["ended_at"] = None  # what the database gives for a column of nothing
    assert [bar.x for bar in timeline_info(data).bars] == [[0, 2], [2, 2]]


def test_a_job_that_seems_to_end_before_it_began_has_no_length() -> None:
    (bar,) = timeline_info(of_jobs(("a", 1, 0.9, "complete"))).bars
    assert bar.x == [0, 0]


def test_jobs_that_have_not_begun_have_no_bar() -> None:
    data = of_jobs(("a", 0, 1, "complete"), ("a", 1, 2, "pending"))
    data.attempts.loc[1, ["started_at", "ended_at"]] = pd.NaT
    assert [bar.number for bar in timeline_info(data).bars] == [0]


def test_a_node_without_a_name_has_a_line_too() -> None:
    data = of_jobs(("a", 0, 1, "failed"))
    data.attempts["host"] = None
    assert timeline_info(data).lanes == ["unknown node"]


def test_more_nodes_than_lanes_leave_out_the_least_busy_and_say_so() -> None:
    jobs = [(f"n{number:03d}", 0.0, 1.0 + number, "complete") for number in range(MAX_LANES + 20)]
    info = timeline_info(of_jobs(*jobs))
    assert len(info.lanes) == MAX_LANES
    assert "n000" not in info.lanes
    assert describe_timeline(info).endswith("20 jobs on the less busy nodes left out.")


@pytest.mark.parametrize("make", [studies.empty, lambda: studies.of_values([0.5])])
def test_without_a_job_it_says_so(make: object) -> None:
    info = timeline_info(make())  # type: ignore[operator]
    assert describe_timeline(info) == "No job has started yet."
    assert not draw_timeline(info).data
