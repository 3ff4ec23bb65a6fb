"""The value of a trial's objective: what it returned last, or a value of its epochs."""

import math
import re
from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from sweep.definition.settings import OBJECTIVE_OF

ObjectiveOf = Annotated[str, Field(pattern=OBJECTIVE_OF)]
"""Which epochs determine the objective: `last`, `best` or `mean_of_last(K)`."""


def objective_value(
    objective_of: str,
    direction: Literal["maximize", "minimize"],
    returned: float,
    epochs: Mapping[int, float],
) -> float:
    """Return the value of a complete trial's objective.

    Args:
        objective_of: Which epochs determine it.
        direction: The direction of the objective.
        returned: The value that the train function returned, or that the command reported last.
        epochs: The values that the trial reported, by epoch.

    Raises:
        ValueError: If the trial has not reported a number in the epochs that determine the objective.
    """
    if objective_of == "last":
        return returned
    values = [epochs[epoch] for epoch in sorted(epochs)]
    if objective_of == "best":
        values = [value for value in values if not math.isnan(value)]
        value = (max if direction == "maximize" else min)(values, default=math.nan)
    else:
        (number,) = re.findall(r"\d+", objective_of)
        last = values[-int(number) :]
        value = math.fsum(last) / len(last) if last else math.nan
    if math.isnan(value):
        raise ValueError(
            f"objective_of is {objective_of}, but the trial has reported no number as the metric of these "
            "epochs; report the metric in each epoch, or remove objective_of from the study file"
        )
    return value
