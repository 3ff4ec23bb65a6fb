"""A password in a URL is never printed, logged, stored or put into a report."""

import re

_URL_PASSWORD = re.compile(r"(://[^\s:/@]*:)\S+@")


def hide_passwords(text: str) -> str:
    """The text with `***` for the password of each URL in it."""
    return _URL_PASSWORD.sub(r"\1***@", text)
