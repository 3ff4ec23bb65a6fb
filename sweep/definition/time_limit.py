"""Time limits in the forms of Slurm."""

import re
from math import ceil

from sweep.definition.problem import format_value

_FORMS = (
    r"(?P<minutes>\d+)(?::(?P<seconds>\d+))?",
    r"(?P<hours>\d+):(?P<minutes>\d+):(?P<seconds>\d+)",
    r"(?P<days>\d+)-(?P<hours>\d+)(?::(?P<minutes>\d+)(?::(?P<seconds>\d+))?)?",
)


def minutes_of(limit: str) -> int:
    """Return a time limit in minutes, rounded up as Slurm does.

    Args:
        limit: The limit in a form of sbatch's option --time: `90`, `90:00`, `1:30:00`, `1-12`, `1-12:30` or
            `1-12:30:00`.

    Raises:
        ValueError: If it has another form, or is zero.
    """
    for form in _FORMS:
        if match := re.fullmatch(form, limit.strip()):
            parts = {name: int(value or 0) for name, value in match.groupdict().items()}
            minutes = (parts.get("days", 0) * 24 + parts.get("hours", 0)) * 60 + parts.get("minutes", 0)
            if total := minutes + ceil(parts.get("seconds", 0) / 60):
                return total
    raise ValueError(f"must be a time such as 90, 1:30:00 or 2-12:00:00, but is {format_value(limit)}")
