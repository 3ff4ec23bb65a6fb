"""The command `sweep init`."""

import subprocess
from pathlib import Path

import pytest

from sweep.definition.study import Study, load_study
from tests.pythons import find_python
from tests.sweep.cli.conftest import Sweep

SCRIPT = """
import argparse
parser = argparse.ArgumentParser()
parser.add_argument("--lr", "-l", type=float, default=0.01)
parser.add_argument("--batch-size", type=int, default=32)
parser.add_argument("--optimizer", choices=["sgd", "adam"], default="sgd")
parser.add_argument("--momentum", type=float, default=0.9)
parser.add_argument("--shift", type=float, default=-1.5)
parser.add_argument("--epochs", type=int, default=3)
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--fast", action="store_true")
parser.add_argument("--layers", type=int, nargs="+", default=[1])
parser.add_argument("--data", required=True)
options = parser.parse_args()
open("went_on", "w").close()
for epoch in range(options.epochs):
    print(f"Epoch: {epoch + 1}/{options.epochs}  loss: {1 / options.lr:.3f}")
    print("test accuracy %.2f, val acc = %.4f" % (0.0, options.lr + options.shift))
"""


@pytest.fixture
def project(workplace: Path) -> Path:
    (workplace / "main.py").write_text(SCRIPT)
    return workplace


def init(sweep: Sweep, *command: str) -> tuple[Study, str]:
    result = sweep("init", *command)
    assert result.code == 0, result.err
    return load_study("main"), result.out


def test_options_become_ranges_and_fixed_values(project: Path, sweep: Sweep) -> None:
    study, review = init(sweep, "python", "main.py", "--data", "here")
    assert list(study.space) == ["lr", "batch-size", "optimizer", "momentum"]
    text = (project / "studies" / "main.yaml").read_text()
    assert "lr: {type: float, low: 0.001, high: 0.1, log: true}" in text
    assert "batch-size: {type: categorical, choices: [16, 32, 64]}" in text
    assert "momentum: {type: float, low: 0, high: 0.99}" in text
    assert study.fixed == {"shift": -1.5, "epochs": 3}
    assert "command: 'python main.py --data here --seed={seed} {args:=}'" in text
    for reviewed in ("val_acc", "ranges", "epochs", "--fast, --layers"):
        assert reviewed in review


def test_nothing_runs_after_the_arguments_are_parsed(project: Path, sweep: Sweep) -> None:
    before = {path.name for path in project.iterdir()} | {"studies"}
    init(sweep, "python", "main.py", "--data", "here")
    assert {path.name for path in project.iterdir()} == before


def test_untouched_script_reaches_its_first_trial(project: Path, sweep: Sweep) -> None:
    study, _ = init(sweep, "python", "main.py", "--data", "here")
    assert (study.metric, study.direction) == ("val_acc", "maximize")  # not the test data's
    launched = sweep("launch", "--study", "main", "--trials", "1")
    assert launched.code == 0, launched.err
    assert "trial 0: epoch 3, val_acc = -1." in launched.err


def test_module_is_captured(project: Path, sweep: Sweep) -> None:
    (project / "package").mkdir()
    (project / "main.py").rename(project / "package" / "main.py")
    study, _ = init(sweep, "python", "-m", "package.main", "--data=here")
    assert "lr" in study.space


def test_subcommand_is_selected_by_the_arguments(workplace: Path, sweep: Sweep) -> None:
    (workplace / "main.py").write_text(
        "import argparse\nparser = argparse.ArgumentParser()\ncommands = parser.add_subparsers()\n"
        "commands.add_parser('train').add_argument('--lr', type=float, default=0.1)\n"
        "commands.add_parser('test').add_argument('--dropout', type=float, default=0.1)\n"
        "parser.parse_args()\n"
    )
    assert list(init(sweep, "python", "main.py", "train")[0].space) == ["lr"]


@pytest.mark.parametrize("version", ["3.8", "3.12"])
def test_script_is_read_by_the_users_interpreter(project: Path, sweep: Sweep, version: str) -> None:
    python = find_python(version)
    if python is None:
        pytest.skip(f"Python {version} is not installed")
    assert "lr" in init(sweep, str(python), "main.py", "--data=here")[0].space


def test_existing_file_is_kept(project: Path, sweep: Sweep) -> None:
    init(sweep, "python", "main.py", "--data", "here")
    again = sweep("init", "python", "main.py", "--data", "here")
    assert (again.code, "exists already" in again.err) == (2, True)
    assert sweep("init", "--name", "other", "python", "main.py", "--data", "here").code == 0


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("import hydra\n", "{args:hydra}"),
        ("from click import command\n", "uses click"),
        ("raise ValueError('the data is missing')\n", "the data is missing"),
        ("print('hello')\n", "ended without parsing any arguments"),
        (SCRIPT, "the following arguments are required: --data"),
        ("import argparse\nargparse.ArgumentParser().parse_args()\n", "no range can be proposed"),
    ],
)
def test_other_scripts_are_rejected(workplace: Path, sweep: Sweep, script: str, message: str) -> None:
    (workplace / "main.py").write_text(script)
    result = sweep("init", "python", "main.py")
    assert result.code == 2
    assert message in result.err
    assert "Traceback" not in result.err
    assert not (workplace / "studies" / "main.yaml").exists()


@pytest.mark.parametrize("command", [("main.py",), ("python", "absent.py"), ("python",), ("python", "-m")])
def test_other_commands_are_rejected(workplace: Path, sweep: Sweep, command: tuple[str, ...]) -> None:
    result = sweep("init", *command)
    assert (result.code, result.out) == (2, "")


def test_capture_needs_the_standard_library_only(project: Path) -> None:
    program = Path("sweep", "worker", "argparse_capture.py")
    root = Path(__file__).parents[3]
    command = ["python", "-S", str(root / program), "options.json", "main.py", "--data=x"]
    assert subprocess.run(command, cwd=project).returncode == 0
    assert '"--lr"' in (project / "options.json").read_text()


def test_placeholders_of_the_command_are_kept_and_other_braces_are_literal(
    project: Path, sweep: Sweep
) -> None:
    study, _ = init(sweep, "python", "main.py", "--data", "{checkpoint_dir}/{x} y")
    assert study.command is not None
    text = (project / "studies" / "main.yaml").read_text()
    assert "--data ''{checkpoint_dir}/{{x}} y'' --seed={seed}" in text
