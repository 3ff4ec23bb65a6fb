"""The sections of the page and their figures."""

import dataclasses
import math

import pandas as pd
import pytest

from sweep.reporting.page.sections import sections
from sweep.storage.study_data import StudyData
from tests.sweep.reporting import synthetic_studies as studies

EDGE_CASES = {
    "empty": studies.empty,
    "one trial": studies.one_trial,
    "all failed": studies.all_failed,
    "values not finite": lambda: studies.of_values([math.nan, math.inf]),
    "no params": lambda: studies.of_values([0.5, 0.6], columns={}, space={}),
    "one that never varied": lambda: studies.of_values(
        [i / 40 for i in range(40)],
        columns={"same": [3] * 40, "x": list(range(40))},
        space={"same": {"type": "int", "low": 1, "high": 9}, "x": {"type": "int", "low": 0, "high": 40}},
    ),
    "metrics not finite": lambda: without_metrics(studies.kmnist()),
    "no attempt has begun": lambda: dataclasses.replace(
        studies.kmnist(), attempts=studies.kmnist().attempts.assign(started_at=pd.NaT, ended_at=pd.NaT)
    ),
    "five thousand trials": lambda: studies.kmnist(num_trials=5000, num_epochs=4),
    "unicode": lambda: studies.of_values(
        [0.5, 0.6],
        columns={"größe <b>": ["小", "大"]},
        space={"größe <b>": {"type": "categorical", "choices": ["小", "大"]}},
    ),
}


def without_metrics(data: StudyData) -> StudyData:
    """Return a study in which every epoch reported NaN."""
    metrics = data.epochs.columns.drop(["number", "epoch"])
    return dataclasses.replace(data, epochs=data.epochs.assign(**dict.fromkeys(metrics, math.nan)))


@pytest.mark.parametrize("name", EDGE_CASES)
def test_every_figure_is_drawn_and_described_in_edge_cases(name: str) -> None:
    data = EDGE_CASES[name]()
    plots = [plot for section in sections(data) for panel in section.panels for plot in panel.plots]
    for plot in plots:
        assert plot.figure.to_json()
        assert plot.description.endswith(".")
    assert len({plot.name for plot in plots}) == len(plots)


def test_panel_names_the_importance_evaluator() -> None:
    (panel,) = next(
        section for section in sections(studies.kmnist()) if section.anchor == "importance"
    ).panels
    assert "PED-ANOVA" in panel.reading
    assert "only 16 complete trials" in panel.note
