"""The checks of a study's own functions before its first job is submitted."""

from pathlib import Path

import pytest

from sweep.definition.study import load_study
from sweep.errors import InputError
from sweep.operations.preflight import PreflightResult, preflight

pytestmark = pytest.mark.slow

HOOKS = """
def prepare(dataset, data_dir):
    return f"checksum of {dataset} in {data_dir}"

def baselines(study):
    print("reading the literature")
    return {"metric": study["metric"], "note": "", "configurations": [], "results": [],
            "space": sorted(study["space"])}

def no_baselines(study):
    return None

def failing(study):
    raise KeyError("accuracy")

def not_json(study):
    return {"results": {1, 2}}
"""


def run(workplace: Path, *overrides: str, import_train: bool = True) -> PreflightResult:
    (workplace / "hooks.py").write_text(HOOKS)
    return preflight(load_study("toy", overrides), workplace, import_train=import_train)


def test_study_without_hooks_has_neither_checksum_nor_baselines(workplace: Path) -> None:
    assert run(workplace) == PreflightResult(None, None)


def test_prepare_receives_the_data_set_and_returns_its_checksum(workplace: Path) -> None:
    found = run(workplace, "prepare=hooks:prepare", "dataset=mine", "data_dir=here")
    assert found.data_sha256 == "checksum of mine in here"


def test_baselines_receive_the_study_and_are_returned(workplace: Path) -> None:
    assert run(workplace, "baselines=hooks:baselines").baselines == {
        "metric": "score",
        "note": "",
        "configurations": [],
        "results": [],
        "space": ["x"],
    }
    assert run(workplace, "baselines=hooks:no_baselines").baselines is None


@pytest.mark.parametrize(
    ("function", "message"),
    [
        ("hooks:failing", "baselines: hooks:failing failed: KeyError: 'accuracy'"),
        ("hooks:not_json", "baselines: hooks:not_json failed: TypeError: Object of type set is not JSON"),
        ("hooks:missing", "baselines: hooks:missing: module hooks has no function missing"),
        ("nothing:at_all", "baselines: nothing:at_all cannot be imported: No module named 'nothing'"),
    ],
)
def test_failing_baselines_function_names_the_key(workplace: Path, function: str, message: str) -> None:
    with pytest.raises(InputError) as error:
        run(workplace, f"baselines={function}")
    assert f"study toy: {message}" in str(error.value)


def test_train_function_is_not_imported_for_another_environment(workplace: Path) -> None:
    with pytest.raises(InputError, match="importable from the folder"):
        run(workplace, "train=elsewhere:train")
    assert run(workplace, "train=elsewhere:train", import_train=False) == PreflightResult()


@pytest.mark.parametrize("key", ["train", "prepare"])
def test_message_of_a_missing_package_is_shown_as_it_is(workplace: Path, key: str) -> None:
    advice = "needs keras; run: pip install 'capsweep[capsnet]'"
    (workplace / "needy.py").write_text(f'raise ModuleNotFoundError("{advice}", name="keras")\n')
    with pytest.raises(InputError) as error:
        run(workplace, f"{key}=needy:function")
    assert str(error.value) == f"study toy: {key}: needy:function cannot be imported: {advice}"
