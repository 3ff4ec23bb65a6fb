"""The live table of a launch on a terminal, and the plain lines of other outputs."""

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

COMMAND = [sys.executable, "-m", "sweep", "launch", "--study", "toy", "--trials", "3"]
ENVIRONMENT = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "140", "LINES": "40"}


def run_on_a_terminal(folder: Path, *options: str) -> str:
    """Return everything that a successful launch writes to a terminal."""
    terminal, its_end = pty.openpty()
    process = subprocess.Popen(
        [*COMMAND, *options], cwd=folder, stdin=its_end, stdout=its_end, stderr=its_end, env=ENVIRONMENT
    )
    os.close(its_end)
    written = b""
    while True:
        try:
            written += os.read(terminal, 65536)
        except OSError:  # the process has ended and closed the terminal
            break
    os.close(terminal)
    assert process.wait(timeout=120) == 0, written.decode()
    return written.decode()


def test_terminal_shows_a_table_until_the_summary(workplace: Path) -> None:
    text = run_on_a_terminal(workplace, "--set", "fixed.epoch_s=0.7", "--set", "fixed.epochs=5")
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)
    for part in (
        "forecast",
        "budget",
        "of 3 trials",
        "running on",
        "complete, score",
        "study toy: 3 complete",
    ):
        assert part in plain
    assert re.search(r"\d +running +1 ", plain)  # a row of the table
    assert re.search(r"complete .* 5 +━━━━━━━━ ", plain)
    assert ": epoch " not in plain  # the table shows the epochs
    assert "forecast" not in plain.rpartition("study toy: 3 complete")[2]
    assert text.count("\x1b[?25l") == text.count("\x1b[?25h")  # the cursor is visible again


def test_other_outputs_get_one_line_per_event(workplace: Path) -> None:
    done = subprocess.run(
        COMMAND, cwd=workplace, capture_output=True, text=True, timeout=200, env=ENVIRONMENT
    )
    assert done.returncode == 0, done.stderr
    assert "\x1b" not in done.stdout + done.stderr
    assert len(re.findall(r"^\d\d:\d\d:\d\d  trial \d: epoch \d, score = ", done.stderr, re.MULTILINE)) == 9
    assert "forecast" not in done.stdout
