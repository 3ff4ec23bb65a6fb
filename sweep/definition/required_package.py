"""A package that a part of a study needs, and that is installed with an extra of this package."""

from importlib.util import find_spec
from typing import NamedTuple

from sweep.errors import MissingPackageError


class RequiredPackage(NamedTuple):
    """An optional package.

    Attributes:
        module: The module that it provides.
        title: The name of the package.
        extra: The extra of this package that installs it.
    """

    module: str
    title: str
    extra: str

    def check(self, feature: str) -> None:
        """Check that the package is installed.

        Args:
            feature: What needs it, for the message.

        Raises:
            MissingPackageError: If it is not installed; the message names the extra.
        """
        if find_spec(self.module) is None:
            raise MissingPackageError(feature, self.title, self.extra)
