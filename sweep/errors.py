"""What can go wrong, told apart by who has to act."""


class SweepError(Exception):
    """Base of every error this package raises on purpose; its text is one message for a person."""


class InputError(SweepError):
    """Raised when something the user gave is wrong: a file, a key, an option, an address, a folder.

    The message says what was found, where, what is expected and what to do. Exit code 2.
    """


class StudyFailedError(SweepError):
    """Raised when a study ended without a result: every trial failed, or the failure policy stopped it.

    Exit code 1.
    """
