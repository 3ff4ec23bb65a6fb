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

from sweep.definition.command import ATTEMPT_VALUES
from sweep.definition.study import load_study
from sweep.errors import InputError
from sweep.operations.printed_metrics import PrintedMetrics, printed_metrics
from sweep.worker import argparse_capture

LIMIT_S = 120
"""How long a script may take until it parses its arguments."""
NUM_LINES = 3
"""How many lines of a script's error are shown."""
OTHER_PARSERS = {
    "hydra": "write a study file with the command `{command} {{args:hydra}}`",
    "click": "write a study file with the command `{command} {{args}}`",
    "typer": "write a study file with the command `{command} {{args}}`",
    "absl": "write a study file with the command `{command} {{args:=}}`",
    "fire": "write a study file with the command `{command} {{args:=}}`",
}
"""Packages that parse arguments without argparse, and what to do."""
NAME = re.compile(r"[A-Za-z0-9_]+([-.][A-Za-z0-9_]+)*")
"""The names of hyperparameters that a study file can contain."""
LOG_SCALE = re.compile(r"(^|[-_.])(lr|alpha|wd|l1|l2|eps)$|learning.?rate|weight.?decay|regulari")
SIZES = re.compile(r"batch|hidden|units|width|dim$|nhid|emsize|emb|channels|filters")
COUNTS = re.compile(r"(layers?|heads?|blocks?)$|^(n|num)[-_]?(layer|head|block)")
NEAR_ONE = re.compile(r"momentum|gamma|beta[-_]?\d?$")
SEEDS = re.compile(r"(^|[-_.])seed$")
LENGTHS = re.compile(r"epochs?$|steps$|iters?$|iterations$|^max[-_](steps|epochs)")


def write_study(command: Sequence[str], name: str | None) -> tuple[Path, list[str]]:
    """Write a study file for a script, and return its path and what is to be reviewed.

    Args:
        command: The command that starts the script, such as `python main.py --data mnist`.
        name: The study's name; None for that of the script.

    Raises:
        InputError: If the script has no argparse parser or fails before it, no range can be proposed, or the
            study file exists.
    """
    at = next((index for index, word in enumerate(command) if word.endswith(".py") or word == "-m"), 0)
    is_module = at > 0 and command[at] == "-m"
    if at == 0 or (is_module and at + 1 == len(command)):
        raise InputError(
            f"{shlex.join(command)} is not the command of a Python script\n"
            "expected an interpreter and a script or a module, such as: sweep init python main.py"
        )
    script = command[at + 1] if is_module else command[at]
    if not is_module and not Path(script).is_file():
        raise InputError(f"there is no script {script}\nrun the command in the project's folder")
    name = name or re.sub(r"\W+", "_", script.rpartition(".")[2] if is_module else Path(script).stem)
    file = Path("studies", f"{name}.yaml")
    if file.exists():
        raise InputError(f"{file} exists already\nchoose another name: sweep init --name NAME ...")
    source = _source(script, is_module)
    _check_parser(command, source)
    text, review = study_text(name, command, _captured(command, at), printed_metrics(source))
    with tempfile.TemporaryDirectory() as folder:
        draft = Path(folder, file.name)
        draft.write_text(text, encoding="utf-8")
        load_study(str(draft))
    file.parent.mkdir(exist_ok=True)
    with file.open("x", encoding="utf-8") as stream:
        stream.write(text)
    return file, review


def _source(script: str, is_module: bool) -> str:
    """Return the text of a script; empty if it is not found."""
    path = Path(*script.split(".")).with_suffix(".py") if is_module else Path(script)
    if is_module and not path.is_file():
        path = Path(*script.split("."), "__main__.py")
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _check_parser(command: Sequence[str], source: str) -> None:
    for package, advice in OTHER_PARSERS.items():
        if re.search(rf"^\s*(import|from)\s+{package}\b", source, re.MULTILINE):
            raise InputError(
                f"{shlex.join(command)} uses {package}, whose options cannot be read\n"
                + advice.format(command=shlex.join(command))
            )


def _captured(command: Sequence[str], at: int) -> list[dict[str, Any]]:
    """Return the options of a script, which runs until it parses its arguments."""
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder, "options.json")
        words = [*command[:at], argparse_capture.__file__, str(output), *command[at:]]
        try:
            ended = subprocess.run(
                words,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                encoding="utf-8",
                errors="replace",
                timeout=LIMIT_S,
                env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
            )
        except subprocess.TimeoutExpired:
            raise InputError(
                f"{shlex.join(command)} has not parsed its arguments after {LIMIT_S} s\n"
                "write a study file by hand; see docs/own_project.md"
            ) from None
        except OSError as error:
            raise InputError(f"{command[0]} cannot be started: {error.strerror}") from None
        if output.exists():
            found: list[dict[str, Any]] = json.loads(output.read_text(encoding="utf-8"))
            return found
    lines = ended.stderr.strip().splitlines()[-NUM_LINES:] or ["it ended without parsing any arguments"]
    raise InputError(f"{shlex.join(command)} has not parsed arguments with argparse:\n" + "\n".join(lines))


def proposed(name: str, option: dict[str, Any]) -> str | None:
    """Return the entry of the search space for an option, or None for one that is better fixed."""
    default, choices = option["default"], option["choices"]
    if len(choices) > 1:
        return f"{{type: categorical, choices: {json.dumps(choices)}}}"
    if isinstance(default, bool) or not isinstance(default, int | float) or default <= 0:
        return None
    if LOG_SCALE.search(name):
        return f"{{type: float, low: {default / 10:g}, high: {default * 10:g}, log: true}}"
    if NEAR_ONE.search(name) and 0 < default < 1:
        low, high = max(0.0, round(1 - 10 * (1 - default), 6)), 1 - (1 - default) / 10
        return f"{{type: float, low: {low:g}, high: {high:g}}}"
    if "dropout" in name and default < 1:
        return f"{{type: float, low: 0.0, high: {max(0.5, round(default, 2)):g}}}"
    if SIZES.search(name) and isinstance(default, int) and default >= 4:
        return f"{{type: categorical, choices: {[default // 2, default, default * 2]}}}"
    if COUNTS.search(name) and isinstance(default, int):
        return f"{{type: int, low: 1, high: {2 * default}}}"
    return None


def study_text(
    name: str, command: Sequence[str], options: Sequence[dict[str, Any]], printed: PrintedMetrics
) -> tuple[str, list[str]]:
    """Return the text of a study file, and what is to be reviewed in it.

    Args:
        name: The study's name.
        command: The command that starts the script.
        options: The options of the script, as `argparse_capture` writes them.
        printed: The metrics that the script prints.

    Raises:
        InputError: If no range can be proposed for any option.
    """
    space, fixed, omitted, lengths, seed = [], [], [], [], ""
    for option in options:
        long = max(option["names"], key=len)
        key = long.lstrip("-")
        if any(word.split("=")[0] in option["names"] for word in command):
            continue
        if not option["takes_one"] or not long.startswith("--") or not NAME.fullmatch(key):
            omitted.append(long)
        elif SEEDS.search(key):
            seed = f" {long}={{seed}}"
        elif entry := proposed(key, option):
            space.append(f"  {key}: {entry}  # review; its default is {json.dumps(option['default'])}")
        elif option["default"] is None:
            omitted.append(long)
        else:
            fixed.append(f"  {key}: {json.dumps(option['default'])}")
            lengths += [key] if LENGTHS.search(key) else []
    if not space:
        raise InputError(
            f"no range can be proposed for any option of {shlex.join(command)}; its options are "
            f"{', '.join(omitted + [line.split(':')[0].strip() for line in fixed]) or 'none'}\n"
            "write a study file by hand; see docs/own_project.md"
        )
    words = " ".join(map(_template_word, command))
    patterns = ", ".join(f"{key}: {_quoted(pattern)}" for key, pattern in printed.patterns.items())
    lines = [
        f"name: {name}",
        f"command: {_quoted(words + seed + ' {args:=}')}",
        "metrics:  # review",
        f"  stdout: {{{patterns}}}",
        f"metric: {printed.metric}  # review",
        f"direction: {printed.direction}  # review",
        "trials: 20",
        "parallel: 2",
        "space:",
        *space,
        *(["fixed:", *fixed] if fixed else []),
    ]
    return "\n".join(lines) + "\n", _review(printed, lengths, omitted)


def _review(printed: PrintedMetrics, lengths: Sequence[str], omitted: Sequence[str]) -> list[str]:
    origin = "found in the script" if printed.is_found else "a guess, because the script shows none"
    review = [
        f"the metric `{printed.metric}`, its direction and the patterns under `metrics` ({origin})",
        "the ranges under `space`",
    ]
    if "epoch" not in printed.patterns:
        review.append("no pattern for `epoch` was found, and without one no trial can be pruned")
    if lengths:
        review.append(f"the length of a trial: {', '.join(lengths)}")
    if omitted:
        review.append(
            f"options that keep their defaults; add them to `command` if needed: {', '.join(omitted)}"
        )
    return review


def _template_word(word: str) -> str:
    """Return a word of the command as the study file writes it. Placeholders such as `{folder}` are kept."""
    literal = re.sub(r"[{}]", lambda brace: brace[0] * 2, word)
    template = re.sub(rf"\{{\{{({'|'.join(ATTEMPT_VALUES)})\}}\}}", r"{\1}", literal)
    needs_quotes = shlex.quote(re.sub(r"[{}]", "", template)) != re.sub(r"[{}]", "", template)
    return shlex.quote(template) if needs_quotes else template


def _quoted(text: str) -> str:
    """Return a text in single quotes of YAML."""
    return "'" + text.replace("'", "''") + "'"
