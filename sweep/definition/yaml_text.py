"""Parsing and writing YAML text, and finding the line of a key."""

import io
from collections.abc import Iterable, Mapping
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.constructor import SafeConstructor
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.reader import ReaderError


class NotYamlError(ValueError):
    """Raised if a text is not valid YAML.

    Attributes:
        line: The line of the error, counted from 1; None if it is not known.
    """

    def __init__(self, reason: str, line: int | None):
        super().__init__(reason)
        self.line = line


def parse(text: str) -> object:
    """Parse one YAML 1.2 document, in which `1e-3` is a number and `no` is a string.

    Raises:
        NotYamlError: If the text is not valid YAML or contains a key twice.
    """
    try:
        return _yaml().load(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        reason = ", ".join(filter(None, [error.context, error.problem]))
        # ruamel's message about a duplicate key also contains both values, which may be long.
        reason = reason.partition(" with value ")[0]
        raise NotYamlError(reason, mark.line + 1 if mark else None) from error
    except ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise NotYamlError(f"character #x{error.character:04x} is not allowed", line) from error
    # ruamel does not catch Python's errors for `!!int x`, `!!bool x` or ten thousand brackets.
    except (YAMLError, ValueError, LookupError, RecursionError) as error:
        raise NotYamlError(str(error), None) from error


def written(document: Mapping[str, Any], *, in_one_line: bool) -> str:
    """Return a document as YAML text, with its keys in their order and without line breaks in texts.

    Args:
        document: The document, of JSON values.
        in_one_line: Whether to write a list or a mapping of scalars in one line.
    """
    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = None if in_one_line else False
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    yaml.allow_unicode = True
    yaml.width = 2**20
    if not in_one_line:
        yaml.indent(mapping=2, sequence=4, offset=2)
    stream = io.StringIO()
    yaml.dump(document, stream)
    return stream.getvalue()


def line_of(text: str, keys: Iterable[str | int]) -> int:
    """Return the line of a key path, counted from 1; of its longest existing part if it does not exist."""
    node = _yaml().compose(text)
    line = node.start_mark.line
    for key in keys:
        children = _children(node)
        if str(key) not in children:
            break
        line, node = children[str(key)]
    return int(line) + 1


def _children(node: Any) -> dict[str, tuple[int, Any]]:
    """Return the direct children of a node with their lines, by key or by index."""
    match node.id:
        case "mapping":
            return {str(key.value): (key.start_mark.line, value) for key, value in node.value}
        case "sequence":
            return {str(index): (value.start_mark.line, value) for index, value in enumerate(node.value)}
        case _:
            return {}


class _Constructor(SafeConstructor):
    """Reads `2024-01-31` as a string: YAML 1.2 has no dates, but ruamel supports them."""


_Constructor.add_constructor("tag:yaml.org,2002:timestamp", SafeConstructor.construct_yaml_str)


def _yaml() -> YAML:
    # A new parser for each text, because a parser has state. ruamel's C parser supports YAML 1.1 only.
    yaml = YAML(typ="safe", pure=True)
    yaml.Constructor = _Constructor
    return yaml
