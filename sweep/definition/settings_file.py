"""Settings file: a YAML file read into checked settings; no other module reads YAML files."""

from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from sweep.definition.override import Override, parse_override
from sweep.definition.problem import Mistake, mistakes_of, shown
from sweep.definition.settings import Settings
from sweep.definition.yaml_text import NotYamlError, line_of, parse
from sweep.errors import InputError

SettingsT = TypeVar("SettingsT", bound=Settings)

_MISTAKES_SHOWN = 5


def read_settings(path: Path, model: type[SettingsT], overrides: Sequence[str] = ()) -> SettingsT:
    """Read a YAML file, put the `KEY.PATH=VALUE` overrides in place and check the outcome.

    Raises InputError with a line for each of the first mistakes: file and line or override, key, what
    is expected, what was found.
    """
    text = _text(path)
    document = _mapping(path, text)
    parsed = [parse_override(override) for override in overrides]
    for override in parsed:
        document = override.apply(document)
    try:
        return model.model_validate(document)
    except ValidationError as error:
        lines = [_line(path, text, parsed, mistake) for mistake in mistakes_of(error, document, model)]
        more = len(lines) - _MISTAKES_SHOWN
        shown_lines = lines[:_MISTAKES_SHOWN] + ([f"and {more} more"] if more > 0 else [])
        raise InputError("\n".join(shown_lines)) from None


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not UTF-8 text: {error.reason} at byte {error.start}") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None


def _mapping(path: Path, text: str) -> object:
    try:
        document = parse(text)
    except NotYamlError as error:
        place = path if error.line is None else f"{path}:{error.line}"
        raise InputError(f"{place}: not YAML: {error}") from None
    if document is None:
        raise InputError(f"{path}: the file is empty; expected `key: value` lines")
    if not isinstance(document, dict):
        raise InputError(f"{path}: expected `key: value` lines, but found {shown(document)}")
    return document


def _line(path: Path, text: str, overrides: Sequence[Override], mistake: Mistake) -> str:
    for override in reversed(overrides):
        if override.touches(mistake.keys):
            return f"{override.option}: {mistake}"
    return f"{path}:{line_of(text, mistake.keys)}: {mistake}"
