"""The definition of a study as the database stores it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from sweep.definition.study import Study
from sweep.errors import InputError

if TYPE_CHECKING:
    from sweep.storage.tables import StudyRow


def definition_of(study: Study) -> dict[str, Any]:
    """Return a study as JSON values, without the addresses of its storage and of its trackers, and without
    the command that it notifies.

    They may contain secrets, and the study may continue with others.
    """
    return study.model_dump(mode="json", exclude={"storage", "track", "notify"})


def recorded_definition(row: StudyRow) -> Study:
    """Return a study as it was last launched, even if its file has changed since or is gone.

    Raises:
        InputError: If the recorded definition is not valid for this version.
    """
    try:
        return Study.model_validate_json(json.dumps(row.definition))
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        place = ".".join(map(str, problem["loc"]))
        raise InputError(
            f"the definition that the database contains for study {row.name} cannot be read: "
            f"{place}: {problem['msg']}\n"
            "use the version of this package that launched the study"
        ) from None
