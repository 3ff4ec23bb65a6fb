"""YAML text: its values, and the line each key stands on."""

from collections.abc import Iterable
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.constructor import SafeConstructor
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.reader import ReaderError


class NotYamlError(ValueError):
    """Raised for text that is not YAML; says why, and on which line where that is known."""

    def __init__(self, reason: str, line: int | None):
        super().__init__(reason)
        self.line = line


def parse(text: str) -> object:
    """Read the values of one YAML 1.2 document: `1e-3` is a number, `no` is text.

    Raises NotYamlError, also for a key that is there twice.
    """
    try:
        return _yaml().load(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        reason = ", ".join(filter(None, [error.context, error.problem]))
        # ruamel's sentence on a duplicate key goes on with both values.
        reason = reason.partition(" with value ")[0]
        raise NotYamlError(reason, mark.line + 1 if mark else None) from error
    except ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise NotYamlError(f"character #x{error.character:04x} is not allowed", line) from error
    # ruamel lets through what Python says of `!!int x`, `!!bool x` or ten thousand brackets.
    except (YAMLError, ValueError, LookupError, RecursionError) as error:
        raise NotYamlError(str(error), None) from error


def line_of(text: str, keys: Iterable[str | int]) -> int:
    """Find the line of a key path, or of as much of it as the text has."""
    node = _yaml().compose(text)
    line = node.start_mark.line
    for key in keys:
        children = _children(node)
        if str(key) not in children:
            break
        line, node = children[str(key)]
    return int(line) + 1


def _children(node: Any) -> dict[str, tuple[int, Any]]:
    """The nodes right below a node, each with its line, by key or by place in the list."""
    match node.id:
        case "mapping":
            return {str(key.value): (key.start_mark.line, value) for key, value in node.value}
        case "sequence":
            return {str(index): (value.start_mark.line, value) for index, value in enumerate(node.value)}
        case _:
            return {}


class _Constructor(SafeConstructor):
    """Leaves `2024-01-31` as text: YAML 1.2 knows no dates, but ruamel still does."""


_Constructor.add_constructor("tag:yaml.org,2002:timestamp", SafeConstructor.construct_yaml_str)


def _yaml() -> YAML:
    # A fresh reader per text: ruamel's keeps state. The C one knows YAML 1.1 only.
    yaml = YAML(typ="safe", pure=True)
    yaml.Constructor = _Constructor
    return yaml
