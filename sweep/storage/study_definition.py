"""The definition of a study as the database stores it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sweep.definition.study import Study

if TYPE_CHECKING:
    from sweep.storage.tables import StudyRow


def definition_of(study: Study) -> dict[str, Any]:
    """Return a study as JSON values, without the URL of its storage, which may contain a password."""
    return study.model_dump(mode="json", exclude={"storage"})


def recorded_definition(row: StudyRow) -> Study:
    """Return a study as it was last launched, even if its file has changed since or is gone."""
    return Study.model_validate_json(json.dumps(row.definition))
