"""The check of the text of a storage URL before it is parsed.

SQLAlchemy parses many malformed URLs. A password with an unescaped `@` would become a part of the host, which
is printed.
"""

import re

from sweep.errors import InputError

EXPECTED = "sqlite:///FILE, postgresql+psycopg://USER@HOST/DATABASE or mysql+pymysql://USER@HOST/DATABASE"
ESCAPES = "in a password, write @ as %40, : as %3A, / as %2F, # as %23, ? as %3F and % as %25"

_HARMLESS = re.compile(r"[\w./~ -]*(://[\w./~-]*)?")
_AUTHORITY = re.compile(
    r"""
    (?:[^:/@]* (?: : (?P<password>[^@]*) )? @)?     # USER:PASSWORD@
    (?:\[[0-9A-Fa-f:.%]+\] | [^:/@?\[\]]*)          # HOST
    (?: : \d* )?                                    # :PORT
    (?:/[^@?]*)?                                    # /DATABASE
    (?:\?(?P<query>.*))?                            # ?QUERY
    """,
    re.VERBOSE | re.DOTALL,
)
_QUERY_ITEM = re.compile(r"[A-Za-z_][\w.-]*=[^&]*", re.DOTALL)
_BROKEN_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")


def check_url_text(text: str) -> None:
    """Check that a storage URL has the expected form.

    Raises:
        InputError: If it has not. The message contains the URL only if it can contain no password.
    """
    scheme, separator, rest = text.partition("://")
    if not separator or not re.fullmatch(r"[a-z0-9]+(\+[a-z0-9_]+)?", scheme):
        raise _invalid(text)
    if scheme.startswith("sqlite"):
        if not rest.startswith("/") and rest:
            raise _invalid(text)
        return
    match = _AUTHORITY.fullmatch(rest)
    items = (match["query"] or "").split("&") if match is not None else []
    if match is None or not all(_QUERY_ITEM.fullmatch(item) for item in items if item):
        raise _invalid(text)
    if _BROKEN_ESCAPE.search(match["password"] or ""):
        raise _invalid(text)


def _invalid(text: str) -> InputError:
    if _HARMLESS.fullmatch(text):
        return InputError(f"invalid storage URL: {text}\nexpected {EXPECTED}")
    return InputError(
        f"invalid storage URL (not shown because it may contain a password)\nexpected {EXPECTED}\n{ESCAPES}"
    )
