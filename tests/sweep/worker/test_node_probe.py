"""The probe that `sweep doctor` runs on a node."""

import json
from pathlib import Path
from typing import Any

import pytest

from sweep.worker import node_probe
from sweep.worker.trial import Trial
from tests.sweep.worker.attempts import create_attempt

pytestmark = pytest.mark.slow

HOOKS = """
import os, sys

def check_node(num_gpus):
    print("this is not the reply")
    return f"found {num_gpus} devices"

def failing(num_gpus):
    raise RuntimeError(f"{num_gpus} devices requested, none found")

def leaving(num_gpus):
    os._exit(3)
"""


def run_probe(workplace: Path, **params: Any) -> dict[str, Any]:
    """Run the probe in the workplace and return its findings; the doctor has created its stop file before."""
    (workplace / "hooks.py").write_text(HOOKS)
    (workplace / "shared.txt").write_text("written by the doctor")
    (workplace / "stop").touch()
    folder = create_attempt(workplace)
    defaults = {
        "shared_file": str(workplace / "shared.txt"),
        "stop_file": str(workplace / "stop"),
        "num_gpus": 2,
        "train": None,
        "check_node": None,
    }
    assert node_probe.probe({**defaults, **params}, Trial(folder.read_spec(), folder)) == {
        node_probe.METRIC: 1.0
    }
    findings: dict[str, Any] = json.loads((folder.artifacts / node_probe.FINDINGS).read_text())
    return findings


def test_shared_file_is_read(workplace: Path) -> None:
    expected = {"shared_text": "written by the doctor", "train_error": None, "node_check": None}
    assert run_probe(workplace) == expected
    assert run_probe(workplace, shared_file="missing.txt")["shared_text"] is None


def test_error_of_the_import_is_its_last_line(workplace: Path) -> None:
    assert run_probe(workplace, train="toy_model:train")["train_error"] is None
    error = run_probe(workplace, train="no_such_module:train")["train_error"]
    assert error == "ModuleNotFoundError: No module named 'no_such_module'"


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        ("hooks:check_node", {"text": "found 2 devices"}),
        ("hooks:failing", {"error": "RuntimeError: 2 devices requested, none found"}),
        ("hooks:leaving", {"error": "the process ended with exit code 3 and printed nothing"}),
    ],
)
def test_check_node_is_called_in_a_process_of_its_own(
    workplace: Path, function: str, expected: dict[str, str]
) -> None:
    assert run_probe(workplace, check_node=function)["node_check"] == expected
