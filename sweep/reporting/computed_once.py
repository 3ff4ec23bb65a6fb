"""What outputs of the same study share: a function of a study that is computed once for each study."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, TypeVar
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    from sweep.storage.study_data import StudyData

Result = TypeVar("Result")


def computed_once(function: Callable[[StudyData], Result]) -> Callable[[StudyData], Result]:
    """Keep the result of a function as long as the study exists, which does not change once it has been read.

    The callers share the result and must not change it.
    """
    results: WeakKeyDictionary[StudyData, Result] = WeakKeyDictionary()

    @wraps(function)
    def once(data: StudyData) -> Result:
        if data not in results:
            results[data] = function(data)
        return results[data]

    return once
