"""The results of each seed and configuration."""

import dataclasses
import math

import pytest

from sweep.reporting.figures.seeds import describe_seeds, draw_seeds, seeds_info
from sweep.reporting.seed_statistics import EvaluatedConfiguration, evaluated_configurations
from sweep.storage.study_data import StudyData
from tests.sweep.reporting import synthetic_studies as studies


def study(values: list[tuple[int, float]]) -> StudyData:
    """Return an evaluated study in which batch size 32, trial 1, is best on validation data."""
    found = studies.with_definition(studies.evaluation([(64, 0.8), (32, 0.9)]), metric="val_accuracy")
    return dataclasses.replace(found, evaluation=studies.evaluation(values))


def test_figure_shows_each_seed_and_the_mean_with_its_interval() -> None:
    configurations = evaluated_configurations(study([(64, 0.90), (32, 0.95), (64, 0.92), (32, 0.97)]))
    info = seeds_info(configurations)
    assert (info.names, info.values) == (["trial 1", "trial 0"], [[0.95, 0.97], [0.90, 0.92]])
    assert info.means == pytest.approx([0.96, 0.91])
    figure = draw_seeds(info)
    half_width = 12.706 * 0.01  # Student's t with one degree of freedom
    assert figure.data[0].error_x.array[0] == pytest.approx(half_width, rel=1e-3)
    assert "2 evaluated configurations" in describe_seeds(info, configurations)


def test_figure_without_configurations_or_with_a_single_seed_is_drawn() -> None:
    assert describe_seeds(seeds_info([]), []) == "No configuration has been evaluated yet."
    assert not draw_seeds(seeds_info([])).data
    one = [EvaluatedConfiguration(3, {"x": 1}, "test_accuracy", [0.9], [0])]
    assert math.isnan(seeds_info(one).half_widths[0])
    draw_seeds(seeds_info(one))
