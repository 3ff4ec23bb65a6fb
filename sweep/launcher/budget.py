"""When a study has spent what it was given."""

from sweep.definition.study import Budget


def exhausted(budget: Budget, hours: float, gpu_hours: float) -> str | None:
    """Which limit is reached, in words; None while both have something left."""
    if budget.hours is not None and hours >= budget.hours:
        return f"its budget of {budget.hours:g} hours is spent ({hours:.2f} since it was first launched)"
    if budget.gpu_hours is not None and gpu_hours >= budget.gpu_hours:
        return f"its budget of {budget.gpu_hours:g} GPU hours is spent ({gpu_hours:.2f} used)"
    return None
