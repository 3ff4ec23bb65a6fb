"""The suggestions for a next study, and the study file that follows from them."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from sweep.definition.study import load_study
from sweep.errors import InputError
from sweep.reporting.exports.json_document import document
from sweep.reporting.exports.tables import markdown
from sweep.reporting.follow_up import follow_up, next_name, write_follow_up
from sweep.reporting.next_steps import next_steps, params_without_effect
from sweep.reporting.page.page import page
from sweep.reporting.pruned_trials import competitive_pruned
from sweep.reporting.range_ends import range_ends
from sweep.storage.study_data import StudyData
from tests.sweep.reporting import synthetic_studies as studies


def rising(entry: dict[str, Any], values: list[Any]) -> StudyData:
    """Return a study that is the better the later the value of its only hyperparameter comes."""
    results = np.linspace(0.5, 0.9, len(values)).tolist()
    return studies.of_values(results, {"x": values}, {"x": entry})


def log_values(low: float, high: float) -> list[float]:
    return np.geomspace(low, high, 40).tolist()


def values(low: float, high: float) -> list[float]:
    return np.linspace(low, high, 40).tolist()


FLOAT, INT, CHOICES = {"type": "float"}, {"type": "int"}, {"type": "categorical"}
ENDS: list[tuple[dict[str, Any], list[Any], str | None]] = [
    (FLOAT | {"low": 2.0, "high": 4.0}, values(2, 4), "near its high end 4: search 2 to 5"),
    (FLOAT | {"low": 2.0, "high": 4.0}, values(4, 2), "near its low end 2: search 1 to 4"),
    (FLOAT | {"low": 1.0, "high": 4.0}, values(4, 1), "near its low end 1: search 0 to 4"),
    (FLOAT | {"low": 0.0, "high": 4.0}, values(4, 0), None),
    (FLOAT | {"low": 0.0, "high": 0.5}, values(0, 0.5), "near its high end 0.5: search 0 to 0.75"),
    (FLOAT | {"low": 0.0, "high": 0.9}, values(0, 0.9), "near its high end 0.9: search 0 to 0.95"),
    (FLOAT | {"low": 0.0, "high": 1.0}, values(0, 1), None),
    (
        FLOAT | {"low": 0.01, "high": 1.0, "log": True},
        log_values(0.01, 1),
        "near its high end 1: search 0.01 to 10",
    ),
    (
        FLOAT | {"low": 0.01, "high": 1.0, "log": True},
        log_values(1, 0.01),
        "near its low end 0.01: search 0.001 to 1",
    ),
    (FLOAT | {"low": 1.0, "high": 4.0, "step": 0.5}, values(1, 4), "near its high end 4: search 1 to 5.5"),
    (INT | {"low": 1, "high": 5}, [1, 2, 3, 4] * 4 + [5] * 4, "near its high end 5: search 1 to 7"),
    (INT | {"low": 1, "high": 5}, [5, 4, 3, 2] * 4 + [1] * 4, None),
    (INT | {"low": 4, "high": 64, "log": True}, [4] * 16 + [64] * 4, "near its high end 64: search 4 to 256"),
    (INT | {"low": 8, "high": 24, "step": 8}, [8, 16] * 8 + [24] * 4, "near its high end 24: search 8 to 32"),
    (CHOICES | {"choices": [32, 64, 128]}, [32, 64] * 8 + [128] * 4, "at 128: add 256"),
    (CHOICES | {"choices": [32, 64, 128]}, [128, 64] * 8 + [32] * 4, "at 32: add 16"),
    (CHOICES | {"choices": [10, 20, 30]}, [10, 20] * 8 + [30] * 4, "at 30: add 40"),
    (CHOICES | {"choices": [0.5, 0.1, 0.9]}, [0.1, 0.5] * 8 + [0.9] * 4, None),
    (CHOICES | {"choices": [1, 2, 4]}, [2, 4] * 8 + [1] * 4, None),
    (CHOICES | {"choices": [32, 64]}, [32] * 16 + [64] * 4, None),
    (CHOICES | {"choices": ["a", "b", "c"]}, ["a", "b"] * 8 + ["c"] * 4, None),
    (FLOAT | {"low": 2.0, "high": 4.0}, [4.0] * 20, None),
    (FLOAT | {"low": 2.0, "high": 4.0}, [2.0, 4.0, 4.0], None),
]


@pytest.mark.parametrize(("entry", "column", "text"), ENDS)
def test_range_is_suggested_at_an_end_of_the_searched_range(
    entry: dict[str, Any], column: list[Any], text: str | None
) -> None:
    data = rising(entry, column)
    assert [end.text for end in range_ends(data)] == ([] if text is None else [f"x {text}"])
    assert (text is not None) == any("at an end of a search range" in step for step in next_steps(data))


def two_params(num_trials: int) -> StudyData:
    """Return a study in which x decides, and y does not matter."""
    random = np.random.default_rng(0)
    x, y = random.uniform(size=(2, num_trials))
    entry = {"type": "float", "low": 0.0, "high": 1.0}
    space = {"x": entry, "y": entry}
    return studies.of_values((1 - abs(x - 0.4)).tolist(), {"x": x.tolist(), "y": y.tolist()}, space)


def test_hyperparameters_without_effect_need_enough_trials() -> None:
    assert params_without_effect(two_params(200)) == ["y"]
    assert params_without_effect(two_params(29)) == []
    assert any(
        "No visible effect within the searched range: y, " in step for step in next_steps(two_params(200))
    )


def curves(data: StudyData, *of_trials: list[float]) -> StudyData:
    rows = [
        {"number": number, "epoch": epoch, "val_accuracy": value}
        for number, of_trial in enumerate(of_trials)
        for epoch, value in enumerate(of_trial, start=1)
    ]
    return dataclasses.replace(data, epochs=pd.DataFrame(rows))


def test_trials_that_still_improve_suggest_more_epochs() -> None:
    noise = np.random.default_rng(0).normal(0, 0.001, 40)
    improving, flat = (np.linspace(0.1, 0.9, 40) + noise).tolist(), (0.9 + noise).tolist()
    data = curves(studies.of_values([0.9, 0.9]), improving, flat)
    expected = (
        "1 of the best 2 trials was still improving in the last quarter of the epochs. Train for more epochs"
    )
    assert f"{expected} with a larger epochs than 50." in next_steps(data)
    assert f"{expected}." in next_steps(studies.with_definition(data, fixed={}))
    assert not any("still improving" in step for step in next_steps(curves(data, flat, flat)))


def test_pruned_trials_are_predicted_by_complete_ones_at_the_same_epoch() -> None:
    finals = np.linspace(0.5, 0.9, 20)
    data = studies.of_values([*finals.tolist(), 0.0, 0.0])
    trials = data.trials.assign(state=["complete"] * 20 + ["pruned"] * 2)
    trials.loc[trials["state"] == "pruned", "value"] = np.nan
    complete = [[final / 2, final] for final in finals]
    data = curves(dataclasses.replace(data, trials=trials), *complete, [0.45], [0.25])
    found = competitive_pruned(data)
    assert found is not None
    assert (found.expected, found.num_pruned) == (1.0, 2)
    assert any("About 1 of 2 pruned trials would probably have been" in step for step in next_steps(data))
    assert competitive_pruned(curves(data, *complete[:9])) is None
    assert competitive_pruned(studies.of_values([0.5])) is None


def test_outputs_contain_the_next_steps() -> None:
    data = two_params(200)
    steps = next_steps(data)
    assert steps[-1].startswith("sweep follow-up --study kmnist writes the file of a next study for review.")
    assert "<h2>What should be tried next?</h2>" in page(data).decode()
    assert '"next_steps": [' in document(data).decode()
    assert "Next steps:" in markdown(data).decode()
    assert next_steps(studies.empty()) == []


def test_follow_up_extends_ranges_and_fixes_what_has_no_effect(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    x, y = random.uniform(size=(2, 200))
    space = {
        "x": {"type": "float", "low": 1.0, "high": 2.0},
        "y": {"type": "categorical", "choices": {"small": [64, 64], "large": [512, 256]}},
    }
    columns = {"x": (1 + x).tolist(), "y": np.where(y < 0.5, "small", "large").tolist()}
    data = studies.of_values(x.tolist(), columns, space)
    found = follow_up(data, "kmnist_2")
    file = write_follow_up(found, tmp_path / "studies")
    study = load_study(str(file))
    assert study == found.study
    assert (study.space["x"].low, study.space["x"].high) == (1.0, 2.5)  # type: ignore[union-attr]
    assert list(study.space) == ["x"]
    assert study.fixed["y"] in ([64, 64], [512, 256])
    assert study.start_from is not None
    assert study.start_from.study == "kmnist"
    assert "# - space.x: x near its high end 2: search 1 to 2.5\n" in file.read_text()
    with pytest.raises(InputError, match="exists and is not overwritten"):
        write_follow_up(found, tmp_path / "studies")


def test_follow_up_keeps_a_hyperparameter_on_which_another_depends() -> None:
    x, y = np.random.default_rng(0).uniform(size=(2, 200))
    columns = {"x": x.tolist(), "y": (y < 0.5).astype(int).tolist()}
    space = {
        "x": {"type": "float", "low": 0.0, "high": 1.0},
        "y": {"type": "int", "low": 0, "high": 1},
    }
    data = studies.of_values((1 - abs(x - 0.4)).tolist(), columns, space)
    assert list(follow_up(data, "kmnist_2").study.space) == ["x"]
    depending = {"z": {"type": "int", "low": 0, "high": 1, "when": {"y": [1]}}}
    data = studies.of_values((1 - abs(x - 0.4)).tolist(), columns, space | depending)
    assert list(follow_up(data, "kmnist_2").study.space) == ["x", "y", "z"]


@pytest.mark.parametrize(
    ("name", "taken", "following"),
    [
        ("kmnist", (), "kmnist_2"),
        ("kmnist", ("kmnist_2", "kmnist_3"), "kmnist_4"),
        ("kmnist_2", ("kmnist_2",), "kmnist_3"),
    ],
)
def test_follow_up_has_the_next_free_name(name: str, taken: tuple[str, ...], following: str) -> None:
    assert next_name(name, taken) == following


def test_follow_up_needs_a_result_and_a_space() -> None:
    with pytest.raises(InputError, match="has no complete trial yet"):
        follow_up(studies.empty(), "kmnist_2")
    with pytest.raises(InputError, match="has no search space"):
        follow_up(studies.of_values([0.5]), "kmnist_2")
