"""The differences between two environments: packages, commits, checksums."""

from collections.abc import Mapping
from typing import NamedTuple


class Difference(NamedTuple):
    """An entry that differs.

    Attributes:
        name: What differs, such as a package.
        before: Its value in the first environment; None if it is missing there.
        now: Its value in the second environment; None if it is missing there.
    """

    name: str
    before: object
    now: object


def differences(before: Mapping[str, object], now: Mapping[str, object]) -> list[Difference]:
    """Return every entry that differs between two environments, sorted by name."""
    return [
        Difference(name, before.get(name), now.get(name))
        for name in sorted(before.keys() | now.keys())
        if before.get(name) != now.get(name)
    ]
