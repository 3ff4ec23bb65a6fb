"""The removal of passwords from URLs, before a text is printed, logged, stored or put into a report."""

import re

_URL_PASSWORD = re.compile(r"(://[^\s:/@]*:)\S+@")


def hide_passwords(text: str) -> str:
    """Return the text with the password of each URL replaced by `***`."""
    return _URL_PASSWORD.sub(r"\1***@", text)
