"""Reading settings from a YAML file; no other module reads YAML files."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from sweep.definition.override import Override, parse_override
from sweep.definition.problem import Problem, format_value, problems_of, similar_name
from sweep.definition.settings import Settings
from sweep.definition.yaml_text import NotYamlError, line_of, parse
from sweep.errors import InputError

SettingsT = TypeVar("SettingsT", bound=Settings)

_MAX_PROBLEMS_SHOWN = 5


def read_mapping(path: Path) -> Mapping[str, object]:
    """Read a YAML file that contains a mapping, without validating it.

    Raises:
        InputError: If the file cannot be read, or contains something else.
    """
    return _parse_mapping(path, _read_text(path))


def locate(path: Path, problem: Problem) -> str:
    """Return a problem after its line in the file."""
    return _locate(path, _read_text(path), (), problem)


def read_settings(
    path: Path,
    model: type[SettingsT],
    overrides: Sequence[str] = (),
    ignored: Sequence[tuple[str, str]] = (),
) -> SettingsT:
    """Read a YAML file, apply overrides and validate the result.

    Args:
        path: The YAML file.
        model: The settings that the file must contain.
        overrides: Overrides of the form KEY.PATH=VALUE; later ones take precedence.
        ignored: Pairs of a key and a key below it whose values are not part of the settings.

    Raises:
        InputError: If the file cannot be read or is invalid. The message has one line for each of the first
            problems: the file and line or the override, the key, what is expected, and what was found.
    """
    text = _read_text(path)
    document = _parse_mapping(path, text)
    for key, below in ignored:
        mapping = document[key]
        assert isinstance(mapping, dict)
        document[key] = {name: value for name, value in mapping.items() if name != below}
    parsed = [parse_override(override) for override in overrides]
    overridden: object = document
    for override in parsed:
        overridden = override.apply(overridden)
    try:
        return model.model_validate(overridden)
    except ValidationError as error:
        problems = problems_of(error, overridden, model)
        lines = [_locate(path, text, parsed, problem) for problem in problems[:_MAX_PROBLEMS_SHOWN]]
        if (num_more := len(problems) - _MAX_PROBLEMS_SHOWN) > 0:
            lines.append(f"and {num_more} more")
        if model.guide and _has_unlike_key(error, model):
            lines.append(model.guide)
        raise InputError("\n".join(lines)) from None


def _has_unlike_key(error: ValidationError, model: type[Settings]) -> bool:
    """Return whether the file itself has an unknown key that resembles none of the known ones."""
    return any(
        details["type"] == "extra_forbidden"
        and len(details["loc"]) == 1
        and similar_name(str(details["loc"][0]), list(model.model_fields)) is None
        for details in error.errors()
    )


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not UTF-8 text: {error.reason} at byte {error.start}") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None


def _parse_mapping(path: Path, text: str) -> dict[str, object]:
    try:
        document = parse(text)
    except NotYamlError as error:
        place = path if error.line is None else f"{path}:{error.line}"
        raise InputError(f"{place}: not YAML: {error}") from None
    if document is None:
        raise InputError(f"{path}: the file is empty; expected `key: value` lines")
    if not isinstance(document, dict):
        raise InputError(f"{path}: expected `key: value` lines, but found {format_value(document)}")
    return document


def _locate(path: Path, text: str, overrides: Sequence[Override], problem: Problem) -> str:
    """Return the problem after the override that caused it, or after its line in the file."""
    for override in reversed(overrides):
        if override.touches(problem.keys):
            return f"{override.option}: {problem}"
    return f"{path}:{line_of(text, problem.keys)}: {problem}"
