"""The errors that the package raises for its users."""


class SweepError(Exception):
    """Base class of all errors that the package raises for its users.

    The commands print the message without a traceback.
    """


class InputError(SweepError):
    """Raised if the user's input is wrong: a file, a key, an option, an address or a folder.

    The message says what was found, where, what is expected, and what to do. The exit code is 2.
    """


class MissingPackageError(InputError):
    """Raised if something that the user requests needs a package that is not installed.

    Args:
        purpose: What needs the package, as the subject of a sentence in the plural.
        package: The name of the package.
        extra: The extra of this package that installs it.
    """

    def __init__(self, purpose: str, package: str, extra: str) -> None:
        super().__init__(
            f"{purpose} need {package}, which is not installed\n"
            f"install it with: pip install 'capsweep[{extra}]'"
        )


class StudyFailedError(SweepError):
    """Raised if a study ends without a result: every trial failed, or its failure policy stopped it.

    The exit code is 1.
    """
