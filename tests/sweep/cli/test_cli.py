"""The command line as a user meets it: its help, its start-up, and above all its mistakes."""

import json
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import typer

from sweep.cli import app, main

LAZY = {"tensorflow", "keras", "optuna", "pandas", "plotly"}


class Outcome(NamedTuple):
    code: int
    out: str
    err: str


Sweep = Callable[..., Outcome]


@pytest.fixture
def sweep(workplace: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Sweep:
    """Run a command in the workplace, in this process; what it prints and exits with."""

    def run(*arguments: str) -> Outcome:
        monkeypatch.setattr(sys, "argv", ["sweep", *arguments])
        with pytest.raises(SystemExit) as leaving:
            main()
        return Outcome(int(leaving.value.code or 0), *capfd.readouterr())

    return run


def sweep_process(*arguments: str) -> Outcome:
    """The same in a process of its own, for a launch that starts local jobs."""
    command = [sys.executable, "-m", "sweep", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    return Outcome(done.returncode, done.stdout, done.stderr)


def files(folder: Path) -> dict[Path, bytes]:
    found = (path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {path: path.read_bytes() for path in found}


BAD_STUDIES = {
    "no_name": "train: toy_model:train\nmetric: score\ndirection: maximize\ntrials: 1\n",
    "tab": "name: x\n\ttrain: y\n",
    "list": "- name: x\n",
    "empty": "",
}

LAUNCH = ("launch", "--study", "toy")


def set_(*overrides: str) -> tuple[str, ...]:
    return LAUNCH + tuple(word for override in overrides for word in ("--set", override))


MISTAKES: list[tuple[tuple[str, ...], str]] = [
    # which study
    (("launch", "--study", "toi"), 'no study "toi" in studies; did you mean "toy"?'),
    (
        ("launch", "--study", "elsewhere/toy.yaml"),
        "elsewhere/toy.yaml: cannot be read: No such file or directory",
    ),
    (("launch", "--study", "studies/list.yaml"), "studies/list.yaml: expected `key: value` lines"),
    (("launch", "--study", "studies/empty.yaml"), "studies/empty.yaml: the file is empty"),
    (("launch", "--study", "studies/tab.yaml"), "studies/tab.yaml:2: not YAML"),
    (("launch", "--study", "studies/no_name.yaml"), "name"),
    # keys and types
    (set_("trial=3"), '--set trial=3: trial: no such key; did you mean "trials"?'),
    (set_("trials=many"), "--set trials=many: trials: must be an integer"),
    (set_("trials=2.5"), "--set trials=2.5: trials: must be an integer"),
    (set_("trials=0"), "--set trials=0: trials: must be greater than 0"),
    (set_("trials=true"), "--set trials=true: trials"),
    (set_("trials"), "--set trials: expected KEY=VALUE"),
    (set_("=3"), "--set =3"),
    (set_("trials=[1"), "--set trials=[1"),
    (set_("name.first=3"), "--set name.first=3"),
    (set_("name=a b"), "--set name=a b: name"),
    (set_("direction=up"), "--set direction=up: direction"),
    (set_("parallel=0"), "--set parallel=0: parallel: must be greater than 0"),
    (set_("metric=''"), "metric"),
    (set_("train=toy_model.train"), "--set train=toy_model.train: train"),
    (set_("sampler.name=magic"), "--set sampler.name=magic: sampler"),
    (set_("sampler={name: random, startup_trials: 3}"), "startup_trials"),
    (set_("pruner={name: median, warmup: 3}"), "warmup"),
    (set_("budget.gpu_hours=-1"), "--set budget.gpu_hours=-1: budget.gpu_hours"),
    (set_("failures.retries.preemted=1"), 'did you mean "preempted"?'),
    (set_("fixed.x=1"), "is also in space"),
    (set_("enqueue=[{y: 1}]"), "enqueue.0.y: is not in space"),
    (set_("enqueue=[{x: 7}]"), "enqueue.0.x: must be a number from 0.0 to 1.0, but is 7"),
    (("launch", "--study", "toy", "--trials", "0"), "trials: must be greater than 0"),
    # the space
    (set_("space.x.low=2"), '"low <= high" must hold, but got low=2.0, high=1.0'),
    (set_("space.x.log=true"), '"low > 0" must hold with log: true, but got low=0.0'),
    (set_("space.x.high=.inf"), "finite"),
    (set_("space.x.type=text"), "space.x"),
    (set_("space.k={type: categorical, choices: []}"), "choices"),
    (set_("space.k={type: categorical, choices: [1, 1]}"), "choices must differ, but 1 and 1 are equal"),
    (set_("space.k={type: int, low: 1}"), "high"),
    # where it runs
    (("launch", "--study", "toy", "--cluster", "slrum"), 'no profile "slrum"; did you mean "slurm"?'),
    (("launch", "--study", "toy", "--workdir", "toy_model.py"), "toy_model.py cannot be written"),
    (("launch", "--study", "toy", "--workdir", "toy_model.py/deeper"), "cannot be written: Not a directory"),
    # what it trains, on what
    (set_("train=no_such_module:train"), "does not import: No module named 'no_such_module'"),
    (set_("train=toy_model:no_such_function"), "module toy_model has no function no_such_function"),
    (set_("train=toy_model:not_a_function"), "train: toy_model:not_a_function is no function, but 3"),
    (set_("train=broken_model:train"), "does not import: SyntaxError"),
    (set_("train=leaving_model:train"), "importing leaving_model:train ended the process"),
    (
        set_("prepare=toy_model:prepare", "dataset=missing"),
        "'missing' is not ready: no such data; run: get it",
    ),
    # where it is recorded
    ((*LAUNCH, "--storage", "sweep.db"), "the storage URL does not parse: sweep.db"),
    ((*LAUNCH, "--storage", "redis://localhost"), "names 'redis'; expected sqlite:///FILE"),
    ((*LAUNCH, "--storage", "sqlite:///no/such/folder/sweep.db"), "there is no folder"),
    ((*LAUNCH, "--storage", "sqlite:///toy_model.py"), "cannot be opened: file is not a database"),
    ((*LAUNCH, "--storage", "postgresql://me:secret@127.0.0.1:1/x"), "me:***@127.0.0.1:1/x cannot be opened"),
    # reading
    (("report", "--study", "toy"), "there is no database"),
    (("report", "--study", "toy", "--storage", "nonsense"), "the storage URL does not parse"),
    (("report", "--study", "toy", "--storage", "sqlite:///empty.db"), "sqlite:///empty.db holds no study"),
    (("stop", "--study", "toy"), "there is no database"),
    (("stop", "--study", "toy", "--cluster", "slrum"), "there is no database"),
    (("retry", "--study", "toy"), "say --trial N, or --failed for all that failed"),
    (
        ("retry", "--study", "toy", "--trial", "1", "--failed"),
        "say --trial N, or --failed for all that failed",
    ),
    (("retry", "--study", "toy", "--failed"), "there is no database"),
    (("status",), "there is no database"),
    (("logs", "--study", "toy", "--trial", "0"), "there is no database"),
    (("logs", "--study", "toy"), "Missing option '--trial'"),
    (("logs", "--study", "toy", "--trial", "-1"), "Invalid value for '--trial'"),
    (("doctor", "--cluster", "slrum"), 'no profile "slrum"; did you mean "slurm"?'),
    (("doctor", "--study", "toi"), 'no study "toi" in studies; did you mean "toy"?'),
    (("status", "--study", "toy"), "there is no database"),
    (("status", "--watch"), "--watch is for one study on a screen"),
    (("status", "--study", "toy", "--watch", "--json"), "--watch is for one study on a screen"),
    (("dashboard", "--storage", "sqlite:///missing.db"), "there is no database"),
    (("data", "fetch", "mnist-of-mars"), "mnist-of-mars"),
    (("data", "verify", "missing.npz"), "missing.npz"),
    # the command line itself
    (("launch",), "Missing option '--study'"),
    (("lunch", "--study", "toy"), "No such command 'lunch'"),
    (("launch", "--study", "toy", "--fast"), "No such option: --fast"),
    (("launch", "--study", "toy", "--trials", "x"), "Invalid value for '--trials'"),
]


@pytest.mark.parametrize(("arguments", "message"), MISTAKES, ids=[" ".join(words) for words, _ in MISTAKES])
def test_a_mistake_is_one_message(
    workplace: Path, sweep: Sweep, arguments: tuple[str, ...], message: str
) -> None:
    for name, text in BAD_STUDIES.items():
        (workplace / "studies" / f"{name}.yaml").write_text(text)
    (workplace / "broken_model.py").write_text("def train(:\n")
    (workplace / "leaving_model.py").write_text("import os; os._exit(5)\n")
    (workplace / "empty.db").touch()
    before = files(workplace)
    outcome = sweep(*arguments)
    assert message in outcome.err
    assert outcome.code == 2
    assert "Traceback" not in outcome.err
    assert "secret" not in outcome.err + outcome.out
    assert outcome.out == ""
    assert len(outcome.err.strip().splitlines()) <= 8
    assert files(workplace) == before  # nothing changed
    assert not (workplace / "sweeps").exists()


@pytest.mark.parametrize("variable", ["SWEEP_CLUSTER_FILE", "SWEEP_STORAGE"])
def test_a_mistake_in_the_environment(sweep: Sweep, monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    monkeypatch.setenv(variable, "missing.yaml")
    outcome = sweep(*LAUNCH)
    assert (outcome.code, "missing.yaml" in outcome.err) == (2, True)


def documented_columns(table: str) -> list[str]:
    """The columns that docs/reports.md promises, for the toy study: one param, metrics score and size."""
    page = (Path(__file__).parents[3] / "docs" / "report.md").read_text(encoding="utf-8")
    rows = page.partition(f"### {table}\n")[2].partition("\n#")[0]
    names = re.findall(r"^\| `(\w+)`", rows, re.MULTILINE)
    of_study = {"param_NAME": ["param_x"], "final_METRIC": ["final_size", "final_score"], "METRIC": ["score"]}
    return [column for name in names for column in of_study.get(name, [name])]


def test_launch_report_relaunch(sweep: Sweep) -> None:
    launched = sweep(*LAUNCH, "--cluster", "inline")
    assert launched.code == 0, launched.err
    assert "study toy: 4 complete" in launched.out
    assert "best: trial" in launched.out
    again = sweep(*LAUNCH, "--cluster", "inline")
    assert (again.code, again.out.splitlines()[-1]) == (0, launched.out.splitlines()[-1])
    report = sweep("report", "--study", "toy", "--format", "csv,markdown")
    assert report.code == 0, report.err
    written = [Path(line) for line in report.out.splitlines()]
    assert Path("report/toy/report.md") in written
    assert all(path.is_file() for path in written)
    for table in ("trials", "epochs"):
        header = Path(f"report/toy/{table}.csv").read_text().splitlines()[0].split(",")
        assert header == documented_columns(table)
    names: dict[str, Any] = {}
    page = (Path(__file__).parents[3] / "docs" / "report.md").read_text(encoding="utf-8")
    for code in re.findall(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL):
        exec(code.replace("kmnist", "toy").replace(".show()", ".to_json()"), names)
    assert names["study"].trials["number"].tolist() == [0, 1, 2, 3]
    missing = sweep("report", "--study", "other")
    assert (missing.code, "there are: toy" in missing.err) == (2, True)
    one, every = sweep("status", "--study", "toy"), sweep("status")
    assert "trials    4 complete" in one.out
    assert "none at work" in one.out
    assert every.out.splitlines()[1].split()[:4] == ["toy", "4", "of", "4"]
    (found,) = json.loads(sweep("status", "--study", "toy", "--json").out)["studies"]
    assert [trial["state"] for trial in found["trials"]] == ["complete"] * 4
    log = sweep("logs", "--study", "toy", "--trial", "0")
    assert "trial 0, attempt 1, has printed nothing: complete; job" in log.out  # it ran within the launcher
    watched = sweep("status", "--study", "toy", "--watch")  # no terminal: a line, and no wait for more
    assert re.fullmatch(r"\d\d:\d\d:\d\d  study toy: 4 complete; best: trial .*\n", watched.out)
    no_trial = sweep("logs", "--study", "toy", "--trial", "4")
    assert (no_trial.code, "study toy has no trial 4" in no_trial.err) == (2, True)
    missing = sweep("status", "--study", "other")
    assert (missing.code, "there are: toy" in missing.err) == (2, True)
    format_ = sweep("report", "--study", "toy", "--format", "pdf")
    assert (format_.code, "html" in format_.err) == (2, True)


def test_several_studies_are_set_side_by_side(sweep: Sweep) -> None:
    for name in ("toy", "other"):
        assert sweep(*set_(f"name={name}"), "--cluster", "inline", "--trials", "1").code == 0
    files = ("report.html", "trials.csv", "epochs.csv")
    report = sweep("report", "--study", "toy", "--study", "other", "--study", "toy", "--format", "html,csv")
    assert report.code == 0, report.err
    assert report.out.splitlines() == [
        "report/comparison.html",
        *(f"report/{name}/{file}" for name in ("toy", "other") for file in files),
    ]


def test_a_report_is_written_until_the_study_rests(
    sweep: Sweep, workplace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sweep.cli.results.REWRITE_SECONDS", 0.2)
    command = [sys.executable, "-m", "sweep", *set_("fixed.epoch_s=0.3"), "--trials", "2"]
    launch = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        deadline = time.monotonic() + 100
        while not list(workplace.glob("sweeps/toy/*/*/metrics.jsonl")):
            assert time.monotonic() < deadline, "no trial has begun"
            time.sleep(0.05)
        watched = sweep("report", "--study", "toy", "--format", "html,csv", "--watch")
        assert watched.code == 0, watched.err
    finally:
        launch.communicate(timeout=100)
    assert launch.returncode == 0
    trials = Path("report/toy/trials.csv").read_text().splitlines()
    assert [line.split(",")[1] for line in trials[1:]] == ["complete", "complete"]
    assert 'http-equiv="refresh"' not in Path("report/toy/report.html").read_text()
    assert watched.out.splitlines() == [
        f"report/toy/{file}" for file in ("report.html", "trials.csv", "epochs.csv")
    ]


def test_every_trial_failed(workplace: Path) -> None:
    outcome = sweep_process(*set_("fixed.fault=raise"), "--trials", "2")
    assert outcome.code == 1
    assert "every trial failed" in outcome.err
    logs = sorted(workplace.glob("sweeps/toy/*/attempt-1-*/log.txt"))
    assert len(logs) == 2
    assert "RuntimeError: the model has diverged" in logs[0].read_text()
    for more in ((), ("--follow",)):
        shown = sweep_process("logs", "--study", "toy", "--trial", "1", *more)
        assert (shown.code, shown.out) == (0, logs[1].read_text())


def test_a_rehearsal(workplace: Path) -> None:
    arguments = (*set_("dry_run={trials: 2, params: {epochs: 1}}"), "--cluster", "slurm", "--dry-run")
    outcome = sweep_process(*arguments)
    assert outcome.code == 0, outcome.err
    for line in ("#SBATCH --partition=gpu", "#SBATCH --gres=gpu:1", "#SBATCH --cpus-per-task=2", "srun"):
        assert line in outcome.out
    assert "study toy-dryrun: 2 complete" in outcome.out
    assert len((workplace / "ledger.txt").read_text().splitlines()) == 2  # two trials of one epoch
    assert "study toy-dryrun-2: 2 complete" in sweep_process(*arguments).out


def test_data(sweep: Sweep) -> None:
    outcome = sweep("data", "fetch", "digits")
    assert outcome.code == 0
    assert re.fullmatch(r"digits: sha256 [0-9a-f]{64}\n", outcome.out)


def commands() -> list[list[str]]:
    root = typer.main.get_command(app)
    found = []
    for name, command in root.commands.items():  # type: ignore[attr-defined]
        children = getattr(command, "commands", {})
        found += [[name, child] for child in children] or [[name]]
    return found


@pytest.mark.parametrize("command", commands(), ids=" ".join)
def test_every_command_has_help(sweep: Sweep, command: list[str]) -> None:
    outcome = sweep(*command, "--help")
    assert outcome.code == 0
    assert len(outcome.out.splitlines()) > 5


@pytest.mark.parametrize(
    "code", ["import sweep.cli", "import sys; sys.argv = ['sweep', '--help']; import sweep.__main__"]
)
def test_it_starts_without_the_heavy_libraries(code: str) -> None:
    report = "import atexit, sys; atexit.register(lambda: print(sorted(sys.modules), file=sys.stderr))\n"
    done = subprocess.run([sys.executable, "-c", report + code], capture_output=True, text=True, check=True)
    loaded = {name.strip("'[] ").partition(".")[0] for name in done.stderr.split(",")}
    assert "typer" in loaded
    assert not loaded & LAZY
