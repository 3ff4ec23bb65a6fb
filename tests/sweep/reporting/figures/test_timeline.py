import dataclasses

import pandas as pd
import pytest

from sweep.reporting.figures.timeline import MAX_LANES, describe_timeline, draw_timeline, timeline_info
from sweep.storage.study_data import StudyData
from tests.sweep.reporting import synthetic_studies as studies

START = pd.Timestamp("2025-05-03 14:00", tz="UTC")


def of_jobs(*jobs: tuple[str, float, float | None, str]) -> StudyData:
    """Return attempts of (host, start and end in hours, state), submitted half an hour before their start."""
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


def test_each_attempt_has_a_bar_on_its_node() -> None:
    info = timeline_info(of_jobs(("b", 1, 2, "complete"), ("a", 2, 4, "failed"), ("b", 3, 3.5, "pruned")))
    assert info.lanes == ["a", "b"]
    assert [(bar.number, bar.group, bar.x, bar.y) for bar in info.bars] == [
        (1, "failed", [1, 3], [0, 0]),
        (0, "complete", [0, 1], [1, 1]),
        (2, "pruned", [2, 2.5], [1, 1]),
    ]
    assert info.mean_wait_s == 1800


def test_simultaneous_attempts_have_lanes_that_are_reused() -> None:
    info = timeline_info(of_jobs(("a", 0, 2, "complete"), ("a", 1, 3, "complete"), ("a", 2, 4, "complete")))
    assert info.lanes == ["a", "a"]
    assert [bar.y[0] for bar in info.bars] == [0, 1, 0]


def test_running_attempt_extends_to_the_latest_known_time() -> None:
    info = timeline_info(of_jobs(("a", 0, None, "running"), ("b", 1, 5, "complete")))
    assert (info.bars[0].group, info.bars[0].x) == ("running", [0, 5])


def test_attempts_without_any_end_extend_to_the_latest_start() -> None:
    data = of_jobs(("a", 0, 1, "running"), ("b", 2, 3, "running"))
    data.attempts["ended_at"] = None  # as read from a database without any value
    assert [bar.x for bar in timeline_info(data).bars] == [[0, 2], [2, 2]]


def test_attempt_that_seems_to_end_before_its_start_has_no_length() -> None:
    (bar,) = timeline_info(of_jobs(("a", 1, 0.9, "complete"))).bars
    assert bar.x == [0, 0]


def test_attempt_that_has_not_started_has_no_bar() -> None:
    data = of_jobs(("a", 0, 1, "complete"), ("a", 1, 2, "pending"))
    data.attempts.loc[1, ["started_at", "ended_at"]] = pd.NaT
    assert [bar.number for bar in timeline_info(data).bars] == [0]


def test_unknown_node_has_a_lane() -> None:
    data = of_jobs(("a", 0, 1, "failed"))
    data.attempts["host"] = None
    assert timeline_info(data).lanes == ["unknown node"]


def test_least_busy_nodes_are_omitted_if_there_are_too_many() -> None:
    jobs = [(f"n{number:03d}", 0.0, 1.0 + number, "complete") for number in range(MAX_LANES + 20)]
    info = timeline_info(of_jobs(*jobs))
    assert len(info.lanes) == MAX_LANES
    assert "n000" not in info.lanes
    assert describe_timeline(info).endswith("the figure omits 20 attempts on less busy nodes.")


@pytest.mark.parametrize("make", [studies.empty, lambda: studies.of_values([0.5])])
def test_study_without_started_attempts_has_no_bars(make: object) -> None:
    info = timeline_info(make())  # type: ignore[operator]
    assert describe_timeline(info) == "No attempt has started yet."
    assert not draw_timeline(info).data
