"""What a launch shows at a terminal, and that elsewhere it writes plain lines."""

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

COMMAND = [sys.executable, "-m", "sweep", "launch", "--study", "toy", "--trials", "3"]
ENVIRONMENT = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "140", "LINES": "40"}


def at_a_terminal(folder: Path, *options: str) -> str:
    """Everything a launch writes to a terminal, and that it ends well."""
    ours, its = pty.openpty()
    process = subprocess.Popen(
        [*COMMAND, *options], cwd=folder, stdin=its, stdout=its, stderr=its, env=ENVIRONMENT
    )
    os.close(its)
    written = b""
    while True:
        try:
            written += os.read(ours, 65536)
        except OSError:  # the terminal is closed: the process has ended
            break
    os.close(ours)
    assert process.wait(timeout=120) == 0, written.decode()
    return written.decode()


def test_a_terminal_has_a_table_that_goes_and_a_summary_that_stays(workplace: Path) -> None:
    text = at_a_terminal(workplace, "--set", "fixed.epoch_s=0.7", "--set", "fixed.epochs=5")
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
    assert ": epoch " not in plain  # the table has them
    assert "forecast" not in plain.rpartition("study toy: 3 complete")[2]
    assert text.count("\x1b[?25l") == text.count("\x1b[?25h")  # the cursor is back


def test_elsewhere_there_are_lines_one_an_event(workplace: Path) -> None:
    done = subprocess.run(
        COMMAND, cwd=workplace, capture_output=True, text=True, timeout=200, env=ENVIRONMENT
    )
    assert done.returncode == 0, done.stderr
    assert "\x1b" not in done.stdout + done.stderr
    assert len(re.findall(r"^\d\d:\d\d:\d\d  trial \d: epoch \d, score = ", done.stderr, re.MULTILINE)) == 9
    assert "forecast" not in done.stdout
