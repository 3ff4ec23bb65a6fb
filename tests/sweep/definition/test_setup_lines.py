"""Tests of setup lines that end the job if they fail."""

import subprocess
from pathlib import Path

import pytest

from sweep.definition.setup_lines import checked_setup


def run(*lines: str) -> subprocess.CompletedProcess[str]:
    script = "\n".join([*checked_setup(lines), "echo the trial starts"])
    return subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    "lines",
    [
        ["export A=1", "true"],
        ["if true; then", "  false || true", "fi"],
        ["for name in a b; do", "  echo $name", "done"],
        ["cat > /dev/null <<END", "text", "END"],
        ["echo a \\", "  b"],
        ["load() {", "  true", "}", "load"],
        ["# a comment", ""],
        ["no_such_command || true"],
    ],
)
def test_commands_that_succeed_start_the_trial(lines: list[str]) -> None:
    done = run(*lines)
    assert done.returncode == 0
    assert done.stdout.endswith("the trial starts\n")


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        (["no_such_command x", "true"], 127),
        (["for name in a b; do", "  no_such_command x", "done", "true"], 127),
        (["(exit 3)"], 3),
    ],
)
def test_command_that_fails_ends_the_job_with_its_exit_code(lines: list[str], code: int) -> None:
    done = run(*lines)
    assert done.returncode == code
    assert "the trial starts" not in done.stdout
    assert f"the setup command failed with exit code {code}: {lines[0]}" in done.stderr


def test_no_lines_add_nothing_to_the_script(tmp_path: Path) -> None:
    assert checked_setup([]) == []
