import math

import numpy as np
import pytest

from sweep.reporting.figures.contour import MIN_TRIALS, contour_info, describe_contour, draw_contour
from sweep.storage.study_data import StudyData
from tests.sweep.reporting import synthetic_studies as studies

SPACE = {
    "x": {"type": "float", "low": 0.0, "high": 1.0},
    "rate": {"type": "float", "low": 0.001, "high": 1.0, "log": True},
    "kind": {"type": "categorical", "choices": ["a", "b", "c"]},
    "same": {"type": "int", "low": 1, "high": 9},
}


def data(num_trials: int = 200, direction: str = "maximize") -> StudyData:
    """Return a study whose value increases with x and is larger by 1 for kind b."""
    random = np.random.default_rng(0)
    x = random.uniform(size=num_trials)
    kind = random.choice(["a", "b"], num_trials)
    columns = {
        "x": x.tolist(),
        "rate": (10 ** random.uniform(-3, 0, num_trials)).tolist(),
        "kind": kind.tolist(),
        "same": [3] * num_trials,
    }
    return studies.of_values((x + (kind == "b")).tolist(), columns, SPACE, direction)


def test_surface_follows_the_trials() -> None:
    (info,) = contour_info(data(), ["x", "rate"])
    rising = np.nanmean(np.array(info.surface), axis=0)
    assert rising[0] < rising[len(rising) // 2] < rising[-1]
    assert (info.grid_x[0], info.grid_x[-1]) == (min(info.x.values), max(info.x.values))


def test_choices_are_smoothed_separately_and_an_untried_one_is_blank() -> None:
    (info,) = contour_info(data(), ["x", "kind"])
    a, b, c = np.array(info.surface)
    assert np.nanmean(b) - np.nanmean(a) == pytest.approx(1, abs=0.05)
    assert np.isnan(c).all()


def test_area_without_trials_is_blank() -> None:
    study = data()
    study.trials.loc[study.trials["param_x"].between(0.2, 0.8), "param_x"] = 0.9
    (info,) = contour_info(study, ["x", "kind"])
    assert math.isnan(info.surface[0][len(info.grid_x) // 2])
    assert not math.isnan(info.surface[0][0])


def test_param_that_never_varied_is_skipped() -> None:
    (info,) = contour_info(data(), ["same", "x", "rate"])
    assert (info.x.name, info.y.name) == ("x", "rate")


@pytest.mark.parametrize(
    ("num_trials", "params"), [(MIN_TRIALS - 1, ["x", "rate"]), (50, ["x"]), (50, ["x", "same"]), (50, [])]
)
def test_figure_requires_two_params_and_enough_trials(num_trials: int, params: list[str]) -> None:
    assert contour_info(data(num_trials), params) == []


@pytest.mark.parametrize("direction", ["maximize", "minimize"])
def test_best_trial_has_the_strongest_shade_and_is_described(direction: str) -> None:
    study = data(direction=direction)
    (info,) = contour_info(study, ["x", "kind"])
    value = study.trials["value"]
    assert info.shade_range[1] == (value.max() if direction == "maximize" else value.min())
    assert draw_contour(info).data[0].reversescale is (direction == "minimize")
    assert f"kind {'b' if direction == 'maximize' else 'a'}." in describe_contour(info)


def test_diverged_trial_does_not_determine_the_shades() -> None:
    study = data(50)
    study.trials.loc[:9, "value"] = -100.0
    (info,) = contour_info(study, ["x", "rate"])
    assert info.shade_range[0] >= 0


def test_dots_of_one_choice_do_not_overlap() -> None:
    (info,) = contour_info(data(), ["x", "kind"])
    heights = draw_contour(info).data[1].y
    assert len(set(heights)) == len(heights)
    assert [round(height) for height in heights] == info.y.values


def test_params_that_no_trial_has_together_are_not_combined() -> None:
    space = {
        **SPACE,
        "a": {"type": "float", "low": 0.0, "high": 1.0, "when": {"kind": "a"}},
        "b": {"type": "float", "low": 0.0, "high": 1.0, "when": {"kind": "b"}},
    }
    study = data()
    x, kind = study.trials["param_x"], study.trials["param_kind"]
    columns = {
        **{name: study.trials[f"param_{name}"].tolist() for name in SPACE},
        "a": x.where(kind == "a").tolist(),
        "b": (1 - x).where(kind == "b").tolist(),
    }
    study = studies.of_values(study.trials["value"].tolist(), columns, space)
    (info,) = contour_info(study, ["a", "b", "rate"])
    assert (info.x.name, info.y.name) == ("a", "rate")
    assert len(info.numbers) == (kind == "a").sum()
    assert info.shade_range[1] == max(study.trials["value"][kind == "a"])
    assert "the best is at a 0." in describe_contour(info)
