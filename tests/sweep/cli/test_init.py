"""Tests of the command `sweep init`."""

from pathlib import Path

from sweep.definition.study import load_study
from tests.sweep.cli.conftest import Sweep

SCRIPT = """
import argparse
parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float, default=0.01)
parser.add_argument("--epochs", type=int, default=3)
parser.add_argument("--fast", action="store_true")
parser.parse_args()
open("went_on", "w")
"""


def test_a_study_file_is_written(workplace: Path, sweep: Sweep) -> None:
    (workplace / "main.py").write_text(SCRIPT)
    result = sweep("init", "python", "main.py")
    assert result.code == 0, result.err
    study = load_study("main")
    assert list(study.space) == ["lr"]
    assert study.fixed == {"epochs": 3}
    assert "--fast" in result.out
    assert not (workplace / "went_on").exists()
    assert "exists already" in sweep("init", "python", "main.py").err


def test_hydra_has_a_message(workplace: Path, sweep: Sweep) -> None:
    (workplace / "main.py").write_text("import hydra\n")
    result = sweep("init", "python", "main.py")
    assert result.code == 2
    assert "{args:hydra}" in result.err


def test_the_generated_study_is_launched(workplace: Path, sweep: Sweep) -> None:
    script = SCRIPT.replace("parser.parse_args()", "options = parser.parse_args()")
    (workplace / "main.py").write_text(script + "print('epoch 1'); print(f'loss={options.lr}')\n")
    assert sweep("init", "python", "main.py").code == 0
    launched = sweep("launch", "--study", "main", "--trials", "1")
    assert launched.code == 0, launched.err


def test_the_error_of_a_script_is_shown(workplace: Path, sweep: Sweep) -> None:
    (workplace / "main.py").write_text("raise ValueError('the data is missing')\n")
    result = sweep("init", "python", "main.py")
    assert result.code == 2
    assert "the data is missing" in result.err
    assert not (workplace / "studies" / "main.yaml").exists()
