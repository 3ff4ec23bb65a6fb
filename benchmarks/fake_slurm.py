"""Shell scripts that replace Slurm's commands, so that a benchmark measures only the launcher."""

import os
from pathlib import Path

COMMANDS = {
    "srun": "",
    "scontrol": "echo 'MaxArraySize = 1001'",
    "sacct": "",
    "scancel": "",
    # sbatch stores the tasks of the array in a file, and squeue then reports them as running.
    "sbatch": """
name=$(sed -n "s/^#SBATCH --job-name=//p" "$1")
size=$(sed -n "s/^#SBATCH --array=0-\\([0-9]*\\).*/\\1/p" "$1")
for index in $(seq 0 "$size"); do echo "7_$index|RUNNING|12:34|None|n1|$name"; done > jobs
echo Submitted batch job 7""",
    "squeue": "cat jobs 2>/dev/null || true",
}


def put_on_path(folder: Path) -> None:
    """Write the commands to a new folder, and put the folder first on the PATH."""
    folder.mkdir()
    for name, script in COMMANDS.items():
        command = folder / name
        command.write_text(f"#!/bin/sh\n{script}\n")
        command.chmod(0o755)
    os.environ["PATH"] = f"{folder}:{os.environ['PATH']}"
