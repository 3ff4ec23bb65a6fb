"""What a user can do about an error of the database, such as a read-only file or a missing permission."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DataError, DBAPIError, IntegrityError

from sweep.errors import InputError
from sweep.redaction import hide_passwords

OWN_ERRORS = (DataError, IntegrityError)
"""Errors that only a wrong statement of this package can cause."""

ADVICE = {
    "readonly database": "make the file and its folder writable, or name another storage with --storage URL",
    "unable to open database file": "make the file and its folder writable, or name another storage with "
    "--storage URL",
    "is locked": "another program has locked the file; end it, and run the command again",
    "is full": "free some space on its disk, and run the command again",
    "disk I/O error": "free some space on its disk, check that it can be written, and run the command again",
    "not a database": "name another file with --storage URL",
    "malformed": "restore the file from a backup, or name another file with --storage URL",
    "permission denied for schema": "let its owner run: GRANT USAGE, CREATE ON SCHEMA public TO the user of "
    "the URL; or choose a schema of the user with: ALTER ROLE the user SET search_path = SCHEMA",
    "no schema has been selected": "let its owner run: CREATE SCHEMA AUTHORIZATION the user of the URL; or "
    "choose a schema with: ALTER ROLE the user SET search_path = SCHEMA",
    "permission denied": "let the owner of the tables run: GRANT ALL ON ALL TABLES IN SCHEMA public TO the "
    "user of the URL; GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO the user of the URL",
    "must be owner": "launch once as the owner of the tables, so that they are migrated",
    "read-only": "connect to a server that accepts changes, as a user that may make them",
    "command denied": "let an administrator run: GRANT ALL ON DATABASE.* TO the user of the URL",
    "Access denied": "let an administrator run: GRANT ALL ON DATABASE.* TO the user of the URL, or correct "
    "the user and the password",
}
"""What to do, by a part of the driver's message; the first that matches counts."""


def database_problem(error: BaseException) -> InputError | None:
    """Return the message for an error of the database or of what it has caused.

    The result is None if the error has another reason, or if it is an error of this package.
    """
    found: BaseException | None = error
    while found is not None and not isinstance(found, DBAPIError):
        found = found.__cause__
    if found is None or isinstance(found, OWN_ERRORS):
        return None
    storage = next(iter(getattr(found, "__notes__", [])), "the storage")
    return InputError(f"{storage} cannot be used: {reason(found)}{_advice(found)}")


@contextmanager
def database_problems() -> Iterator[None]:
    """Raise an error of the database as an InputError.

    Raises:
        InputError: If the database reports an error that this package has not caused.
    """
    try:
        yield
    except Exception as error:
        if (problem := database_problem(error)) is None:
            raise
        raise problem from None


def reason(error: DBAPIError) -> str:
    """Return the first line of the driver's own message, without passwords."""
    code_and_text: tuple[object, ...] = getattr(error.orig, "args", ())
    if len(code_and_text) == 2 and isinstance(code_and_text[0], int):  # as PyMySQL reports errors
        return hide_passwords(f"{code_and_text[1]} (error {code_and_text[0]})".split("\n")[0])
    lines = str(error.orig).strip().splitlines()
    return hide_passwords(lines[0]) if lines else type(error.orig).__name__


def _advice(error: DBAPIError) -> str:
    text = str(error.orig)
    found = next((advice for part, advice in ADVICE.items() if part in text), None)
    return "" if found is None else f"\n{found}"
