"""The JSON schemas of study and cluster files, for editors.

`python -m sweep.definition.schema` writes them to docs/schema.
"""

import json
from pathlib import Path
from typing import Any

from sweep.definition.cluster import ClusterFile
from sweep.definition.settings import Settings
from sweep.definition.study import Study

FILES: dict[str, type[Settings]] = {
    "study.schema.json": Study,
    "cluster.schema.json": ClusterFile,
}


def schema_text(model: type[Settings]) -> str:
    """Return the content of the schema file of a model."""
    schema: dict[str, Any] = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    return json.dumps(schema | model.model_json_schema(), indent=2) + "\n"


def write_schemas(directory: Path) -> None:
    """Write all schema files to a folder, which is created if needed."""
    directory.mkdir(parents=True, exist_ok=True)
    for name, model in FILES.items():
        (directory / name).write_text(schema_text(model), encoding="utf-8")


if __name__ == "__main__":
    write_schemas(Path("docs/schema"))
