"""`sweep launch`: its results, its dry run, and the message for each wrong input."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from sweep.storage.database import connect, parse_url
from sweep.storage.study_reader import study_data
from sweep.storage.tables import StudyRow
from tests.sweep.cli.conftest import CommandResult, Sweep

pytestmark = pytest.mark.slow

LAUNCH = ("launch", "--study", "toy")


def with_set(*overrides: str) -> tuple[str, ...]:
    return LAUNCH + tuple(word for override in overrides for word in ("--set", override))


WRONG_STUDIES: list[tuple[tuple[str, ...], str]] = [
    (("launch", "--study", "toi"), 'no study "toi" in studies; did you mean "toy"?'),
    (
        ("launch", "--study", "elsewhere/toy.yaml"),
        "elsewhere/toy.yaml: cannot be read: No such file or directory",
    ),
    (("launch", "--study", "studies/list.yaml"), "studies/list.yaml: expected `key: value` lines"),
    (("launch", "--study", "studies/empty.yaml"), "studies/empty.yaml: the file is empty"),
    (("launch", "--study", "studies/tab.yaml"), "studies/tab.yaml:2: not YAML"),
    (("launch", "--study", "studies/no_name.yaml"), "name"),
]
WRONG_VALUES: list[tuple[tuple[str, ...], str]] = [
    (with_set("trial=3"), '--set trial=3: trial: no such key; did you mean "trials"?'),
    (with_set("trials=many"), "--set trials=many: trials: must be an integer"),
    (with_set("trials=2.5"), "--set trials=2.5: trials: must be an integer"),
    (with_set("trials=0"), "--set trials=0: trials: must be greater than 0"),
    (with_set("trials=true"), "--set trials=true: trials"),
    (with_set("trials"), "--set trials: expected KEY=VALUE"),
    (with_set("=3"), "--set =3"),
    (with_set("trials=[1"), "--set trials=[1"),
    (with_set("name.first=3"), "--set name.first=3"),
    (with_set("name=a b"), "--set name=a b: name"),
    (with_set("direction=up"), "--set direction=up: direction"),
    (with_set("parallel=0"), "--set parallel=0: parallel: must be greater than 0"),
    (with_set("metric=''"), "metric"),
    (with_set("train=toy_model.train"), "--set train=toy_model.train: train"),
    (with_set("sampler.name=magic"), "--set sampler.name=magic: sampler"),
    (with_set("sampler={name: random, startup_trials: 3}"), "startup_trials"),
    (with_set("pruner={name: median, warmup: 3}"), "warmup"),
    (with_set("budget.gpu_hours=-1"), "--set budget.gpu_hours=-1: budget.gpu_hours"),
    (with_set("failures.retries.preemted=1"), 'did you mean "preempted"?'),
    (with_set("fixed.x=1"), "is also in space"),
    (with_set("enqueue=[{y: 1}]"), "enqueue.0.y: is not in space"),
    (with_set("enqueue=[{x: 7}]"), "enqueue.0.x: must be a number from 0.0 to 1.0, but is 7"),
    (("launch", "--study", "toy", "--trials", "0"), "trials: must be greater than 0"),
]
WRONG_SPACES: list[tuple[tuple[str, ...], str]] = [
    (with_set("space.x.low=2"), '"low <= high" must hold, but got low=2.0, high=1.0'),
    (with_set("space.x.log=true"), '"low > 0" must hold with log: true, but got low=0.0'),
    (with_set("space.x.high=.inf"), "finite"),
    (with_set("space.x.type=text"), "space.x"),
    (with_set("space.k={type: categorical, choices: []}"), "choices"),
    (with_set("space.k={type: categorical, choices: [1, 1]}"), "choices must differ, but 1 and 1 are equal"),
    (with_set("space.k={type: int, low: 1}"), "high"),
]
WRONG_PLACES: list[tuple[tuple[str, ...], str]] = [
    (("launch", "--study", "toy", "--cluster", "slrum"), 'no profile "slrum"; did you mean "slurm"?'),
    (("launch", "--study", "toy", "--workdir", "toy_model.py"), "toy_model.py cannot be written"),
    (("launch", "--study", "toy", "--workdir", "toy_model.py/deeper"), "cannot be written: Not a directory"),
]
WRONG_FUNCTIONS: list[tuple[tuple[str, ...], str]] = [
    (with_set("train=no_such_module:train"), "cannot be imported: No module named 'no_such_module'"),
    (with_set("train=toy_model:no_such_function"), "module toy_model has no function no_such_function"),
    (with_set("train=toy_model:not_a_function"), "train: toy_model:not_a_function is not a function, but 3"),
    (with_set("train=broken_model:train"), "cannot be imported: SyntaxError"),
    (with_set("train=leaving_model:train"), "importing leaving_model:train ended the process"),
    (
        with_set("baselines=toy_model:missing"),
        "baselines: toy_model:missing: module toy_model has no function",
    ),
    (
        with_set("prepare=toy_model:prepare", "dataset=missing"),
        "'missing' is not ready: no such data; run: get it",
    ),
]
WRONG_STORAGES: list[tuple[tuple[str, ...], str]] = [
    ((*LAUNCH, "--storage", "sweep.db"), "invalid storage URL: sweep.db"),
    ((*LAUNCH, "--storage", "redis://localhost"), "unsupported database 'redis'"),
    ((*LAUNCH, "--storage", "sqlite:///no/such/folder/sweep.db"), "there is no folder"),
    ((*LAUNCH, "--storage", "sqlite:///toy_model.py"), "cannot be opened: file is not a database"),
    ((*LAUNCH, "--storage", "postgresql://me:secret@127.0.0.1:1/x"), "me:***@127.0.0.1:1/x cannot be opened"),
]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [*WRONG_STUDIES, *WRONG_VALUES, *WRONG_SPACES, *WRONG_PLACES, *WRONG_FUNCTIONS, *WRONG_STORAGES],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_wrong_input_is_rejected_with_one_message(
    check_rejected: Callable[[tuple[str, ...], str], None], arguments: tuple[str, ...], message: str
) -> None:
    check_rejected(arguments, message)


@pytest.mark.parametrize("variable", ["SWEEP_CLUSTER_FILE", "SWEEP_STORAGE"])
def test_wrong_environment_variable_is_rejected(
    sweep: Sweep, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, "missing.yaml")
    result = sweep(*LAUNCH)
    assert (result.code, "missing.yaml" in result.err) == (2, True)


def test_launch_names_the_best_trial(launched: CommandResult) -> None:
    assert launched.code == 0, launched.err
    assert "study toy: 4 complete" in launched.out
    assert "best: trial" in launched.out


def test_launch_of_an_ended_study_prints_the_same_summary(launched: CommandResult, sweep: Sweep) -> None:
    again = sweep(*LAUNCH, "--cluster", "inline")
    assert (again.code, again.out.splitlines()[-1]) == (0, launched.out.splitlines()[-1])


def test_study_of_a_version_without_conditions_continues(launched: CommandResult, sweep: Sweep) -> None:
    assert launched.code == 0
    engine = connect(parse_url("sqlite:///sweep.db"))
    with Session(engine) as session:
        (row,) = session.scalars(select(StudyRow))
        entry = {key: value for key, value in row.definition["space"]["x"].items() if key != "when"}
        row.definition = {**row.definition, "space": {"x": entry}}
        session.commit()
    engine.dispose()
    again = sweep(*LAUNCH, "--cluster", "inline", "--trials", "5")
    assert again.code == 0, again.err
    assert "study toy: 5 complete" in again.out


def test_choices_with_labels_may_change_their_order_only(sweep: Sweep, workplace: Path) -> None:
    (workplace / "wide.py").write_text("def train(params, trial): return {'score': sum(params['w'])}\n")
    entry = "{type: categorical, choices: {%s}}"
    launch = (*with_set("train=wide:train", "space.x={type: float, low: 0, high: 1}"), "--cluster", "inline")
    choices = "small: [1, 2], large: [30], medium: [4]"
    assert sweep(*launch, "--set", f"space.w={entry % choices}", "--trials", "2").code == 0
    other = "medium: [4], large: [30], small: [1, 2]"
    again = sweep(*launch, "--set", f"space.w={entry % other}", "--trials", "6")
    assert again.code == 0, again.err
    changed = sweep(*launch, "--set", f"space.w={entry % other.replace('30', '31')}")
    assert changed.code == 2
    assert "space.w.choices.large: was [30], is [31]" in changed.err


def test_launch_records_the_published_baselines(sweep: Sweep, workplace: Path) -> None:
    (workplace / "hooks.py").write_text("def baselines(study): return {'metric': study['metric']}\n")
    launch = (*with_set("baselines=hooks:baselines"), "--cluster", "inline", "--trials", "1")
    assert sweep(*launch).code == 0
    assert study_data("toy").baselines == {"metric": "score"}


def test_launch_fails_if_every_trial_fails(workplace: Path) -> None:
    result = sweep_process(*with_set("fixed.fault=raise"), "--trials", "2")
    assert result.code == 1
    assert "every trial failed" in result.err
    logs = sorted(workplace.glob("sweeps/toy/*/attempt-1-*/log.txt"))
    assert len(logs) == 2
    assert "RuntimeError: the model has diverged" in logs[0].read_text()
    for option in ((), ("--follow",)):
        shown = sweep_process("logs", "--study", "toy", "--trial", "1", *option)
        assert (shown.code, shown.out) == (0, logs[1].read_text())


def test_dry_run_prints_the_sbatch_file_and_runs_short_trials(workplace: Path) -> None:
    arguments = (*with_set("dry_run={trials: 2, params: {epochs: 1}}"), "--cluster", "slurm", "--dry-run")
    result = sweep_process(*arguments)
    assert result.code == 0, result.err
    for line in ("#SBATCH --partition=gpu", "#SBATCH --gres=gpu:1", "#SBATCH --cpus-per-task=2", "srun"):
        assert line in result.out
    assert "study toy-dryrun: 2 complete" in result.out
    assert len((workplace / "ledger.txt").read_text().splitlines()) == 2  # two trials of one epoch
    assert "study toy-dryrun-2: 2 complete" in sweep_process(*arguments).out


def sweep_process(*arguments: str) -> CommandResult:
    """Run a command in a process of its own, for a launch that starts local jobs."""
    command = [sys.executable, "-m", "sweep", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    return CommandResult(done.returncode, done.stdout, done.stderr)
