"""Mistake: one thing wrong in a settings file, said in the words of its reader instead of pydantic's."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, cast

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails, InitErrorDetails, PydanticCustomError

from sweep.definition.settings import PATTERNS_IN_WORDS

Keys = tuple[str | int, ...]
_Schema = Mapping[str, Any]

_MAPPING = "a mapping of keys to values"
# What pydantic's own sentence would name by a Python type.
_EXPECTED = {
    "bool_type": "true or false",
    "dict_type": _MAPPING,
    "int_type": "a whole number",
    "model_attributes_type": _MAPPING,
    "model_type": _MAPPING,
    "string_type": "text",
    "tuple_type": "a list",
}


@dataclass(frozen=True)
class Mistake:
    """A key path and what is wrong there."""

    keys: Keys
    text: str

    def __str__(self) -> str:
        return f"{'.'.join(map(str, self.keys))}: {self.text}"


def refuse(*mistakes: Mistake) -> None:
    """Raise the mistakes that a pydantic validator found below its model; do nothing for none.

    Raises pydantic's ValidationError: of a ValueError, pydantic would keep neither several mistakes
    nor their keys.
    """
    if mistakes:
        raise ValidationError.from_exception_data("settings", [_details(mistake) for mistake in mistakes])


def _details(mistake: Mistake) -> InitErrorDetails:
    return InitErrorDetails(
        type=PydanticCustomError("mistake", "{text}", {"text": mistake.text}), loc=mistake.keys, input=None
    )


def mistakes_of(error: ValidationError, document: object, model: type[BaseModel]) -> list[Mistake]:
    """Translate what pydantic refused in a document, one mistake per key path.

    Where a key is wrong, what follows for the keys around it is left out.
    """
    schema = model.model_json_schema()
    found: dict[Keys, str] = {}
    for details in error.errors():
        found.setdefault(_keys(details, document), _text(details, schema))
    return [
        Mistake(keys, text)
        for keys, text in found.items()
        if not any(other[: len(keys)] == keys for other in found if other != keys)
    ]


def _keys(details: ErrorDetails, document: object) -> Keys:
    """The place in the document: pydantic's, without the parts that only name a member of a union."""
    keys = list(_present(details["loc"], document))
    if details["type"] == "missing":
        keys.append(details["loc"][-1])
    if details["type"].startswith("union_tag"):
        keys.append(details["ctx"]["discriminator"].strip("'"))
    return tuple(keys)


def _present(location: Keys, tree: Any) -> Iterator[str | int]:
    for part in location:
        try:
            tree = tree[part]
        except (LookupError, TypeError):
            continue
        yield part


def _described(location: Keys, schema: _Schema) -> _Schema:
    """The JSON schema of what stands, or should stand, at a place that pydantic names."""
    part = schema
    for key in location:
        part = _child(_resolved(part, schema), str(key))
    return part


def _child(part: _Schema, key: str) -> _Schema:
    tags = part.get("discriminator", {}).get("mapping", {})
    named = part.get("properties", {})
    if key in tags:
        return {"$ref": tags[key]}
    if key in named:
        return cast(_Schema, named[key])
    patterns = part.get("patternProperties", {})
    return next(iter(patterns.values()), part.get("items") or part.get("additionalProperties") or {})


def _resolved(part: _Schema, schema: _Schema) -> _Schema:
    if "$ref" not in part:
        return part
    return cast(_Schema, schema["$defs"][part["$ref"].rpartition("/")[2]])


def _text(details: ErrorDetails, schema: _Schema) -> str:
    kind, location, context = details["type"], details["loc"], details.get("ctx", {})
    found = shown(details["input"])
    match kind:
        case "missing":
            return f"required, but missing: {_described(location, schema).get('description', '')}"
        case "union_tag_not_found":
            return "required, but missing"
        case "union_tag_invalid":
            tags = context["expected_tags"].replace("'", '"')
            tag = details["input"][context["discriminator"].strip("'")]
            return f"must be one of {tags}, but is {shown(tag)}"
        case "extra_forbidden":
            model = _resolved(_described(location[:-1], schema), schema)
            return f"no such key; {choices_for(str(location[-1]), list(model['properties']))}"
        case "string_pattern_mismatch":
            return f"must be {PATTERNS_IN_WORDS[context['pattern']]}, but is {found}"
        case "invalid_key" | "string_type" if kind == "invalid_key" or location[-1] == "[key]":
            return f"a key must be text, but this is {found}: put it in quotes"
        case "too_short" | "string_too_short":
            return "must not be empty"
        case _ if kind in _EXPECTED:
            return f"must be {_EXPECTED[kind]}, but is {found}"
        case "value_error":
            text = str(context["error"])
            return f"{text}, but is {found}" if text.startswith("must be ") else text
        case "mistake":
            return details["msg"]
        case _:
            expected = details["msg"].removeprefix("Input should be ").replace("'", '"')
            return f"must be {expected}, but is {found}"


def choices_for(word: str, known: Sequence[str]) -> str:
    """List what there is for a word that is not among it, the closest match first."""
    close = get_close_matches(word, known, 1)
    hint = f'did you mean "{close[0]}"? There are' if close else "there are"
    return f"{hint}: {', '.join(known) or 'none'}"


def shown(value: object) -> str:
    """A found value as YAML would write it, in short."""
    match value:
        case dict():
            return "a mapping"
        case list() | tuple() | set():
            return "a list"
        case _:
            text = json.dumps(value, default=str, ensure_ascii=False)
            return text if len(text) <= 60 else f"{text[:57]}..."
