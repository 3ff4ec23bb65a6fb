"""Errors that the functions of the capsule network raise."""


class DataError(ValueError):
    """Raised if a data set is missing, unreachable, damaged or unsuitable for the network.

    The message names the file and says what was found, what is expected, and what to do.
    """
