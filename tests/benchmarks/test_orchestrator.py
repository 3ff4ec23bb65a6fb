"""The benchmarks of the orchestrator still run; what they measure is for a quiet machine to say."""

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize(
    ("name", "size", "words"),
    [
        ("status", "120", "sweep status --study large"),
        ("relaunch", "120", "100 active: at work after"),
        ("waiting_launcher", "1", "squeue a poll: 1"),
    ],
)
def test_runs(name: str, size: str, words: str) -> None:
    command = [sys.executable, "-m", f"benchmarks.{name}", size]
    done = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True, timeout=250)
    assert done.returncode == 0, done.stderr
    assert words in done.stdout
