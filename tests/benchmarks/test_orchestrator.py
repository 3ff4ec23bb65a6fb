"""Tests that the benchmarks of the orchestrator run.

The numbers that they print are not tested, because they are meaningful only on an idle machine.
"""

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize(
    ("name", "size", "expected"),
    [
        ("status", "120", "sweep status --study large"),
        ("relaunch", "120", "100 active: resumed after"),
        ("waiting_launcher", "1", "squeue per poll cycle: 1"),
        ("confidence", "2", "| equal means |"),
    ],
)
def test_benchmark_runs_and_prints_its_result(name: str, size: str, expected: str) -> None:
    command = [sys.executable, "-m", f"benchmarks.{name}", size]
    done = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True, timeout=250)
    assert done.returncode == 0, done.stderr
    assert expected in done.stdout
