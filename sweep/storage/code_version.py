"""The code that trials run, as reports name it."""

from typing import NamedTuple

SHORT_DIGEST = 7
"""How many characters of a digest or of a commit are shown."""


class Snapshot(NamedTuple):
    """A snapshot of the code, without the list of its files.

    Attributes:
        digest: The SHA-256 of the list of files.
        git_commit: The commit that the project was at; None outside a repository.
        is_clean: Whether the files were those of the commit; None outside a repository.
    """

    digest: str
    git_commit: str | None
    is_clean: bool | None

    def __str__(self) -> str:
        text = f"snapshot {self.digest[:SHORT_DIGEST]}"
        if self.git_commit is None:
            return text
        changes = "" if self.is_clean else " with uncommitted changes"
        return f"{text}, commit {self.git_commit[:SHORT_DIGEST]}{changes}"


class CodeVersion(NamedTuple):
    """A snapshot and the number of trials that run it."""

    snapshot: Snapshot
    num_trials: int
