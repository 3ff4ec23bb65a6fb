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

def check(params):
    if params["x"] > 0.9:
        raise ValueError("`x` must be at most 0.9")
    if "misspelt" in params:
        raise TypeError("no such hyperparameter: misspelt")

def not_json(study):
    return {"results": {1, 2}}
"""


def run(workplace: Path, *overrides: str, import_train: bool = True) -> PreflightResult:
    (workplace / "hooks.py").write_text(HOOKS)
    return preflight(load_study("toy", overrides), workplace, import_train=import_train)


def test_study_without_hooks_has_neither_checksum_nor_baselines(workplace: Path) -> None:
    assert run(workplace) == PreflightResult(None, None, imported=["toy_model"])


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
    assert run(workplace, "train=elsewhere:train", import_train=False) == PreflightResult(imported=[])


@pytest.mark.parametrize("key", ["train", "prepare"])
def test_message_of_a_missing_package_is_shown_as_it_is(workplace: Path, key: str) -> None:
    advice = "needs keras; run: pip install 'capsweep[capsnet]'"
    (workplace / "needy.py").write_text(f'raise ModuleNotFoundError("{advice}", name="keras")\n')
    with pytest.raises(InputError) as error:
        run(workplace, f"{key}=needy:function")
    assert str(error.value) == f"study toy: {key}: needy:function cannot be imported: {advice}"


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (
            [],
            'check: hooks:check rejects {"ledger": "ledger.txt", "x": 1.0}:\n`x` must be at most 0.9',
        ),
        (["enqueue=[{x: 0.95}]"], '"x": 0.95}:\n`x` must'),
        (["space.x.high=0.5", "fixed.misspelt=1"], "TypeError: no such hyperparameter: misspelt"),
    ],
)
def test_check_receives_every_foreseeable_set_of_hyperparameters(
    workplace: Path, overrides: list[str], message: str
) -> None:
    with pytest.raises(InputError) as error:
        run(workplace, "check=hooks:check", *overrides)
    assert message in str(error.value)


def test_check_that_accepts_all_hyperparameters_changes_nothing(workplace: Path) -> None:
    assert run(workplace, "check=hooks:check", "space.x.high=0.5") == PreflightResult(imported=["toy_model"])


@pytest.mark.parametrize(
    ("source", "messages"),
    [
        (
            "import argparse\nparser = argparse.ArgumentParser()\n"
            "parser.add_argument('--lr', required=True)\n"
            "parser.parse_args()\n",
            ["ended the process (exit code 2)", "the following arguments are required: --lr"],
        ),
        ("import sys\nsys.exit('set DATA first')\n", ["(exit code 1)", "set DATA first"]),
        ("print('starting')\nimport os; os._exit(5)\n", ["(exit code 5)"]),
        ("import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)\n", ["(signal SIGSEGV)"]),
        ("import ctypes\nctypes.string_at(0)\n", ["(signal SIGSEGV)"]),
    ],
)
def test_message_of_a_module_that_ends_the_process_is_shown(
    workplace: Path, source: str, messages: list[str]
) -> None:
    (workplace / "leaving.py").write_text(source)
    with pytest.raises(InputError) as error:
        run(workplace, "train=leaving:train")
    for message in ["study toy: importing leaving:train ended the process", *messages]:
        assert message in str(error.value)


def test_module_finds_no_arguments_of_other_programs(workplace: Path) -> None:
    (workplace / "parsing.py").write_text(
        "import argparse\nargparse.ArgumentParser().parse_args()\ndef train(params, trial): pass\n"
    )
    assert "parsing" in run(workplace, "train=parsing:train").imported


def test_module_named_sweep_and_files_named_as_packages_are_no_obstacle(workplace: Path) -> None:
    for name in ("sweep", "worker", "requests", "utils", "pydantic"):
        (workplace / f"{name}.py").write_text("raise RuntimeError('a module of the user')\n")
    assert run(workplace).imported == ["toy_model"]


def test_module_that_starts_a_thread_does_not_keep_the_launch_waiting(workplace: Path) -> None:
    (workplace / "threads.py").write_text(
        "import threading, time\nthreading.Thread(target=time.sleep, args=(60,)).start()\n"
        "def train(params, trial): pass\n"
    )
    assert "threads" in run(workplace, "train=threads:train").imported
