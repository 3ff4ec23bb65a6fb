"""Tests that the JSON schemas are current, and that the shipped YAML files conform to them."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from sweep.definition.schema import FILES, schema_text, write_schemas
from sweep.definition.settings import PATTERN_DESCRIPTIONS
from sweep.definition.yaml_text import parse

REPOSITORY = Path(__file__).parents[3]
SCHEMAS = REPOSITORY / "docs" / "schema"


@pytest.mark.parametrize("name", FILES)
def test_committed_schema_is_current(name: str) -> None:
    assert (SCHEMAS / name).read_text() == schema_text(FILES[name]), "run python -m sweep.definition.schema"


def test_schemas_are_written_into_a_new_folder(tmp_path: Path) -> None:
    write_schemas(tmp_path / "schema")
    assert {file.name for file in (tmp_path / "schema").iterdir()} == set(FILES)


@pytest.mark.parametrize(
    "file",
    [REPOSITORY / "cluster.yaml", *sorted((REPOSITORY / "studies").glob("*.yaml"))],
    ids=lambda file: file.name,
)
def test_shipped_file_names_its_schema_and_conforms_to_it(file: Path) -> None:
    first_line, _, text = file.read_text().partition("\n")
    schema = file.parent / first_line.removeprefix("# yaml-language-server: $schema=")
    jsonschema.validate(parse(text), json.loads(schema.read_text()))


@pytest.mark.parametrize("name", FILES)
def test_every_field_and_every_pattern_has_a_description(name: str) -> None:
    schema = json.loads(schema_text(FILES[name]))
    models = [schema, *schema["$defs"].values()]
    undescribed = [
        f"{model['title']}.{key}"
        for model in models
        for key, field in model["properties"].items()
        if "description" not in field and "const" not in field
    ]
    assert undescribed == []
    assert _patterns(schema) <= set(PATTERN_DESCRIPTIONS)


def _patterns(part: Any) -> set[str]:
    if isinstance(part, list):
        return set().union(*map(_patterns, part))
    if not isinstance(part, dict):
        return set()
    here = {part["pattern"]} if "pattern" in part else set()
    return here.union(part.get("patternProperties", {}), *map(_patterns, part.values()))
