"""Problems in a settings file: pydantic's errors, reported with the keys and in the terms of the file."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, cast

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails, InitErrorDetails, PydanticCustomError

from sweep.definition.settings import PATTERN_DESCRIPTIONS

Keys = tuple[str | int, ...]
_Schema = Mapping[str, Any]

_MAPPING = "a mapping of keys to values"
# Descriptions of the types that pydantic's own messages call by their Python names.
_EXPECTED_TYPES = {
    "bool_type": "true or false",
    "dict_type": _MAPPING,
    "int_type": "an integer",
    "model_attributes_type": _MAPPING,
    "model_type": _MAPPING,
    "string_type": "a string",
    "tuple_type": "a list",
}


@dataclass(frozen=True)
class Problem:
    """One invalid value of a settings file.

    Attributes:
        keys: The key path of the value.
        message: What is wrong with the value.
    """

    keys: Keys
    message: str

    def __str__(self) -> str:
        return f"{'.'.join(map(str, self.keys))}: {self.message}"


def raise_problems(problems: Sequence[Problem]) -> None:
    """Raise the problems that a model's validator found, if there are any.

    A validator that raises ValueError can report only one problem, and not the key that it concerns.

    Args:
        problems: The problems, with key paths relative to the model.

    Raises:
        ValidationError: If there is at least one problem.
    """
    if problems:
        raise ValidationError.from_exception_data("settings", [_details(problem) for problem in problems])


def _details(problem: Problem) -> InitErrorDetails:
    error = PydanticCustomError("problem", "{message}", {"message": problem.message})
    return InitErrorDetails(type=error, loc=problem.keys, input=None)


def problems_of(error: ValidationError, document: object, model: type[BaseModel]) -> list[Problem]:
    """Convert pydantic's error into problems, at most one for each key path.

    If a key has a problem, the problems of the keys that contain it are consequences and are omitted.

    Args:
        error: The error that the model raised.
        document: The document that was validated.
        model: The model that validated it.
    """
    schema = model.model_json_schema()
    found: dict[Keys, str] = {}
    for details in error.errors():
        found.setdefault(_keys(details, document), _message(details, schema))
    return [
        Problem(keys, message)
        for keys, message in found.items()
        if not any(other[: len(keys)] == keys for other in found if other != keys)
    ]


def _keys(details: ErrorDetails, document: object) -> Keys:
    """Return the key path in the document: pydantic's location without the names of union members."""
    keys = list(_existing_keys(details["loc"], document))
    is_missing = details["type"] == "missing" or (details["type"] == "problem" and not keys)
    if is_missing and details["loc"]:
        keys.append(details["loc"][-1])
    if details["type"].startswith("union_tag"):
        keys.append(details["ctx"]["discriminator"].strip("'"))
    return tuple(keys)


def _existing_keys(location: Keys, tree: Any) -> Iterator[str | int]:
    for part in location:
        try:
            tree = tree[part]
        except (LookupError, TypeError):
            continue
        yield part


def _schema_at(location: Keys, schema: _Schema) -> _Schema:
    """Return the part of a JSON schema that describes the value at pydantic's location."""
    part = schema
    for key in location:
        part = _child(_resolve(part, schema), str(key))
    return part


def _child(part: _Schema, key: str) -> _Schema:
    tags = part.get("discriminator", {}).get("mapping", {})
    properties = part.get("properties", {})
    if key in tags:
        return {"$ref": tags[key]}
    if key in properties:
        return cast(_Schema, properties[key])
    patterns = part.get("patternProperties", {})
    return next(iter(patterns.values()), part.get("items") or part.get("additionalProperties") or {})


def _resolve(part: _Schema, schema: _Schema) -> _Schema:
    """Follow a reference, also that of an optional value, which is one of two alternatives."""
    part = next((option for option in part.get("anyOf", ()) if "$ref" in option), part)
    if "$ref" not in part:
        return part
    return cast(_Schema, schema["$defs"][part["$ref"].rpartition("/")[2]])


def _message(details: ErrorDetails, schema: _Schema) -> str:
    kind, location, context = details["type"], details["loc"], details.get("ctx", {})
    value = format_value(details["input"])
    match kind:
        case "missing":
            return f"required, but missing: {_schema_at(location, schema).get('description', '')}"
        case "union_tag_not_found":
            return "required, but missing"
        case "union_tag_invalid":
            tags = context["expected_tags"].replace("'", '"')
            tag = details["input"][context["discriminator"].strip("'")]
            return f"must be one of {tags}, but is {format_value(tag)}"
        case "extra_forbidden":
            model = _resolve(_schema_at(location[:-1], schema), schema)
            return f"no such key; {format_choices(str(location[-1]), list(model['properties']))}"
        case "string_pattern_mismatch":
            return f"must be {PATTERN_DESCRIPTIONS[context['pattern']]}, but is {value}"
        case "invalid_key" | "string_type" if kind == "invalid_key" or location[-1] == "[key]":
            return f"a key must be a string, but this one is {value}: put it in quotes"
        case "too_short" | "string_too_short":
            return "must not be empty"
        case _ if kind in _EXPECTED_TYPES:
            return f"must be {_EXPECTED_TYPES[kind]}, but is {value}"
        case "value_error":
            message = str(context["error"])
            return f"{message}, but is {value}" if message.startswith("must be ") else message
        case "problem":
            return details["msg"]
        case _:
            expected = details["msg"].removeprefix("Input should be ").replace("'", '"')
            return f"must be {expected}, but is {value}"


def similar_name(name: str, available: Sequence[str]) -> str | None:
    """Return the available name that is most similar to an unknown one; None if no name is similar."""
    return next(iter(get_close_matches(name, available, 1)), None)


def format_choices(name: str, available: Sequence[str]) -> str:
    """Return the end of an error message about an unknown name: the available names, and the most similar."""
    similar = similar_name(name, available)
    hint = f'did you mean "{similar}"? Available' if similar is not None else "available"
    return f"{hint}: {', '.join(available) or 'none'}"


def format_value(value: object) -> str:
    """Return a value as YAML writes it, shortened to 60 characters; lists and mappings by type only."""
    match value:
        case dict():
            return "a mapping"
        case list() | tuple() | set():
            return "a list"
        case _:
            text = json.dumps(value, default=str, ensure_ascii=False)
            return text if len(text) <= 60 else f"{text[:57]}..."
