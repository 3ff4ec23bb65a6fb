"""Tests of the study files: problems, defaults, overrides, and the studies derived from a study."""

from pathlib import Path

import pytest

from sweep.definition.failures import Failures
from sweep.definition.pruner import Median, NoPruning
from sweep.definition.sampler import TPE
from sweep.definition.space import CategoricalEntry, IntEntry
from sweep.definition.study import Budget, DryRun, Study, load_study
from sweep.errors import InputError
from sweep.states import Cause

REPOSITORY = Path(__file__).parents[3]

ENTRY = "{type: int, low: 1, high: 9}"
SMALL = f"""\
name: small
train: package.module:train
metric: accuracy
direction: maximize
trials: 4
space:
  batch_size: {ENTRY}
"""
KEYS = ", ".join(Study.model_fields)
NAME_RULE = 'at most 100 letters, digits, ".", "_" and "-", starting with a letter or a digit'
SCALAR = "must be a single value (null, a boolean, a number or a string)"


def _file(folder: Path, text: str) -> str:
    file = folder / "small.yaml"
    file.write_text(text, encoding="utf-8")
    return str(file)


# The text of SMALL to replace (if it is empty, a line is appended), its replacement, and the message.
PROBLEMS = [
    ("name: small", "name: a/b", f'1: name: must be {NAME_RULE}, but is "a/b"'),
    ("name: small", f"name: {'x' * 101}", f'1: name: must be {NAME_RULE}, but is "{"x" * 56}...'),
    ("name: small", "name: 3", "1: name: must be a string, but is 3"),
    (
        "name: small",
        "name: small\ntrials : 4",
        '6: not YAML: while constructing a mapping, found duplicate key "trials"',
    ),
    (
        "train: package.module:train",
        "train: package.module.train",
        '2: train: must be package.module:function, but is "package.module.train"',
    ),
    ("", "prepare: fetch", '8: prepare: must be package.module:function, but is "fetch"'),
    ("", "evaluate: a:b:c", '8: evaluate: must be package.module:function, but is "a:b:c"'),
    ("metric: accuracy", "metric: ''", "3: metric: must not be empty"),
    (
        "direction: maximize",
        "direction: up",
        '4: direction: must be "maximize" or "minimize", but is "up"',
    ),
    ("trials: 4", "trials: 4.0", "5: trials: must be an integer, but is 4.0"),
    ("trials: 4", "trials: '4'", '5: trials: must be an integer, but is "4"'),
    ("trials: 4", "trials: yes", '5: trials: must be an integer, but is "yes"'),
    ("trials: 4", "trials: 0", "5: trials: must be greater than 0, but is 0"),
    ("", "parallel: 0", "8: parallel: must be greater than 0, but is 0"),
    ("trials: 4\n", "", "1: trials: required, but missing: Total number of trials."),
    ("", "storag: x", f'8: storag: no such key; did you mean "storage"? Available: {KEYS}'),
    ("", "zzz: x", f"8: zzz: no such key; available: {KEYS}\n{Study.guide}"),
    ("", "1: x", "8: 1: a key must be a string, but this one is 1: put it in quotes"),
    ("", "storage: 3", "8: storage: must be a string, but is 3"),
    # Space.
    (
        "type: int",
        "type: integer",
        '7: space.batch_size.type: must be one of "int", "float", "categorical", but is "integer"',
    ),
    (
        "type: int",
        "type: [int]",
        '7: space.batch_size.type: must be one of "int", "float", "categorical", but is a list',
    ),
    ("type: int, ", "", "7: space.batch_size.type: required, but missing"),
    (ENTRY, "3", "7: space.batch_size: must be a mapping of keys to values, but is 3"),
    ("low: 1, ", "", "7: space.batch_size.low: required, but missing: The smallest value."),
    ("low: 1", "low: 1.5", "7: space.batch_size.low: must be an integer, but is 1.5"),
    ("low: 1", "low: 10", '7: space.batch_size: "low <= high" must hold, but got low=10, high=9'),
    (
        "low: 1",
        "low: 0, log: true",
        '7: space.batch_size: "low > 0" must hold with log: true, but got low=0',
    ),
    (
        "low: 1",
        "low: 1, log: true, step: 2",
        "7: space.batch_size: step and log: true exclude each other, but got step=2",
    ),
    (
        "low: 1",
        "low: 1, step: 3",
        "7: space.batch_size: high must be a whole number of steps above low, but got low=1, high=9, step=3",
    ),
    ("low: 1", "low: 1, step: 0", "7: space.batch_size.step: must be greater than 0, but is 0"),
    ("low: 1", "low: 1, log: 1", "7: space.batch_size.log: must be true or false, but is 1"),
    (
        "high: 9",
        "hihg: 9, high: 9",
        '7: space.batch_size.hihg: no such key; did you mean "high"? '
        "Available: type, low, high, step, log, when",
    ),
    (
        ENTRY,
        "{type: float, low: .inf, high: 9}",
        "7: space.batch_size.low: must be a finite number, but is Infinity",
    ),
    (
        ENTRY,
        "{type: float, low: a, high: 9}",
        '7: space.batch_size.low: must be a valid number, but is "a"',
    ),
    (ENTRY, "{type: categorical, choices: []}", "7: space.batch_size.choices: must not be empty"),
    (ENTRY, "{type: categorical, choices: 3}", "7: space.batch_size.choices: must be a list, but is 3"),
    (
        ENTRY,
        "{type: categorical, choices: [1, true]}",
        "7: space.batch_size: choices must differ, but 1 and true are equal",
    ),
    (
        ENTRY,
        "{type: categorical, choices: [1, [2]]}",
        "7: space.batch_size.choices.1: must be a single value or have a label as in "
        "choices: {small: [64, 64]}, but is a list",
    ),
    (
        "batch_size",
        "batch/size",
        '7: space.batch/size: must be letters, digits, "_", "-" and "." between them, starting with a letter '
        'or "_", but is "batch/size"',
    ),
    ("batch_size", "null", "6: space: a key must be a string, but this one is null: put it in quotes"),
    (f"\n  batch_size: {ENTRY}", " {}", "5: trials: must be 1 with an empty space, but is 4"),
    # Other sections.
    (
        "",
        "fixed: {batch_size: 3}",
        "8: fixed.batch_size: is also in space; a hyperparameter is either searched or fixed",
    ),
    (
        "",
        "fixed: {epochs: [{1: 2}]}",
        "8: fixed.epochs: has the key 1, which is not a string: put it in quotes",
    ),
    ("", "fixed: {epochs: [.nan]}", "8: fixed.epochs: has an item that must be a finite number"),
    ("", "fixed: {epochs: .nan}", "8: fixed.epochs: must be a finite number, but is NaN"),
    ("", "fixed:", "8: fixed: must be a mapping of keys to values, but is null"),
    (
        "",
        "enqueue:\n  - {batch_size: 3}\n  - {batch_sise: 3}",
        '10: enqueue.1.batch_sise: is not in space; did you mean "batch_size"? Available: batch_size',
    ),
    (
        "",
        "enqueue: [{batch_size: 10}]",
        "8: enqueue.0.batch_size: must be an integer from 1 to 9, but is 10",
    ),
    ("", "enqueue: {batch_size: 3}", "8: enqueue: must be a list, but is a mapping"),
    ("", "enqueue: [3]", "8: enqueue.0: must be a mapping of keys to values, but is 3"),
    (
        "",
        "sampler: {name: bayes}",
        '8: sampler.name: must be one of "tpe", "random", "qmc", "grid", "gp", "cmaes", "nsgaii", "nsgaiii", '
        '"custom", "optunahub", but is "bayes"',
    ),
    (
        "",
        "  decay: {type: float, low: 0, high: 1}\nsampler: {name: grid}",
        "9: sampler: grid needs a finite number of values, but decay is a number from 0.0 to 1.0; give it a "
        "step or make it categorical, or use qmc, which covers the space evenly",
    ),
    (
        "trials: 4",
        "trials: 10\nsampler: {name: grid}",
        "5: trials: must be at most 9, the number of points of the grid, but is 10; omit trials to evaluate "
        "each point once",
    ),
    (
        f"\n  batch_size: {ENTRY}",
        "\n  batch_size: {type: int, low: 1, high: 3000000}\nsampler: {name: grid}",
        "8: sampler: the grid has 3,000,000 points, more than 1,000,000; give fewer choices or larger steps, "
        "or use random",
    ),
    (
        "",
        "sampler: {name: grid}\nenqueue: [{}]",
        "9: enqueue.0: lacks batch_size; with the sampler grid, enqueued points must be complete",
    ),
    (
        "",
        "sampler: {name: grid}\nenqueue: [{batch_size: 1}, {batch_size: 1}]",
        "9: enqueue.1: is enqueued twice; the sampler grid evaluates each point once",
    ),
    (
        f"\n  batch_size: {ENTRY}",
        "\n  shift: {type: categorical, choices: [a, b]}\nsampler: {name: cmaes}",
        "8: sampler: cmaes optimizes numbers, but all hyperparameters of space are categorical; use tpe, or "
        "grid to evaluate all combinations",
    ),
    (
        "",
        "objective_of: mean_of_last(0)",
        '8: objective_of: must be last, best or mean_of_last(K) with a number K, but is "mean_of_last(0)"',
    ),
    ("", "sampler: tpe", '8: sampler: must be a mapping of keys to values, but is "tpe"'),
    (
        "",
        "sampler: {name: random, seed: -1}",
        "8: sampler.seed: must be greater than or equal to 0, but is -1",
    ),
    (
        "",
        "sampler: {name: random, startup_trials: 3}",
        "8: sampler.startup_trials: no such key; available: name, seed",
    ),
    (
        "",
        "pruner: {name: median, warmup: 3}",
        '8: pruner.warmup: no such key; did you mean "warmup_epochs"? '
        "Available: name, metric, direction, startup_trials, warmup_epochs, every_epochs, min_trials",
    ),
    (
        "",
        "pruner: {name: hyperband, min_epochs: 3, max_epochs: 2}",
        '8: pruner: "min_epochs <= max_epochs" must hold, but got min_epochs=3, max_epochs=2',
    ),
    (
        "",
        "pruner: {name: hyperband, reduction_factor: 1}",
        "8: pruner.reduction_factor: must be greater than or equal to 2, but is 1",
    ),
    ("", "budget: {hours: 0}", "8: budget.hours: must be greater than 0, but is 0"),
    (
        "",
        "failures: {retries: {errors: 3}}",
        '8: failures.retries.errors: no such cause; did you mean "error"? '
        "Available: preempted, node_failure, timeout, out_of_memory, launch_failure, lost, error",
    ),
    (
        "",
        "failures: {retries: {cancelled: 1}}",
        "8: failures.retries.cancelled: a cancelled trial is not retried automatically; "
        "`sweep retry` requests a retry",
    ),
    (
        "",
        "failures: {retries: {error: -1}}",
        "8: failures.retries.error: must be greater than or equal to 0, but is -1",
    ),
    ("", "dry_run: {trials: 0}", "8: dry_run.trials: must be greater than 0, but is 0"),
    ("", "enqueue: [{batch_size: {}}]", f"8: enqueue.0.batch_size: {SCALAR}, but is a mapping"),
]


@pytest.mark.parametrize(("old", "new", "message"), PROBLEMS)
def test_problem_in_the_file_is_reported_with_its_line(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    file = _file(tmp_path, SMALL.replace(old, new) if old else f"{SMALL}{new}\n")
    with pytest.raises(InputError) as caught:
        load_study(file)
    assert str(caught.value) == f"{file}:{message}"


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("trials=0", "trials: must be greater than 0, but is 0"),
        ("trials=", "trials: must be an integer, but is null"),
        ("budget.hour=3", 'budget.hour: no such key; did you mean "hours"? Available: gpu_hours, hours'),
        (
            "space.batch_size.low=10",
            'space.batch_size: "low <= high" must hold, but got low=10, high=9',
        ),
        (
            "fixed.batch_size=3",
            "fixed.batch_size: is also in space; a hyperparameter is either searched or fixed",
        ),
        (
            "enqueue=[{batch_size: 64}]",
            "enqueue.0.batch_size: must be an integer from 1 to 9, but is 64",
        ),
    ],
)
def test_problem_in_an_override_is_reported_with_the_option(
    tmp_path: Path, override: str, message: str
) -> None:
    with pytest.raises(InputError) as caught:
        load_study(_file(tmp_path, SMALL), ["parallel=2", override])
    assert str(caught.value) == f"--set {override}: {message}"


def test_several_problems_are_one_error_with_a_line_each(tmp_path: Path) -> None:
    file = _file(tmp_path, SMALL.replace("trials: 4", "trails: 4"))
    with pytest.raises(InputError) as caught:
        load_study(file, ["direction=up"])
    assert str(caught.value).splitlines() == [
        '--set direction=up: direction: must be "maximize" or "minimize", but is "up"',
        f"{file}:1: trials: required, but missing: Total number of trials.",
        f'{file}:5: trails: no such key; did you mean "trials"? Available: {KEYS}',
    ]


def test_omitted_keys_have_default_values(tmp_path: Path) -> None:
    assert load_study(_file(tmp_path, SMALL)) == Study(
        name="small",
        train="package.module:train",
        evaluate=None,
        prepare=None,
        verify=None,
        check_node=None,
        baselines=None,
        dataset=None,
        data_dir=None,
        metric="accuracy",
        direction="maximize",
        trials=4,
        parallel=1,
        space={"batch_size": IntEntry(type="int", low=1, high=9, step=1, log=False)},
        fixed={},
        enqueue=(),
        sampler=TPE(name="tpe", seed=0, startup_trials=10, multivariate=True, constant_liar=True),
        pruner=NoPruning(name="none"),
        budget=Budget(gpu_hours=None, hours=None),
        failures=Failures(
            retries={
                Cause.PREEMPTED: 5,
                Cause.NODE_FAILURE: 3,
                Cause.TIMEOUT: 2,
                Cause.OUT_OF_MEMORY: 1,
                Cause.LAUNCH_FAILURE: 1,
                Cause.LOST: 2,
                Cause.ERROR: 0,
            },
            stop_after_same=3,
        ),
        storage=None,
        dry_run=DryRun(trials=2, params={}),
    )


def test_overrides_change_existing_and_omitted_sections(tmp_path: Path) -> None:
    study = load_study(
        _file(tmp_path, SMALL),
        [
            "space.batch_size={type: categorical, choices: [64, 128]}",
            "enqueue=[{batch_size: 128}]",
            "enqueue.0.batch_size=64",
            "budget.hours=3",
            "pruner={name: median, warmup_epochs: 5}",
        ],
    )
    assert study.space == {"batch_size": CategoricalEntry(type="categorical", choices=(64, 128))}
    assert study.enqueue == ({"batch_size": 64},)
    assert study.budget == Budget(hours=3)
    assert study.pruner == Median(name="median", warmup_epochs=5)


def test_study_with_an_empty_space_has_one_trial(tmp_path: Path) -> None:
    text = SMALL[: SMALL.index("trials")] + "trials: 1\nfixed: {epochs: 3}\n"
    study = load_study(_file(tmp_path, text))
    assert (study.space, study.trials) == ({}, 1)
    assert study.dry_run_study("r").trials == 1


@pytest.mark.parametrize("name", sorted(file.stem for file in (REPOSITORY / "studies").glob("*.yaml")))
def test_every_shipped_study_loads_by_name_and_by_path_and_has_a_dry_run(name: str) -> None:
    study = load_study(name, directory=REPOSITORY)
    assert study.name == name
    assert study == load_study(str(REPOSITORY / "studies" / f"{name}.yaml"))
    assert study.dry_run_study(f"{name}-dry-run").fixed.items() >= {("epochs", 1), ("num_samples", 300)}


def test_name_is_looked_up_in_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "studies").mkdir()
    _file(tmp_path / "studies", SMALL)
    monkeypatch.chdir(tmp_path)
    assert load_study("small", ["trials=9"]).trials == 9
    assert load_study("studies/small.yaml").trials == 4
    _file(tmp_path / "studies", SMALL.replace(f"\n  batch_size: {ENTRY}", " 3"))
    with pytest.raises(InputError, match=r"^studies/small\.yaml:6: space: must be a mapping"):
        load_study("small")


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        (
            "smal",
            'no study "smal" in studies; did you mean "small"? Available: other, small. '
            "The path of a study file is accepted too",
        ),
        ("", 'no study "" in studies; available: other, small. The path of a study file is accepted too'),
        ("smal.yaml", "smal.yaml: cannot be read: No such file or directory"),
        ("smal.yml", "smal.yml: cannot be read: No such file or directory"),
        ("studies/", "studies: cannot be read: Is a directory"),
    ],
)
def test_missing_study_is_reported_with_the_available_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reference: str, message: str
) -> None:
    (tmp_path / "studies").mkdir()
    for name in ["small", "other"]:
        (tmp_path / "studies" / f"{name}.yaml").write_text(SMALL)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError) as caught:
        load_study(reference)
    assert str(caught.value) == message


def test_missing_study_is_reported_if_there_are_no_studies(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        load_study("small", directory=tmp_path)
    assert str(caught.value) == (
        f'no study "small" in {tmp_path}/studies; available: none. The path of a study file is accepted too'
    )


def test_dry_run_study_is_short_and_is_not_pruned(tmp_path: Path) -> None:
    text = SMALL + (
        "  epochs: {type: int, low: 1, high: 50}\n"
        "parallel: 8\n"
        "fixed: {learning_rate: 0.001, conv_filters: 256}\n"
        "enqueue: [{batch_size: 3, epochs: 10}, {batch_size: 3, epochs: 50}, {epochs: 7}]\n"
        "pruner: {name: median}\n"
        "budget: {hours: 1}\n"
        "storage: sqlite:///here.db\n"
        "dry_run: {trials: 3, params: {epochs: 1, conv_filters: 8, num_samples: 300}}\n"
    )
    study = load_study(_file(tmp_path, text))
    dry_run = study.dry_run_study("small-dry-run")
    assert dry_run == study.model_copy(
        update={
            "name": "small-dry-run",
            "repeats": "train",
            "trials": 3,
            "parallel": 2,
            "space": {"batch_size": study.space["batch_size"]},
            "fixed": {"learning_rate": 0.001, "conv_filters": 8, "epochs": 1, "num_samples": 300},
            "enqueue": ({"batch_size": 3},),
            "pruner": NoPruning(name="none"),
            "budget": Budget(),
            "dry_run": DryRun(),
        }
    )


@pytest.mark.parametrize(
    "path",
    ["builtins:exec", "os:system", "subprocess:run", "os.path:join", "sweep.cli:main", "runpy:run_path"],
)
@pytest.mark.parametrize("key", ["train", "prepare", "baselines", "check_node"])
def test_function_of_python_itself_is_rejected(key: str, path: str) -> None:
    values = {"name": "toy", "train": "m:f", "metric": "score", "direction": "maximize", "trials": 1}
    with pytest.raises(ValueError, match=r"must be a function of your own project"):
        Study.model_validate({**values, key: path})


def test_home_folder_is_expanded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    values = {"name": "toy", "train": "m:f", "metric": "score", "direction": "maximize", "trials": 1}
    study = Study.model_validate({**values, "dataset": "~/mine.npz", "data_dir": "~"})
    assert (study.dataset, study.data_dir) == ("/home/me/mine.npz", "/home/me")


def test_grid_without_trials_has_one_trial_for_each_point() -> None:
    values = {"name": "toy", "train": "m:f", "evaluate": "m:g", "metric": "score", "direction": "maximize"}
    space = {
        "width": {"type": "int", "low": 1, "high": 4},
        "shift": {"type": "categorical", "choices": [0, 1]},
    }
    study = Study.model_validate({**values, "space": space, "sampler": {"name": "grid"}})
    assert study.trials == 8
    assert study.dry_run_study("rehearsal").trials == 2
    # Repeated points are possible in an evaluation.
    assert study.evaluation_study([{"width": 1, "shift": 0}] * 9).trials == 9
