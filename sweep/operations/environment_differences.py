"""What is not the same in two environments: packages, commits, checksums."""

from collections.abc import Mapping
from typing import NamedTuple


class Difference(NamedTuple):
    what: str
    one: object
    other: object  # None is none


def differences(one: Mapping[str, object], other: Mapping[str, object]) -> list[Difference]:
    """Every entry that is not the same, by name."""
    return [
        Difference(name, one.get(name), other.get(name))
        for name in sorted(one.keys() | other.keys())
        if one.get(name) != other.get(name)
    ]
