"""The differences between two environments: packages, commits, checksums."""

import re
from collections.abc import Collection, Mapping, Sequence
from importlib.metadata import packages_distributions
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


def packages_of(modules: Collection[str]) -> set[str]:
    """Return the names of the installed packages that contain modules of these names, normalized."""
    distributions = packages_distributions()
    return {_normalized(name) for module in modules for name in distributions.get(module, ())}


def imported_first(changes: Sequence[Difference], packages: Collection[str]) -> list[Difference]:
    """Return the differences of these packages, then the others, each in their order.

    Args:
        changes: Differences between packages.
        packages: The normalized names of packages.
    """
    return sorted(changes, key=lambda change: _normalized(change.name) not in packages)


def _normalized(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
