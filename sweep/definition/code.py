"""The choice of the files that belong to the snapshot of a project's code."""

from typing import Annotated

from pydantic import AfterValidator, Field

from sweep.definition.problem import format_value
from sweep.definition.settings import Settings


def _check_pattern(pattern: str) -> str:
    if not pattern.strip("/") or pattern.startswith("/") or ".." in pattern.split("/"):
        raise ValueError(
            f"must be a pattern of paths inside the project, such as data/ or *.csv, but is "
            f"{format_value(pattern)}"
        )
    return pattern


Pattern = Annotated[str, AfterValidator(_check_pattern)]
"""A pattern of paths relative to the project's folder, as in a .gitignore file."""


class Code(Settings):
    """Which files of the project belong to the snapshot of its code.

    A pattern without a slash matches the name of a file or folder anywhere; another one matches a path from
    the project's folder on. `*` and `?` match within a name, and `**` matches any folders. A pattern that
    matches a folder matches everything in it.
    """

    include: tuple[Pattern, ...] = Field(default=(), strict=False)
    """Further files that belong to the snapshot, even if git ignores them or `exclude` matches them."""
    exclude: tuple[Pattern, ...] = Field(default=(), strict=False)
    """Files that do not belong to the snapshot. Trials find them through links to the project."""
