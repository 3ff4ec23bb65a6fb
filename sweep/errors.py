"""The errors that the package raises for its users."""


class SweepError(Exception):
    """Base class of all errors that the package raises for its users.

    The commands print the message without a traceback.
    """


class InputError(SweepError):
    """Raised if the user's input is wrong: a file, a key, an option, an address or a folder.

    The message says what was found, where, what is expected, and what to do. The exit code is 2.
    """


class StudyFailedError(SweepError):
    """Raised if a study ends without a result: every trial failed, or its failure policy stopped it.

    The exit code is 1.
    """
