"""The check of a study's command before its first job is submitted: do its program and its script exist?"""

import re
import shutil
from collections.abc import Sequence
from pathlib import Path

from sweep.definition.command import parse_template, split_command
from sweep.errors import InputError

_PYTHON = re.compile(r"python[0-9.]*")


def check_command(name: str, command: str | Sequence[str], code_dir: Path, *, is_program_here: bool) -> None:
    """Check that the program of a command exists, and the Python script that follows it.

    Words with placeholders are not checked.

    Args:
        name: The study's name, for messages.
        command: The command.
        code_dir: The folder that the command is started in.
        is_program_here: Whether trials run in the environment of this process.

    Raises:
        InputError: If one of them does not exist.
    """
    program, *arguments = map(_literal, split_command(command))
    if program is None:
        return
    if is_program_here and shutil.which(code_dir / program if "/" in program else program) is None:
        place = f"in {code_dir}" if "/" in program else "in PATH"
        raise InputError(
            f"study {name}: the command names the program {program}, but there is none {place}\n"
            "correct `command`, or activate the environment that the program belongs to"
        )
    script = arguments[0] if arguments else None
    is_script = script is not None and script.endswith(".py") and _PYTHON.fullmatch(Path(program).name)
    if script is not None and is_script and not (code_dir / script).is_file():
        raise InputError(
            f"study {name}: the command names the script {script}, but {code_dir} contains none\n"
            "correct `command`, or start sweep in the folder of the script"
        )


def _literal(word: str) -> str | None:
    """Return the text of a word without placeholders; None if it has any."""
    parts = parse_template(word)
    return "".join(part for part in parts if isinstance(part, str)) if _is_literal(parts) else None


def _is_literal(parts: Sequence[object]) -> bool:
    return all(isinstance(part, str) for part in parts)
