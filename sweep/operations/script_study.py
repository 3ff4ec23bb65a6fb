"""A study file for a script with an argparse parser."""

import json
import os
import re
import shlex
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sweep.definition.study import load_study
from sweep.errors import InputError
from sweep.worker import argparse_capture

LIMIT_S = 120
"""How long a script may take until it parses its arguments."""


def write_study(command: Sequence[str], name: str | None) -> tuple[Path, list[str]]:
    """Write a study file for a script, and return its path and what is to be reviewed.

    Raises:
        InputError: If the script has no argparse parser or fails before it, or the study file exists.
    """
    at = next((i for i, word in enumerate(command) if word.endswith(".py")), 0)
    if not at or not Path(command[at]).is_file():
        raise InputError(f"{shlex.join(command)}: expected an interpreter and a script: python main.py")
    name = name or re.sub(r"\W+", "_", Path(command[at]).stem)
    file = Path("studies", f"{name}.yaml")
    if file.exists():
        raise InputError(f"{file} exists already; choose another name with --name")
    text, review = study_text(name, command, captured(command, at))
    file.parent.mkdir(exist_ok=True)
    with file.open("x", encoding="utf-8") as stream:
        stream.write(text)
    load_study(str(file))
    return file, review


def captured(command: Sequence[str], at: int) -> list[dict[str, Any]]:
    """Return the options of a script, which runs until it parses its arguments."""
    source = Path(command[at]).read_text(encoding="utf-8", errors="replace")
    for package, advice in (
        ("hydra", "write a study file with the command: python main.py {args:hydra}"),
        ("(?:click|typer)", "write a study file with the command: python main.py {args}"),
    ):
        if re.search(rf"^\s*(import|from)\s+{package}\b", source, re.M):
            raise InputError(
                f"{command[at]} uses {package.strip('(?:)')}, whose options cannot be read; {advice}"
            )
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder, "options.json")
        words = [*command[:at], argparse_capture.__file__, str(output), *command[at:]]
        try:
            ended = subprocess.run(
                words, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace",
                timeout=LIMIT_S, env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}, check=False,
            )  # fmt: skip
        except (OSError, subprocess.TimeoutExpired) as error:
            raise InputError(f"{shlex.join(command)} cannot be read: {error}") from None
        if not output.exists():
            lines = ended.stderr.strip().splitlines()[-3:] or ["it has ended without an argparse parser"]
            raise InputError(f"{command[at]} has not parsed arguments with argparse:\n" + "\n".join(lines))
        found: list[dict[str, Any]] = json.loads(output.read_text(encoding="utf-8"))
        return found


def proposed(name: str, option: dict[str, Any]) -> str | None:
    """Return the entry of the search space for an option, or None for one that is better fixed."""
    default, choices = option["default"], option["choices"]
    if len(choices) > 1:
        return f"{{type: categorical, choices: {json.dumps(choices)}}}"
    if isinstance(default, bool) or not isinstance(default, int | float) or default <= 0:
        return None
    if re.search(r"batch", name) and default >= 4:
        sizes = [int(default) // 2, int(default), int(default) * 2]
        return f"{{type: categorical, choices: {sizes}}}"
    if re.search(r"(^|[-_.])(lr|alpha|wd)$|learning.rate|weight.decay", name):
        return f"{{type: float, low: {default / 10:.12f}, high: {default * 10:.12f}, log: true}}"
    if re.search(r"dropout", name):
        return "{type: float, low: 0.0, high: 0.5}"
    return None


def study_text(name: str, command: Sequence[str], options: list[dict[str, Any]]) -> tuple[str, list[str]]:
    """Return the text of a study file, and what is to be reviewed in it."""
    space, fixed, omitted = [], [], []
    for option in options:
        long = max(option["names"], key=len)
        key = long.lstrip("-")
        if any(word.split("=")[0] in option["names"] for word in command):
            continue
        if not option["takes_one"] or not long.startswith("--"):
            omitted.append(long)
        elif entry := proposed(key, option):
            space.append(f"  {key}: {entry}  # review; default {json.dumps(option['default'])}")
        elif option["default"] is not None:
            fixed.append(f"  {key}: {json.dumps(option['default'])}")
    if not space:
        raise InputError(f"no range is proposed for any option of {shlex.join(command)}")
    words = shlex.join(command).replace("{", "{{").replace("}", "}}")
    lines = [f"name: {name}", f"command: {json.dumps(words + ' {args}')}", "metrics:  # review: its patterns"]
    lines += [r"  stdout: {epoch: '[Ee]poch\D*(\d+)', loss: 'loss[=:]\s*(\S+)'}"]
    lines += ["metric: loss  # review", "direction: minimize  # review", "trials: 20", "parallel: 2"]
    lines += ["space:", *space, *(["fixed:", *fixed] if fixed else [])]
    review = ["the metric, its pattern and its direction", "the ranges under `space`"]
    review += (
        [f"not part of the study; add to the command if needed: {', '.join(omitted)}"] if omitted else []
    )
    return "\n".join(lines) + "\n", review
