"""What can go wrong with the data, told so that a person can put it right."""


class DataError(ValueError):
    """Raised when a data set is missing, unreachable, damaged or not what the network can learn from.

    The message says which file, what was found, what is expected and what to do.
    """
