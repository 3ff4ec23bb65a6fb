from sweep.definition.study import Study
from sweep.operations.foreseeable_params import NUM_SAMPLED, foreseeable_params

VALUES = {"name": "toy", "train": "m:f", "metric": "score", "direction": "maximize", "trials": 4}
SPACE = {
    "x": {"type": "float", "low": 0.0, "high": 1.0},
    "kind": {"type": "categorical", "choices": ["a", "b", "c"]},
}


def test_points_corners_choices_and_samples_have_the_fixed_values() -> None:
    values = {**VALUES, "space": SPACE, "fixed": {"epochs": 3}, "enqueue": [{"x": 0.25}]}
    found = list(foreseeable_params(Study.model_validate(values)))
    assert len(found) == 1 + 2 + 3 + NUM_SAMPLED
    assert all(params.keys() == {"x", "kind", "epochs"} and params["epochs"] == 3 for params in found)
    assert found[0]["x"] == 0.25
    assert found[1:3] == [{"epochs": 3, "x": 0.0, "kind": "a"}, {"epochs": 3, "x": 1.0, "kind": "c"}]
    assert {params["kind"] for params in found[3:6]} == {"a", "b", "c"}
    assert found == list(foreseeable_params(Study.model_validate(values)))


def test_study_without_a_space_has_its_fixed_values_only() -> None:
    study = Study.model_validate({**VALUES, "trials": 1, "fixed": {"epochs": 3}})
    assert {tuple(params.items()) for params in foreseeable_params(study)} == {(("epochs", 3),)}


def test_conditional_params_are_checked_only_where_they_are_present() -> None:
    space = {
        "scale": {"type": "int", "low": 1, "high": 9, "when": {"kind": "b"}},
        **SPACE,
        "widths": {
            "type": "categorical",
            "choices": {"small": [8], "large": [64]},
            "when": {"kind": ["b", "c"]},
        },
    }
    found = list(foreseeable_params(Study.model_validate({**VALUES, "space": space})))
    assert all(("scale" in params) == (params["kind"] == "b") for params in found)
    assert all(("widths" in params) == (params["kind"] in {"b", "c"}) for params in found)
    assert {1, 9} <= {params.get("scale") for params in found}
    assert [params["widths"] for params in found if "widths" in params if params["kind"] == "c"]
    assert all(params["widths"] in ([8], [64]) for params in found if "widths" in params)
